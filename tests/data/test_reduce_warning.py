"""Signals by month, week and day, on made events, by hand; and equal to the churn features."""

from datetime import date, timedelta
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_churn import reduce_churn
from cvm.data.reduce_warning import period_starts, reduce_signals
from cvm.segments.warning_book import open_warning_book
from cvm.segments.warning_triggers import fire

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
MONDAY = date(2026, 3, 2)


def events(rows):
    """Return made events: customer, days before the Monday, bill, forwarded, complaints …"""
    frame = pd.DataFrame(
        rows,
        columns=["customer_id", "back", "bill_yuan", "forwarding_minutes", "complaints",
                 "off_net_share", "voice_minutes"],
    )  # fmt: skip
    frame["day"] = [MONDAY - timedelta(days=int(back)) for back in frame.pop("back")]
    return ibis.memtable(frame).cast({"day": "date"})


def signals(usage, **options):
    made = collect(reduce_signals(usage, **({"at": MONDAY, "period": "week"} | options)))
    return made.set_index("customer_id").sort_index()


def test_a_week_beside_the_four_before_it():
    usage = events(
        [
            *[("A", back, 10.0, 0.0, 0, 0.2, 10.0) for back in (28, 21, 14, 7)],
            ("A", 0, 3.0, 12.0, 1, 0.5, 10.0),
            ("A", -6, 1.0, 3.0, 0, 0.8, 30.0),
            ("A", -7, 99.0, 99.0, 9, 0.9, 10.0),  # next week: not known yet
            ("A", 29, 99.0, 99.0, 9, 0.9, 10.0),  # before the window
        ]
    )
    row = signals(usage).loc["A"]
    assert (row["bill_yuan"], row["bill_before_yuan"]) == (4.0, 10.0)
    assert row["bill_fall_share"] == pytest.approx(0.6)
    assert (row["forwarding_minutes"], row["forwarding_before_minutes"]) == (15.0, 0.0)
    assert row["complaints"] == 1
    # Weighted by minutes: (0.5 × 10 + 0.8 × 30) ÷ 40.
    assert row["off_net_share"] == pytest.approx(0.725)
    assert row["off_net_before_share"] == pytest.approx(0.2)


def test_silence_is_a_fall_and_a_new_customer_has_none():
    usage = events(
        [
            ("quiet", 10, 40.0, 0.0, 0, 0.2, 10.0),
            ("new", 1, 6.0, 0.0, 0, 0.2, 10.0),
            ("new", -1, 6.0, 0.0, 0, 0.2, 10.0),
            ("first", -1, 6.0, 0.0, 0, 0.2, 10.0),
        ]
    )
    got = signals(usage)
    assert got.loc["quiet", "bill_fall_share"] == 1
    # Seen for two weeks: 40 yuan are 20 a week.
    assert got.loc["quiet", "bill_before_yuan"] == 20
    assert got.loc["new", "bill_fall_share"] == 0
    assert got.loc["first", "bill_fall_share"] == 0
    assert np.isnan(got.loc["first", "bill_before_yuan"])
    assert np.isnan(got.loc["quiet", "off_net_share"])


def test_a_day_beside_the_four_weeks_before_it():
    usage = events([("A", back, 2.0, 0.0, 0, 0.2, 1.0) for back in range(1, 29)]
                   + [("A", 0, 0.1, 6.0, 0, 0.9, 1.0)])  # fmt: skip
    row = signals(usage, period="day").loc["A"]
    assert row["bill_before_yuan"] == pytest.approx(2.0)
    assert row["bill_fall_share"] == pytest.approx(0.95)
    fired = fire(
        signals(usage, period="day").reset_index(), open_warning_book("sample"), period="day"
    )
    assert fired.flags.iloc[0].to_dict() == {
        "bill_fall": True, "forwarding": True, "complaints": False, "off_net": True,
    }  # fmt: skip


def test_weekly_triggers_find_a_planted_week_and_no_other():
    rng = np.random.default_rng(2)
    rows = []
    for who in range(60):
        start = 30 if who < 20 else 999
        for back in range(98, -1, -1):
            drifting = start - 7 < back <= start
            bill = rng.gamma(40, 0.1) * (0.2 if drifting else 1)
            rows.append((f"C{who:02d}", back, bill, 20.0 * drifting, 0, 0.3, 10.0))
    usage, book = events(rows), open_warning_book("sample")
    planted = MONDAY - timedelta(days=30)
    found = {}
    for at in period_starts(planted + timedelta(days=21), "week", 8):
        made = signals(usage, at=at).reset_index()
        flags = fire(made, book, period="week").flags
        found[at] = set(made["customer_id"][flags["bill_fall"] & flags["forwarding"]])
    assert found.pop(planted) == {f"C{who:02d}" for who in range(20)}
    assert not set.union(*found.values())


@pytest.fixture(scope="module")
def sample(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("prepared"))


def test_by_months_they_are_the_features_of_the_churn_model(sample):
    at = date(2025, 8, 1)
    months, customers = sample.table("months"), sample.table("customers")
    mine = collect(reduce_signals(months, at=at, customers=customers))
    theirs = collect(reduce_churn(months, customers, scoring_months=[at], known_to=at))
    both = mine.merge(theirs, on="customer_id", suffixes=("", "_theirs"))
    assert len(both) == len(mine) == len(theirs)
    for name in ("bill_yuan", "bill_before_yuan", "bill_fall_share", "forwarding_minutes",
                 "forwarding_before_minutes", "complaints", "off_net_share"):  # fmt: skip
        np.testing.assert_allclose(both[name], both[f"{name}_theirs"].astype(float), rtol=1e-9)


def test_bad_requests_are_refused(sample):
    months = sample.table("months")
    with pytest.raises(ArgumentError, match="first day"):
        reduce_signals(months, at=date(2025, 8, 2))
    with pytest.raises(ArgumentError, match="fortnight"):
        reduce_signals(months, at=date(2025, 8, 1), period="fortnight")
    with pytest.raises(MissingDataError, match="day"):
        reduce_signals(months, at=date(2025, 8, 1), period="week")
