"""What the points-budget page says, worked out by hand from ``points_budget_tables``."""

from math import exp, log
from statistics import NormalDist

import pandas as pd
import pytest

from cvm.core.i18n import LANGUAGES
from cvm.points.budget_levers import evaluate_levers
from cvm.views import page_parts
from cvm.views.pages import PAGES
from cvm.views.pictures_points_budget import tornado_chart
from cvm.views.points_budget_live import levers_of, setting_words, texts_at
from hand_made import drawn_page
from points_budget_tables import (
    CAP,
    COST,
    INFO,
    REVENUE,
    SPREAD,
    facts_table,
    lever_table,
    points_budget_tables,
)

PAGE = PAGES["points-budget"]
MIDDLE = log(COST / REVENUE) - SPREAD**2 / 2


@pytest.fixture(scope="module")
def page():
    return drawn_page("points-budget")


@pytest.fixture
def undrawn(monkeypatch):
    monkeypatch.setattr(page_parts, "save_svg", lambda figure: b"<svg/>")


def cards(page, lang):
    return {card["key"]: card for card in page.content[lang]["cards"]}


def test_the_sentence_says_cost_chance_and_what_keeps_the_cap(page):
    over = 1 - NormalDist().cdf((log(CAP) - MIDDLE) / SPREAD)
    assert over == pytest.approx(0.302, abs=0.001)
    en = page.content["en"]["sentence"]
    assert en.startswith(
        "Points year 2027 will cost about ¥100k, 2.00% of revenue, with a 30% chance of passing "
        "the 2.05% cap; a return rate of "
    )
    # The rate at which 95 % of years keep the cap, in whole basis points.
    kept = 0.02 * exp(log(CAP) - MIDDLE - NormalDist().inv_cdf(0.95) * SPREAD)
    assert f"{int(kept * 10_000) / 100:.2f}%" in en
    # Log odds of the threshold: 100 points are one per cent, and 4.1 % to 5.8 % are needed.
    needed = -(log(CAP) - MIDDLE - NormalDist().inv_cdf(0.95) * SPREAD)
    assert f"{3_500 + 100 * -(-needed // 0.01):,.0f} points" in en
    assert "突破2.05%上限的概率为30%" in page.content["zh"]["sentence"]


def test_a_budget_within_its_cap_says_how_far_the_rate_may_rise(undrawn):
    tables = points_budget_tables()
    tables["points_budget_facts"] = facts_table(over_share=0.01, kept_rate=0.022)
    sentence = PAGE.make(tables, INFO).content["en"]["sentence"]
    assert "the return rate could rise from 2.00% to 2.20%" in sentence


def test_the_cards_are_held_against_cap_and_last_year(page):
    en = cards(page, "en")
    assert list(en) == ["cost", "share", "over", "kept", "room"]
    assert (en["cost"]["value"], en["cost"]["change"]) == ("¥100k", "+25.0% on points year 2026")
    assert (en["share"]["value"], en["share"]["change"]) == ("2.00%", "0.05 points below the cap")
    assert en["share"]["gauge"]["fill"] == pytest.approx(0.02 / CAP / 1.25, abs=1e-4)
    assert (en["over"]["value"], en["over"]["tone"]) == ("30%", "bad")
    # Room: 2.05 % of 5 million less 100 thousand.
    assert en["room"]["value"] == "¥2,500"
    # The 95 % point of the share: 2 % × exp(1.645 × 0.05 − 0.05² ÷ 2) = 2.169 %, 106 % of the cap;
    # the rate is safe at 2.05 ÷ 2.169 = 95 % of itself.
    assert en["room"]["gauge"]["alt"] == "in 1 year in 20 the cost is 106% of the cap or more"
    assert en["room"]["gauge"]["fill"] == pytest.approx(1.058 / 1.25, abs=1e-3)
    assert en["kept"]["gauge"]["alt"] == "95% of the rate set"
    assert en["kept"]["gauge"]["mark"] == en["room"]["gauge"]["mark"] == 0.8
    zh = cards(page, "zh")
    assert (zh["cost"]["value"], zh["cost"]["unit"]) == ("10万", "元")
    assert zh["over"]["note"] == "基于512个情景"


def test_the_waterfall_and_the_proof_say_what_they_show(page):
    titles = {chart["key"]: chart["title"] for chart in page.content["en"]["charts"]}
    assert titles["waterfall"] == "Cost grows by ¥20k, above all from redemption of points held"
    # The naive forecast is a cost, that of the year before: its ratio may be nearer or further off.
    assert titles["proof"].startswith(
        "Foretold at its start, last year's cost would have been 2.5% off; the cost of the year "
    )
    assert titles["tornado"].startswith("Threshold at 2,500 points")
    zh = {chart["key"]: chart for chart in page.content["zh"]["charts"]}
    assert zh["path"]["table"]["rows"][-1][1] == "2.00"


def test_the_tornado_names_what_reaches_furthest_not_the_widest_bar():
    # 5 + 6 is wider than 0 + 9, but 9 is further from today's cost.
    drivers = pd.DataFrame(
        {
            "driver": ["threshold_points", "validity_years"], "kind": ["rule", "rule"],
            "low_yuan": [5_000.0, -9_000.0], "low_setting": [2_500.0, 1.0],
            "high_yuan": [-6_000.0, 0.0], "high_setting": [4_500.0, 3.0],
        }
    )  # fmt: skip
    chart = tornado_chart(drivers, {"extra_years": 1.0}, "en")
    assert chart.title == "Validity at 2 years would change the cost most: −¥9,000"


def test_a_withheld_tier_is_a_dash_not_a_zero(page):
    tiers, counties = page.content["en"]["drill"]["groups"]
    assert [choice["label"] for choice in tiers["choices"]] == ["Diamond", "Gold", "No card"]
    assert [value for _, value in tiers["choices"][0]["facts"]] == ["–"] * 6
    assert [choice["label"] for choice in counties["choices"]] == ["Anning", "<b>North"]
    assert dict(map(tuple, counties["choices"][0]["facts"]))["Cost per member"] == "¥100"


@pytest.mark.parametrize("lang", LANGUAGES)
def test_texts_at_a_setting_name_the_difference(lang):
    table, facts = lever_table(), {"scenarios": 512.0, "last_cost_yuan": 8e4, "last_year": 2026.0}
    texts = texts_at(table, facts, {"return_rate": 0.019}, lang)
    assert ("¥5,000 less" if lang == "en" else "少5,000元") in texts["sentence"]
    assert texts["cards"]["cost"]["tone"] == "good"
    assert texts_at(table, facts, {"return_rate": 0.02}, lang)["sentence"] == ""
    dear = texts_at(table, facts, {"redemption": 0.5}, lang)
    assert dear["tone"] == "bad"
    assert dear["cards"]["room"]["value"].startswith("−")


def test_levers_between_settings_are_straight_lines_in_logarithms():
    table = lever_table()
    got = evaluate_levers(table, threshold_points=2_200, redemption=0.1, tenure_times=1.3)
    assert got["cost_yuan"] == pytest.approx(COST * exp(0.13 + 0.04 + 0.03), rel=1e-9)


def test_sliders_have_the_bounds_of_the_grid_and_words_of_today():
    levers = {one["name"]: one for one in levers_of(lever_table(), "en", extra_years=1.0)}
    assert list(levers) == ["rate", "threshold", "validity", "tenure", "spend", "redeem"]
    assert (levers["rate"]["low"], levers["rate"]["high"]) == (0.01, 0.03)
    assert (levers["threshold"]["low"], levers["threshold"]["high"]) == (500.0, 5_000.0)
    assert levers["validity"]["nodes"] == [1.0, 2.0, 3.0, 99.0]
    assert levers["validity"]["today"] == "today 3 years"
    assert setting_words("validity_years", 99.0, "zh", extra_years=1.0) == "不清零"
    assert setting_words("redemption", log(1.2), "en", extra_years=1.0) == "+20% change in odds"
    assert setting_words("spend_growth", 0.0, "zh", extra_years=1.0) == "每年0.0%"


def test_what_is_not_published_is_said_and_the_rest_is_shown(undrawn):
    tables = points_budget_tables()
    for name in ("levers", "waterfall", "holdout", "tiers", "counties"):
        del tables[f"points_budget_{name}"]
    content = PAGE.make(tables, INFO).content["en"]
    assert content["live"] is None
    assert content["cards"] == []
    notes = " ".join(content["notes"])
    assert "levers cannot be moved" in notes
    assert "too short to put" in notes
    assert content["sentence"].startswith("Points year 2027")


def test_stated_behaviour_is_labelled(undrawn):
    tables = points_budget_tables()
    tables["points_budget_facts"] = facts_table(fitted=0.0)
    content = PAGE.make(tables, INFO).content
    assert "assumed" in content["en"]["sentence"]
    assert "假设" in content["zh"]["sentence"]
    assert "no ledger" in " ".join(content["en"]["notes"])


def test_a_share_that_is_the_cap_in_the_digits_shown_is_neither_good_nor_bad():
    facts = dict(facts_table().itertuples(index=False))
    at = texts_at(lever_table(), facts, {"return_rate": CAP}, "zh")["cards"]["share"]
    assert (at["value"], at["change"]) == ("2.05%", "与上限持平")
    assert (at["direction"], at["tone"]) == ("", "neutral")
    over = texts_at(lever_table(), facts, {"return_rate": CAP + 1e-4}, "en")["cards"]["share"]
    assert (over["change"], over["tone"]) == ("0.01 points above the cap", "bad")


def test_cost_has_its_course_by_month_without_what_is_foretold(page, undrawn):
    cost = cards(page, "en")["cost"]
    # The last two of two and a half years: from 7 to 30 thousand, in equal steps.
    assert cost["spark"] == pytest.approx([step / 23 for step in range(24)], abs=5e-4)
    assert cost["spark_alt"] == (
        "Points cost by month: from ¥7,000 to ¥30k over 24 months, lowest ¥7,000, highest ¥30k"
    )
    assert "每月积分成本" in cards(page, "zh")["cost"]["spark_alt"]
    tables = points_budget_tables()
    del tables["points_budget_months"]
    assert cards(PAGE.make(tables, INFO), "en")["cost"]["spark"] == []
