"""Clashes between contacts: who may not be called now, and why."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd

from cvm.core.checks import check_columns
from cvm.segments.warning_book import CallPlan

KINDS = ("campaign", "control", "quiet")


def clashes(
    rows: pd.DataFrame, contacts: pd.DataFrame | None, plan: CallPlan, on: date
) -> pd.DataFrame:
    """Return for each row whether a campaign, being held out of one, or a late contact forbids it.

    A customer held out of a running campaign is left in peace too: a call would spoil what the
    campaign is to learn. The quiet days hold for the customer's family and account as well.

    Args:
        rows: Customers, with ``family_id`` and ``account_id`` where known.
        contacts: Contract table ``contacts``; without it nothing forbids anybody.
        plan: Days of peace.
        on: Day of the list; later contacts are not known yet.

    Returns:
        Columns ``campaign``, ``control``, ``quiet``, row for row.

    Raises:
        MissingDataError: The contacts lack ``customer_id``, ``assigned_month`` or ``arm``.
    """
    found = pd.DataFrame(False, index=rows.index, columns=list(KINDS))
    if contacts is None or not len(contacts):
        return found
    check_columns(contacts.columns, ["customer_id", "assigned_month", "arm"], "contacts")
    assigned = pd.to_datetime(contacts["assigned_month"])
    began = pd.Timestamp(on - timedelta(days=plan.campaign_days))
    today = pd.Timestamp(on)
    running = (assigned > began) & (assigned <= today)
    for kind, arm in (("campaign", "treated"), ("control", "control")):
        who = contacts["customer_id"][running & (contacts["arm"] == arm)]
        found[kind] = rows["customer_id"].isin(set(who))
    found["quiet"] = _lately(rows, contacts, plan, on)
    return found


def _lately(rows: pd.DataFrame, contacts: pd.DataFrame, plan: CallPlan, on: date) -> pd.Series:
    if "contacted_on" not in contacts.columns:
        return pd.Series(False, index=rows.index)
    day = pd.to_datetime(contacts["contacted_on"])
    since = pd.Timestamp(on - timedelta(days=plan.quiet_days))
    who = set(contacts["customer_id"][(day > since) & (day <= pd.Timestamp(on))])
    own = rows["customer_id"].isin(who)
    quiet = own.copy()
    for group in ("family_id", "account_id"):
        if group in rows.columns:
            met = set(rows[group][own].dropna())
            quiet |= rows[group].isin(met) & rows[group].notna()
    return quiet
