"""The top of a smooth likelihood of a few parameters, and its curvature.

For two to four parameters a damped Newton method takes a handful of steps; a general optimiser's
own bookkeeping would cost more than the likelihoods it is asked to maximise here.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Function = Callable[[FloatArray], tuple[float, FloatArray]]
EDGE = 1e-3
_STEP = 1e-4
_WIDE_STEP = 1e-2
_LONGEST = 3.0
_MOST_STEPS = 60
_MOST_DAMPING = 1e8


def curvature(function: Function, point: FloatArray) -> FloatArray:
    """Return minus the second derivatives, by central differences of the exact gradient.

    Args:
        function: Returns a value and its gradient.
        point: Where.
    """
    rows = []
    for place in range(len(point)):
        move = np.zeros(len(point))
        move[place] = _STEP
        rows.append((function(point - move)[1] - function(point + move)[1]) / (2 * _STEP))
    found = np.array(rows)
    return (found + found.T) / 2


def covariance(function: Function, point: FloatArray, bounds: FloatArray) -> FloatArray:
    """Return the inverse curvature at a maximum; NaN for coordinates at a bound.

    Args:
        function: Returns a log-likelihood and its gradient.
        point: Where it is highest.
        bounds: Low and high of each coordinate [n, 2].
    """
    free = np.flatnonzero((point > bounds[:, 0] + EDGE) & (point < bounds[:, 1] - EDGE))
    found = np.full((len(point), len(point)), np.nan)
    if len(free):
        inner = curvature(function, point)[np.ix_(free, free)]
        if np.all(np.linalg.eigvalsh(inner) > 0):
            found[np.ix_(free, free)] = np.linalg.inv(inner)
    return found


def delta_errors(
    totals: Callable[[FloatArray], FloatArray], point: FloatArray, spread: FloatArray
) -> FloatArray:
    """Return the standard errors of functions of estimates (delta method).

    Args:
        totals: Returns the figures at a point.
        point: The estimates.
        spread: Their covariance [n, n]; what is missing in it counts as known.
    """
    moves = _STEP * np.eye(len(point))
    slopes = np.array(
        [(totals(point + move) - totals(point - move)) / (2 * _STEP) for move in moves]
    )
    return np.sqrt(np.einsum("ik,ij,jk->k", slopes, np.nan_to_num(spread), slopes))


def with_gradient(
    function: Callable[[FloatArray], float], point: FloatArray
) -> tuple[float, FloatArray]:
    """Return a value and its gradient by five-point differences, for a function without a gradient.

    The wide stencil keeps nine digits of a log-likelihood's slope, where a narrow one would lose
    them to rounding.

    Args:
        function: Returns a value.
        point: Where; coordinates of order one, such as logarithms.
    """

    def across(move: FloatArray) -> float:
        near = function(point + move) - function(point - move)
        far = function(point + 2 * move) - function(point - 2 * move)
        return (8 * near - far) / (12 * _WIDE_STEP)

    moves = _WIDE_STEP * np.eye(len(point))
    return function(point), np.array([across(move) for move in moves])


def climb(
    function: Function, point: FloatArray, bounds: FloatArray, *, enough: float = 1e-12
) -> FloatArray:
    """Return the top reached from a point by damped Newton steps within bounds.

    Args:
        function: Returns a value and its gradient.
        point: Where to start.
        bounds: Low and high of each coordinate [n, 2].
        enough: Stop when a step gains less than this share of the value.
    """
    low, high = bounds.T
    damping = 1e-2
    value, gradient = function(point)
    for _ in range(_MOST_STEPS):
        stuck = ((point <= low) & (gradient < 0)) | ((point >= high) & (gradient > 0))
        free = np.flatnonzero(~stuck)
        if not len(free):
            return point
        levels, axes = np.linalg.eigh(curvature(function, point)[np.ix_(free, free)])
        # Where the surface bends up, its size still says how far a step may go.
        levels = np.maximum(np.abs(levels), 1e-9)
        along = axes.T @ gradient[free]
        gained = 0.0
        while damping < _MOST_DAMPING:
            step = np.clip(axes @ (along / (levels + damping * levels.max())), -_LONGEST, _LONGEST)
            moved = point.copy()
            moved[free] = np.clip(point[free] + step, low[free], high[free])
            new, slope = function(moved)
            if new >= value:
                gained, point, value, gradient = new - value, moved, new, slope
                damping = max(damping / 20, 1e-12)
                break
            damping *= 10
        if gained <= enough * abs(value):
            return point
    return point
