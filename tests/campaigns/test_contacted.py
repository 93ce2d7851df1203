"""The contacts of campaigns that held nobody out: funnel, other campaigns, and the year before."""

import math

import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.candidates import make_candidates
from cvm.campaigns.contacted import check_rows, contact_checks, funnel_rows
from cvm.campaigns.funnel import read_funnel
from cvm.campaigns.rollout_branches import judge_rollout
from cvm.campaigns.rollout_profit import evidence_of_rollout, rollout_entry
from cvm.campaigns.without_control import judge_without_control

FUNNEL = pd.DataFrame(
    [
        ("X", "treated", True, True, True, 20),
        ("X", "treated", True, True, False, 30),
        ("X", "treated", True, False, False, 40),
        ("X", "treated", False, False, False, 10),
        ("Y", "treated", None, None, None, 50),
    ],
    columns=["campaign_id", "arm", "attempted", "reached", "accepted", "customers"],
)
OVERLAPS = pd.DataFrame(
    [
        ("X", "treated", "Y", "treated", 25),
        ("X", "treated", "Y", "control", 60),
        ("X", "treated", "Z", "treated", 10),
        ("Y", "treated", "X", "treated", 25),
    ],
    columns=["campaign_id", "arm", "other_campaign", "other_arm", "customers"],
)


def rollout(*, shift=0.0, seed=3, **given):
    """Return a campaign in eleven branches, nine of which start; ``shift`` moves their past."""
    rng = np.random.default_rng(seed)
    names = [f"B{place:02d}" for place in range(11)]
    starts = {name: 24 + 2 * place for place, name in enumerate(names[:9])}
    rows = []
    for name in names:
        for month in range(60):
            share = 0.02
            start = starts.get(name)
            if start is not None and start - 11 <= month < start:
                share += shift
            rows.append((name, month, 4_000, rng.binomial(4_000, share)))
    cells = pd.DataFrame(rows, columns=["county", "month_index", "at_risk", "left"])
    frame = pd.DataFrame({"county": list(starts), "start_index": list(starts.values())})
    frame["customers"] = 400
    return judge_rollout(
        cells, frame, window_months=6, orders=199, rng=np.random.default_rng(1), **given
    ), frame


def test_the_funnel_of_one_campaign_among_several():
    found = read_funnel(FUNNEL, "X").set_index("arm").loc["treated"]
    assert found[["assigned", "attempted", "reached", "accepted"]].tolist() == [100, 90, 50, 20]
    assert read_funnel(FUNNEL, "Y") is None
    assert read_funnel(FUNNEL, "Z") is None
    rows = funnel_rows("X", read_funnel(FUNNEL, "X"))
    assert [row["customers"] for row in rows] == [100, 90, 50, 20]
    assert funnel_rows("Y", None) == []


def test_whom_the_contact_got_to_and_who_was_elsewhere():
    made, elsewhere = contact_checks(read_funnel(FUNNEL, "X"), OVERLAPS, "X", treated=100)
    assert (made.name, made.status, made.value) == ("contact", "ok", 0.5)
    # A quarter were offered Y too; those held out of Y got nothing from it.
    assert (elsewhere.status, elsewhere.value) == ("watch", 0.25)
    assert "25.0% of the customers were in campaign Y" in elsewhere.text("en")
    assert "以Y最多，占25.0%" in elsewhere.text("zh")
    (alone,) = contact_checks(None, OVERLAPS, "Q", treated=100)
    assert (alone.status, alone.value) == ("ok", 0.0)
    (nobody,) = contact_checks(None, OVERLAPS, "Q", treated=0)
    assert nobody.status == "unknown"
    assert math.isnan(nobody.value)


def test_branches_that_parted_before_their_start_stand_above_the_result():
    made = contact_checks(read_funnel(FUNNEL, "X"), OVERLAPS, "X", treated=100)
    good, starts = rollout(checks=made)
    bad, _ = rollout(shift=0.02, checks=made)

    assert [one.name for one in good.checks.items] == ["contact", "elsewhere", "placebo_year"]
    assert good.checks.item("placebo_year").status == "ok"
    assert bad.checks.item("placebo_year").status == "failed"
    assert "Do not rely" in bad.text("en")
    assert "暂不可采信" in bad.text("zh")
    assert "Do not rely" not in good.text("en")
    entry = rollout_entry({"campaign_id": "R"}, bad, starts)
    assert (entry.evidence, entry.failed_checks) == ("C", "placebo_year")
    assert evidence_of_rollout(bad, None) == "C"
    assert [row["status"] for row in check_rows("R", bad)] == ["ok", "watch", "failed"]


def test_checks_stand_also_where_nothing_can_be_told():
    made = contact_checks(None, OVERLAPS, "X", treated=100)
    cells = pd.DataFrame({"county": ["A", "A"], "month_index": [1, 2], "at_risk": 50, "left": 1})
    silent = judge_rollout(cells, {"A": 1}, checks=made, rng=np.random.default_rng(1))
    assert not silent.headline.can_tell
    assert [one.name for one in silent.checks.items] == ["elsewhere"]
    rows = pd.DataFrame(
        {"customer_id": range(60), "period": 5, "treated": True, "churned": 0.0, "before_x": 1.0}
    )
    all_treated = judge_without_control(
        make_candidates(rows, window_months=3), checks=made, rng=np.random.default_rng(1)
    )
    assert all_treated.checks.items[0].name == "elsewhere"
    assert not all_treated.headline.can_tell


@pytest.mark.parametrize("column", ["arm", "customers", "other_campaign"])
def test_a_missing_column_is_named(column):
    with pytest.raises(Exception, match=column):
        contact_checks(None, OVERLAPS.drop(columns=column), "X", treated=10)
