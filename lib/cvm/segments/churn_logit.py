"""Maximum likelihood of a logit, blocked in float64, in few passes over the rows.

Newton's method, told apart by what a pass costs. A sample of the rows gives a start that is near;
one pass at it gives the exact gradient and Hessian; further steps keep that Hessian and compute the
gradient alone, which reads the rows once. The errors come from the Hessian at the end. The fixed
point is the same as that of Newton's method on all rows: a gradient of zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve

from cvm.core.checks import ArgumentError, check_at_least

FloatArray = npt.NDArray[np.float64]
BLOCK_ROWS = 16_384
FEWEST_TO_SAMPLE = 60_000
SAMPLE_EVERY = 5
LARGEST_LOG_ODDS = 30.0
FAR_ERRORS, NEAR_ERRORS = 0.3, 1e-5
LARGEST_ERROR = 20.0
"""Standard error a standard deviation (log odds) beyond which a coefficient is not told."""
Reason = Literal["", "one_class", "too_few", "collinear", "separated"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Logit:
    """A fitted logit.

    Attributes:
        coefficients: Log odds a unit of each column.
        covariance: Of the coefficients, from the inverse Hessian.
        log_likelihood: At the coefficients, without the penalty.
        steps: Passes over the rows.
        reason: Empty, or why the coefficients cannot be told: ``"one_class"`` (nobody left, or
            everybody), ``"too_few"`` (fewer of either than columns), ``"collinear"`` (a column is
            a sum of others), ``"separated"`` (some columns tell leavers or stayers exactly, so the
            maximum lies at infinity).
    """

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float
    steps: int
    reason: Reason = ""

    @property
    def errors(self) -> FloatArray:
        """Standard errors of the coefficients."""
        return np.sqrt(np.diag(self.covariance))


def fit_logit(
    columns: FloatArray,
    left: npt.NDArray[np.bool_],
    *,
    ridge: float | FloatArray = 0.0,
    tolerance: float = 1e-8,
    most_steps: int = 60,
) -> Logit:
    """Fit a logit by maximum likelihood.

    Args:
        columns: Rows × columns, finite; the constant is one of them.
        left: Whether each row left.
        ridge: Penalty: half of ``ridge`` × coefficient² (a number, or one a column).
        tolerance: The last step is smaller than this, in standard errors.
        most_steps: Most passes over the rows.

    Returns:
        The fit. Where the data cannot tell, coefficients are not numbers and ``reason`` says why.

    Raises:
        ArgumentError: Shapes do not fit, or a value is not finite.
    """
    columns, left = _checked(columns, left)
    rows, width = columns.shape
    penalty = np.broadcast_to(np.asarray(ridge, dtype=float), (width,))
    check_at_least(float(penalty.min()) if width else 0.0, "ridge", 0)
    events = int(left.sum())
    if events in (0, rows):
        return _untold(width, "one_class")
    if min(events, rows - events) < width and not penalty.any():
        return _untold(width, "too_few")
    start = np.zeros(width)
    if rows >= FEWEST_TO_SAMPLE:
        # Every fifth row: months and customers stand in order, so this is spread over both.
        near = fit_logit(columns[::SAMPLE_EVERY], left[::SAMPLE_EVERY], ridge=penalty, tolerance=1)
        if not near.reason:
            start = near.coefficients
    return _climb(columns, left, penalty, start, tolerance, most_steps)


def _climb(
    columns: FloatArray,
    left: npt.NDArray[np.bool_],
    penalty: FloatArray,
    start: FloatArray,
    tolerance: float,
    most_steps: int,
) -> Logit:
    at, value, step, last_size = start, -np.inf, np.zeros(len(start)), np.inf
    factor: tuple[FloatArray, bool] | None = None
    for steps in range(1, most_steps + 1):
        # Near the end the Hessian is taken with the gradient: it gives the errors.
        ends = last_size < NEAR_ERRORS
        got = _pass(columns, left, at, with_hessian=factor is None or ends)
        penalised = got.value - 0.5 * float(penalty @ at**2)
        if penalised < value - 1e-9 * abs(value):
            # Too far: half the step back.
            step = step / 2
            at = at - step
            continue
        value, gradient = penalised, got.gradient - penalty * at
        if got.hessian is not None:
            factor = _factor(got.hessian + np.diag(penalty))
            if factor is None:
                return _untold(len(at), "collinear")
        assert factor is not None
        step = np.asarray(cho_solve(factor, gradient))
        # In standard errors: the step's length in the metric of the Hessian.
        size = float(np.sqrt(max(float(gradient @ step), 0.0)))
        if size < tolerance and got.hessian is not None:
            inverse = np.asarray(cho_solve(factor, np.eye(len(at))))
            if (np.sqrt(np.diag(inverse)) * columns.std(axis=0)).max() > LARGEST_ERROR:
                break
            return Logit(coefficients=at, covariance=inverse, log_likelihood=got.value, steps=steps)
        # Far from the top, or where the Hessian kept no longer helps, it is taken anew.
        kept = got.hessian is None
        if size > FAR_ERRORS or (kept and size > 0.1 * last_size) or size < tolerance:
            factor = None
        last_size, at = size, at + step
        if _runs_away(columns, at):
            break
    return _untold(len(start), "separated")


@dataclass(frozen=True, kw_only=True)
class _Pass:
    value: float
    gradient: FloatArray
    hessian: FloatArray | None


def _pass(
    columns: FloatArray, left: npt.NDArray[np.bool_], at: FloatArray, *, with_hessian: bool
) -> _Pass:
    """Return the log-likelihood, its gradient and the negative Hessian, block by block."""
    rows, width = columns.shape
    value, gradient = 0.0, np.zeros(width)
    hessian = np.zeros((width, width)) if with_hessian else None
    buffer = np.empty((min(BLOCK_ROWS, rows), width)) if with_hessian else None
    for first in range(0, rows, BLOCK_ROWS):
        block, gone = columns[first : first + BLOCK_ROWS], left[first : first + BLOCK_ROWS]
        odds = block @ at
        # e^−|x| never overflows; from it follow the share and log(1 + e^x).
        small = np.exp(-np.abs(odds))
        large = 1 / (1 + small)
        share = np.where(odds >= 0, large, small * large)
        value += float(odds @ gone - np.maximum(odds, 0).sum() + np.log(large).sum())
        gradient += (gone - share) @ block
        if hessian is not None and buffer is not None:
            weighted = buffer[: len(block)]
            np.multiply(block, (np.sqrt(small) * large)[:, None], out=weighted)
            hessian += weighted.T @ weighted
    return _Pass(value=value, gradient=gradient, hessian=hessian)


def _factor(matrix: FloatArray) -> tuple[FloatArray, bool] | None:
    """Return the Cholesky factor; ``None`` where a direction is not told by the rows."""
    try:
        factor: tuple[FloatArray, bool] = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:
        return None
    # What is left of each column once those before it are known, as a share of it.
    left_share = np.diag(factor[0]) ** 2 / np.diag(matrix)
    return factor if left_share.min() > 1e-10 else None


def _runs_away(columns: FloatArray, at: FloatArray) -> bool:
    few = columns[:: max(1, len(columns) // 4_096)]
    return bool(np.median(np.abs(few @ at)) > LARGEST_LOG_ODDS) or not np.isfinite(at).all()


def _untold(width: int, reason: Reason) -> Logit:
    unknown = np.full(width, np.nan)
    return Logit(
        coefficients=unknown,
        covariance=np.full((width, width), np.nan),
        log_likelihood=float("nan"),
        steps=0,
        reason=reason,
    )


def _checked(
    columns: FloatArray, left: npt.NDArray[np.bool_]
) -> tuple[FloatArray, npt.NDArray[np.bool_]]:
    columns = np.ascontiguousarray(columns, dtype=float)
    if columns.ndim != 2 or len(columns) != len(left):
        raise ArgumentError(
            "columns", columns.shape, f"rows × columns with {len(left)} rows, one a label"
        )
    if not np.isfinite(columns).all():
        raise ArgumentError("columns", "not finite", "finite", action="fill missing values first")
    return columns, np.asarray(left, dtype=bool)
