"""Files: delimiters, quotes, line ends, Excel, Parquet, databases, and what is set aside."""

import csv
import io
import sqlite3
from datetime import date, datetime

import duckdb
import openpyxl
import pandas as pd
import pytest
from extracts import CUSTOMERS_ZH, MAPPINGS, TODAY, findings, read, shared, write

from cvm.core.checks import DataError
from cvm.data import open_data
from cvm.data.mapping import parse_mapping

HEADERS = ["customer_id", "tariff", "age_years"]
ROWS = [["1", "plain", "30"], ["2", 'a "quoted", tariff', "31"], ["3", "two\nlines", "32"]]


def delimited(delimiter, *, newline="\r\n", quoting=csv.QUOTE_MINIMAL):
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator=newline, quoting=quoting)
    writer.writerows([HEADERS, *ROWS])
    return text.getvalue()


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "\x01"])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
def test_delimiters_quotes_and_line_ends_inside_quotes(delimiter, quoting, tmp_path):
    path = write(tmp_path / "customers.csv", delimited(delimiter, quoting=quoting))

    frame = read(path, tmp_path)

    assert frame["tariff"].tolist() == [row[1] for row in ROWS]
    assert frame["age_years"].tolist() == [30, 31, 32]


def test_mixed_line_ends_and_a_missing_last_one(tmp_path):
    path = write(tmp_path / "customers.csv", "customer_id,age_years\n1,30\r\n2,31\n3,32\r4,33")
    assert read(path, tmp_path)["age_years"].tolist() == [30, 31, 32, 33]


def test_headers_match_whatever_case_width_spaces_and_units(tmp_path):
    text = "ＣｕｓｔｏｍｅｒID, Age ,网龄（月）,最近月账单(元),累计账单（万元）\n1,30,12,88,1.5\n"
    frame = read(write(tmp_path / "customers.csv", text), tmp_path)

    assert list(frame.columns) == [
        "customer_id",
        "age_years",
        "tenure_months",
        "last_bill_yuan",
        "total_bill_yuan",
    ]
    assert frame.iloc[0].tolist() == ["1", 30, 12, 88.0, 15_000.0]


def test_an_unknown_unit_is_never_taken_for_the_contracts(tmp_path):
    path = write(tmp_path / "customers.csv", "customer_id,最近月账单(美元)\n1,88\n2,99\n")

    found = findings(path, tmp_path)

    assert [each.column for each in found["surplus_column"]] == ["最近月账单(美元)"]


def test_lines_that_do_not_fit_the_headers_are_set_aside_with_their_row(tmp_path):
    text = "customer_id,age_years\n1,30\n2\n3,32\n4,33,extra\n5,x\n6,35\n"
    path = write(tmp_path / "customers.csv", text)

    data = open_data(path, work=tmp_path / "work", today=TODAY)

    by_check = {each.check: each for each in data.report.findings}
    assert by_check["malformed"].rows == 2
    assert by_check["malformed"].examples == ("row 2: '2'", "row 4: '4,33,extra'")
    # Rows behind the ones set aside keep the number they have in the file.
    assert by_check["unparsable"].examples == ("row 5: 'x'",)
    listed = (data.folder / "set_aside" / "customers.malformed.csv").read_text("utf-8-sig")
    assert listed.splitlines() == [
        "_row,reason,record",
        "2,missing columns,2",
        '4,too many columns,"4,33,extra"',
    ]
    assert data.report.rows["customers"] == 6
    assert data.report.rows_set_aside["customers"] == 2


def test_rows_without_a_readable_key_are_set_aside_as_the_source_has_them(tmp_path):
    write(tmp_path / "in" / "客户.csv", CUSTOMERS_ZH, "gbk")
    months = '用户编号,账期,出账金额\n007,2026-01,"1,000"\n007,2026-13,5\n008,202602,６\n'
    write(tmp_path / "in" / "客户月表.csv", months, "gbk")

    data = open_data(tmp_path / "in", work=tmp_path / "work", today=TODAY)

    [finding] = [each for each in data.report.findings if each.check == "unparsable"]
    assert (finding.table, finding.column, finding.rows) == ("months", "month", 1)
    assert (finding.severity, finding.fate) == ("soft", "set_aside")
    assert finding.examples == ("row 2: '2026-13'",)
    raw = (data.folder / "set_aside" / "months.csv").read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    assert raw.decode("utf-8-sig").splitlines() == [
        "_row,reason,用户编号,账期,出账金额",
        "2,month 无法读取 / month cannot be read,007,2026-13,5",
    ]
    assert data.first_month == date(2026, 1, 1)
    assert data.last_month == date(2026, 2, 1)


def test_an_unreadable_cell_of_an_optional_column_is_emptied_and_listed(tmp_path):
    text = CUSTOMERS_ZH.replace(",36", ",卅六")
    data = open_data(write(tmp_path / "客户.csv", text), work=tmp_path / "work", today=TODAY)

    [finding] = data.report.findings
    assert (finding.check, finding.fate, finding.rows) == ("unparsable", "emptied", 1)
    assert finding.examples == ("row 2: '卅六'",)
    listed = (data.folder / "set_aside" / "customers.emptied.csv").read_text("utf-8-sig")
    assert listed.splitlines()[1].startswith("2,age_years,卅六,")
    assert data.table("customers").count().to_pyarrow().as_py() == 3


def test_cells_that_mean_nothing_are_counted(tmp_path):
    text = "customer_id,left_month,age_years\n1,9999-12-31,-\n2,,30\n3,2026-01,NULL\n"
    found = findings(write(tmp_path / "customers.csv", text), tmp_path)["taken_as_empty"]

    assert {each.column: each.examples for each in found} == {
        "left_month": ("row 1: '9999-12-31'",),
        "age_years": ("row 1: '-'", "row 3: 'NULL'"),
    }


def test_mostly_unreadable_keys_stop_the_work(tmp_path):
    text = "用户编号,账期,出账金额\n1,Mar-26,5\n2,Apr-26,6\n3,2026-05,7\n"
    path = write(tmp_path / "months.csv", text)

    with pytest.raises(DataError, match="months.month") as raised:
        open_data(path, work=tmp_path / "work", today=TODAY)
    assert raised.value.folder.name.endswith("-stopped")
    assert (raised.value.folder / "report.json").is_file()
    assert (raised.value.folder / "set_aside" / "months.csv").is_file()


def make_workbook(path, sheets):
    book = openpyxl.Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_excel_cells_of_every_type(tmp_path):
    rows = [
        ["用户编号", "入网时间", "年龄", "是否离网", "累计账单", "资费套餐"],
        [13800138000, datetime(2020, 3, 1), 35, True, 1234.5, "全球通88"],
        ["0042", "2021年5月", "36", "否", "1,000元", None],
        [None, None, None, None, None, None],
        ["0043", 43952, 37, False, 0, 88],
    ]
    frame = read(make_workbook(tmp_path / "客户.xlsx", {"Sheet1": rows}), tmp_path)

    assert frame["customer_id"].tolist() == ["0042", "0043", "13800138000"]
    assert frame["joined_month"].dt.strftime("%Y%m").tolist() == ["202105", "202005", "202003"]
    assert frame["age_years"].tolist() == [36, 37, 35]
    assert frame["churned"].tolist() == [False, False, True]
    assert frame["total_bill_yuan"].tolist() == [1000.0, 0.0, 1234.5]
    assert frame["tariff"].fillna("").tolist() == ["", "88", "全球通88"]


def test_a_workbook_whose_sheets_are_named_after_tables(tmp_path):
    customers = [["customer_id", "age_years"], ["1", 30], ["2", 31]]
    months = [["customer_id", "month", "bill_yuan"], ["1", "202601", 5], ["2", "202601", 6]]
    path = make_workbook(
        tmp_path / "extract.xlsx", {"客户": customers, "notes": [["hello"]], "months": months}
    )
    data = open_data(path, work=tmp_path / "work", today=TODAY)

    assert set(data.tables) == {"customers", "months"}
    assert data.reading["months"]["source"] == "extract.xlsx[months]"


def test_one_sheet_of_several_must_be_named(tmp_path):
    rows = [["customer_id", "age_years"], ["1", 30], ["2", 31]]
    path = make_workbook(tmp_path / "customers.xlsx", {"A": rows, "B": rows})

    with pytest.raises(DataError, match=r"customers.xlsx.sheet == 'not given'.*available: A, B"):
        open_data(path, work=tmp_path / "work", today=TODAY)
    text = '[customers]\nsheet = "{}"\n[customers.columns]\ncustomer_id = "customer_id"'
    assert len(read(path, tmp_path, mapping=parse_mapping(text.format("B")))) == 2
    with pytest.raises(DataError, match=r"sheet == 'C'.*available: A, B"):
        read(path, tmp_path, mapping=parse_mapping(text.format("C")))


def test_text_with_the_ending_of_excel_is_read_as_text(tmp_path):
    path = write(tmp_path / "customers.xls", "customer_id\tage_years\n1\t30\n2\t31\n", "gbk")
    assert read(path, tmp_path)["age_years"].tolist() == [30, 31]


@pytest.mark.parametrize("parts", [1, 3])
def test_parquet_as_a_file_or_a_folder(parts, tmp_path):
    frame = pd.DataFrame(
        {
            "customer_id": [f"C{i}" for i in range(9)],
            "month": pd.to_datetime(["2026-01-01"] * 9),
            "bill_yuan": [float(i) if i != 7 else -7.0 for i in range(9)],
            "attr_segment": ["x"] * 9,
        }
    )
    folder = tmp_path / "in" / "months"
    folder.mkdir(parents=True)
    for part in range(parts):
        frame.iloc[part::parts].to_parquet(folder / f"part-{part}.parquet", index=False)

    data = open_data(tmp_path / "in", work=tmp_path / "work", today=TODAY)

    [finding] = [each for each in data.report.findings if each.check == "negative"]
    # Row numbers run on from file to file: parts hold rows 0 3 6, 1 4 7, 2 5 8.
    assert f"row {8 if parts == 1 else 6}" in finding.examples[0]
    assert data.table("months").count().to_pyarrow().as_py() == 8
    assert data.has("months", "attr_segment")
    if parts == 1:
        single = open_data(
            folder / "part-0.parquet",
            work=tmp_path / "work",
            today=TODAY,
        )
        assert single.table("months").count().to_pyarrow().as_py() == 8


def test_parquet_of_text_is_converted_like_csv(tmp_path):
    frame = pd.DataFrame({"用户编号": ["1", "2"], "账期": ["202601", "2026年2月"],
                          "出账金额": ["1,000", "¥8"]})  # fmt: skip
    frame.to_parquet(tmp_path / "months.parquet")
    found = read(tmp_path / "months.parquet", tmp_path, table="months")

    assert found["bill_yuan"].tolist() == [1000.0, 8.0]
    assert found["month"].dt.month.tolist() == [1, 2]


def test_a_table_from_duckdb(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute(
            "CREATE TABLE customers AS SELECT 'C' || range AS customer_id, DATE '2026-01-15' AS "
            "joined_month, 30::INTEGER AS age_years, 12.50::DECIMAL(8,2) AS last_bill_yuan "
            "FROM range(5)"
        )
    frame = read(f"duckdb://{path}", tmp_path)

    assert frame["customer_id"].tolist() == ["C0", "C1", "C2", "C3", "C4"]
    assert frame["joined_month"].dt.strftime("%F").unique().tolist() == ["2026-01-01"]
    assert frame["last_bill_yuan"].tolist() == [12.5] * 5


def test_a_table_from_sqlite_with_a_mapping(tmp_path):
    path = tmp_path / "crm.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE t_cust (编号 TEXT, 入网 TEXT, 余额 REAL)")
        connection.execute("INSERT INTO t_cust VALUES ('a', '202603', 8.5), ('b', '2026年4月', 9)")
    connection.close()
    mapping = tmp_path / "crm.toml"
    mapping.write_text(
        f'database = "sqlite://{path}"\n[customers]\ntable = "t_cust"\n[customers.columns]\n'
        'customer_id = "编号"\njoined_month = "入网"\nlast_bill_yuan = "余额"\n',
        encoding="utf-8",
    )
    frame = read(mapping, tmp_path)

    assert frame["joined_month"].dt.month.tolist() == [3, 4]
    assert frame["last_bill_yuan"].tolist() == [8.5, 9.0]


def test_a_file_not_named_after_a_table_is_told_not_dropped(tmp_path):
    write(tmp_path / "in" / "customers.csv", CUSTOMERS_ZH)
    write(tmp_path / "in" / "extra.csv", "a,b\n1,2\n")

    found = findings(tmp_path / "in", tmp_path)

    assert [each.table for each in found["ignored_file"]] == ["extra.csv"]


def test_ibm_telco(tmp_path):
    shared("ibm_telco_churn.csv")
    data = open_data(MAPPINGS / "ibm_telco_churn.toml", work=tmp_path / "work", today=TODAY)
    customers = data.table("customers")

    # Published with the data: 7,043 customers, 1,869 of whom left; 11 blank totals.
    assert customers.count().to_pyarrow().as_py() == 7_043
    assert customers.churned.sum().to_pyarrow().as_py() == 1_869
    blank = customers.filter(customers.total_bill_yuan.isnull())  # noqa: PD003
    assert blank.tenure_months.max().to_pyarrow().as_py() == 0
    [finding] = [each for each in data.report.findings if each.check == "taken_as_empty"]
    assert (finding.column, finding.rows) == ("total_bill_yuan", 11)
    assert not [column for column in customers.columns if "score" in column]
    assert data.report.ok


def test_iranian_churn(tmp_path):
    shared("iranian_churn.csv")
    data = open_data(MAPPINGS / "iranian_churn.toml", work=tmp_path / "work", today=TODAY)
    customers = data.table("customers")

    # UCI 563: 3,150 rows, 300 of them exact copies (shared/data/README.md).
    assert data.report.rows["customers"] == 3_150
    assert data.report.rows_set_aside["customers"] == 300
    assert customers.count().to_pyarrow().as_py() == 2_850
    assert customers.customer_id.nunique().to_pyarrow().as_py() == 2_850
    source = pd.read_csv(shared("iranian_churn.csv")).drop_duplicates()
    assert customers.churned.sum().to_pyarrow().as_py() == source["Churn"].sum()
    seconds = customers.attr_seconds_of_use.sum().to_pyarrow().as_py()
    assert seconds == source["Seconds of Use"].sum()
    lines = (data.folder / "set_aside" / "customers.csv").read_text("utf-8-sig").splitlines()
    assert len(lines) == 301
