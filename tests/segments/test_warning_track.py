"""Past lists by hand, without knowledge of later months, and told without single customers."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError
from cvm.core.months import add_months
from cvm.segments.warning_book import parse_warning_book
from cvm.segments.warning_outlook import EarlyWarning
from cvm.segments.warning_run import warn_earlier
from cvm.segments.warning_track import track_lists
from warning_book import CALL, HEAD, plan

BILL_FALL = """
[[triggers]]
name = "bill_fall"
en = "down {bill_fall_share}"
zh = "降{bill_fall_share}"
when = { bill_fall_share = 0.5 }
window_days = [1, 10]
"""
BOOK = parse_warning_book(HEAD + BILL_FALL + CALL + plan(called_share=0.25))
FIRST = date(2025, 1, 1)
# By month: how many of 100 with complaints left, and of 300 without.
LEFT = [(40, 12), (30, 12), (35, 18)]


def month_rows(back, left):
    """Return a month of 400 customers, those with complaints first; the first of each leave."""
    many, few = left
    gone = [True] * many + [False] * (100 - many) + [True] * few + [False] * (300 - few)
    return pd.DataFrame(
        {
            "customer_id": [f"C{at:03d}" for at in range(400)],
            "month": pd.Timestamp(add_months(FIRST, back)),
            "bill_yuan": 10.0,
            "complaints": [1] * 100 + [0] * 300,
            "left": pd.array(gone, dtype="boolean"),
        }
    )


def three_months():
    return pd.concat([month_rows(back, left) for back, left in enumerate(LEFT)], ignore_index=True)


def tracked(rows=None, **options):
    rows = three_months() if rows is None else rows
    return track_lists(rows, BOOK, add_months(FIRST, 3), horizon_months=1, **options)


def test_two_lists_by_hand():
    """A logit of one flag gives each group its share who left before, in all months known then."""
    got = tracked()
    table = got.table
    assert table["month"].tolist() == [pd.Timestamp(2025, 2, 1), pd.Timestamp(2025, 3, 1)]
    # January had nothing to learn from, and the months before it are not there.
    assert got.untold == (FIRST,)
    assert table["listed"].tolist() == [100, 100]
    assert table["expected_leavers"].tolist() == pytest.approx([40, 35])  # 40 %, then 70 of 200
    assert table["listed_left"].tolist() == [30, 35]
    assert table["precision_share"].tolist() == pytest.approx([0.3, 0.35])
    assert table["base_share"].tolist() == pytest.approx([42 / 400, 53 / 400])
    assert table["lift"].tolist() == pytest.approx([0.3 / 0.105, 0.35 / 0.1325])
    assert table["caught_share"].tolist() == pytest.approx([30 / 42, 35 / 53])
    assert table["calibration"].tolist() == pytest.approx([0.75, 1.0])
    # 24 months of 10 yuan each; half of the expected loss is kept, a call costs 5.
    assert table["value_at_risk_yuan"].tolist() == pytest.approx([9_600, 8_400])
    assert table["lost_yuan"].tolist() == pytest.approx([7_200, 8_400])
    assert table["gain_yuan"].tolist() == pytest.approx([4_300, 3_700])
    assert got.last is not None
    assert got.last.precision.value == pytest.approx(0.35)
    # Wilson by hand for 30 of 100: (0.3 + 0.0192 ± 1.96 √(0.0021 + 0.000096)) ÷ 1.0384.
    assert table["precision_low_share"][0] == pytest.approx(0.2189, abs=1e-4)
    assert table["precision_high_share"][0] == pytest.approx(0.3959, abs=1e-4)


def test_what_is_said_of_several_of_one_and_of_none():
    said = tracked().text("en")
    assert said.startswith("All 2 past lists found leavers better than chance: 2.6 to 2.9 times")
    assert "30.0% to 35.0% of those listed left. On 1 of 2" in said  # 0.75 is off, 1.00 is not
    assert "1 more could not be scored" in said
    assert "过去2期名单的离网率均显著高于全网，为全网的2.6–2.9倍" in tracked().text("zh")
    assert tracked(lists=1).text("en") == tracked().last.text("en")
    rows = three_months()
    assert "No past list can be scored" in tracked(rows[rows["month"] == "2025-01"]).text("en")
    with pytest.raises(ArgumentError, match="lists"):
        tracked(lists=0)


def test_a_list_that_is_no_better_than_the_base_is_not_called_better():
    rows = pd.concat([three_months()[:800], month_rows(2, (14, 39))], ignore_index=True)
    said = tracked(rows).text("en")
    assert said.startswith("1 of 2 past lists found leavers clearly better than chance")


def panel(rng, months=8, customers=400):
    """Return rows of customers whose complaints and bill falls tell something of leaving."""
    made = []
    for back in range(months):
        complaints, fall = rng.poisson(0.4, customers), rng.beta(1, 6, customers)
        chance = 1 / (1 + np.exp(3 - 1.2 * complaints - 2 * fall))
        made.append(
            pd.DataFrame(
                {
                    "customer_id": [f"C{at:03d}" for at in range(customers)],
                    "month": pd.Timestamp(add_months(FIRST, back)),
                    "bill_yuan": rng.gamma(3, 20, customers),
                    "complaints": complaints,
                    "bill_fall_share": fall,
                    "left": pd.array(rng.random(customers) < chance, dtype="boolean"),
                }
            )
        )
    return pd.concat(made, ignore_index=True)


@pytest.mark.parametrize("horizon", [1, 3])
def test_no_later_month_is_read(horizon):
    """The future is another one: all that happens after a list's month, its own leaving too."""
    rng = np.random.default_rng(horizon)
    rows, then = panel(rng), add_months(FIRST, 5)
    contacts = pd.DataFrame(
        {
            "customer_id": rng.choice(rows["customer_id"], 60),
            "assigned_month": pd.to_datetime(rng.choice(["2025-05-01", "2025-08-01"], 60)),
            "arm": "treated",
        }
    )
    other = rows.copy()
    later, months = rows["month"] > pd.Timestamp(then), int((rows["month"] > str(then)).sum())
    for name in ("bill_yuan", "complaints", "bill_fall_share"):
        other.loc[later, name] = rng.permutation(other[name].to_numpy())[:months] + 1
    unknown = rows["month"] > pd.Timestamp(add_months(then, -horizon))
    other.loc[unknown, "left"] = ~other.loc[unknown, "left"]
    elsewhere = contacts.copy()
    after = contacts["assigned_month"] > pd.Timestamp(add_months(then, 1))
    elsewhere.loc[after, "customer_id"] = "C000"
    lists = [
        warn_earlier(one, BOOK, then, horizon_months=horizon, contacts=reached).table
        for one, reached in ((rows, contacts), (other, elsewhere))
    ]
    assert set(lists[0]["fate"]) > {"called", "campaign"}
    pd.testing.assert_frame_equal(lists[0], lists[1])
    # What is known earlier does change it.
    past = rows.assign(left=rows["left"].where(unknown, ~rows["left"]))
    changed = warn_earlier(past, BOOK, then, horizon_months=horizon, contacts=contacts).table
    assert not changed["chance_share"].equals(lists[0]["chance_share"])


def test_a_list_stands_still_while_later_ones_are_added():
    rows = panel(np.random.default_rng(8))
    options = {"horizon_months": 1, "lists": 3}
    now = track_lists(rows, BOOK, add_months(FIRST, 7), **options).table
    before = track_lists(rows, BOOK, add_months(FIRST, 6), **options).table
    both = now.merge(before, on="month", suffixes=("", "_then"))
    assert len(both) == 2
    for name in before.columns.drop("month"):
        np.testing.assert_array_equal(both[name], both[f"{name}_then"])


def test_few_who_left_or_stayed_are_not_told():
    got = tracked()
    whole = got.table.iloc[[0]]
    cases = {
        "told": {},
        "few left": {"listed_left": 9},
        "few stayed": {"listed_left": 95, "left": 107},
        "few others left": {"left": 39, "listed_left": 33},
        "few listed": {"listed": 9, "listed_left": 0},
        "none left": {"listed_left": 0},
        "few left at all": {"left": 8, "listed_left": 0},
    }
    table = pd.concat([whole.assign(**case) for case in cases.values()], ignore_index=True)
    shown = replace(got, table=table).shown().assign(case=list(cases)).set_index("case")
    told = ["told", "none left"]
    own = shown.drop(columns=["month", "customers", "left", "base_share"])
    assert own.loc[told].notna().all(axis=None)
    assert own.drop(told).isna().all(axis=None)
    assert shown.index[shown["left"].isna()].tolist() == ["few left at all"]
    assert shown["customers"].notna().all()


def test_a_last_list_of_whom_few_left_is_not_told_at_all():
    got = tracked()
    facts = got.last.facts
    for left, told in ((35, True), (9, False), (95, False), (0, True)):
        last = replace(got.last, facts=facts | {"listed_left": float(left), "left": left + 18.0})
        page = EarlyWarning(
            warnings=None, study=None, months_ahead=1, track=replace(got, last=last)
        )  # fmt: skip
        assert (page.scored is last) == told
        assert (page.scored_groups() is None) == (not told)
    none = EarlyWarning(warnings=None, study=None, months_ahead=1)
    assert none.scored is None
