"""A model of purchases tested on a later time it has not seen, beside a naive forecast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.result import Result
from cvm.segments.purchases import PurchaseFit


@dataclass(frozen=True, kw_only=True, eq=False)
class PurchaseBacktest(Result):
    """Purchases forecast and purchases that came.

    Attributes:
        rows: One row a number of earlier repeat purchases: repeats, customers, actual_purchases,
            expected_purchases, naive_purchases (each customer goes on at the own past rate).
        mean_absolute_error: Of the model, purchases a customer.
        naive_mean_absolute_error: Of the naive forecast.
    """

    rows: pd.DataFrame
    mean_absolute_error: float
    naive_mean_absolute_error: float

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_purchases_backtest"

    def summary(self) -> pd.DataFrame:
        """Return the rows and nothing else: they are few."""
        return self.rows

    def text(self, lang: str = "en") -> str:
        """Return whether the model beat the naive forecast, in one sentence."""
        better = self.mean_absolute_error < self.naive_mean_absolute_error
        total = self.rows.sum(numeric_only=True)
        return say(
            f"segments_lifetime.purchases.{'better' if better else 'worse'}",
            lang,
            actual=format_number(total["actual_purchases"], lang),
            model=format_number(total["expected_purchases"], lang),
            naive=format_number(total["naive_purchases"], lang),
            model_error=f"{self.mean_absolute_error:.2f}",
            naive_error=f"{self.naive_mean_absolute_error:.2f}",
        )


def backtest_purchases(
    fit: PurchaseFit,
    customers: pd.DataFrame,
    actual: npt.ArrayLike,
    *,
    ahead: float,
    most: int = 7,
) -> PurchaseBacktest:
    """Compare a fit's forecast of a held-out time with what came.

    Args:
        fit: Fitted to the time before.
        customers: Columns repeats, last_at, observed at the end of that time; with a column
            customers, a row stands for so many who also share the actual purchases.
        actual: Purchases of each in the held-out time.
        ahead: Its length.
        most: From this number of repeat purchases on, customers share a row.

    Raises:
        DataError: Counts are missing or negative, or not one a row.
    """
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
            "repeats": np.minimum(x, most).astype(int),
            "customers": many.astype(int),
            "actual_purchases": many * came,
            "expected_purchases": many * model,
            "naive_purchases": many * naive,
        }
    )
    return PurchaseBacktest(
        rows=frame.groupby("repeats", as_index=False).sum(min_count=1),
        mean_absolute_error=float(np.average(np.abs(model - came), weights=many)),
        naive_mean_absolute_error=float(np.average(np.abs(naive - came), weights=many)),
    )
