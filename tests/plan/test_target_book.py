"""Target books: which target is in force, whose it is, and how impossible ones are refused."""

from datetime import date

import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.core.rule_checks import RuleError
from cvm.core.rule_files import RuleBookError
from cvm.plan.target_book import (
    FIGURES,
    Target,
    find_target_book,
    open_target_book,
    parse_target_book,
    shipped_target_books,
)

BOOK = """
en = "Our targets"
zh = "本公司目标"
[[targets]]
figure = "arpu_yuan"
at_least = 60
first_month = "2026-01"
set_by_en = "the board"
set_by_zh = "董事会"
[[targets]]
figure = "churn_share"
at_most = 0.02
first_month = "2026-07"
set_by_en = "the board"
set_by_zh = "董事会"
[[targets]]
figure = "churn_share"
at_most = 0.025
first_month = "2025-01"
set_by_en = "the board before"
set_by_zh = "上届董事会"
"""


def test_the_latest_target_that_holds_in_a_month_is_in_force():
    book = parse_target_book(BOOK)

    def churn(month):
        return [(one.value, one.set_by_en) for one in book.in_force(month)
                if one.figure == "churn_share"]  # fmt: skip

    assert churn("2024-12") == []
    assert churn("2025-01") == churn("2026-06") == [(0.025, "the board before")]
    assert churn("2026-07") == churn("2031-01") == [(0.02, "the board")]


def test_the_published_table_has_one_row_a_figure_in_the_order_of_the_pages():
    frame = parse_target_book(BOOK).frame(date(2026, 7, 1))

    assert frame.to_dict("list") == {
        "figure": ["churn_share", "arpu_yuan"],
        "bound": ["at_most", "at_least"],
        "value": [0.02, 60.0],
        "first_month": [date(2026, 7, 1), date(2026, 1, 1)],
        "set_by_en": ["the board", "the board"],
        "set_by_zh": ["董事会", "董事会"],
    }


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"arpu_yuan"', '"arpu"', r":5: targets\[0\].figure == 'arpu', must be .*churn_share"),
        ("at_least = 60", "at_last = 60", r":6: .*at_last.*to do: write at_least"),
        ("at_least = 60", "", r":5: .*figure == 'arpu_yuan with no bound', must be with one"),
        ("at_least = 60", "at_least = -1", r":6: targets\[0\].at_least == -1, must be in \[0"),
        ("at_most = 0.02\n", "at_most = 2\n", r":12: targets\[1\].at_most == 2, must be in \[0"),
        ("at_most = 0.02\n", "at_least = 0.02\n", r":12: .*can have; available: at_most"),
        (
            "at_most = 0.02\n",
            "at_most = 0.02\nat_least = 0.01\n",
            r":11: .*at_most and at_least', must be with one bound",
        ),
        ('"2026-07"', '"soon"', r":13: .*a month such as"),
        ('"2026-07"', '"2025-01"', r":16: .*churn_share from 2025-01.*to do: change first_month"),
        ('set_by_zh = "董事会"', 'set_by_zh = ""', r":9: .*a text that is not empty"),
    ],
)
def test_an_impossible_book_is_refused_with_its_line(old, new, said):
    with pytest.raises(RuleBookError, match=said):
        parse_target_book(BOOK.replace(old, new, 1), file="mine.toml")


def test_a_target_made_in_code_checks_itself_too():
    with pytest.raises(RuleError, match="at_most == 2, must be in"):
        Target(figure="churn_share", at_most=2, first_month=date(2026, 1, 1),
               set_by_en="x", set_by_zh="x")  # fmt: skip


def test_data_are_held_against_targets_of_their_own_name_only(tmp_path):
    mine = tmp_path / "mine.toml"
    mine.write_text(BOOK, encoding="utf-8")

    assert find_target_book(None, "sample").name == "sample"
    assert find_target_book(None, "province-b") is None
    assert find_target_book(str(mine), "province-b").en == "Our targets"
    assert find_target_book("sample", "province-b").name == "sample"
    with pytest.raises(ArgumentError, match="available: .*sample"):
        find_target_book("none", "sample")
    with pytest.raises(DataError, match="a file that can be read"):
        open_target_book(str(tmp_path / "none.toml"))


def test_every_shipped_book_can_be_carried_out():
    for name in shipped_target_books():
        book = open_target_book(name)
        assert {one.figure for one in book.targets} <= set(FIGURES)
