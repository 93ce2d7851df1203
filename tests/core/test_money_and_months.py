"""Numbers and months as people write them."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError
from cvm.core.money import format_number, format_points, format_share, format_yuan
from cvm.core.months import (
    add_months,
    format_moment,
    format_month,
    iso_month,
    month_from_index,
    month_index,
    parse_month,
    points_year,
)


@pytest.mark.parametrize(
    ("value", "chinese", "english"),
    [
        (0, "0", "0"),
        (999, "999", "999"),
        (9_876, "9,876", "9,876"),
        (9_999.7, "1万", "10k"),
        (12_345, "1.23万", "12.3k"),
        (100_000_000, "1亿", "100m"),
        (99_999_999, "1亿", "100m"),
        (999_999, "100万", "1m"),
        (-1_500_000, "-150万", "-1.5m"),
        (None, "–", "–"),
        (float("nan"), "–", "–"),
    ],
)
def test_numbers_by_language(value, chinese, english):
    assert format_number(value, "zh") == chinese
    assert format_number(value, "en") == english


def test_money_and_shares():
    assert format_yuan(-2_500, "en") == "-¥2,500"
    assert format_yuan(250_000_000, "zh") == "2.5亿元"
    assert format_share(0.02349) == "2.3%"
    assert format_points(0.0123) == "+1.23"


@given(st.floats(min_value=1, max_value=1e12), st.sampled_from(["zh", "en"]))
def test_a_shortened_number_is_within_half_a_per_cent(value, lang):
    units = {"万": 1e4, "亿": 1e8, "k": 1e3, "m": 1e6, "bn": 1e9}
    text = format_number(value, lang).replace(",", "")
    unit = next((unit for unit in sorted(units, key=len) if text.endswith(unit)), "")
    if unit == "" and text.endswith("bn"):
        unit = "bn"
    read_back = float(text.removesuffix(unit)) * units.get(unit, 1)

    assert read_back == pytest.approx(value, rel=0.0051)


@pytest.mark.parametrize(
    "text", ["2026-03", "2026-03-31", "202603", "20260301", "2026/3/1", "2026年3月", "2026.3"]
)
def test_every_form_of_a_month(text):
    assert parse_month(text) == date(2026, 3, 1)


@given(st.dates(date(1990, 1, 1), date(2099, 12, 31)), st.sampled_from(["zh", "en"]))
def test_a_month_as_it_is_shown_can_be_typed(day, lang):
    month = day.replace(day=1)
    assert parse_month(format_month(month, lang)) == parse_month(iso_month(month)) == month


# The same moment on four clocks; India's and Newfoundland's are not whole hours from Greenwich.
@pytest.mark.parametrize(
    ("zone", "english", "chinese"),
    [
        ("Asia/Shanghai", "2 Mar 2026, 03:05 (Beijing time)", "2026年3月2日 03:05（北京时间）"),
        ("UTC", "1 Mar 2026, 19:05 (UTC)", "2026年3月1日 19:05（UTC）"),
        ("Asia/Kolkata", "2 Mar 2026, 00:35 (UTC+05:30)", "2026年3月2日 00:35（UTC+05:30）"),
        ("America/St_Johns", "1 Mar 2026, 15:35 (UTC−03:30)", "2026年3月1日 15:35（UTC−03:30）"),
    ],
)
def test_a_moment_names_its_clock(zone, english, chinese):
    moment = datetime(2026, 3, 1, 19, 5, tzinfo=UTC).astimezone(ZoneInfo(zone))
    assert (format_moment(moment, "en"), format_moment(moment, "zh")) == (english, chinese)


def test_a_moment_without_a_clock_is_refused():
    with pytest.raises(ArgumentError, match="time zone"):
        format_moment(datetime(2026, 3, 1), "zh")


@pytest.mark.parametrize("text", ["2026-13", "March", "", "26-03", "202600"])
def test_what_is_no_month_is_refused(text):
    with pytest.raises(ArgumentError, match="must be a month"):
        parse_month(text)


@given(st.dates(), st.integers(-600, 600))
def test_adding_and_taking_away_months_returns(day, months):
    month = date(max(day.year, 60), day.month, 1)
    if 1 <= (month_index(month) + months) // 12 <= 9999:
        assert add_months(add_months(month, months), -months) == month
        assert month_from_index(month_index(month)) == month


def test_the_points_year_runs_from_december_to_november():
    assert [points_year(date(2025, m, 1)) for m in (11, 12)] == [2025, 2026]
    assert points_year(date(2026, 1, 1), first_month=1) == 2026
