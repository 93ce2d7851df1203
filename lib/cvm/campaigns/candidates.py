"""The contacted and those at risk beside them, as plain columns ready to be compared."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns.moments import FloatArray
from cvm.core.checks import ArgumentError, DataError, check_at_least, check_columns

BEFORE = "before_"
LOGS = (
    "before_bill_yuan",
    "before_bill_mean_yuan",
    "before_calling_circle",
    "before_forwarding_minutes",
    "before_tenure_months",
)
"""Covariates that enter as they are and as logarithms."""
GROUPS = (
    "vip_tier",
    "county",
    "brand",
    "customer_type",
    "payment",
    "tariff",
    "number_range",
)
FIRST = (
    "period",
    "before_bill_fall",
    "before_complaints_recent",
    "before_forwarding_minutes_log",
    "before_bill_yuan_log",
    "before_bill_mean_yuan_log",
    "before_tenure_months_log",
    "before_off_net_share",
    "before_calling_circle_log",
    "before_arrears_recent",
    "before_handset_lock",
)
"""Covariates kept first where the contacted are too few for all of them."""
CONTACTED_A_COVARIATE, LEAST_COVARIATES = 5, 8
LEAST_IN_LEVEL = 10
"""Contacted customers a category needs to be told apart from the rest."""
MOST_MISSING = 0.10
"""Share of rows without complete months from which nothing is told."""


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """One row a customer and month at risk.

    Attributes:
        treated: Contacted in the row's month.
        period: Month of the row.
        customer: Customer of the row.
        covariates: From before the contact (rows × covariates), finite.
        names: Of the covariates.
        columns: Outcomes, placebos and levels before, by name; NaN where not known.
        window_months: Months over which outcomes are counted.
        window_open: Whether some of those months are not in the data yet.
        incomplete_share: Rows left out since months in service are missing.
        filled: Covariates with missing values → share filled by the mean (and marked).
        unknown: Covariates the data do not have.
        left_out: Covariates left out since too few customers were contacted to weigh them all.
    """

    treated: npt.NDArray[np.bool_]
    period: npt.NDArray[np.int64]
    customer: npt.NDArray[np.generic]
    covariates: FloatArray
    names: tuple[str, ...]
    columns: Mapping[str, FloatArray]
    window_months: int
    window_open: bool = False
    incomplete_share: float = 0.0
    filled: Mapping[str, float] = field(default_factory=dict)
    unknown: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.treated)

    def column(self, name: str) -> FloatArray:
        """Return a column by name.

        Raises:
            MissingDataError: There is none.
        """
        check_columns(self.columns, [name], "candidates")
        return self.columns[name]

    def knows(self, name: str) -> bool:
        """Return whether a column is there and known for somebody."""
        return name in self.columns and bool(np.isfinite(self.columns[name]).any())

    def covariate(self, name: str) -> FloatArray:
        """Return a covariate by name.

        Raises:
            MissingDataError: There is none.
        """
        check_columns(self.names, [name], "covariates")
        values: FloatArray = self.covariates[:, self.names.index(name)]
        return values

    @property
    def reason(self) -> str:
        """Return why nothing can be told before anything is tried; empty if it can."""
        if self.window_open:
            return "window_open"
        if self.incomplete_share > MOST_MISSING:
            return "missing_months"
        if not self.treated.any():
            return "no_treated"
        return "" if not self.treated.all() else "no_control"

    def some(self, rows: npt.NDArray[np.bool_]) -> Candidates:
        """Return the same with some of the rows."""
        return replace(
            self,
            treated=self.treated[rows],
            period=self.period[rows],
            customer=self.customer[rows],
            covariates=self.covariates[rows],
            columns={name: values[rows] for name, values in self.columns.items()},
        )


def pick_campaign(
    campaigns: pd.DataFrame, wanted: str | None = None, *, design: str = "targeted"
) -> pd.Series:
    """Return the row of the campaign to judge.

    Args:
        campaigns: Contract table ``campaigns``.
        wanted: Its identifier; if not given, the latest of the design (of all, where designs are
            not recorded).
        design: ``targeted``, ``holdout`` or ``staggered``.

    Raises:
        ArgumentError: There is no such campaign, or none of the design; the message lists them.
    """
    check_columns(campaigns.columns, ("campaign_id", "start_month"), "campaigns")
    available = campaigns["campaign_id"].tolist()
    if wanted is not None:
        found = campaigns[campaigns["campaign_id"] == wanted]
        if found.empty:
            raise ArgumentError("campaign", wanted, "a campaign of the data", available=available)
        return found.iloc[0]
    found = campaigns_of(campaigns, design)
    if found.empty:
        raise ArgumentError("design", design, "that of a campaign", available=available)
    return found.iloc[-1]


def campaigns_of(campaigns: pd.DataFrame, design: str = "targeted") -> pd.DataFrame:
    """Return the campaigns of a design by start; all of them where designs are not recorded.

    Args:
        campaigns: Contract table ``campaigns``.
        design: ``targeted``, ``holdout`` or ``staggered``.
    """
    check_columns(campaigns.columns, ("campaign_id", "start_month"), "campaigns")
    known = "design" in campaigns.columns and campaigns["design"].notna().any()
    found = campaigns[campaigns["design"] == design] if known else campaigns
    return found.sort_values("start_month", kind="stable")


def make_candidates(
    rows: pd.DataFrame, *, window_months: int, leave_out: Sequence[str] = ()
) -> Candidates:
    """Make plain columns from the rows the engine reduced a campaign to.

    Columns that begin with ``before_`` and the groups become covariates: numbers as they are
    (bills, circle, forwarding and tenure as logarithms too), categories as flags with the rare ones
    together. A missing number is filled with the mean and marked by a flag of its own. Everything
    else that is a number is kept as an outcome.

    Args:
        rows: As :func:`cvm.data.reduce_campaigns_matched.reduce_campaign_rows` gives them.
        window_months: Months over which outcomes were counted.
        leave_out: Covariates not to use, by column.

    Raises:
        MissingDataError: ``customer_id``, ``period`` or ``treated`` is missing.
        DataError: There are no rows, or a covariate is infinite.

    Sources:
        Rosenbaum & Rubin (1984), JASA 79 (flags for what is missing).
    """
    check_columns(rows.columns, ("customer_id", "period", "treated"), "rows")
    check_at_least(window_months, "window_months", 1)
    if rows.empty:
        raise DataError("rows", 0, "customers at risk", action="check the campaign's months")
    observed = rows.get("observed_months", pd.Series(window_months, index=rows.index))
    missing = rows.get("missing_months", pd.Series(0, index=rows.index)) > 0
    kept = rows.loc[~missing.to_numpy()]
    if kept.empty:
        raise DataError("rows.missing_months", "above 0 in every row", "0 in most rows")
    used = [name for name in kept.columns if name.startswith(BEFORE) and name not in leave_out]
    numbers, filled, unknown = _numbers(kept, used)
    groups = [name for name in GROUPS if name in kept.columns and name not in leave_out]
    flags = _flags(kept, groups, unknown)
    treated = kept["treated"].to_numpy(dtype=np.bool_)
    columns, left_out = _weighable({**numbers, **flags}, int(treated.sum()))
    names = tuple(columns)
    return Candidates(
        treated=treated,
        period=kept["period"].to_numpy(dtype=np.int64),
        customer=kept["customer_id"].to_numpy(),
        covariates=np.column_stack([columns[name] for name in names])
        if names
        else np.zeros((len(kept), 0)),
        names=names,
        columns=_others(kept),
        window_months=int(window_months),
        window_open=bool((observed < window_months).any()),
        incomplete_share=float(missing.mean()),
        filled=filled,
        unknown=tuple(unknown),
        left_out=left_out,
    )


def _weighable(
    columns: dict[str, FloatArray], contacted: int
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return the covariates that vary, as many as the contacted can bear, and those left out."""
    varying = {name: values for name, values in columns.items() if np.ptp(values) > 0}
    rank = {name: place for place, name in enumerate(FIRST)}
    order = sorted(varying, key=lambda name: rank.get(name.split("=")[0], len(rank)))
    most = max(LEAST_COVARIATES, contacted // CONTACTED_A_COVARIATE)
    return {name: varying[name] for name in order[:most]}, tuple(order[most:])


def _numbers(
    rows: pd.DataFrame, used: Sequence[str]
) -> tuple[dict[str, FloatArray], dict[str, float], list[str]]:
    columns: dict[str, FloatArray] = {}
    filled: dict[str, float] = {}
    unknown: list[str] = []
    for name in used:
        values = rows[name].to_numpy(dtype=np.float64, na_value=math.nan)
        gaps = np.isnan(values)
        if gaps.all():
            unknown.append(name)
            continue
        if np.isinf(values).any():
            raise DataError(f"rows.{name}", "infinite", "finite or missing in every row")
        if gaps.any():
            filled[name] = float(gaps.mean())
            values = np.where(gaps, values[~gaps].mean(), values)
            columns[f"{name}_missing"] = gaps.astype(np.float64)
        columns[name] = values
        if name in LOGS and values.min() >= 0:
            columns[f"{name}_log"] = np.log1p(values)
    return columns, filled, unknown


def _flags(rows: pd.DataFrame, groups: Sequence[str], unknown: list[str]) -> dict[str, FloatArray]:
    """Return a flag for each level with enough contacted customers, the commonest left out."""
    treated = rows["treated"].to_numpy(dtype=np.bool_)
    flags: dict[str, FloatArray] = {}
    for name in (*groups, "period"):
        levels = rows[name].astype("object").where(rows[name].notna(), None)
        if all(level is None for level in levels):
            unknown.append(name)
            continue
        text = levels.astype(str).to_numpy(dtype=object)
        counts = pd.Series(text[treated]).value_counts()
        told = sorted(counts.index[counts >= LEAST_IN_LEVEL])
        if len(told) == len(set(text)) and told:
            told.remove(counts.index[0])
        flags |= {f"{name}={level}": (text == level).astype(np.float64) for level in told}
    return flags


def _others(rows: pd.DataFrame) -> dict[str, FloatArray]:
    left = [
        name
        for name in rows.columns
        if name not in ("customer_id", "period", "treated", *GROUPS)
        and (pd.api.types.is_numeric_dtype(rows[name]) or rows[name].isna().all())
    ]
    return {name: rows[name].to_numpy(dtype=np.float64, na_value=math.nan) for name in left}
