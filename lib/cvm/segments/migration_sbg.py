"""The chain's value of a tier beside that of sBG, and where the difference comes from.

Both start from the same margin, discount rate and base, pay this year's margin first, and decide
about leaving once a year. They differ in three things, taken in turn:

* *moves*: the chain lets tiers change, sBG keeps everybody in the tier of today;
* *years*: the chain's leaving is that of its one year, sBG's that of all years counted;
* *loyalty*: the chain takes customers of a tier for alike, sBG (Fader & Hardie 2007) knows that
  those who have stayed long leave less.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number, format_yuan
from cvm.core.result import Result
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_discount import discounted_renewals
from cvm.segments.lifetime_estimate import Estimate
from cvm.segments.lifetime_words import join_names
from cvm.segments.migration import CONFIDENCE, Migration, tier_name
from cvm.segments.migration_chain import period_rate
from cvm.segments.survival_cohorts import Cohorts, read_cohorts

FloatArray = npt.NDArray[np.float64]
_EVERY = 4
PARTS = ("moves_yuan", "years_yuan", "loyalty_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class ReconciledValue(Result):
    """What a customer of each tier is worth by the chain and by sBG, and why they differ.

    Attributes:
        rows: One row a tier that anybody holds: ``customers`` (today, age known), ``chain_yuan``
            with ``chain_low`` and ``chain_high``, ``lifetime_yuan`` with ``lifetime_low`` and
            ``lifetime_high`` (90 %; NaN where sBG cannot be told, with the ``reason``), and the
            difference of the two as the sum of ``moves_yuan``, ``years_yuan`` and ``loyalty_yuan``.
            A tier of too few customers for the chain has NaN there, and ``few_customers``.
        ageless: Customers of today left out of sBG's age mix: month of joining or tier unknown.
    """

    view: ClassVar[str] = "cvm.views.segments_migration_flows:plot_values"

    rows: pd.DataFrame
    ageless: int

    def summary(self) -> pd.DataFrame:
        """Return the tiers."""
        return self.rows

    def mean(self) -> dict[str, float]:
        """Return every value averaged over today's customers of tiers that sBG can tell."""
        told = self.rows[(self.rows["reason"] == "") & (self.rows["customers"] > 0)]
        columns = ["chain_yuan", "lifetime_yuan", *PARTS]
        if told.empty:
            return dict.fromkeys(columns, float("nan"))
        return {name: float(np.average(told[name], weights=told["customers"])) for name in columns}

    def text(self, lang: str = "en") -> str:
        """Return the two values of a customer, and the parts of their difference."""
        mean = self.mean()
        untold = self.rows.loc[self.rows["reason"] != "", "tier"]
        told = ""
        if not np.isnan(mean["chain_yuan"]):
            told = say(
                "segments_migration.values.text",
                lang,
                chain=format_yuan(mean["chain_yuan"], lang),
                lifetime=format_yuan(mean["lifetime_yuan"], lang),
                **{part.removesuffix("_yuan"): _signed(mean[part], lang) for part in PARTS},
            )
        if len(untold):
            names = join_names([tier_name(tier, lang) for tier in untold], lang)
            told += say("segments_migration.values.untold", lang, tiers=names)
        if self.ageless:
            count = format_number(self.ageless, lang)
            told += say("segments_migration.values.ageless", lang, customers=count)
        return told


def reconcile_values(
    migration: Migration, ages: pd.DataFrame, *, margin_share: float, yearly_discount: float
) -> ReconciledValue:
    """Set the chain's values beside those of sBG, tier by tier, and take the difference apart.

    Args:
        migration: The chain of one year.
        ages: Of ``reduce_tier_ages``: who was there by tier and age, and stayed a year.
        margin_share: Margin ÷ bill.
        yearly_discount: Discount rate a year.

    Raises:
        ArgumentError: The chain's period is not a year.
        DataError: A tier had no customer before but has now, or no age is known.
    """
    if migration.months_apart != 12:
        raise ArgumentError("migration.months_apart", migration.months_apart, "12, as sBG's year")
    check_columns(ages.columns, ["years_ago", "tier", "age_years", "customers", "stayed"], "ages")
    chain = migration.value_yuan(margin_share, yearly_discount)
    size = len(migration.tiers)
    here = migration.counts[:size, :size].sum(axis=1)
    earned = 12 * margin_share * _mean_bills(migration)
    keep = 1 / (1 + period_rate(yearly_discount, 12))
    known = ages[ages["age_years"].notna() & ages["tier"].isin(migration.tiers)]
    fit = fit_lifetime(_cohorts(known), by_tier=True, confidence=CONFIDENCE)
    now = known[known["years_ago"] == 0]
    fitted = {item.name: item for item in fit.estimates}
    rows = []
    for at, tier in enumerate(migration.tiers):
        few = tier in migration.few
        if np.isnan(chain["value_yuan"][at]) and not few:
            continue  # Nobody holds it.
        base = now[now["tier"] == tier]
        same = earned[at] / (1 - keep * here[at] / (here[at] + migration.counts[at, -1]))
        item = fitted.get(tier)
        alike, lifetime = _kept(item, base, yearly_discount)
        mean, low, high = earned[at] * lifetime
        value = float(chain["value_yuan"][at])
        rows.append(
            {
                "tier": tier,
                "customers": int(base["customers"].sum()),
                "chain_yuan": value,
                "chain_low": chain["low_yuan"][at],
                "chain_high": chain["high_yuan"][at],
                "lifetime_yuan": mean,
                "lifetime_low": min(low, high),
                "lifetime_high": max(low, high),
                "moves_yuan": value - same,
                "years_yuan": same - earned[at] * alike,
                "loyalty_yuan": earned[at] * alike - mean,
                "reason": "few_customers" if few else _reason(item, base),
            }
        )
    today = int(ages.loc[ages["years_ago"] == 0, "customers"].sum())
    return ReconciledValue(rows=pd.DataFrame(rows), ageless=today - int(now["customers"].sum()))


def _mean_bills(migration: Migration) -> FloatArray:
    size = len(migration.tiers)
    kept = np.ix_(range(size), [*range(size), -1])
    total = migration.counts[kept].sum(axis=1)
    bills = migration.bills[kept].sum(axis=1)
    return np.divide(bills, total, out=np.full(size, np.nan), where=total > 0)


def _cohorts(known: pd.DataFrame) -> Cohorts:
    """Return each year's customers of an age as a cohort seen from that age to the next."""
    past = known[known["years_ago"] > 0]
    if past.empty:
        raise DataError(
            "ages", "none known", "customers of past years with a month of joining",
            action="bring joined_month",
        )  # fmt: skip
    age = past["age_years"].astype(int)
    cohort = past["years_ago"].astype(str) + " years ago, age " + age.astype(str)
    first = pd.DataFrame(
        {"tier": past["tier"], "cohort": cohort, "age_periods": age, "customers": past["customers"]}
    )
    later = first.assign(age_periods=age + 1, customers=past["stayed"])
    return read_cohorts(pd.concat([first, later]), period_months=12.0)


def _kept(
    item: Estimate | None, base: pd.DataFrame, yearly_discount: float
) -> tuple[float, FloatArray]:
    """Return years' margins a customer is worth who keeps the tier: all alike, and sBG's.

    sBG's is the mean over the ages of today's customers, with the limits of its profile.
    """
    if item is None or _reason(item, base):
        return float("nan"), np.full(3, np.nan)
    keep = 1 / (1 + yearly_discount)
    stay = float(item.risk.kept.sum() / item.risk.at_risk.sum())
    edge = item.contour(CONFIDENCE)
    age = base["age_years"].astype(int).to_numpy()
    points = np.vstack([edge[:1], edge[1::_EVERY]])
    renewals, _ = discounted_renewals(points, int(age.max()), yearly_discount)
    weights = base["customers"].to_numpy(float)
    years = 1 + keep * renewals[:, age] @ (weights / weights.sum())
    return 1 / (1 - keep * stay), np.array([years[0], years.min(), years.max()])


def _reason(item: Estimate | None, base: pd.DataFrame) -> str:
    if item is None:
        return "no_period"
    return item.reason or ("no_customer" if base.empty else "")


def _signed(amount: float, lang: str) -> str:
    return ("+" if amount > 0 else "") + format_yuan(amount, lang)
