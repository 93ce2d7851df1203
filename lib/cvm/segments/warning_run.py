"""From churn rows to a month's warning list, and to an earlier one as it would have been made.

The notebook and the command take the same steps, so that they give the same list.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least
from cvm.core.months import add_months
from cvm.segments.churn import ChurnModel, Kind, fit_churn
from cvm.segments.churn_design import LABEL
from cvm.segments.warning import make_warning_list
from cvm.segments.warning_book import PERIOD_DAYS, WarningBook
from cvm.segments.warning_list import WarningList
from cvm.segments.warning_triggers import fire

_CARRIED = ("vip_tier", "county", "family_id", "account_id")
_LASTING = {
    "bill_fall_share": False,
    "off_net_share": False,
    "complaints": False,
    "forwarding_minutes": True,
}
"""Features that a period can change, and whether a month of it has more than the period."""

_NEVER = 1e9
"""Times the mean risk that nobody reaches."""

VALUE_MONTHS = 24.0
"""Months of margin a customer who stays brings, where no lifetime value is passed in."""


def warn_month(
    rows: pd.DataFrame,
    model: ChurnModel,
    book: WarningBook,
    month: date,
    *,
    value_yuan: pd.Series | None = None,
    value_months: float = VALUE_MONTHS,
    contacts: pd.DataFrame | None = None,
    **options: Any,
) -> WarningList:
    """Make the warning list at a month's end.

    Args:
        rows: Of ``reduce_churn``, that month's among them.
        model: The risk.
        book: Triggers, acts, plan.
        month: The month; the list is dated the first day after it.
        value_yuan: By ``customer_id``: what each is worth if he stays. Without it, the margin a
            month (the bill, where the extract has no cost) × ``value_months``.
        value_months: Expected months of margin; an assumption.
        contacts: As in :func:`cvm.segments.warning.make_warning_list`.
        options: Of :func:`cvm.segments.warning.make_warning_list`: calls, control_share, rng.

    Raises:
        ArgumentError: No row of that month.
    """
    check_at_least(value_months, "value_months", 0)
    now = rows[rows["month"] == pd.Timestamp(month)]
    now = now.sort_values("customer_id", ignore_index=True)
    if not len(now):
        known = sorted(str(one)[:7] for one in rows["month"].unique())
        raise ArgumentError("month", f"{month:%Y-%m}", "a month of the rows", available=known)
    if value_yuan is not None:
        value = now["customer_id"].map(value_yuan)
    else:
        margin = now["margin_yuan"] if "margin_yuan" in now else now["bill_yuan"]
        value = margin * value_months
    return make_warning_list(
        now,
        book,
        chance_share=model.predict(now),
        value_yuan=value.to_numpy(dtype=float, na_value=float("nan")),
        listed_on=add_months(month, 1),
        contacts=contacts,
        contributions=model.contributions(now),
        **options,
    )


def warn_period(
    signals: pd.DataFrame,
    rows: pd.DataFrame,
    model: ChurnModel,
    book: WarningBook,
    *,
    period: str,
    listed_on: date,
    value_months: float = VALUE_MONTHS,
    contacts: pd.DataFrame | None = None,
    **options: Any,
) -> WarningList:
    """Make the warning list of a week or a day: what has just changed.

    The risk is that of last month's row or, for whom a trigger has fired, that of the row as it
    would be if the change lasted a month, whichever is higher: an assumption. Only triggers put a
    customer on the list: a risk that stood there last month is on that month's. Everybody of the
    month is accounted for, and whoever was seen in the period for the first time, whose risk is
    unknown.

    Args:
        signals: Of ``reduce_signals``, one row a customer.
        rows: Of ``reduce_churn`` for the last whole month before the period, without those who have
            left since.
        model: The risk.
        book: Triggers, acts, plan.
        period: ``"week"`` or ``"day"``.
        listed_on: Day of the list.
        value_months: Expected months of margin; an assumption.
        contacts: As in :func:`cvm.segments.warning.make_warning_list`.
        options: Of :func:`cvm.segments.warning.make_warning_list`: calls, control_share, rng.
    """
    check_at_least(value_months, "value_months", 0)
    margin = rows["margin_yuan"] if "margin_yuan" in rows else rows["bill_yuan"]
    lasting, changed = _lasting(rows, signals, book, period)
    chance = model.predict(rows)
    if changed.any():
        chance = np.where(changed, np.fmax(chance, model.predict(lasting)), chance)
    known = rows[["customer_id", *(name for name in _CARRIED if name in rows)]].assign(
        chance_share=chance, value_yuan=margin.astype(float) * value_months
    )
    both = known.merge(signals, on="customer_id", how="outer")
    both = both.sort_values("customer_id", ignore_index=True)
    return make_warning_list(
        both.drop(columns=["chance_share", "value_yuan"]),
        replace(book, plan=replace(book.plan, risk_times=_NEVER)),
        chance_share=both["chance_share"],
        value_yuan=both["value_yuan"],
        listed_on=listed_on,
        period=period,
        contacts=contacts,
        **options,
    )


def _lasting(
    rows: pd.DataFrame, signals: pd.DataFrame, book: WarningBook, period: str
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """Return month rows with what has fired in a period as if it lasted a month, and whose."""
    fired = fire(signals, book, period=period)
    place = pd.Index(signals["customer_id"]).get_indexer(pd.Index(rows["customer_id"]))
    made, changed = rows.copy(), np.zeros(len(rows), dtype=bool)
    for trigger in book.triggers:
        on = (place >= 0) & fired.flags[trigger.name].to_numpy(bool)[place]
        changed |= on
        for column in trigger.limits(period):
            if column not in _LASTING or column not in rows or not on.any():
                continue
            times = PERIOD_DAYS["month"] / PERIOD_DAYS[period] if _LASTING[column] else 1.0
            now = times * signals[column].to_numpy(float)[place]
            before = made[column].to_numpy(float, na_value=np.nan)
            made[column] = np.where(on, np.fmax(before, now), before)
            if column == "bill_fall_share":
                made["bill_yuan"] = made["bill_yuan"] * np.where(on, 1 - now, 1.0)
    return made, changed


def warn_earlier(
    rows: pd.DataFrame,
    book: WarningBook,
    month: date,
    *,
    horizon_months: int,
    kind: Kind = "logit",
    **options: Any,
) -> WarningList | None:
    """Make the list of an earlier month as it would have been made at its end.

    The model is trained on the months whose outcome was known then; nothing later is read but the
    book of today and what the extract has of customers' fixed columns.

    Args:
        rows: Of ``reduce_churn`` with its labels.
        book: Triggers, acts, plan.
        month: The earlier month.
        horizon_months: As the label was made.
        kind: Kind of model.
        options: Of :func:`warn_month`.

    Returns:
        ``None`` where there was no model yet.
    """
    known_then = rows["month"] <= pd.Timestamp(add_months(month, -horizon_months))
    past = rows[known_then & rows[LABEL].notna()]
    if not past[LABEL].astype(bool).any():
        return None
    model = fit_churn(past, kind=kind)
    return warn_month(rows, model, book, month, **options) if model.told else None
