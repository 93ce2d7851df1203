"""What prepaid customers will buy and be worth: BG/NBD for purchases, Gamma-Gamma for spend."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import minimize
from scipy.stats import norm

from cvm.core.checks import check_at_least, check_between, check_finite
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.lifetime_climb import climb, covariance, with_gradient
from cvm.segments.purchases_counts import Purchases
from cvm.segments.purchases_expect import chance_active, expected_purchases
from cvm.segments.purchases_models import bgnbd_log_likelihood, fold, pareto_log_likelihood
from cvm.segments.purchases_spend import SpendFit

FloatArray = npt.NDArray[np.float64]
NAMES = ("r", "alpha", "a", "b")
_AREA = "segments_lifetime.purchases"
_BOUNDS = np.array([[-8.0, 8.0]] * 4)
_COARSE_FROM = 3_000
_GRID = 32
_EXACT_STEPS = 8
_ENOUGH = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseFit(Result):
    """A BG/NBD model of repeat purchases.

    Attributes:
        purchases: What was fitted.
        parameters: r, alpha, a, b (alpha in the unit of time); NaN if it cannot be told.
        errors: Their standard errors (delta method); NaN where the data leave one open.
        covariance: Of their logarithms [4, 4]; NaN for those the data leave open.
        log_likelihood: At the best fit.
        reason: Empty, or "no_repeat" (nobody bought again), or "no_time" (nothing observed).
        leaving_told: Whether the data show that, and how differently, customers leave.
        confidence: Of the intervals.
    """

    purchases: Purchases
    parameters: FloatArray
    errors: FloatArray
    covariance: FloatArray
    log_likelihood: float
    reason: Literal["", "no_repeat", "no_time"]
    leaving_told: bool
    confidence: float

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_purchases"

    def summary(self) -> pd.DataFrame:
        """Return a row a parameter: estimate, standard error and interval (of its logarithm)."""
        wide = norm.ppf((1 + self.confidence) / 2) * self.errors / self.parameters
        return pd.DataFrame(
            {
                "parameter": NAMES,
                "estimate": self.parameters,
                "error": self.errors,
                "low": self.parameters * np.exp(-wide),
                "high": self.parameters * np.exp(wide),
            }
        )

    def chance_active(self) -> FloatArray:
        """Return the chance to be active of each distinct (x, tx, T); NaN if it cannot be told."""
        rows = self.purchases
        return chance_active(self.parameters, rows.repeats, rows.last_at, rows.observed)

    def expected_purchases(self, ahead: float) -> FloatArray:
        """Return expected purchases in a time ahead of each distinct (x, tx, T)."""
        rows = self.purchases
        if self.reason:
            return np.full(len(rows.customers), np.nan)
        return expected_purchases(self.parameters, rows.repeats, rows.last_at, rows.observed, ahead)

    def by_repeats(self, ahead: float, *, most: int = 7) -> pd.DataFrame:
        """Return a row a number of repeat purchases: customers, chance active, purchases ahead.

        Args:
            ahead: Time ahead.
            most: From this number on, customers share a row.
        """
        rows = self.purchases
        weight = rows.customers
        frame = pd.DataFrame(
            {
                "repeats": np.minimum(rows.repeats, most).astype(int),
                "customers": weight,
                "active_customers": self.chance_active() * weight,
                "expected_purchases": self.expected_purchases(ahead) * weight,
            }
        )
        return frame.groupby("repeats", as_index=False).sum(min_count=1)

    def pareto_check(self) -> float:
        """Return Pareto/NBD's best log-likelihood on the same customers, for comparison.

        It is slower (numeric gradient) and worth asking once: if it is much higher, customers leave
        at other times than after a purchase.
        """
        return fit_pareto(self.purchases)[1] if not self.reason else float("nan")

    def text(self, lang: str = "en") -> str:
        """Return how many customers are still active, or why it cannot be told."""
        if self.reason:
            return say(f"{_AREA}.{self.reason}", lang)
        rows = self.purchases
        active = float(rows.customers @ self.chance_active())
        key = "fit" if self.leaving_told else "nobody_leaves"
        return say(
            f"{_AREA}.{key}",
            lang,
            customers=format_number(rows.total, lang),
            active=format_number(active, lang),
            share=format_share(active / rows.total, decimals=0),
            once=format_number(float(rows.customers[rows.repeats == 0].sum()), lang),
        )


def fit_purchases(purchases: Purchases, *, confidence: float = 0.9) -> PurchaseFit:
    """Fit BG/NBD by maximum likelihood.

    Args:
        purchases: Customers by distinct (x, tx, T), from
            :func:`cvm.segments.purchases_counts.compress`.
        confidence: Of the intervals, within (0, 1).

    Raises:
        ArgumentError: A confidence outside (0, 1).
    """
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    seen = float(purchases.customers @ purchases.observed)
    repeats = float(purchases.customers @ purchases.repeats)
    if not seen or not repeats:
        nothing = np.full(4, np.nan)
        return PurchaseFit(
            purchases=purchases,
            parameters=nothing,
            errors=nothing,
            covariance=np.full((4, 4), np.nan),
            log_likelihood=float("nan"),
            reason="no_repeat" if seen else "no_time",
            leaving_told=False,
            confidence=confidence,
        )
    # Time in units of the mean time observed, so that bounds mean the same in days and weeks.
    unit = seen / purchases.total
    start = np.array([-0.5, -0.5 - np.log(repeats / purchases.total), 0.0, 1.0]).clip(-6, 6)
    point, value, spread = _maximise(purchases.in_units(unit), start)
    parameters, errors = np.exp(point), np.sqrt(np.diag(spread))
    scale = np.array([1, unit, 1, 1])
    return PurchaseFit(
        purchases=purchases,
        parameters=parameters * scale,
        errors=parameters * errors * scale,
        covariance=spread,
        log_likelihood=value - repeats * np.log(unit),
        reason="",
        leaving_told=bool(np.all(np.isfinite(errors[2:]))),
        confidence=confidence,
    )


def _maximise(purchases: Purchases, start: FloatArray) -> tuple[FloatArray, float, FloatArray]:
    """Return the best point (logarithms), its log-likelihood and the covariance there.

    Where distinct (x, tx, T) are very many, times are first rounded to a grid. Its best point is
    close, and its curvature serves for the few steps from there to the exact maximum and for the
    errors (which then differ from the exact ones in the third digit).
    """
    many = len(purchases.customers) > _COARSE_FROM
    rough = purchases.rounded(_GRID) if many else purchases
    data = fold(rough)

    likelihood = partial(bgnbd_log_likelihood, data=data)
    point = climb(likelihood, start, _BOUNDS)
    spread = covariance(likelihood, point, _BOUNDS)
    value = likelihood(point)[0]
    if many:
        data = fold(purchases)
        free = np.nan_to_num(spread)
        value, gradient = bgnbd_log_likelihood(point, data)
        for _ in range(_EXACT_STEPS):
            moved = point + free @ gradient
            new, slope = bgnbd_log_likelihood(moved, data)
            if not new > value:
                break
            gained, point, value, gradient = new - value, moved, new, slope
            if gained < _ENOUGH:
                break
    return point, value, spread


def fit_pareto(purchases: Purchases) -> tuple[FloatArray, float]:
    """Fit Pareto/NBD, as a check of BG/NBD: r, alpha, s, beta and the log-likelihood.

    A general optimiser comes near the top, where it stops at the noise of its own differences;
    Newton steps on a nine-digit gradient go the rest of the way.
    """
    unit = float(purchases.customers @ purchases.observed) / purchases.total
    scale = np.array([0, np.log(unit), 0, np.log(unit)])

    def likelihood(point: FloatArray) -> float:
        return pareto_log_likelihood(point + scale, purchases)

    near = minimize(
        lambda point: -likelihood(point) / purchases.total,
        np.array([-0.5, -0.5, -0.5, -0.5]),
        method="L-BFGS-B",
        bounds=_BOUNDS,
        options={"ftol": 1e-13, "gtol": 1e-7, "maxiter": 1_000},
    )
    point = climb(partial(with_gradient, likelihood), near.x, _BOUNDS, enough=1e-15)
    return np.exp(point + scale), likelihood(point)


def value_prepaid(
    fit: PurchaseFit,
    spend: SpendFit,
    customers: pd.DataFrame,
    *,
    units_ahead: int,
    margin_share: float,
    discount_rate: float,
) -> pd.DataFrame:
    """Return what each prepaid customer is worth over a time ahead.

    Expected purchases of each unit of time, discounted from its end, × expected spend × margin.

    Args:
        fit: Purchases.
        spend: Spend a purchase.
        customers: Columns repeats, last_at, observed, mean_yuan (one row a customer or group).
        units_ahead: How many units of time to look ahead.
        margin_share: Margin a yuan of spend; may be negative.
        discount_rate: Per unit of time, 0 or more.

    Returns:
        ``customers`` with active_chance, expected_purchases, yuan_per_purchase and value_yuan.
    """
    check_at_least(units_ahead, "units_ahead", 1)
    check_finite(margin_share, "margin_share")
    check_at_least(discount_rate, "discount_rate", 0)
    x, last, end = (customers[name].to_numpy(float) for name in ("repeats", "last_at", "observed"))
    before, discounted = np.zeros(len(x)), np.zeros(len(x))
    for unit in range(1, units_ahead + 1):
        upto = expected_purchases(fit.parameters, x, last, end, unit)
        discounted += (upto - before) / (1 + discount_rate) ** unit
        before = upto
    each = spend.expected_yuan(x, customers["mean_yuan"])
    return customers.assign(
        active_chance=chance_active(fit.parameters, x, last, end),
        expected_purchases=before,
        yuan_per_purchase=each,
        value_yuan=discounted * each * margin_share,
    )
