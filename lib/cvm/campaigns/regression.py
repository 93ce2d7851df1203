"""Linear regression from cells: counts and sums of customers with equal covariates.

A cell of one customer is a row, so the same functions take rows. The cost is that of the cells.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cvm.campaigns.effect import Estimate, Outcome, cannot_tell
from cvm.campaigns.inference import LEAST_CUSTOMERS
from cvm.campaigns.moments import FloatArray
from cvm.campaigns.quantiles import t_p, t_reach
from cvm.core.checks import ArgumentError, DataError, check_one_of

ERRORS = ("classical", "HC0", "HC1", "HC2", "HC3", "cluster")


@dataclass(frozen=True, kw_only=True)
class Cells:
    """Customers with equal covariates, as one row each.

    Attributes:
        design: Covariates, a constant included (cells × columns).
        count: Customers in each cell.
        total: Sum of the outcome.
        squares: Sum of the squared outcome.
        cluster: Branch (or other cluster) of each cell; None if customers are independent.
    """

    design: FloatArray
    count: FloatArray
    total: FloatArray
    squares: FloatArray
    cluster: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        sizes = {len(self.design), len(self.count), len(self.total), len(self.squares)}
        if self.cluster is not None:
            sizes.add(len(self.cluster))
        if self.design.ndim != 2 or len(sizes) != 1:
            raise DataError("cells", sorted(sizes), "columns of one length, design in two axes")
        for name in ("design", "count", "total", "squares"):
            if not np.isfinite(getattr(self, name)).all():
                raise DataError(name, "missing or infinite", "finite in every cell")
        if (self.count <= 0).any():
            raise DataError("count", float(self.count.min()), "above zero in every cell")

    @classmethod
    def from_rows(
        cls,
        outcome: npt.ArrayLike,
        design: npt.ArrayLike,
        cluster: npt.ArrayLike | None = None,
    ) -> Cells:
        """Return cells of one customer each."""
        values = np.asarray(outcome, dtype=np.float64)
        codes = None if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
        return cls(
            design=np.asarray(design, dtype=np.float64),
            count=np.ones(len(values)),
            total=values,
            squares=values**2,
            cluster=codes,
        )


@dataclass(frozen=True, kw_only=True)
class Fit:
    """Coefficients and their covariance.

    Attributes:
        coefficients: One a column of the design.
        covariance: Of the coefficients.
        freedom: Degrees of freedom for t: customers − columns, or clusters − 1.
    """

    coefficients: FloatArray
    covariance: FloatArray
    freedom: float

    @property
    def errors(self) -> FloatArray:
        """Return the standard error of each coefficient."""
        return np.sqrt(np.diag(self.covariance))


def fit(cells: Cells, *, errors: str = "HC2") -> Fit:
    """Fit least squares of the outcome on the design.

    Args:
        cells: The cells.
        errors: ``classical``, ``HC0`` … ``HC3`` (MacKinnon & White 1985), or ``cluster`` (CR1:
            the sandwich of cluster scores × G/(G−1) × (N−1)/(N−k), as Stata and statsmodels do).

    Raises:
        DataError: The columns of the design determine one another, or there are too few customers.
        ArgumentError: Unknown kind of errors, or ``cluster`` without clusters.
    """
    check_one_of(errors, "errors", ERRORS)
    x, n = cells.design, cells.count
    customers, columns = float(n.sum()), x.shape[1]
    if customers <= columns:
        raise DataError("customers", int(customers), f"above the design's {columns} columns")
    scale = np.sqrt(np.maximum((n[:, None] * x**2).sum(axis=0), 1e-300))
    gram = (x / scale).T @ (n[:, None] * (x / scale))
    if np.linalg.cond(gram) > 1e13:
        raise DataError("design", "collinear", "of columns that do not determine one another")
    inverse = np.linalg.inv(gram) / np.outer(scale, scale)
    coefficients = inverse @ (x.T @ cells.total)
    fitted = x @ coefficients
    residual = np.maximum(cells.squares - 2 * fitted * cells.total + n * fitted**2, 0.0)
    freedom = customers - columns
    if errors == "classical":
        covariance = inverse * float(residual.sum()) / freedom
        return Fit(coefficients=coefficients, covariance=covariance, freedom=freedom)
    if errors == "cluster":
        scores, groups = cluster_scores(cells, coefficients)
        meat = scores.T @ scores * (groups / (groups - 1) * (customers - 1) / freedom)
        covariance = inverse @ meat @ inverse
        return Fit(coefficients=coefficients, covariance=covariance, freedom=groups - 1)
    leverage = np.einsum("ij,jk,ik->i", x, inverse, x)
    weight = {
        "HC0": np.ones(len(x)),
        "HC1": np.full(len(x), customers / freedom),
        "HC2": 1 / (1 - leverage),
        "HC3": 1 / (1 - leverage) ** 2,
    }[errors]
    meat = x.T @ ((weight * residual)[:, None] * x)
    return Fit(coefficients=coefficients, covariance=inverse @ meat @ inverse, freedom=freedom)


def cluster_scores(cells: Cells, coefficients: FloatArray) -> tuple[FloatArray, int]:
    """Return each cluster's score at the coefficients (clusters × columns), and their number.

    Raises:
        ArgumentError: The cells have no clusters, or fewer than two.
    """
    if cells.cluster is None:
        raise ArgumentError("cluster", None, "given for errors by cluster")
    labels, codes = np.unique(cells.cluster, return_inverse=True)
    if len(labels) < 2:
        raise ArgumentError("cluster", len(labels), "at least two clusters")
    each = cells.design * (cells.total - cells.count * (cells.design @ coefficients))[:, None]
    columns = each.shape[1]
    scores: FloatArray = np.stack(
        [np.bincount(codes, each[:, k]).astype(np.float64) for k in range(columns)], axis=1
    )
    return scores, len(labels)


def lin_cells(treated: npt.ArrayLike, covariates: npt.ArrayLike, cells: Cells) -> Cells:
    """Return the cells with Lin's design: constant, treated, centred covariates, interactions.

    Args:
        treated: 0 or 1 for each cell.
        covariates: From before the campaign (cells × covariates).
        cells: Counts and sums; its design is replaced.
    """
    arm = np.asarray(treated, dtype=np.float64)
    before = np.asarray(covariates, dtype=np.float64)
    centred = before - np.average(before, axis=0, weights=cells.count)
    design = np.column_stack([np.ones(len(arm)), arm, centred, arm[:, None] * centred])
    return Cells(
        design=design,
        count=cells.count,
        total=cells.total,
        squares=cells.squares,
        cluster=cells.cluster,
    )


def adjust_by_regression(
    outcome: Outcome,
    treated: npt.ArrayLike,
    covariates: npt.ArrayLike,
    cells: Cells,
    *,
    errors: str = "HC2",
    confidence: float = 0.95,
) -> Estimate:
    """Estimate the effect by Lin's fully interacted regression with robust errors.

    Args:
        outcome: What the cells' sums are of.
        treated: 0 or 1 for each cell.
        covariates: From before the campaign (cells × covariates).
        cells: Counts and sums; rows are made by :meth:`Cells.from_rows`.
        errors: As in :func:`fit`.
        confidence: Of the interval (share).

    Sources:
        Lin (2013), Annals of Applied Statistics 7.
    """
    arm = np.asarray(treated, dtype=np.float64)
    known: dict[str, Any] = {
        "method": "lin",
        "confidence": confidence,
        "treated_count": int(cells.count[arm == 1].sum()),
        "control_count": int(cells.count[arm == 0].sum()),
    }
    if not np.isin(arm, (0, 1)).all():
        raise DataError("treated", "other values", "0 or 1 in every cell")
    if not known["control_count"]:
        return cannot_tell(outcome, "no_control", **known)
    if not known["treated_count"]:
        return cannot_tell(outcome, "no_treated", **known)
    if min(known["treated_count"], known["control_count"]) < LEAST_CUSTOMERS:
        return cannot_tell(outcome, "few_customers", **known)
    try:
        found = fit(lin_cells(arm, covariates, cells), errors=errors)
    except DataError:
        return cannot_tell(outcome, "collinear", **known)
    effect, se = float(found.coefficients[1]), float(found.errors[1])
    if se <= 0:
        return cannot_tell(outcome, "no_variation", **known)
    reach = t_reach(confidence, found.freedom) * se
    level = float(found.coefficients[0])
    return Estimate(
        outcome=outcome,
        **known,
        treated_mean=level + effect,
        control_mean=level,
        effect=effect,
        se=se,
        low=effect - reach,
        high=effect + reach,
        p_value=t_p(effect / se, found.freedom),
        relative=effect / level if level else float("nan"),
    )
