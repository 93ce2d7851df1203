"""Counts, means and centred cross-products: what a comparison of arms needs to know of customers.

Moments of two groups add up to the moments of both, so they can be taken by arm, county, tier and
month at the engine and joined afterwards; nothing here grows with the number of customers.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.core.checks import ArgumentError, DataError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Moments:
    """First and second moments of several columns over one group of customers.

    Attributes:
        names: The columns, in order.
        count: Customers in the group.
        means: Mean of each column.
        products: Sums of products of deviations from the means (columns × columns).
    """

    names: tuple[str, ...]
    count: int
    means: FloatArray
    products: FloatArray

    @classmethod
    def from_columns(cls, columns: Mapping[str, npt.ArrayLike]) -> Moments:
        """Take the moments of plain columns, one element a customer.

        Raises:
            DataError: Columns differ in length or hold a missing or infinite value.

        Example:
            >>> Moments.from_columns({"bill_yuan": [10, 20, 60]}).mean("bill_yuan")
            30.0
        """
        rows = _matrix(columns)
        means = rows.mean(axis=1) if rows.shape[1] else np.zeros(len(rows))
        centred = rows - means[:, None]
        return cls(
            names=tuple(columns), count=rows.shape[1], means=means, products=centred @ centred.T
        )

    @classmethod
    def from_sums(
        cls,
        count: int,
        sums: Mapping[str, float],
        products: Mapping[tuple[str, str], float],
        *,
        shifts: Mapping[str, float] | None = None,
    ) -> Moments:
        """Take the moments from sums, as an engine returns them.

        Args:
            count: Customers.
            sums: Sum of each column (minus its shift).
            products: Sum of the products of each pair of columns (minus their shifts), a column
                with itself included; either order of a pair.
            shifts: What was subtracted from each column before summing; near the mean it keeps
                all digits.

        Raises:
            DataError: A sum is missing or infinite, a product of a pair is not given, or a sum of
                squares is too small for its sum.
        """
        names = tuple(sums)
        total = np.array([float(sums[name]) for name in names])
        raw = np.empty((len(names), len(names)))
        for row, one in enumerate(names):
            for column, other in enumerate(names):
                value = products.get((one, other), products.get((other, one)))
                if value is None:
                    raise DataError("products", f"without ({one}, {other})", "given for each pair")
                raw[row, column] = value
        if not (np.isfinite(total).all() and np.isfinite(raw).all()):
            raise DataError("sums", "missing or infinite", "finite", action="drop such rows first")
        means = total / count if count else np.zeros(len(names))
        centred = raw - np.outer(total, means)
        if (np.diag(centred) < -1e-9 * np.maximum(np.abs(np.diag(raw)), 1.0)).any():
            raise DataError("products", "smaller than the squared sum allows", "sums of products")
        np.fill_diagonal(centred, np.maximum(np.diag(centred), 0.0))
        moved = means + np.array([float((shifts or {}).get(name, 0.0)) for name in names])
        return cls(names=names, count=int(count), means=moved, products=centred)

    def __add__(self, other: Moments) -> Moments:
        """Return the moments of both groups together (Chan, Golub & LeVeque 1983)."""
        if self.names != other.names:
            raise ArgumentError("names", other.names, "the same columns", available=self.names)
        count = self.count + other.count
        if not count:
            return self
        gap = other.means - self.means
        return Moments(
            names=self.names,
            count=count,
            means=self.means + gap * (other.count / count),
            products=self.products
            + other.products
            + np.outer(gap, gap) * (self.count * other.count / count),
        )

    def place(self, name: str) -> int:
        """Return the position of a column.

        Raises:
            ArgumentError: There is no such column; the message lists those there are.
        """
        if name not in self.names:
            raise ArgumentError("column", name, "one of the moments", available=self.names)
        return self.names.index(name)

    def mean(self, name: str) -> float:
        """Return the mean of a column."""
        return float(self.means[self.place(name)])

    def variance(self, name: str) -> float:
        """Return the sample variance of a column (divisor n − 1)."""
        return self.covariance(name, name)

    def covariance(self, one: str, other: str) -> float:
        """Return the sample covariance of two columns (divisor n − 1)."""
        if self.count < 2:
            return float("nan")
        return float(self.products[self.place(one), self.place(other)] / (self.count - 1))


def moments_by(
    columns: Mapping[str, npt.ArrayLike], groups: Sequence[Hashable] | npt.NDArray[np.generic]
) -> dict[Hashable, Moments]:
    """Take moments of plain columns in each group.

    Args:
        columns: One element a customer.
        groups: Group of each customer (for instance the arm).

    Raises:
        DataError: Columns differ in length or hold a missing or infinite value.
    """
    rows = _matrix(columns)
    labels, codes = np.unique(np.asarray(groups), return_inverse=True)
    if len(codes) != rows.shape[1]:
        raise DataError("groups", f"{len(codes)} elements", f"{rows.shape[1]}, one a customer")
    found: dict[Hashable, Moments] = {}
    for code, label in enumerate(labels.tolist()):
        part = rows[:, codes == code]
        found[label] = Moments.from_columns(dict(zip(columns, part, strict=True)))
    return found


def _matrix(columns: Mapping[str, npt.ArrayLike]) -> FloatArray:
    arrays = {name: np.asarray(values, dtype=np.float64) for name, values in columns.items()}
    sizes = {name: len(values) for name, values in arrays.items()}
    if len(set(sizes.values())) != 1:
        raise DataError("columns", sizes, "of one length, at least one column")
    for name, values in arrays.items():
        wrong = int((~np.isfinite(values)).sum())
        if wrong:
            raise DataError(
                name,
                f"{wrong} missing or infinite",
                "finite for every customer",
                action="leave those customers out in both arms, and say so",
            )
    return np.stack(list(arrays.values()))
