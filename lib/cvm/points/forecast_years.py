"""A programme's months and points years so far, and where a forecast may start from them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from cvm.core.months import add_months
from cvm.points.rulebook import RuleBook

MONTHS = 12


def points_years(history: pd.DataFrame, book: RuleBook) -> pd.DataFrame:
    """Return the points years of a history by month, whole ones only.

    Args:
        history: ``month`` and sums by month, of ``reduce_points_flows``.
        book: Says when a points year begins.

    Returns:
        Sums by ``points_year`` with ``member_months`` and ``cost_share``; the cost follows from the
        rules' channels where the ledger carries none.
    """
    months = pd.to_datetime(history["month"])
    frame = history.drop(columns="month").assign(
        points_year=[book.points_year_of(month.date()) for month in months],
        months=(history["members"] > 0).astype(int),
    )
    years = frame.groupby("points_year", as_index=False).sum(min_count=1)
    years = years[years["months"] == MONTHS].reset_index(drop=True)
    rules = book.rules[-1]
    own = [item.mix_share * item.own_cost_yuan_per_point for item in rules.channels]
    unit = sum(own) or rules.redemption.best_yuan_per_point
    years["cost_yuan"] = years["cost_yuan"].fillna(years["redeemed_points"] * unit)
    years["member_months"] = years["members"]
    years["cost_share"] = years["cost_yuan"] / years["revenue_yuan"]
    return years


def history_without_ledger(months: pd.DataFrame) -> pd.DataFrame:
    """Return a history by month that knows members and revenue only; points and cost are missing.

    Args:
        months: ``month``, ``customers`` and ``revenue_yuan`` by month.
    """
    frame = months[["month", "revenue_yuan"]].assign(members=months["customers"].astype("int64"))
    unknown = [f"{name}_points" for name in ("earned", "redeemed", "expired", "forfeited")]
    return frame.assign(**dict.fromkeys([*unknown, "cost_yuan"], np.nan))


def start_months(
    history: pd.DataFrame, years: pd.DataFrame, book: RuleBook, first_month: date
) -> dict[str, date]:
    """Return the months a forecast starts from, those that have a year of data before them.

    Returns:
        ``now`` (``first_month``), ``before`` (a year earlier, to learn from), ``proof`` (the first
        month of the last whole points year, to hold it out) and ``proof_before``.
    """
    seen = pd.to_datetime(history.loc[history["members"] > 0, "month"])
    least = add_months(seen.min().date(), MONTHS)
    found = {"now": first_month}
    if add_months(first_month, -MONTHS) >= least:
        found["before"] = add_months(first_month, -MONTHS)
    if len(years):
        name = int(years["points_year"].iloc[-1])
        proof = min(month.date() for month in seen if book.points_year_of(month.date()) == name)
        if add_months(proof, -MONTHS) >= least:
            found |= {"proof": proof, "proof_before": add_months(proof, -MONTHS)}
    return found


def year_from(history: pd.DataFrame, first_month: date) -> dict[str, float] | None:
    """Return revenue, redeemed points and cost of the twelve months from one on.

    ``None`` unless all twelve are there; what the data do not tell is left out.
    """
    months = pd.to_datetime(history["month"])
    begin, end = pd.Timestamp(first_month), pd.Timestamp(add_months(first_month, MONTHS))
    rows = history[(months >= begin) & (months < end) & (history["members"] > 0)]
    if len(rows) != MONTHS:
        return None
    names = ("revenue_yuan", "redeemed_points", "cost_yuan")
    sums = {name: float(rows[name].sum(min_count=MONTHS)) for name in names}
    return {name: value for name, value in sums.items() if np.isfinite(value)}


def horizon(book: RuleBook, first_month: date, *, years: int = 2) -> int:
    """Return how many months reach the end of so many whole points years.

    Example:
        >>> from cvm.points.rulebook_read import shipped_rulebook
        >>> horizon(shipped_rulebook("sample"), date(2025, 12, 1), years=1)
        12
        >>> horizon(shipped_rulebook("sample"), date(2025, 8, 1), years=1)
        16
    """
    here = book.points_year_of(first_month)
    begins = book.points_year_of(add_months(first_month, -1)) != here
    wanted = here + years - (1 if begins else 0)
    months = 0
    while book.points_year_of(add_months(first_month, months)) <= wanted:
        months += 1
    return months
