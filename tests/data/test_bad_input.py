"""Bad input ends in one clear message: what, which value, what was expected, what to do."""

import sqlite3
import subprocess
import sys

import duckdb
import openpyxl
import pandas as pd
import pytest
from extracts import CUSTOMERS_ZH, TODAY, write

from cvm.core.checks import CvmError, DataError, MissingDataError
from cvm.data import open_data
from cvm.data.mapping import parse_mapping

MONTHS = pd.DataFrame(
    {
        "customer_id": [f"C{i}" for i in range(2_000)],
        "month": pd.to_datetime("2026-01-01"),
        "bill_yuan": [i * 1.37 for i in range(2_000)],
    }
)


def message(source, tmp_path, **options) -> str:
    """Return the one message that opening a source ends in."""
    with pytest.raises(CvmError) as raised:
        open_data(source, work=tmp_path / "work", today=TODAY, **options)
    error = raised.value
    assert error.__cause__ is None or error.__suppress_context__
    text = str(error)
    assert "must be" in text
    assert "to do:" in text
    assert "\n" not in text
    leftovers = [each for each in (tmp_path / "work").glob("*") if "stopped" not in each.name]
    assert leftovers == []
    return text


def test_no_such_file(tmp_path):
    write(tmp_path / "customers.csv", CUSTOMERS_ZH)
    text = message(tmp_path / "custommers.csv", tmp_path)
    assert "custommers.csv == 'no such file'" in text
    assert "available: customers.csv" in text


def test_an_empty_file(tmp_path):
    path = write(tmp_path / "customers.csv", "")
    assert "customers.csv == 'an empty file (0 bytes)'" in message(path, tmp_path)


@pytest.mark.parametrize("text", ["\n\n\n", "   \n", "\ufeff"])
def test_a_file_of_nothing_but_space(text, tmp_path):
    path = write(tmp_path / "customers.csv", text)
    assert "customers.csv.headers == 'nothing'" in message(path, tmp_path)


@pytest.mark.parametrize("text", ["customer_id,age_years\n", "customer_id,age_years"])
def test_headers_only(text, tmp_path):
    said = message(write(tmp_path / "customers.csv", text), tmp_path)
    assert "customers.csv.rows == 0, must be at least 1 below the headers (customer_id" in said


def test_one_row_works_and_is_told(tmp_path):
    path = write(tmp_path / "customers.csv", "customer_id,age_years\n1,30")
    data = open_data(path, work=tmp_path / "work", today=TODAY)
    assert [finding.check for finding in data.report.findings] == ["one_row"]
    assert data.table("customers").count().to_pyarrow().as_py() == 1


def test_one_line_without_headers(tmp_path):
    said = message(write(tmp_path / "customers.csv", "007,2020-03,gotone\n"), tmp_path)
    assert "customers.csv" in said


def test_no_headers(tmp_path):
    path = write(tmp_path / "customers.csv", "007,2020-03\n008,2020-04\n009,2020-05\n")
    said = message(path, tmp_path)
    assert "customers.csv.headers == '007, 2020-03'" in said
    assert "cvm map customers.csv" in said


def test_a_wrong_delimiter_in_the_mapping(tmp_path):
    path = write(tmp_path / "a.csv", CUSTOMERS_ZH.replace(",", ";"))
    mapping = parse_mapping(
        '[customers]\ndelimiter = ","\n[customers.columns]\ncustomer_id = "用户编号"'
    )
    said = message(path, tmp_path, mapping=mapping)
    assert "a.csv.delimiter == ','" in said
    assert "available: ';' (semicolon)" in said


def test_rows_that_mostly_do_not_fit_the_headers(tmp_path):
    path = write(tmp_path / "customers.csv", "customer_id,age_years\n1,30,x\n2,31,x\n3,32,x\n")
    said = message(path, tmp_path)
    assert "2 fields as in the headers, but 3 of 3 rows are not" in said


@pytest.mark.parametrize("name", ["customers.csv", "customers.xlsx"])
def test_a_folder_for_a_file(name, tmp_path):
    (tmp_path / name).mkdir()
    write(tmp_path / name / "readme.md", "x")
    said = message(tmp_path / name, tmp_path)
    assert "available: readme.md" in said


def test_a_folder_for_a_file_in_a_mapping(tmp_path):
    (tmp_path / "part").mkdir()
    write(tmp_path / "part" / "readme.md", "x")
    mapping = parse_mapping('[customers]\nfile = "part"\n[customers.columns]\ncustomer_id = "a"')
    said = message(tmp_path, tmp_path, mapping=mapping)
    assert "a folder without Parquet files" in said


def test_a_folder_with_nothing_usable(tmp_path):
    write(tmp_path / "in" / "stuff.csv", CUSTOMERS_ZH)
    said = message(tmp_path / "in", tmp_path)
    assert "files named customers, months" in said
    assert "available: stuff.csv" in said


def test_a_file_that_fits_no_table(tmp_path):
    said = message(write(tmp_path / "x.csv", "alpha,beta\n1,2\n3,4\n"), tmp_path)
    assert "x.csv.headers == 'alpha, beta'" in said
    assert "cvm map x.csv" in said


def test_one_table_twice(tmp_path):
    write(tmp_path / "in" / "customers.csv", CUSTOMERS_ZH)
    write(tmp_path / "in" / "客户.csv", CUSTOMERS_ZH)
    assert "customers == 'customers.csv and 客户.csv'" in message(tmp_path / "in", tmp_path)


def test_a_wrong_encoding(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes("客戶編號,品牌\n1,費率與帳單說明電話號碼變更\n".encode("big5"))
    said = message(path, tmp_path)
    assert "customers.csv.encoding == 'text that looks like" in said


@pytest.mark.parametrize(
    ("start", "kind"),
    [(b"\x1f\x8b\x08", "gzip"), (b"Rar!\x1a", "RAR"), (b"7z\xbc\xaf\x27", "7-Zip")],
)
def test_a_packed_file(start, kind, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes(start + bytes(range(200)))
    assert f"packed with {kind}" in message(path, tmp_path)


def test_a_web_page_with_the_ending_of_excel(tmp_path):
    path = write(tmp_path / "customers.xls", "<html><table><tr><td>1</td></tr></table></html>")
    assert "a web page (HTML)" in message(path, tmp_path)


def test_a_file_that_is_no_text(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes(bytes(range(256)) * 40)
    assert "customers.csv.encoding ==" in message(path, tmp_path)


CUTS = {
    "in a field": "用户编号,入网时间,品牌\n007,202003,全球通\n008,2021",
    "in a quoted field": '用户编号,入网时间,品牌\n007,202003,全球通\n008,202104,"神州',
    "in quotes after others": '用户编号,入网时间,品牌\n"007","202003","全球通"\n"008","2021',
}


@pytest.mark.parametrize("cut", CUTS)
def test_a_text_file_cut_off_in_the_middle(cut, tmp_path):
    said = message(write(tmp_path / "customers.csv", CUTS[cut], "gb18030"), tmp_path)
    assert "the file customers.csv breaks off in the middle of row 2" in said
    assert "report.json" in said


@pytest.mark.parametrize("encoding", ["utf-8", "gb18030"])
def test_a_text_file_cut_off_in_a_character(encoding, tmp_path):
    path = tmp_path / "customers.csv"
    path.write_bytes("用户编号,县区\n1,东山\n2,西河".encode(encoding)[:-1])
    assert "breaks off in the middle of row 2" in message(path, tmp_path)


def test_a_big_text_file_cut_off(tmp_path):
    lines = "".join(f"C{i},2026-01,{i * 1.37:.2f},全球通\n" for i in range(200_000))
    whole = ("customer_id,month,bill_yuan,备注\n" + lines).encode("gb18030")
    path = tmp_path / "months.csv"
    path.write_bytes(whole[:-13])
    assert "breaks off in the middle of row 200000" in message(path, tmp_path)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.01])
def test_a_parquet_file_cut_off(kept, tmp_path):
    path = tmp_path / "months.parquet"
    MONTHS.to_parquet(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "must be a complete Parquet file" in message(path, tmp_path)


@pytest.mark.parametrize("kept", [0.99, 0.5, 0.01])
def test_a_workbook_cut_off(kept, tmp_path):
    book = openpyxl.Workbook()
    for row in MONTHS.head(500).astype(str).itertuples(index=False):
        book.active.append(list(row))
    path = tmp_path / "months.xlsx"
    book.save(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * kept)])
    assert "must be a complete Excel workbook" in message(path, tmp_path)


def test_an_unreadable_table_beside_a_good_one_is_told_with_the_rest(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "in" / "customers.csv", CUSTOMERS_ZH.replace(",36", ",abc"))
    write(tmp_path / "in" / "months.csv", "")
    with pytest.raises(DataError, match=r"months: the table cannot be read: .*empty") as raised:
        open_data("in", work=tmp_path / "work", today=TODAY)
    checks = {finding.check for finding in raised.value.report.findings}
    assert {"unreadable", "unparsable"} <= checks


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_missing_database_is_not_created(kind, tmp_path):
    path = tmp_path / "crm.db"
    assert "crm.db == 'no such file'" in message(f"{kind}://{path}", tmp_path)
    assert not path.exists()


@pytest.mark.parametrize("kind", ["duckdb", "sqlite"])
def test_a_file_that_is_no_database(kind, tmp_path):
    path = write(tmp_path / "crm.db", CUSTOMERS_ZH * 100)
    assert "a database that can be opened and read" in message(f"{kind}://{path}", tmp_path)


def test_a_locked_duckdb(tmp_path):
    path = tmp_path / "crm.duckdb"
    code = (
        f"import duckdb; c = duckdb.connect({str(path)!r});"
        "c.execute('CREATE TABLE customers (customer_id VARCHAR)'); print('ready', flush=True);"
        "input()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout.readline() == "ready\n"
        said = message(f"duckdb://{path}", tmp_path)
    finally:
        holder.communicate("\n", timeout=30)
    assert "lock" in said.lower()
    assert "close the program that holds it" in said


def test_a_locked_sqlite(tmp_path):
    path = tmp_path / "crm.db"
    holder = sqlite3.connect(path, isolation_level=None)
    holder.execute("CREATE TABLE customers (customer_id TEXT)")
    holder.execute("INSERT INTO customers VALUES ('1'), ('2')")
    holder.execute("BEGIN EXCLUSIVE")
    try:
        said = message(f"sqlite://{path}", tmp_path)
    finally:
        holder.close()
    assert "locked" in said


def test_a_database_without_the_table(tmp_path):
    path = tmp_path / "crm.duckdb"
    with duckdb.connect(path) as connection:
        connection.execute("CREATE TABLE t_cust (a VARCHAR)")
    assert "tables t_cust" in message(f"duckdb://{path}", tmp_path)
    mapping = parse_mapping(
        '[customers]\ntable = "t_kunde"\n[customers.columns]\ncustomer_id = "a"'
    )
    with pytest.raises(MissingDataError, match=r"table == 't_kunde'.*available: t_cust"):
        open_data(f"duckdb://{path}", mapping=mapping, work=tmp_path / "work", today=TODAY)


def test_a_password_is_never_shown(tmp_path):
    said = message("postgres://anna:secret@127.0.0.1:1/crm", tmp_path)
    assert "secret" not in said
    assert "postgres://anna:***@" in said


def test_a_work_folder_that_cannot_be_written(tmp_path):
    path = write(tmp_path / "customers.csv", CUSTOMERS_ZH)
    write(tmp_path / "file", "x")
    with pytest.raises(DataError, match=r"work folder .*file.*give another work folder"):
        open_data(path, work=tmp_path / "file" / "work", today=TODAY)


def test_a_mapping_of_several_tables_for_one_text_file(tmp_path):
    path = write(tmp_path / "a.csv", CUSTOMERS_ZH)
    mapping = parse_mapping("[customers]\n[months]\n")
    assert "must be a folder, as the mapping" in message(path, tmp_path, mapping=mapping)
