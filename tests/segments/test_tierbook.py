"""Tier books: what they hold, how impossible ones are refused, and what they ask to add up."""

from dataclasses import replace
from datetime import date

import pytest

from cvm.core.checks import ArgumentError, DataError
from cvm.core.rule_checks import RuleError
from cvm.core.rule_files import RuleBookError
from cvm.segments.tierbook_read import open_tierbook, parse_tierbook, shipped_tierbooks
from cvm.segments.tiers_rules import Cap, Ladder, Score, Tier

BOOK = """
en = "A book"
zh = "一本"
[[editions]]
first_month = "2010-01"
[editions.cards]
set_month = 12
score = { point = 1 }
tiers = [
    { name = "silver", en = "silver", zh = "银卡", from_score = 3000 },
    { name = "gold", en = "gold", zh = "金卡", from_score = 5000 },
]
[[editions]]
first_month = "2012-01"
[editions.stars]
score = { average_bill_yuan = 1 }
tiers = [{ name = "1", en = "1 star", zh = "一星", from_score = 50 }]
"""


def ladder(**changes):
    tiers = [Tier(name=str(n), en=f"{n}", zh=f"{n}", from_score=100 * n) for n in range(1, 5)]
    return Ladder(tiers=tiers, score=Score(average_bill_yuan=1), **changes)


def test_every_shipped_book_can_be_carried_out():
    names = list(shipped_tierbooks())

    assert {"sample", "proposal", "shanghai"} <= set(names)
    for name in names:
        assert open_tierbook(name).editions[0].ladders


def test_a_file_is_read_like_a_shipped_book(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(BOOK, encoding="utf-8")

    assert open_tierbook(str(path)).name == "mine"
    with pytest.raises(DataError, match="a file that can be read"):
        open_tierbook(str(tmp_path / "none.toml"))
    with pytest.raises(ArgumentError, match="available: .*sample"):
        open_tierbook("none")


def test_a_ladder_that_an_edition_does_not_mention_stays():
    book = parse_tierbook(BOOK)

    assert list(book.edition_in("2011-12").ladders) == ["cards"]
    assert list(book.edition_in("2012-01").ladders) == ["cards", "stars"]
    with pytest.raises(ArgumentError, match="not before the tier book"):
        book.edition_in("2009-12")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("from_score = 5000", "from_score = 3000", r":11: .*tiers\[1\].from_score == 3000.*above"),
        ("point = 1", "points = 1", r":8: .*score.points == 'points'.*to do: write point"),
        ("set_month = 12", "set_month = 13", r":7: .*set_month == 13, must be in \[1, 12\]"),
        ('name = "gold"', 'name = "silver"', r":11: .*a name not used above"),
        ('name = "gold"', 'name = "none"', r":11: .*kept for no tier"),
        ("score = { point = 1 }", "score = { stop_penalty = 5 }", r":8: .*tells customers apart"),
        ('first_month = "2012-01"', 'first_month = "2009-01"', r":14: .*later than the edition"),
        ('first_month = "2010-01"', 'first_month = "soon"', r":5: .*a month such as"),
        ("score = { point = 1 }", "score = { point = 1 ", r"valid TOML"),
        ("set_month = 12", "caps = [{ stops = 3, tier = '5' }]", r":7: .*caps\[0\].tier == '5'"),
        ("set_month = 12", "most_steps_down = 0", r":7: .*most_steps_down == 0, must be at least 1|"
         r":7: .*most_steps_down == 0, must be in \[1, 20\]"),
    ],
)  # fmt: skip
def test_an_impossible_setting_is_refused_with_its_line(old, new, said):
    assert old in BOOK
    with pytest.raises(RuleBookError, match=said):
        parse_tierbook(BOOK.replace(old, new, 1), file="book.toml")


def test_all_problems_are_told_at_once():
    text = BOOK.replace("set_month = 12", "set_month = 13").replace("from_score = 50 }", "x = 1 }")

    with pytest.raises(RuleBookError) as refused:
        parse_tierbook(text, file="book.toml")

    assert [line for line, _ in refused.value.problems] == [7, 17, 17]


def test_services_cost_their_uses():
    cards = open_tierbook("sample").edition_in("2025-11").cards

    # 0.10 × 35 + 8 × 6 + 3 × 3 + 2 × 80 + 12 × 5
    assert cards.serve_yuan("diamond") == pytest.approx(280.5)
    assert cards.serve_yuan("vip") == 1 * 6 + 1 * 3
    assert cards.serve_yuan("none") == 0


def test_the_documented_star_book_gives_5_stars_200_yuan():
    stars = open_tierbook("shanghai").edition_in("2013-01").stars
    by_name = {tier.name: tier for tier in stars.tiers}

    assert (by_name["4"].from_score, by_name["5 gold"].from_score) == (200, 450)
    assert {by_name[name].overdraft_yuan for name in ("5 silver", "5 gold", "5 diamond")} == {200}
    multipliers = [tier.points_multiplier for tier in stars.tiers]
    assert multipliers == [1, 1.5, 2, 2.5, 3, 5, 5]


def test_cuts_are_changed_by_name():
    changed = ladder().with_cuts(T2=250)

    assert [tier.from_score for tier in changed.tiers] == [100, 250, 300, 400]
    with pytest.raises(RuleError, match="above the tier before"):
        ladder().with_cuts(T2=300)
    with pytest.raises(RuleError, match="a tier of this ladder"):
        ladder().with_cuts(gold=300)


def test_yearly_tiers_look_back_on_the_year_before_they_are_set():
    cards = open_tierbook("sample").terms("2025-11")["cards"]["assessments"]

    assert len(cards) == 1
    assert (cards[0]["first_month"], cards[0]["last_month"]) == (
        date(2023, 12, 1),
        date(2024, 11, 1),
    )
    assert cards[0]["month"] == date(2024, 12, 1)
    in_december = open_tierbook("sample").terms("2025-12")["cards"]["assessments"][0]
    assert in_december["last_month"] == date(2025, 11, 1)


def steps(book_ladder, month):
    sample = open_tierbook("sample")
    edition = replace(sample.editions[0], stars=book_ladder)
    book = replace(sample, editions=(edition,))
    return [(str(a["month"])[:7], a["steps"]) for a in book.terms(month)["stars"]["assessments"]]


def test_grace_keeps_assessments_that_were_superseded_within_it():
    assert steps(ladder(grace_months=2), "2025-11") == [
        ("2025-11", 0), ("2025-10", 0), ("2025-09", 0),
    ]  # fmt: skip
    # Set in December 2024, so the tier of December 2023 was superseded then; February is the
    # third month since, March the first after a grace of three.
    yearly = ladder(set_month=12, grace_months=3)
    assert steps(yearly, "2025-02") == [("2024-12", 0), ("2023-12", 0)]
    assert steps(yearly, "2025-03") == [("2024-12", 0)]


def test_protection_loses_steps_by_assessment_and_ends_where_nothing_is_left():
    assert steps(ladder(most_steps_down=2), "2025-11") == [("2025-11", 0), ("2025-10", 2)]
    assert steps(ladder(most_steps_down=1, grace_months=1), "2025-11") == [
        ("2025-11", 0), ("2025-10", 0), ("2025-09", 1), ("2025-08", 2), ("2025-07", 3),
    ]  # fmt: skip


def test_caps_name_a_tier_of_the_ladder():
    with pytest.raises(RuleError, match="a tier of this ladder"):
        ladder(caps=[Cap(stops=3, tier="gold")])
