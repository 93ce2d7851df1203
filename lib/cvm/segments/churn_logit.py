"""Maximum likelihood of a logit, blocked in float64, in few passes over the rows.

Newton's method, told apart by what a pass costs. A sample of the rows gives a start that is near,
and its Hessian; steps from there compute the exact gradient alone, which reads the rows once, and
correct that Hessian by what the gradients tell (BFGS). The errors come from the exact Hessian at
the end. The fixed point is that of Newton's method on all rows: a gradient of zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import cho_factor, cho_solve
from threadpoolctl import threadpool_limits

from cvm.core.checks import ArgumentError, check_at_least

FloatArray = npt.NDArray[np.float64]
BLOCK_ROWS = 16_384
FEWEST_TO_SAMPLE = 60_000
SAMPLE_EVERY = 5
LARGEST_LOG_ODDS = 30.0
FAR_ERRORS = 0.3
"""Newton's steps longer than this (standard errors) take the Hessian anew."""
NEAR_TIMES = 100.0
"""Steps within so many times the tolerance are near enough for the last Hessian."""
LARGEST_ERROR = 20.0
"""Standard error × root mean square of a column beyond which a coefficient is not told."""
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
    tolerance: float = 1e-6,
    most_steps: int = 60,
) -> Logit:
    """Fit a logit by maximum likelihood.

    Args:
        columns: Rows × columns, finite; the constant is one of them.
        left: Whether each row left.
        ridge: Penalty: half of ``ridge`` × coefficient² (a number, or one a column).
        tolerance: The last step, by the exact Hessian, is smaller than this, in standard errors;
            what is left after it is of the order of its square.
        most_steps: Most passes over the rows.

    Returns:
        The fit. Where the data cannot tell, coefficients are not numbers and ``reason`` says why.

    Raises:
        ArgumentError: Shapes do not fit, or a value is not finite.
    """
    columns, left, scale = _checked(columns, left)
    rows, width = columns.shape
    penalty = np.broadcast_to(np.asarray(ridge, dtype=float), (width,))
    check_at_least(float(penalty.min()) if width else 0.0, "ridge", 0)
    events = int(left.sum())
    if events in (0, rows):
        return _untold(width, "one_class")
    if min(events, rows - events) < width and not penalty.any():
        return _untold(width, "too_few")
    climb = _Climb(columns=columns, left=left, penalty=penalty, scale=scale)
    if rows >= FEWEST_TO_SAMPLE:
        # Blocks are too small to be shared: threads that wait for each other would cost more.
        with threadpool_limits(limits=1, user_api="blas"):
            return _from_sample(climb, tolerance, most_steps)
    return climb.run(np.zeros(width), None, tolerance, most_steps)


def _from_sample(climb: _Climb, tolerance: float, most_steps: int) -> Logit:
    """Climb from the maximum of every fifth row: spread over months and customers in order."""
    few = slice(None, None, SAMPLE_EVERY)
    near = fit_logit(climb.columns[few], climb.left[few], ridge=climb.penalty, tolerance=1)
    if near.reason:
        return climb.run(np.zeros(len(climb.penalty)), None, tolerance, most_steps)
    # The whole holds so many times as much information.
    inverse = near.covariance / SAMPLE_EVERY
    return climb.run(near.coefficients, inverse, tolerance, most_steps)


@dataclass(frozen=True, kw_only=True)
class _Climb:
    columns: FloatArray
    left: npt.NDArray[np.bool_]
    penalty: FloatArray
    scale: FloatArray

    def run(
        self, at: FloatArray, inverse: FloatArray | None, tolerance: float, most_steps: int
    ) -> Logit:
        """Climb to the maximum from ``at``; without an inverse Hessian, by Newton's own steps."""
        value, gradient, step = -np.inf, np.zeros(len(at)), np.zeros(len(at))
        last_size = np.inf
        for steps in range(1, most_steps + 1):
            # Near the end the Hessian is taken with the gradient: it gives the errors.
            exact = inverse is None or last_size < NEAR_TIMES * tolerance
            got = _pass(self.columns, self.left, at, with_hessian=exact)
            penalised = got.value - 0.5 * float(self.penalty @ at**2)
            if penalised < value - 1e-9 * abs(value):
                # Too far: half the step back.
                step = step / 2
                at = at - step
                continue
            before, value, gradient = gradient, penalised, got.gradient - self.penalty * at
            if got.hessian is not None:
                inverse = _inverse(got.hessian + np.diag(self.penalty))
                if inverse is None:
                    return _untold(len(at), "collinear")
            elif steps > 1 and inverse is not None:
                inverse = _updated(inverse, step, before - gradient)
            assert inverse is not None
            step = inverse @ gradient
            # In standard errors: the step's length in the metric of the Hessian.
            size = float(np.sqrt(max(float(gradient @ step), 0.0)))
            if size < tolerance and got.hessian is not None:
                if (np.sqrt(np.diag(inverse)) * self.scale).max() > LARGEST_ERROR:
                    break
                return Logit(
                    coefficients=at + step,
                    covariance=inverse,
                    log_likelihood=got.value + size**2 / 2,
                    steps=steps,
                )
            # Newton's steps far from the top, or where those without a Hessian do not help.
            far = got.hessian is not None and size > FAR_ERRORS
            if far or (got.hessian is None and size > 0.5 * last_size):
                inverse = None
                step = step if far else np.zeros(len(at))
            last_size, at = size, at + step
            if _runs_away(self.columns, at):
                break
        return _untold(len(at), "separated")


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


def _inverse(matrix: FloatArray) -> FloatArray | None:
    """Return the inverse; ``None`` where a direction is not told by the rows."""
    try:
        factor = cho_factor(matrix, lower=True)
    except np.linalg.LinAlgError:
        return None
    # What is left of each column once those before it are known, as a share of it.
    left_share = np.diag(factor[0]) ** 2 / np.diag(matrix)
    if left_share.min() < 1e-10:
        return None
    return np.asarray(cho_solve(factor, np.eye(len(matrix))))


def _updated(inverse: FloatArray, step: FloatArray, fall: FloatArray) -> FloatArray:
    """Return the inverse Hessian that agrees with the last step (BFGS; Nocedal & Wright, 6.17).

    Args:
        inverse: The one before.
        step: The last step.
        fall: By how much the gradient fell over it.
    """
    along = float(step @ fall)
    if not along > 0:
        return inverse
    side = inverse @ fall
    both = np.outer(step, side)
    return np.asarray(
        inverse
        + (1 + float(fall @ side) / along) * np.outer(step, step) / along
        - (both + both.T) / along
    )


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
) -> tuple[FloatArray, npt.NDArray[np.bool_], FloatArray]:
    """Return columns and label in their own types, and each column's root mean square."""
    columns = np.ascontiguousarray(columns, dtype=float)
    if columns.ndim != 2 or len(columns) != len(left):
        raise ArgumentError(
            "columns", columns.shape, f"rows × columns with {len(left)} rows, one a label"
        )
    squares = np.zeros(columns.shape[1])
    for first in range(0, len(columns), BLOCK_ROWS):
        block = columns[first : first + BLOCK_ROWS]
        squares += np.einsum("ij,ij->j", block, block)
    if not np.isfinite(squares).all():
        raise ArgumentError("columns", "not finite", "finite", action="fill missing values first")
    return columns, np.asarray(left, dtype=bool), np.sqrt(squares / max(len(columns), 1))
