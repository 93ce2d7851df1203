"""Cohorts of contract customers: who is still here after each period, checked and counted.

A cohort joined together. Its table has one row an age: how many of them were still customers after
that many chances to leave. Everything the lifetime models need is the number at risk and the number
lost at each age, so cohorts of different lengths, and cohorts first seen at an age above zero, add
up without bias (they are left truncated: only customers seen at risk count).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_columns

FloatArray = npt.NDArray[np.float64]
POOLED = "all"
_COLUMNS = ["cohort", "age_periods", "customers"]
_UNKNOWN_TIER = "unknown"


@dataclass(frozen=True, kw_only=True, eq=False)
class Risk:
    """Customers at risk and lost by age: the sufficient statistics of a lifetime model.

    Attributes:
        ages: Chances to leave, 1 = the first; ages nobody was seen at are left out.
        at_risk: Customers who stood before that chance.
        lost: Of these, how many left.
    """

    ages: FloatArray
    at_risk: FloatArray
    lost: FloatArray

    @property
    def kept(self) -> FloatArray:
        """Return how many stayed at each chance."""
        return self.at_risk - self.lost

    @property
    def churn_share(self) -> float:
        """Return the share who left a period, of all who stood before a chance; NaN if nobody."""
        total = float(self.at_risk.sum())
        return float(self.lost.sum()) / total if total else float("nan")


@dataclass(frozen=True, kw_only=True, eq=False)
class Cohorts:
    """Checked cohorts.

    Attributes:
        frame: One row a tier, cohort and age: tier, cohort, age_periods, customers; sorted.
        period_months: Months between two chances to leave (1 monthly, 12 yearly contracts).
    """

    frame: pd.DataFrame
    period_months: float = 1.0

    @property
    def tiers(self) -> list[str]:
        """Return the tiers, sorted."""
        return list(self.frame["tier"].unique())

    def latest(self) -> pd.DataFrame:
        """Return each cohort's last row: where it stands now."""
        return self.frame.groupby(["tier", "cohort"], sort=True).tail(1).reset_index(drop=True)

    def risk(self, tier: str | None = None) -> Risk:
        """Return customers at risk and lost by age, of one tier or of all.

        Args:
            tier: The tier; None pools all of them.
        """
        frame = self.frame if tier is None else self.frame[self.frame["tier"] == tier]
        group = frame.groupby(["tier", "cohort"], sort=False)["customers"]
        before = group.shift()
        steps = pd.DataFrame(
            {
                "age": frame["age_periods"],
                "at_risk": before,
                "lost": before - frame["customers"],
            }
        ).dropna()
        total = steps.groupby("age").sum()
        total = total[total["at_risk"] > 0]
        return Risk(
            ages=total.index.to_numpy(float),
            at_risk=total["at_risk"].to_numpy(float),
            lost=total["lost"].to_numpy(float),
        )

    def hold_out(self, periods: int) -> Cohorts:
        """Return the cohorts without their last ``periods`` ages, as they stood then.

        Cohorts that had not joined by then drop out.

        Raises:
            ArgumentError: No cohort is longer than that.
        """
        check_at_least(periods, "periods", 1)
        key = ["tier", "cohort"]
        last = self.frame.groupby(key)["age_periods"].transform("max")
        kept = self.frame[self.frame["age_periods"] <= last - periods]
        if kept.empty:
            raise ArgumentError(
                "periods",
                periods,
                "fewer than the ages of the longest cohort",
                action="hold out fewer periods, or bring longer cohorts",
            )
        return Cohorts(frame=kept.reset_index(drop=True), period_months=self.period_months)


def read_cohorts(frame: pd.DataFrame, *, period_months: float = 1.0) -> Cohorts:
    """Check a table of surviving customers and return it as cohorts.

    Args:
        frame: One row a cohort and age, with columns ``cohort``, ``age_periods`` (chances to leave
            so far; 0 = just joined), ``customers`` (still here) and, if wanted, ``tier``. Rows
            without a tier are kept as tier "unknown".
        period_months: Months between two chances to leave.

    Raises:
        MissingDataError: A column is missing.
        DataError: Counts are missing, negative, fractional or rise with age; an age is missing
            between two others, repeated, negative or fractional; or there is no row.

    Example:
        >>> table = pd.DataFrame(
        ...     {"cohort": "2024", "age_periods": [0, 1, 2], "customers": [100, 80, 70]}
        ... )
        >>> read_cohorts(table).risk().lost
        array([20., 10.])
    """
    check_columns(frame.columns, _COLUMNS, "cohorts")
    check_at_least(period_months, "period_months", 1e-6)
    if frame.empty:
        raise DataError("cohorts", "no rows", "at least one cohort", action="supply cohorts")
    tier = frame["tier"] if "tier" in frame else pd.Series(POOLED, index=frame.index)
    table = pd.DataFrame(
        {
            "tier": tier.astype("object").where(tier.notna(), _UNKNOWN_TIER).astype(str),
            "cohort": frame["cohort"].astype(str),
            "age_periods": _whole(frame, "age_periods"),
            "customers": _whole(frame, "customers"),
        }
    )
    table = table.sort_values(["tier", "cohort", "age_periods"], kind="stable", ignore_index=True)
    _check_steps(table)
    return Cohorts(frame=table, period_months=float(period_months))


def cohorts_from_survivors(
    survivors: Mapping[str, Sequence[float]], *, period_months: float = 1.0
) -> Cohorts:
    """Return cohorts from lists of survivors by age, one cohort a tier.

    Args:
        survivors: Tier to customers still here at ages 0, 1, 2, ….
        period_months: Months between two chances to leave.

    Raises:
        DataError: As :func:`read_cohorts`.
    """
    parts = [
        pd.DataFrame(
            {
                "tier": name,
                "cohort": name,
                "age_periods": np.arange(len(counts)),
                "customers": counts,
            }
        )
        for name, counts in survivors.items()
    ]
    empty = pd.DataFrame(columns=_COLUMNS)
    return read_cohorts(pd.concat(parts) if parts else empty, period_months=period_months)


def _whole(frame: pd.DataFrame, column: str) -> pd.Series:
    """Return a column of non-negative whole numbers, or say which row is not."""
    values = pd.to_numeric(frame[column], errors="coerce")
    wrong = values.isna() | ~np.isfinite(values) | (values < 0) | (values != np.round(values))
    if wrong.any():
        first = frame[wrong].iloc[0]
        raise DataError(
            f"cohorts.{column}",
            first[column],
            "a whole number, not negative, in every row",
            action=f"mend the {int(wrong.sum())} row(s), the first in cohort {first['cohort']}",
        )
    return values.astype(np.int64)


def _check_steps(table: pd.DataFrame) -> None:
    """Check that ages follow one another and that nobody comes back within a cohort."""
    group = table.groupby(["tier", "cohort"], sort=False)
    step = group["age_periods"].diff()
    wrong = step.notna() & (step != 1)
    if wrong.any():
        row = table[wrong].iloc[0]
        raise DataError(
            "cohorts.age_periods",
            f"{row['age_periods']} in cohort {row['cohort']} (tier {row['tier']})",
            "one more than the age before it",
            action="give each cohort every age once, from its first to its last",
        )
    rise = group["customers"].diff()
    wrong = rise > 0
    if wrong.any():
        row = table[wrong].iloc[0]
        raise DataError(
            "cohorts.customers",
            f"{row['customers']} at age {row['age_periods']} of cohort {row['cohort']} "
            f"(tier {row['tier']}), {int(rise[wrong].iloc[0])} more than before",
            "no more than at the age before",
            action="count returning customers as a cohort of their own",
        )
