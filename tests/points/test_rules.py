"""Rule books: shipped ones, lookups by month, what-ifs, and impossible ones refused by line."""

from __future__ import annotations

import re
from dataclasses import FrozenInstanceError, fields, replace
from datetime import date

import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.core.months import month_from_index, month_index
from cvm.core.rule_lines import find_lines
from cvm.points.rulebook_read import (
    RuleBookError,
    parse_rulebook,
    read_rulebook,
    shipped_rulebook,
    shipped_rulebooks,
)
from cvm.points.rules import (
    Cap,
    Channel,
    Clearing,
    ClearingRule,
    Qualification,
    RedemptionValue,
    Rules,
    ValueStep,
)

HEAD = 'en = "test"\nzh = "测试"\n'


def problems(text: str) -> list[tuple[int, str]]:
    with pytest.raises(RuleBookError) as caught:
        parse_rulebook(text, file="book.toml")
    lines = re.findall(r"^  book\.toml:(\d+): (.*)$", str(caught.value), re.MULTILINE)
    return [(int(line), message) for line, message in lines]


@pytest.mark.parametrize("name", sorted(shipped_rulebooks()))
def test_shipped_books_are_possible_and_named_in_two_languages(name) -> None:
    book = shipped_rulebook(name)
    assert book.name == name
    assert re.search("[一-龥]", book.zh)
    assert book.source
    assert all(rules.cap.cost_share_of_revenue == 0.023 for rules in book.rules)


def test_the_variants_of_the_field_are_shipped() -> None:
    assert {"beijing", "national-2012", "stars", "gotone", "steps"} <= set(shipped_rulebooks())
    with pytest.raises(ArgumentError, match="beijing"):
        shipped_rulebook("mars")


def test_the_gotone_baseline_over_the_years() -> None:
    book = shipped_rulebook("gotone")
    assert book.rules_in("2026-01").redemption.yuan_per_point == 0.02
    assert book.rules_in("2008-06").clearing.kind == "calendar_years"
    assert book.rules_in("2010-12").clearing.kind == "calendar_years"
    assert book.rules_in("2011-01").clearing.kind == "none"
    assert book.rules_in("2021-05").clearing.months == 36
    # What an edition does not mention stays.
    assert book.rules_in("2026-01").qualification == Qualification(threshold_points=3_500)
    assert len(book.rules_in("2026-01").channels) == 4
    with pytest.raises(ArgumentError, match="2007-01"):
        book.rules_in("2006-12")


@pytest.mark.parametrize(
    ("earned", "dies"),
    [
        ("2007-01", "2010-12"),  # dead before the rule was lifted
        ("2008-01", "2024-04"),  # lifted in 2011; all older points die in April 2024
        ("2021-04", "2024-04"),
        ("2021-05", "2024-04"),  # 36 months with the month of earning
        ("2021-06", "2024-05"),
    ],
)
def test_points_follow_the_rules_that_change_while_they_live(earned, dies) -> None:
    book = shipped_rulebook("gotone")
    year, month = map(int, earned.split("-"))
    expiry = book.expiry_index("consumption", month_index(date(year, month, 1)))
    assert month_from_index(expiry).strftime("%Y-%m") == dies


def test_points_may_keep_the_rule_they_were_earned_under() -> None:
    book = shipped_rulebook("gotone")
    keeps = replace(book.rules[1].clearing, already_earned="old_rule")
    book = replace(book, rules=(book.rules[0], replace(book.rules[1], clearing=keeps)))
    assert book.expiry_index("data", 2010 * 12) == 2013 * 12 + 11


@pytest.mark.parametrize(
    ("rule", "earned", "dies"),
    [
        ({"kind": "calendar_years", "years": 3, "month": 12}, (2012, 1), (2015, 12)),
        ({"kind": "calendar_years", "years": 3, "month": 12}, (2012, 12), (2015, 12)),
        ({"kind": "calendar_years", "years": 1, "month": 6}, (2012, 12), (2013, 6)),
        (
            {"kind": "calendar_years", "years": 0, "month": 11, "year_first_month": 12},
            (2011, 12),
            (2012, 11),
        ),
        ({"kind": "months", "months": 36}, (2021, 5), (2024, 5)),
        ({"kind": "months", "months": 36, "counts_earning_month": True}, (2021, 5), (2024, 4)),
    ],
)
def test_clearing_dates(rule, earned, dies) -> None:
    expiry = ClearingRule(**rule).expiry_index(month_index(date(*earned, 1)))
    assert month_from_index(expiry) == date(*dies, 1)


def test_points_years() -> None:
    book = shipped_rulebook("beijing")
    assert [book.points_year_of(month) for month in ("2025-12", "2026-11")] == [2026, 2026]
    assert replace(book, points_year_first_month=1).points_year_of("2025-12") == 2025


def test_the_step_table() -> None:
    value = shipped_rulebook("steps").rules[0].redemption
    asked = [839, 840, 2_499, 2_500, 4_170, 8_340, 25_000, 41_670, 41_670 + 840]
    assert value.value_yuan(asked).tolist() == [0, 10, 20, 30, 50, 100, 300, 500, 510]
    assert value.best_yuan_per_point == pytest.approx(30 / 2_500)


def test_qualification_is_more_than_the_threshold() -> None:
    assert Qualification(threshold_points=3_500).smallest_points == 3_501
    assert Qualification(threshold_points=840, exceed=False).smallest_points == 840
    assert Qualification().smallest_points == 1


def test_what_ifs_leave_the_past_alone() -> None:
    book = shipped_rulebook("gotone")
    changed = book.with_threshold(1_000, since="2023-01")
    assert changed.rules_in("2022-12") == book.rules_in("2022-12")
    assert changed.rules_in("2023-01").qualification.threshold_points == 1_000
    for earned in range(2007 * 12, 2024 * 12):
        assert changed.expiry_index("data", earned) == book.expiry_index("data", earned)
    assert {rules.qualification.threshold_points for rules in book.with_threshold(9).rules} == {9}
    assert book.with_value(0.03).rules[0].redemption.yuan_per_point == 0.03
    with pytest.raises(FrozenInstanceError):
        book.name = "x"
    assert all(item.kw_only for item in fields(book))


def test_what_ifs_are_checked_too() -> None:
    with pytest.raises(ArgumentError, match="threshold_points == -1, must be in"):
        shipped_rulebook("beijing").with_threshold(-1)


@pytest.mark.parametrize(
    ("record", "settings", "message"),
    [
        (RedemptionValue, {}, "yuan_per_point == None"),
        (RedemptionValue, {"yuan_per_point": 0.02, "steps": [ValueStep(points=1, value_yuan=1)]},
         "given without steps"),
        (Channel, {"name": "shop", "cost_yuan_per_point": 0.02}, "mobile_products"),
        (Cap, {"cost_share_of_revenue": 2.3}, "in \\[0, 1\\]"),
        (ClearingRule, {"kind": "months"}, "months == 0, must be in \\[1, 600\\]"),
        (ClearingRule, {"kind": "none", "months": 3}, "months == 3"),
        (ClearingRule, {"kind": "calendar_years", "month": 11}, "or clear in month 12"),
        (ClearingRule, {"kind": "months", "months": 36.0}, "a whole number"),
        (Clearing, {"classes": {"miles": ClearingRule()}}, "a point class"),
        (Clearing, {"already_earned": "old_rule", "not_before": "2020-01"}, "must be absent"),
        (Rules, {"first_month": "January"}, "a month such as"),
        (Rules, {"first_month": None}, "a month such as"),
        (Rules, {"first_month": "2020-01", "earn": 3}, "a EarnRules"),
    ],
)  # fmt: skip
def test_impossible_records_are_refused(record, settings, message) -> None:
    with pytest.raises(ArgumentError, match=message):
        record(**settings)


def test_every_problem_is_told_at_once_with_its_line() -> None:
    text = (
        HEAD
        + """redemtion_order = "oldest_first"
points_year_first_month = 13

[[rules]]
first_month = "2007-01"

[rules.earn] # comment with [brackets] = and "quotes"
rounding = "sideways"
tenure = [
  { from_months = 13, share = 0.10 }, # 12
  { from_months = 12, share = 0.20 },
  { from_months = 14, share = -1 },
]

[rules.earn.multipliers]
tables = [{ column = "vip_tier", levels = { gold = 0.5, "very good" = 2 } }]

[[rules.channels]]
name = "services"
cost_yuan_per_point = 0.02
mix_share = 0.5

[[rules]]
first_month = "2006-01"
redemption = { yuan_per_point = "two" }

[rules.clearing]
kind = "months"
classes = { miles = { kind = "none" } }
"""
    )
    told = problems(text)
    assert [line for line, _ in told] == [3, 4, 10, 13, 14, 18, 20, 26, 27, 29, 31]
    messages = "\n".join(message for _, message in told)
    assert "to do: write redemption_order" in messages
    assert "rules[0].earn.tenure[1].from_months == 12, must be more than the row before" in messages
    assert "rules[0].earn.tenure[2].share == -1, must be in [0, 10]" in messages
    assert "rules[0].channels == 'mix_share summing to 0.5'" in messages
    assert "rules[1].first_month == 2006-01-01, must be later than the edition before" in messages


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (HEAD, 1, "without rules"),
        ('en = "x"\n\n[[rules]]\nfirst_month = "2007-01"\n', 1, "without zh"),
        (HEAD + "[[rules]]\n", 3, "without first_month"),
        (HEAD + "rules = []\n", 3, "at least one edition"),
        (HEAD + "rules = 7\n", 3, "a list of tables"),
        (HEAD + "[rules]\nfirst_month = 1\n", 3, "a list of tables"),
        (HEAD + "[[rules]]\nfirst_month = '2007-01'\nearn = 7\n", 5, "a table of settings"),
        (HEAD + "[[rules]]\nfirst_month = '2007-01'\nclearing.classes = 1\n", 5, "by name"),
        (HEAD + "[[rules]\n", 3, "valid TOML"),
        (HEAD + "[[rules]]\nfirst_month = '2007-01'\nfirst_month = '2008-01'\n", 5, "valid TOML"),
        (HEAD + "class_order = ['data']\n[[rules]]\nfirst_month = 2007-01-01\n", 3, "every point"),
    ],
)
def test_each_refusal_names_its_line(text, line, message) -> None:
    told = problems(text)
    assert [at for at, _ in told] == [line]
    assert message in told[0][1]


def test_windows_line_ends_and_a_byte_order_mark_do_no_harm(tmp_path) -> None:
    path = tmp_path / "windows.toml"
    text = (HEAD + "[[rules]]\nfirst_month = '2007-01'\n").replace("\n", "\r\n")
    path.write_bytes(b"\xef\xbb\xbf" + text.encode())
    book = read_rulebook(path)
    assert (book.name, book.zh) == ("windows", "测试")


def test_unreadable_files_end_in_one_message(tmp_path) -> None:
    with pytest.raises(DataError, match="can be read"):
        read_rulebook(tmp_path / "absent.toml")
    with pytest.raises(DataError, match="can be read"):
        read_rulebook(tmp_path)
    (tmp_path / "gbk.toml").write_bytes('zh = "积分"'.encode("gbk"))
    with pytest.raises(DataError, match="UTF-8"):
        read_rulebook(tmp_path / "gbk.toml")


def test_lines_of_everything_toml_can_say() -> None:
    text = '''# comment
a.b = 1
"c d" = """
multi = line # no comment
"""
e = [ # comment ]
  "x]", # y
  { f = 'it\\', g = [1, 2] },
]
[h."i.j"]
k = "quote \\" = here"
[[l]]
m = 1
[[l]]
[l.n]
o = 2026-01-01
'''
    lines = find_lines(text)
    assert lines["a", "b"] == 2
    assert lines[("c d",)] == 3
    assert lines["e", 0] == 7
    assert lines["e", 1, "g", 1] == 8
    assert lines["h", "i.j", "k"] == 11
    assert lines["l", 0, "m"] == 13
    assert lines["l", 1] == 14
    assert lines["l", 1, "n", "o"] == 16
