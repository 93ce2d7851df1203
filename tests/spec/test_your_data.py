"""The guide `docs/your-data.md`, followed with files as an operator would send them."""

import re
import tomllib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from cvm.data import collect, open_data

GUIDE = (Path(__file__).parents[2] / "docs" / "your-data.md").read_text(encoding="utf-8")
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
