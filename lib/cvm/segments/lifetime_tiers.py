"""Who is worth what: further life and discounted value of a customer, by tier, within a horizon."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import check_between, check_columns
from cvm.core.result import Result
from cvm.segments.lifetime import LifetimeFit
from cvm.segments.lifetime_ahead import Ahead, interval, look_ahead
from cvm.segments.lifetime_words import tiers_text

CARD_ORDER = ("diamond", "gold", "silver", "vip", "none", "unknown")
_NOT_EARNED = "not_earned"


@dataclass(frozen=True, kw_only=True, eq=False)
class TierLifetimes(Result):
    """Today's customers by tier: how much longer they stay, and what they are worth.

    Attributes:
        table: One row a tier, highest card first: tier, reason (empty, or why it cannot be told),
            customers, further_months, earned_yuan (a month), value_yuan (a customer, discounted,
            within the horizon), point_yuan (what one percentage point more retention a year adds to
            it), elasticity, each with ``_low`` and ``_high``; and total_yuan, all its customers.
        ahead: One row a tier and month ahead: tier, ahead_periods, staying_share, low, high.
        total: customers, value_yuan, low_yuan, high_yuan of what could be told.
        horizon_months: Months looked ahead.
        stated: discount_rate_year and confidence, for the reader.
    """

    table: pd.DataFrame
    ahead: pd.DataFrame
    total: dict[str, float]
    horizon_months: int
    stated: dict[str, float] = field(default_factory=dict)

    view: ClassVar[str] = "cvm.views.segments_lifetime_tiers:plot_tier_values"

    def summary(self) -> pd.DataFrame:
        """Return a row a tier."""
        return self.table

    def text(self, lang: str = "en") -> str:
        """Return who is worth most and least, and what cannot be told, in a few sentences."""
        return tiers_text(self.table, self.total, self.horizon_months, self.stated, lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tiers and the shares staying by month ahead."""
        return {"summary": self.table, "ahead": self.ahead}


def value_tiers(
    fit: LifetimeFit,
    today: pd.DataFrame,
    earned: pd.DataFrame,
    *,
    horizon_months: int = 60,
    discount_rate_year: float = 0.10,
    order: Sequence[str] = CARD_ORDER,
) -> TierLifetimes:
    """Return what today's customers are worth, by tier.

    A value is the discounted renewals within the horizon × what a month earns. Its interval joins
    that of the renewals (profile likelihood) and that of the month (sampling) in squares (MOVER).

    Args:
        fit: Lifetimes of monthly cohorts, by tier or of all together.
        today: Today's customers: tier, age_periods, customers
            (:meth:`cvm.segments.lifetime_spans.Spans.today`).
        earned: :func:`cvm.segments.lifetime_earned.earned_by_tier`. A tier without a figure has a
            life but no value.
        horizon_months: Months looked ahead.
        discount_rate_year: Yearly discount rate, above 0.
        order: Tiers in the order wanted; others follow by name.

    Raises:
        ArgumentError: A horizon below a month or a discount rate not above 0.
        MissingDataError: A column is missing.
    """
    check_between(discount_rate_year, "discount_rate_year", low=0, high=10, include_low=False)
    check_columns(earned.columns, ["tier", "earned_yuan", "error_yuan"], "earned")
    months = fit.cohorts.period_months
    rate = float((1 + discount_rate_year) ** (months / 12) - 1)
    found = look_ahead(fit, today, round(horizon_months / months))
    known = {name: place for place, name in enumerate(order)}
    found.sort(key=lambda item: (known.get(item.tier, len(known)), item.tier))
    by_tier = {
        name: (float(month), float(error))
        for name, month, error in zip(
            *(earned[column] for column in ("tier", "earned_yuan", "error_yuan")), strict=True
        )
    }
    wide = float(norm.ppf((1 + fit.confidence) / 2))
    rows = [_row(item, by_tier, rate, months, wide) for item in found]
    table = pd.DataFrame(rows)
    return TierLifetimes(
        table=table,
        ahead=pd.concat([_shares(item) for item in found], ignore_index=True),
        total=_total(table, together=not fit.by_tier),
        horizon_months=horizon_months,
        stated={"discount_rate_year": discount_rate_year, "confidence": fit.confidence},
    )


def _row(
    item: Ahead, earned: Mapping[str, tuple[float, float]], rate: float, months: float, wide: float
) -> dict[str, object]:
    month, error = earned.get(item.tier, (np.nan, np.nan))
    reason = item.reason or ("" if np.isfinite(month) else _NOT_EARNED)
    # One customer's mean has no error that could be measured: its interval is not known either.
    value = _product(interval(item.discounted(rate)), months * month, months * error * wide)
    point = _product(interval(item.point_gain(rate)), months * month, months * error * wide)
    further = tuple(months * part for part in interval(item.further()))
    life = interval(item.elasticity(rate))
    return {
        "tier": item.tier,
        "reason": reason,
        "customers": int(item.customers),
        **_three("further_months", further),
        **_three("earned_yuan", (month, month - wide * error, month + wide * error)),
        **_three("value_yuan", value),
        **_three("point_yuan", point),
        **_three("elasticity", life),
        "total_yuan": item.customers * value[0],
    }


def _product(
    many: tuple[float, float, float], each: float, wide: float
) -> tuple[float, float, float]:
    """Return a number of renewals × what each earns, and the limits of the product."""
    best = many[0] * each
    edges = sorted((many[1] * each, many[2] * each))
    spread = many[0] * wide
    if np.isnan(best):
        return best, edges[0], edges[1]
    return (
        best,
        best - float(np.hypot(best - edges[0], spread)),
        best + float(np.hypot(edges[1] - best, spread)),
    )


def _three(name: str, values: Sequence[float]) -> dict[str, float]:
    return dict(zip((name, f"{name}_low", f"{name}_high"), map(float, values), strict=True))


def _shares(item: Ahead) -> pd.DataFrame:
    steps = range(item.staying.shape[1])
    values = np.array([interval(item.staying[:, step]) for step in steps])
    return pd.DataFrame(
        {
            "tier": item.tier,
            "ahead_periods": np.arange(1, len(values) + 1),
            "staying_share": values[:, 0],
            "low": values[:, 1],
            "high": values[:, 2],
        }
    )


def _total(table: pd.DataFrame, *, together: bool) -> dict[str, float]:
    """Return the total of what could be told, with its interval.

    Tiers fitted apart err apart, and their limits add in squares; tiers that share one fit move
    together, and theirs add up.
    """
    told = table[table["reason"] == ""]
    best = float(told["total_yuan"].sum()) if len(told) else np.nan
    below = told["customers"] * (told["value_yuan"] - told["value_yuan_low"])
    above = told["customers"] * (told["value_yuan_high"] - told["value_yuan"])
    joined = [
        float(part.sum() if together else np.sqrt((part**2).sum())) for part in (below, above)
    ]
    return {
        "customers": float(told["customers"].sum()),
        "value_yuan": best,
        "low_yuan": best - joined[0],
        "high_yuan": best + joined[1],
    }
