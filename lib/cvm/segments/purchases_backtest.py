"""A model of purchases tested on a later time it has not seen, beside a naive forecast."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import DataError, check_at_least, check_between
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.lifetime_climb import delta_errors
from cvm.segments.purchases import PurchaseFit
from cvm.segments.purchases_words import Of, nouns

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseBacktest(Result):
    """Purchases forecast and purchases that came.

    Attributes:
        rows: One row a number of earlier repeat purchases: repeats, customers, actual_purchases,
            expected_purchases, naive_purchases (each customer goes on at the own past rate).
        mean_absolute_error: Of the model, purchases a customer.
        naive_mean_absolute_error: Of the naive forecast.
        low: Low end of the interval of the model's total: chance, and what the data leave open of
            the parameters (delta method); not that customers may change.
        high: High end.
        confidence: Of the interval.
        of: What was bought, for the words.
        step: Numbers of repeat purchases that share a row, the lowest of which it tells.
    """

    rows: pd.DataFrame
    mean_absolute_error: float
    naive_mean_absolute_error: float
    low: float
    high: float
    confidence: float
    of: Of = "purchases"
    step: int = 1

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_purchases_backtest"

    def summary(self) -> pd.DataFrame:
        """Return the rows and nothing else: they are few."""
        return self.rows

    def text(self, lang: str = "en") -> str:
        """Return whether the model beat the naive forecast, in one sentence."""
        better = self.mean_absolute_error < self.naive_mean_absolute_error
        total = self.rows.sum(numeric_only=True)
        told = say(
            f"segments_lifetime.purchases.{'better' if better else 'worse'}",
            lang,
            actual=format_number(total["actual_purchases"], lang),
            model=format_number(total["expected_purchases"], lang),
            low=format_number(self.low, lang),
            high=format_number(self.high, lang),
            confidence=format_share(self.confidence, decimals=0),
            naive=format_number(total["naive_purchases"], lang),
            model_error=f"{self.mean_absolute_error:.2f}",
            naive_error=f"{self.naive_mean_absolute_error:.2f}",
            purchases=nouns(self.of, lang)["purchases"],
        )
        if not self.low <= total["actual_purchases"] <= self.high:
            told += say("segments_lifetime.purchases.outside", lang)
        return told


def backtest_purchases(
    fit: PurchaseFit,
    customers: pd.DataFrame,
    actual: npt.ArrayLike,
    *,
    ahead: float,
    most: int = 7,
    step: int = 1,
) -> PurchaseBacktest:
    """Compare a fit's forecast of a held-out time with what came.

    Args:
        fit: Fitted to the time before.
        customers: Columns repeats, last_at, observed at the end of that time; with a column
            customers, a row stands for so many who also share the actual purchases.
        actual: Purchases of each in the held-out time.
        ahead: Its length.
        most: From this number of repeat purchases on, customers share a row.
        step: So many numbers of repeat purchases share a row, which tells their lowest.

    Raises:
        DataError: Counts are missing or negative, or not one a row, or the purchases could not be
            told.
    """
    if fit.reason:
        raise DataError("purchases", fit.reason, "purchases that can be told")
    check_at_least(step, "step", 1)
    check_between(ahead, "ahead", low=0, high=1e9, include_low=False)
    came = np.asarray(actual, float)
    if came.shape != (len(customers),) or not np.all(came >= 0):
        raise DataError("actual", f"{came.shape}", "one count, not negative, for each row")
    x, last, end = (customers[name].to_numpy(float) for name in ("repeats", "last_at", "observed"))
    model = fit.expected(x, last, end, ahead)
    naive = np.divide(x, end, out=np.zeros_like(x), where=end > 0) * ahead
    many = customers["customers"].to_numpy(float) if "customers" in customers else np.ones_like(x)
    frame = pd.DataFrame(
        {
            "repeats": (np.minimum(x, most) // step * step).astype(int),
            "customers": many.astype(int),
            "actual_purchases": many * came,
            "expected_purchases": many * model,
            "naive_purchases": many * naive,
        }
    )

    def total(logs: FloatArray) -> FloatArray:
        moved = replace(fit, parameters=np.exp(logs)).expected(x, last, end, ahead)
        return np.array([many @ moved])

    error = delta_errors(total, np.log(fit.parameters), fit.covariance)[0]
    chance = many @ fit.variance(x, last, end, ahead)
    reach = float(norm.ppf((1 + fit.confidence) / 2) * np.sqrt(error**2 + chance))
    expected = float(many @ model)
    return PurchaseBacktest(
        rows=frame.groupby("repeats", as_index=False).sum(min_count=1),
        mean_absolute_error=float(np.average(np.abs(model - came), weights=many)),
        naive_mean_absolute_error=float(np.average(np.abs(naive - came), weights=many)),
        low=max(expected - reach, 0.0),
        high=expected + reach,
        confidence=fit.confidence,
        of=fit.of,
        step=step,
    )
