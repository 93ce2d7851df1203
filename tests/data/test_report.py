"""The report says what was found, in both languages, and survives being stored."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.data.findings import Finding
from cvm.data.quality import Checked
from cvm.data.report import QualityReport

NEGATIVE = Finding(
    table="months",
    column="bill_yuan",
    check="negative",
    severity="soft",
    rows=1_234,
    examples=("row 17: customer_id C000123, bill_yuan -12.5",),
    fate="set_aside",
)
MISSING = Finding(
    table="ledger", column="points", check="missing_column", severity="hard", rows=0, fate="stops"
)


@pytest.fixture
def report() -> QualityReport:
    checked = Checked(
        findings=(MISSING, NEGATIVE),
        clean={},
        set_aside={},
        rows={"months": 50_000, "ledger": 10},
        rows_set_aside={"months": 1_234, "ledger": 0},
    )
    return QualityReport.of(checked)


def test_a_line_says_where_how_many_what_an_example_and_what_to_do(report: QualityReport) -> None:
    assert report.lines("en") == [
        "[stops] ledger.points: the required column points is missing; nothing goes on until it is "
        "put right; to do: map a column of the extract to points, or ask for it in the extract.",
        "[goes on] months.bill_yuan, 1,234 rows: bill_yuan is negative; for example row 17: "
        "customer_id C000123, bill_yuan -12.5; rows set aside, listed beside the report; to do: "
        "credits and corrections belong in the month they correct; correct the sign or net them "
        "there.",
    ]
    assert report.lines("zh")[1] == (
        "[可继续] months.bill_yuan，1,234行：bill_yuan 为负数；例如：第17行: customer_id C000123, "
        "bill_yuan -12.5；整行搁置，清单与报告放在一起；处理办法：冲减和调账应计入所属月份；"
        "请更正符号，或在所属月份内冲抵。"
    )


def test_the_sentence_tells_the_three_cases_apart(report: QualityReport) -> None:
    assert not report.ok
    assert report.stops == (MISSING,)
    assert report.text("en") == (
        "Problems to put right before the data can be used: 1 (ledger.points: the required column "
        "points is missing); others, which do not stop the work: 1."
    )
    soft = QualityReport(
        findings=(NEGATIVE,), rows={"months": 50_000}, rows_set_aside={"months": 1_234}
    )
    assert soft.ok
    assert soft.text("zh") == "已检查1张表、共50,000行，发现1个问题，均不影响继续；已搁置1,234行。"
    clean = QualityReport(findings=(), rows={"months": 50_000})
    assert clean.text("en") == "Rows checked: 50,000 (tables: 1); no problem found."
    assert clean.summary().empty


def test_the_summary_is_one_row_a_problem(report: QualityReport) -> None:
    frame = report.summary("zh")
    assert list(frame.columns) == [
        "table", "column", "severity", "problem", "rows", "examples", "fate", "action",
    ]  # fmt: skip
    assert frame["rows"].tolist() == [0, 1_234]
    assert frame["severity"].tolist() == ["必须更正", "可继续"]


def test_stored_and_read_back_it_is_the_same(report: QualityReport) -> None:
    assert QualityReport.from_json(report.to_json()) == report
    assert json.loads(report.to_json())["findings"][1]["examples"] == list(NEGATIVE.examples)


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"findings": [{}], "rows": {}}'])
def test_a_damaged_report_is_refused(text: str) -> None:
    with pytest.raises(DataError, match="quality report"):
        QualityReport.from_json(text)


def test_html_groups_by_table_says_severity_in_words_and_escapes() -> None:
    evil = Finding(
        table="months",
        column="bill_yuan",
        check="too_high",
        severity="soft",
        rows=1,
        examples=("row 1: bill_yuan <script>",),
        details={"high": "1"},
    )
    html = QualityReport(findings=(MISSING, evil), rows={"months": 5, "ledger": 1}).html("zh")
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
    assert 'lang="zh-CN"' in html
    headings = re.findall(r"<h4>([^<]+)", html)
    assert headings == ["客户月表 months", "积分台账 ledger"]
    assert "必须更正" in html
    assert "账单金额 bill_yuan" in html


def test_a_notebook_shows_it_in_the_language_asked(report: QualityReport) -> None:
    assert "必须更正" in report.speaking("zh")._repr_html_()
    assert "必须更正" not in report._repr_html_()
    with pytest.raises(ArgumentError, match="lang"):
        report.speaking("fr")


def test_stopping_is_one_error_that_lists_all(report: QualityReport) -> None:
    with pytest.raises(DataError, match=r"extract\.csv.*ledger\.points.*map a column"):
        report.raise_if_stopped("extract.csv")
    QualityReport(findings=(NEGATIVE,)).raise_if_stopped()


def test_excel_opens_the_csv_in_chinese(report: QualityReport, tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    report.to_csv(path, "zh")
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(path.open(encoding="utf-8-sig", newline="")))
    assert rows[0] == ["表", "列", "级别", "问题", "行数", "示例", "处置", "处理办法"]
    assert rows[2][0:2] == ["months", "bill_yuan"]


def test_a_check_without_words_is_still_told() -> None:
    odd = Finding(table="months", check="brand_new", severity="soft", rows=2, details={"a": 1})
    assert QualityReport(findings=(odd,)).lines("en") == [
        "[goes on] months, 2 rows: brand_new: a 1; kept as they are."
    ]
