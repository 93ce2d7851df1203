"""The command as a user types it: what it prints, and how it ends."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SAMPLE = ROOT / "data" / "sample"


def cvm(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "cvm.cli", *words],
        cwd=cwd,
        capture_output=True,
        text=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


def test_check_data_reports_every_problem_at_once_and_stops(tmp_path):
    (tmp_path / "months.csv").write_text(
        "customer_id,month,bill_yuan,paid_on_time\n"
        "A,2025-01,10,yes\nA,2025-01,12,yes\nB,2025-01,-5,maybe\nC,2025-01,7,no\n",
        encoding="utf-8",
    )

    done = cvm("check-data", str(tmp_path / "months.csv"), cwd=tmp_path)

    # Half of four rows share a key, which is above what may be set aside and gone on without.
    assert done.returncode == 2
    for told in ("customer_id A", "-5", "maybe"):
        assert told in done.stdout
    reports = list((tmp_path / "build" / "prepared").glob("*-stopped/report.json"))
    assert len(json.loads(reports[0].read_text(encoding="utf-8"))["findings"]) >= 3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check-data", "nowhere.csv"], "no such file"),
        (["run"], "must be inside a copy of the project"),
        (["serve", "--root", "nowhere"], "must be inside a copy of the project"),
        (["publish", "--zone", "Asia/Nowhere"], "a time zone such as Asia/Shanghai"),
    ],
)
def test_a_failure_is_one_clear_message_without_a_traceback(words, told, tmp_path):
    done = cvm(*words, cwd=tmp_path)

    assert done.returncode == 2
    assert told in done.stderr
    assert "to do:" in done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_generated_files_are_not_stale():
    for command in ("dictionary", "environment"):
        done = cvm(command, "--check", cwd=ROOT)
        assert done.returncode == 0, done.stderr


def test_map_never_overwrites(tmp_path):
    (tmp_path / "customers.csv").write_text("用户编号,品牌\nA,全球通\n", encoding="gb18030")
    first = cvm("map", "customers.csv", "--to", "mine.toml", cwd=tmp_path)
    (tmp_path / "mine.toml").write_text("# corrected by hand\n", encoding="utf-8")

    again = cvm("map", "customers.csv", "--to", "mine.toml", cwd=tmp_path)

    assert first.returncode == 0
    assert again.returncode == 2
    assert (tmp_path / "mine.toml").read_text(encoding="utf-8") == "# corrected by hand\n"


def test_the_sample_and_its_extract_come_from_one_command(tmp_path):
    done = cvm("sample", "op", "--customers", "300", "--extract", "out", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    text = (tmp_path / "out" / "customers.csv").read_bytes().decode("gb18030")
    assert text.startswith("客户编号,")
    assert cvm("sample", "op", "--customers", "300", cwd=tmp_path).stdout.startswith("=")
