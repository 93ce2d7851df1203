"""How concentrated value is: Lorenz curve, Gini coefficient, deciles, top shares.

Gini is that of the whole base, G = Σ (2i − n − 1) v_i ÷ (n Σ v), values in rising order (no
small-sample correction); for cells of customers it takes those within a cell to be alike, so it is
a lower bound that is exact for cells of one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result

FloatArray = npt.NDArray[np.float64]
TOP_SHARES = (0.01, 0.05, 0.1, 0.2, 0.5)


@dataclass(frozen=True, kw_only=True, eq=False)
class Concentration(Result):
    """How value is spread over customers.

    Attributes:
        customer_share: Share of customers, least valuable first, from 0 to 1.
        value_share: Share of value they hold; NaN if total value is not above 0.
        gini: 0 if all are alike, near 1 if one holds everything; above 1 is possible where some
            values are negative; NaN if total value is not above 0.
        customers: Customers in all.
        total: Value of all.
        negative_customers: Customers whose value is below 0.
        values: Mean value of each step of the curve.
        top: Shares of customers that :meth:`summary` asks about.
    """

    customer_share: FloatArray
    value_share: FloatArray
    gini: float
    customers: float
    total: float
    negative_customers: float
    values: FloatArray
    top: tuple[float, ...] = TOP_SHARES

    view: ClassVar[str] = "cvm.views.segments_lifetime:plot_lorenz"

    def share_of_top(self, share: float) -> float:
        """Return the share of value held by the most valuable ``share`` of customers."""
        check_between(share, "share", low=0, high=1)
        return float(1 - np.interp(1 - share, self.customer_share, self.value_share))

    def summary(self) -> pd.DataFrame:
        """Return a row a top share: the share of value it holds."""
        return pd.DataFrame(
            {
                "top_customers_share": self.top,
                "value_share": [self.share_of_top(share) for share in self.top],
            }
        )

    def deciles(self, parts: int = 10) -> pd.DataFrame:
        """Return equal parts of the customers, least valuable first, with what each holds.

        Customers at a cut are split in proportion, so ties never move a decile.

        Returns:
            Columns decile (1 = least valuable), customers, value, value_share, mean_value.
        """
        cuts = np.linspace(0, 1, parts + 1)
        steps = np.diff(self.customer_share)
        held = np.concatenate([[0.0], np.cumsum(steps * self.customers * self.values)])
        value = np.diff(np.interp(cuts, self.customer_share, held))
        size = self.customers / parts
        return pd.DataFrame(
            {
                "decile": np.arange(1, parts + 1),
                "customers": size,
                "value": value,
                "value_share": value / self.total if self.total > 0 else np.nan,
                "mean_value": value / size,
            }
        )

    def lorenz(self) -> pd.DataFrame:
        """Return the Lorenz curve."""
        return pd.DataFrame(
            {"customer_share": self.customer_share, "value_share": self.value_share}
        )

    def text(self, lang: str = "en") -> str:
        """Return what the best tenth holds, and how many customers lose money."""
        if np.isnan(self.gini):
            return say("segments_lifetime.concentration.cannot_tell", lang)
        text = say(
            "segments_lifetime.concentration.fit",
            lang,
            top=format_share(self.share_of_top(0.1), decimals=0),
            gini=f"{self.gini:.2f}",
        )
        if self.negative_customers:
            text += say(
                "segments_lifetime.concentration.negative",
                lang,
                customers=format_number(self.negative_customers, lang),
            )
        return text

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return top shares, deciles and the curve (at most 1,000 points of it)."""
        curve = self.lorenz()
        if len(curve) > 1_000:
            curve = curve.iloc[np.unique(np.linspace(0, len(curve) - 1, 1_000).astype(int))]
        return {"summary": self.summary(), "deciles": self.deciles(), "lorenz": curve}


def measure_concentration(
    values: npt.ArrayLike,
    customers: npt.ArrayLike | None = None,
    *,
    top: Sequence[float] = TOP_SHARES,
) -> Concentration:
    """Measure how concentrated value is.

    Args:
        values: Value of each customer, or the mean value of each cell of customers. Negative
            values are allowed and counted.
        customers: Customers of each cell; one each if left out. Cells without any are left out.
        top: Shares of customers to ask about.

    Raises:
        DataError: Nobody, a value or count that is missing or infinite, or a negative count.

    Example:
        >>> round(measure_concentration([1, 2, 3, 4, 5]).gini, 5)
        0.26667
    """
    value = np.asarray(values, float).ravel()
    count = np.ones(len(value)) if customers is None else np.asarray(customers, float).ravel()
    if count.shape != value.shape:
        raise DataError("customers", f"{len(count)} counts", f"one for each of {len(value)} values")
    for name, numbers, right in (
        ("values", value, np.isfinite(value)),
        ("customers", count, np.isfinite(count) & (count >= 0)),
    ):
        if not right.all():
            row = int(np.flatnonzero(~right)[0])
            kind = "known and finite" if name == "values" else "known and not negative"
            raise DataError(name, numbers[row], f"{kind} (row {row + 1})")
    for share in top:
        check_between(share, "top", low=0, high=1)
    value, count = value[count > 0], count[count > 0]
    if not len(value):
        raise DataError("customers", "none", "at least one customer")
    order = np.argsort(value, kind="stable")
    value, count = value[order], count[order]
    people, held = np.cumsum(count), np.cumsum(count * value)
    total, everyone = float(held[-1]), float(people[-1])
    shares = np.concatenate([[0.0], people / everyone])
    curve, gini = np.full(len(shares), np.nan), float("nan")
    if total > 0:
        curve = np.concatenate([[0.0], held / total])
        gini = float(1 - np.sum(np.diff(shares) * (curve[1:] + curve[:-1])))
    return Concentration(
        customer_share=shares,
        value_share=curve,
        gini=gini,
        customers=everyone,
        total=total,
        negative_customers=float(count[value < 0].sum()),
        values=value,
        top=tuple(top),
    )
