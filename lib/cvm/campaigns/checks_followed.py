"""Checks of who can be judged: followed to the end, in one arm, contacted while in service."""

from __future__ import annotations

import math

import pandas as pd
from scipy import stats

from cvm.campaigns.check import Check
from cvm.core.checks import check_columns

FOLLOWED_LEVEL = 0.001
LEAST_FOLLOWED = 0.9
EXCLUSIVE_LIMIT = 0.001
DATES_LIMIT = 0.01


def followed(left_out: pd.DataFrame) -> tuple[Check, Check, Check]:
    """Check who can be judged, from counts of customers by arm and status.

    Args:
        left_out: One campaign's rows of ``reduce_campaign_left_out``: ``arm``, ``status``,
            ``customers``, and, if known, ``after_leaving``.

    Returns:
        ``followed`` (fails if one arm is followed less often, p below 0.001: what is missing may be
        what differs; to be watched below 90 %), ``exclusive`` (customers in both arms: to be
        watched if any, failed from 0.1 %) and ``contact_dates`` (contacted in or after the month of
        leaving: to be watched if any, failed from 1 %).
    """
    check_columns(left_out.columns, ("arm", "status", "customers"), "left_out")
    clash = left_out["status"] == "both_arms"
    in_one = left_out[~clash]
    return (
        _followed(in_one),
        _counted(
            "exclusive",
            int(left_out.loc[clash, "customers"].sum()),
            int(left_out["customers"].sum()),
            EXCLUSIVE_LIMIT,
        ),
        _dates(left_out),
    )


def _followed(rows: pd.DataFrame) -> Check:
    table = pd.pivot_table(
        rows, values="customers", index="arm", columns="status", aggfunc="sum", fill_value=0
    )
    counts = {}
    for arm in ("treated", "control"):
        own = rows[rows["arm"] == arm]
        kept = own.loc[own["status"] == "followed", "customers"]
        counts[arm] = (int(kept.sum()), int(own["customers"].sum()))
    shares = {arm: kept / total if total else math.nan for arm, (kept, total) in counts.items()}
    grid = [[kept, total - kept] for kept, total in counts.values() if total]
    p_value = math.nan
    if len(grid) == 2:
        lost = sum(row[1] for row in grid)
        p_value = float(stats.fisher_exact(grid).pvalue) if lost else 1.0
    known = [share for share in shares.values() if not math.isnan(share)]
    status = "unknown" if not known else "ok" if min(known) >= LEAST_FOLLOWED else "watch"
    if not math.isnan(p_value) and p_value < FOLLOWED_LEVEL:
        status = "failed"
    return Check(
        name="followed",
        status=status,
        value=p_value,
        limit=FOLLOWED_LEVEL,
        facts={"treated": shares["treated"], "control": shares["control"]},
        table=table.reset_index(),
    )


def _dates(left_out: pd.DataFrame) -> Check:
    known = "after_leaving" in left_out and left_out["after_leaving"].notna().any()
    if not known:
        return Check(
            name="contact_dates",
            status="unknown",
            value=math.nan,
            limit=DATES_LIMIT,
            facts={"count": 0, "share": math.nan},
        )
    # A customer who had left before being assigned is no error of the contact's date.
    rows = left_out[left_out["status"] != "unknown_customer"]
    wrong = int(rows["after_leaving"].sum())
    return _counted("contact_dates", wrong, int(rows["customers"].sum()), DATES_LIMIT)


def _counted(name: str, wrong: int, total: int, limit: float) -> Check:
    share = wrong / total if total else math.nan
    status = "unknown" if not total else "ok" if not wrong else "watch"
    if total and wrong and share >= limit:
        status = "failed"
    return Check(
        name=name,
        status=status,
        value=share,
        limit=limit,
        facts={"count": wrong, "share": share},
        table=pd.DataFrame({"wrong": [wrong], "customers": [total]}),
    )
