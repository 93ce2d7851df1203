"""Cells: every form a number, month, flag or label is written in, worked out by hand."""

from datetime import date, timedelta

import duckdb
import hypothesis.strategies as st
import ibis
import pyarrow as pa
import pytest
from hypothesis import given, settings

from cvm.data.contract import Column
from cvm.data.convert import BLANK, READ, UNREADABLE, convert
from cvm.data.tables import CONTRACT

CONNECTION = ibis.duckdb.connect()


def cells(kind, texts, *, column=None, decimal="."):
    """Convert texts as the engine would and return (value, mark) of each."""
    column = column or Column(name="x", kind=kind, en="", zh="", meaning="")
    raw: duckdb.DuckDBPyConnection = CONNECTION.con
    kind = None if texts and not isinstance(texts[0], str) else pa.string()
    raw.register("given", pa.table({"n": range(len(texts)), "s": pa.array(texts, kind)}))
    raw.execute("CREATE OR REPLACE TABLE texts AS SELECT * FROM given")
    table = CONNECTION.table("texts")
    cell = convert(table.s, column, decimal=decimal)
    query = ibis.to_sql(table.select("n", v=cell.value, m=cell.mark).order_by("n"))
    return [(value, mark) for _, value, mark in raw.execute(query).fetchall()]


NUMBERS = {
    "1234.5": 1234.5,
    "1,234.5": 1234.5,
    "12,345,678": 12345678,
    "¥1,234.50": 1234.5,
    "￥88": 88,
    "¥ 88": 88,
    "88元": 88,
    "RMB 88.5": 88.5,
    "-¥3": -3,
    "¥-3": -3,
    "(12.5)": -12.5,
    "12.5-": -12.5,
    "１，２３４．５": 1234.5,
    "1.2万": 12000,
    "1.2万元": 12000,
    "3亿": 3e8,
    "1e3": 1000,
    "1.5E-2": 0.015,
    ".5": 0.5,
    "5.": 5,
    " 7 ": 7,
    "\u30007\u00a0": 7,
    "7\t": 7,
    "+7": 7,
    '="7"': 7,
    "0": 0,
}
NOT_NUMBERS = [
    *("abc", "1,23", "1,2345", "12%", "inf", "0x10", "1_000", "--5", "(5", "5)", "1.2.3", "."),
    *("12 元 6 角", "1e999", "￥", "1 2a"),
]
MISSING = ["", " ", "-", "--", "—", "NULL", "null", "N/A", "#N/A", "nan", "无", "\\N"]


def test_numbers():
    found = cells("number", list(NUMBERS))
    assert found == [(pytest.approx(value), READ) for value in NUMBERS.values()]


def test_what_is_no_number_is_unreadable_and_empty():
    assert cells("number", NOT_NUMBERS) == [(None, UNREADABLE)] * len(NOT_NUMBERS)


@pytest.mark.parametrize("kind", ["number", "integer", "share", "month", "date", "category"])
def test_what_means_nothing_is_blank_not_unreadable(kind):
    assert cells(kind, MISSING) == [(None, BLANK)] * len(MISSING)


def test_decimal_commas():
    given = ["1.234,5", "1.234", "12,5", "-0,25", "7"]
    assert cells("number", given, decimal=",") == [
        (1234.5, READ),
        (1234, READ),
        (12.5, READ),
        (-0.25, READ),
        (7, READ),
    ]


def test_whole_numbers_keep_every_digit_and_refuse_fractions():
    given = ["9007199254740993", "12.0", "1,234", "１２", "12.5", "1.2万"]
    # With separators: up to 15 digits at once, 16 as a float holds them, more in no way.
    given += ["-12,345", "123,456,789,012,345", "1,234,567,890,123,456", "1,23", "1" * 22, "9e18"]
    assert cells("integer", given) == [
        (9007199254740993, READ),
        (12, READ),
        (1234, READ),
        (12, READ),
        (None, UNREADABLE),
        (12000, READ),
        (-12345, READ),
        (123456789012345, READ),
        (1234567890123456, READ),
        (None, UNREADABLE),
        (None, UNREADABLE),
        (None, UNREADABLE),
    ]
    assert cells("integer", ["1,234", "1.234"], decimal=",") == [(None, UNREADABLE), (1234, READ)]


def test_shares():
    given = ["12.5%", "0.125", "１２％", "30 %", "5‰", "0"]
    expected = [0.125, 0.125, 0.12, 0.3, 0.005, 0]
    assert cells("share", given) == [(pytest.approx(value), READ) for value in expected]


MONTHS = [
    *("2026-03", "202603", "2026/3/1", "2026/3", "2026年3月", "2026年03月", "20260301", "2026.3"),
    *("2026-03-01", "2026-03-31", "2026年3月15日", "2026-03-01 00:00:00", "2026-03-01T08:30:00Z"),
    *("２０２６－０３", "2026 年 3 月", " 202603 ", '="202603"', "2026/3/1 0:00"),
    *("46082", "46112.0"),  # Excel's numbers of 2026-03-01 and 2026-03-31
]


def test_every_form_of_a_month():
    assert cells("month", MONTHS) == [(date(2026, 3, 1), READ)] * len(MONTHS)


def test_what_is_no_month_is_unreadable():
    given = ["2026-13", "2026-00", "2026-02-30", "20260231", "3/1/2026", "03-2026", "2026", "26-3",
             "20263", "三月", "2026-3-", "1026-03", "99999"]  # fmt: skip
    assert cells("month", given) == [(None, UNREADABLE)] * len(given)


def test_days():
    given = ["2026-03-02", "2026/3/2", "20260302", "2026年3月2日", "46083", "2026-03-02 23:59:59"]
    assert cells("date", given) == [(date(2026, 3, 2), READ)] * len(given)
    assert cells("date", ["2026-03", "2026年3月"]) == [(None, UNREADABLE)] * 2


def test_dates_that_mean_none_are_blank():
    given = ["9999-12-31", "99991231", "2999-12-31", "0000-00-00", "0", "9999-12-31 00:00:00"]
    assert cells("date", given) == [(None, BLANK)] * len(given)


def test_excel_day_numbers_match_excels_own_count():
    # Microsoft's documentation of DATEVALUE: 8/22/2011 is 40777.
    assert cells("date", ["40777"]) == [(date(2011, 8, 22), READ)]


def test_flags():
    yes = ["是", "Y", "yes", "TRUE", "1", "Ｙ", "有", "√", " 是 "]
    no = ["否", "N", "no", "False", "0", "无", "×"]
    assert cells("flag", yes) == [(True, READ)] * len(yes)
    assert cells("flag", no) == [(False, READ)] * len(no)
    assert cells("flag", ["maybe", "2"]) == [(None, UNREADABLE)] * 2


@pytest.mark.parametrize(
    ("table", "name"),
    [
        (table.name, column.name)
        for table in CONTRACT.values()
        for column in table.columns
        if column.allowed
    ],
)
def test_every_label_of_the_contract_is_read_in_both_languages(table, name):
    column = CONTRACT[table][name]
    for value, chinese in column.allowed.items():
        given = [value, value.upper(), f" {chinese} "]
        assert cells("category", given, column=column) == [(value, READ)] * 3


def test_labels_outside_the_contract_stay_for_the_check_to_report():
    column = CONTRACT["customers"]["brand"]
    assert cells("category", ["世界风"], column=column) == [("世界风", READ)]


def test_identifiers_stay_text_and_ruined_ones_are_told():
    given = ["00123", "123\t", '="00123"', "'007", " a b ", "NULL", "1.38E+10", "na"]
    assert cells("id", given) == [
        ("00123", READ),
        ("123", READ),
        ("00123", READ),
        ("007", READ),
        ("a b", READ),
        (None, BLANK),
        (None, UNREADABLE),
        ("na", READ),
    ]


def test_typed_columns_need_no_text():
    assert cells("id", [13800138000.0, 7.0]) == [("13800138000", READ), ("7", READ)]
    assert cells("month", [202603, 20260301]) == [(date(2026, 3, 1), READ)] * 2
    assert cells("month", [date(2026, 3, 31)]) == [(date(2026, 3, 1), READ)]
    assert cells("integer", [2.0, 2.5, float("nan")]) == [
        (2, READ),
        (None, UNREADABLE),
        (None, READ),
    ]
    assert cells("flag", [1, 0, 2]) == [(True, READ), (False, READ), (None, UNREADABLE)]
    assert cells("number", [True]) == [(1.0, READ)]
    assert cells("number", [date(2026, 3, 1)]) == [(None, UNREADABLE)]


FULL = str.maketrans("0123456789,.-", "０１２３４５６７８９，．－")


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=30))
def test_numbers_survive_every_way_of_writing_them(cents):
    values = [each / 100 for each in cents]
    written = [
        form
        for value in values
        for form in (
            f"{value:.2f}",
            f"{value:,.2f}",
            f"¥{value:,.2f}",
            f"{value:,.2f}元",
            f"{value:,.2f}".translate(FULL),
            f"({abs(value):,.2f})" if value < 0 else f"+{value:.2f}",
        )
    ]
    expected = [value for value in values for _ in range(6)]
    assert cells("number", written) == [(value, READ) for value in expected]


@settings(deadline=None, max_examples=40)
@given(st.lists(st.dates(date(1970, 2, 1), date(2099, 12, 31)), min_size=1, max_size=30))
def test_days_survive_every_way_of_writing_them(days):
    written = [
        form
        for day in days
        for form in (
            day.isoformat(),
            f"{day:%Y%m%d}",
            f"{day.year}/{day.month}/{day.day}",
            f"{day.year}年{day.month}月{day.day}日",
            f"{day} 12:30:00",
            str((day - date(1899, 12, 30)) // timedelta(days=1)),
        )
    ]
    expected = [day for day in days for _ in range(6)]
    assert cells("date", written) == [(day, READ) for day in expected]
    assert cells("month", written) == [(day.replace(day=1), READ) for day in expected]
