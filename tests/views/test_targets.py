"""What cards say of targets: met or not in the digits shown, in words, as a gauge, for levers."""

import pytest

from cvm.views.targets import (
    card_gauge,
    card_target,
    format_figure,
    live_targets,
    read_targets,
    target_notes,
)
from target_tables import targets_table

GOALS = read_targets(targets_table(campaign_return=("at_least", 0.5)))


@pytest.mark.parametrize(
    ("figure", "value", "tone", "zh", "en"),
    [
        ("churn_share", 0.0139, "good", "目标≤1.40%，已达标", "Target at most 1.40%: met"),
        # 1.404 % reads as 1.40 %, which is the target; 1.406 % reads as 1.41 %.
        ("churn_share", 0.01404, "good", "目标≤1.40%，已达标", "Target at most 1.40%: met"),
        ("churn_share", 0.01406, "bad", "目标≤1.40%，未达标", "Target at most 1.40%: not met"),
        ("arpu_yuan", 59.96, "good", "目标≥60.0元，已达标", "Target at least ¥60.0: met"),
        ("arpu_yuan", 59.94, "bad", "目标≥60.0元，未达标", "Target at least ¥60.0: not met"),
        ("customers_change_share", -0.01, "bad", "同比目标≥+5.0%，未达标",
         "Target growth at least +5.0%: not met"),
        ("campaign_return", 0.496, "good", "回报率目标≥+50%，已达标",
         "Target return at least +50%: met"),
        ("campaign_return", 0.494, "bad", "回报率目标≥+50%，未达标",
         "Target return at least +50%: not met"),
    ],
)  # fmt: skip
def test_a_figure_is_judged_in_the_digits_it_is_shown_with(figure, value, tone, zh, en):
    assert card_target(GOALS, figure, value, "zh") == {"target": zh, "target_tone": tone}
    assert card_target(GOALS, figure, value, "en") == {"target": en, "target_tone": tone}


def test_without_a_target_or_a_value_a_card_says_nothing_of_one():
    nothing = {"target": "", "target_tone": ""}

    assert card_target(GOALS, "warning_gain_yuan", 0.2, "zh") == nothing
    assert card_target(GOALS, "churn_share", None, "zh") == nothing
    assert card_target(GOALS, "churn_share", float("nan"), "zh") == nothing
    assert card_target(read_targets(None), "churn_share", 0.01, "zh") == nothing
    assert card_gauge(GOALS, "warning_gain_yuan", 0.2, "x", "zh") is None
    assert target_notes(GOALS, ["warning_gain_yuan"], "en") == []


def test_a_gauge_runs_to_a_quarter_beyond_its_target():
    half = card_gauge(GOALS, "campaign_return", 0.25, "Return", "en")

    assert (half["fill"], half["mark"]) == (pytest.approx(0.4), pytest.approx(0.8))
    assert half["alt"] == "Return: +25%, target at least +50%"
    assert card_gauge(GOALS, "campaign_return", -2.0, "回报", "zh")["fill"] == 0.0
    assert card_gauge(GOALS, "campaign_return", 9.0, "回报", "zh")["fill"] == 1.0
    level = read_targets(targets_table(customers_change_share=("at_least", 0.0)))
    assert card_gauge(level, "customers_change_share", 0.01, "x", "en") is None


def test_a_script_gets_the_bound_its_slack_and_both_texts():
    told = live_targets(GOALS, ["churn_share", "warning_gain_yuan"], "en")

    assert list(told) == ["churn_share"]
    assert told["churn_share"]["slack"] == pytest.approx(0.00005)
    assert told["churn_share"]["good"] == "Target at most 1.40%: met"


def test_a_note_names_who_set_the_targets_and_since_when_once():
    table = targets_table()
    table.loc[0, "first_month"] = "2025-07-01"
    goals = read_targets(table)

    assert target_notes(goals, ["churn_share", "arpu_yuan"], "zh") == [
        "目标依据：2026年经营考核（自2026年1月起）。"
    ]
    assert target_notes(goals, ["customers_change_share", "churn_share"], "en") == [
        "Targets: the scorecard of 2026 (from Jul 2025); the scorecard of 2026 (from Jan 2026)."
    ]


def test_amounts_below_zero_carry_their_sign():
    assert format_figure("arpu_yuan", -1.26, "en") == "−¥1.3"
    assert format_figure("customers_change_share", -0.012, "zh") == "−1.2%"
    assert format_figure("customers_change_share", 0.0, "zh") == "0.0%"
    assert format_figure("warning_gain_yuan", 54_013.0, "zh") == "5.4万元"
