"""What prepaid customers will buy and be worth: purchases, and Gamma-Gamma for what they spend.

BG/NBD and MBG/NBD are for purchases at any time (recharges by day), BG/BB for what happens at most
once a month.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import check_between, check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.lifetime_climb import climb, covariance
from cvm.segments.purchases_counts import Purchases
from cvm.segments.purchases_expect import chance_active, expected_purchases
from cvm.segments.purchases_models import BOUNDS, bgnbd_log_likelihood, fit_pareto, fold
from cvm.segments.purchases_months import (
    bgbb_log_likelihood,
    chance_active_months,
    check_months,
    expected_months,
)
from cvm.segments.purchases_spread import months_variance, purchases_variance
from cvm.segments.purchases_words import KINDS, Of, nouns

FloatArray = npt.NDArray[np.float64]
Model = Literal["bgnbd", "mbgnbd", "bgbb"]
NAMES: dict[Model, tuple[str, ...]] = {
    "bgnbd": ("r", "alpha", "a", "b"),
    "mbgnbd": ("r", "alpha", "a", "b"),
    "bgbb": ("alpha", "beta", "gamma", "delta"),
}
RECHARGE_MODELS: tuple[Model, ...] = ("bgnbd", "mbgnbd")
FIRST: dict[Model, int] = {"bgnbd": 0, "mbgnbd": 1}
"""Purchases before the first repeat after which a customer may leave."""
_AREA = "segments_lifetime.purchases"
_COARSE_FROM = 3_000
_GRID = 32
_EXACT_STEPS = 8
_ENOUGH = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseFit(Result):
    """A model of repeat purchases.

    Attributes:
        purchases: What was fitted.
        model: ``bgnbd``, ``mbgnbd`` or ``bgbb``.
        parameters: r, alpha, a, b (alpha in the unit of time), or alpha, beta, gamma, delta; NaN if
            it cannot be told.
        errors: Their standard errors (delta method); NaN where the data leave one open.
        covariance: Of their logarithms [4, 4]; NaN for those the data leave open.
        log_likelihood: At the best fit.
        reason: Empty, or "no_repeat" (nobody bought again), or "no_time" (nothing observed).
        leaving_told: Whether the data show that, and how differently, customers leave.
        confidence: Of the intervals.
        of: What was bought, for the words.
    """

    purchases: Purchases
    model: Model
    parameters: FloatArray
    errors: FloatArray
    covariance: FloatArray
    log_likelihood: float
    reason: Literal["", "no_repeat", "no_time"]
    leaving_told: bool
    confidence: float
    of: Of = "purchases"

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_purchases"

    def summary(self) -> pd.DataFrame:
        """Return a row a parameter: estimate, standard error and interval (of its logarithm)."""
        wide = norm.ppf((1 + self.confidence) / 2) * self.errors / self.parameters
        return pd.DataFrame(
            {
                "parameter": NAMES[self.model],
                "estimate": self.parameters,
                "error": self.errors,
                "low": self.parameters * np.exp(-wide),
                "high": self.parameters * np.exp(wide),
            }
        )

    def active(
        self, repeats: npt.ArrayLike, last_at: npt.ArrayLike, observed: npt.ArrayLike
    ) -> FloatArray:
        """Return the chance to be active of customers with x, tx, T; NaN if it cannot be told."""
        if self.reason:
            return np.full(np.shape(repeats), np.nan)
        if self.model == "bgbb":
            return chance_active_months(self.parameters, repeats, last_at, observed)
        return chance_active(self.parameters, repeats, last_at, observed, first=FIRST[self.model])

    def expected(
        self,
        repeats: npt.ArrayLike,
        last_at: npt.ArrayLike,
        observed: npt.ArrayLike,
        ahead: float,
    ) -> FloatArray:
        """Return expected purchases in a time ahead of customers with x, tx, T."""
        if self.reason:
            return np.full(np.shape(repeats), np.nan)
        told = self.parameters, repeats, last_at, observed, ahead
        if self.model == "bgbb":
            return expected_months(*told)
        return expected_purchases(*told, first=FIRST[self.model])

    def variance(
        self,
        repeats: npt.ArrayLike,
        last_at: npt.ArrayLike,
        observed: npt.ArrayLike,
        ahead: float,
    ) -> FloatArray:
        """Return the variance of a customer's purchases in a time ahead, parameters being known."""
        if self.reason:
            return np.full(np.shape(repeats), np.nan)
        told = self.parameters, repeats, last_at, observed, ahead
        if self.model == "bgbb":
            return months_variance(*told)
        return purchases_variance(*told, first=FIRST[self.model])

    def chance_active(self) -> FloatArray:
        """Return the chance to be active of each distinct (x, tx, T); NaN if it cannot be told."""
        rows = self.purchases
        return self.active(rows.repeats, rows.last_at, rows.observed)

    def expected_purchases(self, ahead: float) -> FloatArray:
        """Return expected purchases in a time ahead of each distinct (x, tx, T)."""
        rows = self.purchases
        return self.expected(rows.repeats, rows.last_at, rows.observed, ahead)

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

        It is slower (numeric gradient) and worth asking once: if it is much higher than BG/NBD's,
        customers leave at other times than after a purchase. NaN beside BG/BB, whose likelihood is
        of months and not of times.
        """
        if self.reason or self.model == "bgbb":
            return float("nan")
        return fit_pareto(self.purchases)[1]

    def text(self, lang: str = "en") -> str:
        """Return how many customers are still active, or why it cannot be told."""
        if self.reason:
            return say(f"{_AREA}.{self.reason}", lang, **nouns(self.of, lang))
        rows = self.purchases
        active = float(rows.customers @ self.chance_active())
        key = "fit" if self.model == "bgnbd" else "active"
        if not self.leaving_told:
            key = "nobody_leaves"
        return say(
            f"{_AREA}.{key}",
            lang,
            customers=format_number(rows.total, lang),
            active=format_number(active, lang),
            share=format_share(active / rows.total, decimals=0),
            once=format_number(float(rows.customers[rows.repeats == 0].sum()), lang),
            again=nouns(self.of, lang)["again"],
        )


def fit_purchases(
    purchases: Purchases,
    *,
    model: Model = "bgnbd",
    confidence: float = 0.9,
    of: Of = "purchases",
) -> PurchaseFit:
    """Fit BG/NBD or MBG/NBD, or BG/BB for what happens at most once a month, by likelihood.

    Args:
        purchases: Customers by distinct (x, tx, T), from
            :func:`cvm.segments.purchases_counts.compress`.
        model: ``bgnbd`` for purchases at any time; ``mbgnbd`` if customers may also leave after
            the first one; ``bgbb`` where a month has one or none.
        confidence: Of the intervals, within (0, 1).
        of: What was bought, for the words.

    Raises:
        ArgumentError: A confidence outside (0, 1), another model or other words.
        DataError: For ``bgbb``, times are not whole months, or purchases more than one a month.
    """
    check_one_of(model, "model", NAMES)
    check_one_of(of, "of", KINDS)
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    seen = float(purchases.customers @ purchases.observed)
    repeats = float(purchases.customers @ purchases.repeats)
    if not seen or not repeats:
        nothing = np.full(4, np.nan)
        return PurchaseFit(
            purchases=purchases,
            model=model,
            parameters=nothing,
            errors=nothing,
            covariance=np.full((4, 4), np.nan),
            log_likelihood=float("nan"),
            reason="no_repeat" if seen else "no_time",
            leaving_told=False,
            confidence=confidence,
            of=of,
        )
    unit, scale = 1.0, np.ones(4)
    if model == "bgbb":
        check_months(purchases)
        likelihood = partial(bgbb_log_likelihood, purchases=purchases)
        point = climb(likelihood, np.array([0.0, 0.0, -0.7, 1.0]), BOUNDS)
        value, spread = likelihood(point)[0], covariance(likelihood, point, BOUNDS)
    else:
        # Time in units of the mean time observed, so that bounds mean the same in days and weeks.
        unit = seen / purchases.total
        scale[1] = unit
        start = np.array([-0.5, -0.5 - np.log(repeats / purchases.total), 0.0, 1.0]).clip(-6, 6)
        point, value, spread = _maximise(purchases.in_units(unit), start, FIRST[model])
    parameters, errors = np.exp(point), np.sqrt(np.diag(spread))
    return PurchaseFit(
        purchases=purchases,
        model=model,
        parameters=parameters * scale,
        errors=parameters * errors * scale,
        covariance=spread,
        log_likelihood=value - repeats * np.log(unit),
        reason="",
        leaving_told=bool(np.all(np.isfinite(errors[2:]))),
        confidence=confidence,
        of=of,
    )


def fit_recharges(purchases: Purchases, *, confidence: float = 0.9) -> PurchaseFit:
    """Fit BG/NBD and MBG/NBD and return the likelier one; they have as many parameters.

    Args:
        purchases: As :func:`fit_purchases`, which says what is raised.
        confidence: Of the intervals, within (0, 1).
    """
    fits = [
        fit_purchases(purchases, model=model, confidence=confidence, of="recharges")
        for model in RECHARGE_MODELS
    ]
    return max(fits, key=lambda fit: fit.log_likelihood) if not fits[0].reason else fits[0]


def _maximise(
    purchases: Purchases, start: FloatArray, first: int
) -> tuple[FloatArray, float, FloatArray]:
    """Return the best point (logarithms), its log-likelihood and the covariance there.

    Where distinct (x, tx, T) are very many, times are first rounded to a grid. Its best point is
    close, and its curvature serves for the few steps from there to the exact maximum and for the
    errors (which then differ from the exact ones in the third digit).
    """
    many = len(purchases.customers) > _COARSE_FROM
    rough = purchases.rounded(_GRID) if many else purchases
    data = fold(rough, first=first)

    likelihood = partial(bgnbd_log_likelihood, data=data)
    point = climb(likelihood, start, BOUNDS)
    spread = covariance(likelihood, point, BOUNDS)
    value = likelihood(point)[0]
    if many:
        data = fold(purchases, first=first)
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
