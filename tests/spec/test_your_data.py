"""The guide `docs/your-data.md`, followed with files as an operator would send them."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cvm.core.snapshot import open_latest
from cvm.data import collect, open_data

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "your-data.md").read_text(encoding="utf-8")
MAPPING = re.search(r"```toml\n(.*?)```", GUIDE, flags=re.DOTALL)[1]

CUSTOMERS = """\
用户编号,归属县市,入网时间
A1,东城,2019年5月
A2,西城,2020/11/3
"""
BILLS = """\
用户编号,账期,出账金额(分)
A1,202509,"12,050"
A1,202510,9900
A2,202509,3005
A2,202510,¥3100
"""


@pytest.fixture
def extract(tmp_path):
    (tmp_path / "customers.csv").write_bytes(CUSTOMERS.encode("gb18030"))
    (tmp_path / "bills.csv").write_bytes(BILLS.encode("gb18030"))
    (tmp_path / "mine.toml").write_text(MAPPING, encoding="utf-8")
    return tmp_path


def test_the_guides_mapping_reads_the_guides_files(extract):
    data = open_data(extract / "mine.toml", work=extract / "work", today=date(2025, 11, 1))

    months = collect(data.table("months")).set_index(["customer_id", "month"])["bill_yuan"]
    assert months[("A1", pd.Timestamp("2025-09-01"))] == pytest.approx(120.50)
    assert months[("A2", pd.Timestamp("2025-10-01"))] == pytest.approx(31.00)
    customers = collect(data.table("customers")).set_index("customer_id")
    assert customers.loc["A1", "joined_month"] == pd.Timestamp("2019-05-01")
    assert customers.loc["A2", "county"] == "西城"
    assert set(customers["brand"]) == {"gotone"}
    assert not data.report.stops


def test_every_command_of_the_guide_exists():
    from typer.main import get_command

    from cvm.cli import app

    named = set(re.findall(r"^cvm ([a-z-]+)", GUIDE, flags=re.MULTILINE))

    assert named <= set(get_command(app).commands)
    assert {"map", "check-data", "publish", "serve"} <= named


def test_the_guides_mapping_is_toml():
    assert set(tomllib.loads(MAPPING)) == {"customers", "months"}


# The commands, one after the other, in a folder of their own --------------------------------------


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A checkout with an operator's two files in it: 400 customers, 15 months, Chinese headers."""
    folder = tmp_path_factory.mktemp("operator")
    for name in ("notebooks", "dashboards", "data"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    sample = open_data(ROOT / "data" / "sample", work=folder / "work", today=date(2026, 1, 15))
    months = collect(sample.table("months").select("customer_id", "month", "bill_yuan"))
    months = months[months["month"] >= pd.Timestamp(2024, 9, 1)]
    few = sorted(set(months["customer_id"]))[:400]
    months = months[months["customer_id"].isin(few)]
    customers = collect(sample.table("customers").select("customer_id", "county", "joined_month"))
    customers = customers[customers["customer_id"].isin(few)]
    bills = pd.DataFrame(
        {
            "用户编号": months["customer_id"],
            "账期": months["month"].dt.strftime("%Y%m"),
            "出账金额(分)": (100 * months["bill_yuan"]).round().astype(int),
        }
    )
    people = customers.set_axis(["用户编号", "归属县市", "入网时间"], axis=1)
    bills.to_csv(folder / "bills.csv", index=False, encoding="gb18030")
    people.to_csv(folder / "customers.csv", index=False, encoding="gb18030")
    return folder, months


def follow(folder, heading):
    """Run what the guide tells under a heading, word for word; return what was said."""
    block = re.search(rf"^## {heading}.*?```\n(.*?)```", GUIDE, flags=re.DOTALL | re.MULTILINE)[1]
    said = []
    for line in block.strip().splitlines():
        program, *words = shlex.split(line, comments=True)
        assert program == "cvm"
        if words[0] == "serve":
            continue
        run = subprocess.run(
            [sys.executable, "-c", "from cvm.cli import app; app()", *words],
            cwd=folder,
            env={**os.environ, "PYTHONPATH": str(ROOT / "lib"), "COLUMNS": "200"},
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert run.returncode == 0, run.stdout[-2_000:] + run.stderr[-2_000:]
        said.append(run.stdout)
    return "".join(said)


def test_the_guide_followed_from_files_to_a_published_page(place):
    folder, months = place
    follow(folder, "1. Propose")
    proposed = tomllib.loads((folder / "mine.toml").read_text(encoding="utf-8"))
    assert proposed["customers"]["columns"]["customer_id"] == "用户编号"
    # "Correct it in any editor": to what the guide shows.
    (folder / "mine.toml").write_text(MAPPING, encoding="utf-8")
    follow(folder, "2. Check")
    follow(folder, "4. Publish")

    with open_latest(folder / "published") as snapshot:
        assert "overview" in snapshot.pages()
        shown = {card["key"]: card["value"] for card in snapshot.page("overview", "en")["cards"]}
        last = months[months["month"] == months["month"].max()]
        assert shown["customers"] == f"{last['customer_id'].nunique():,}"
        # What two files cannot tell is said, not guessed.
        campaigns = snapshot.page("campaigns", "en")
        assert campaigns["sentence"] == "No campaign is on record."
