"""Maximum likelihood of a lifetime model, its errors, and the contour that gives every interval.

The interval of any figure (a parameter, a projected share, a discounted value) is its range over
the parameters whose log-likelihood lies within half a chi-square quantile of the best: the profile
likelihood interval. The contour is found once; every interval is then a minimum and a maximum.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.stats import chi2

from cvm.segments.lifetime_climb import EDGE, climb, covariance, curvature
from cvm.segments.lifetime_models import (
    BOUNDS,
    Model,
    log_likelihood,
    log_likelihood_and_gradient,
    parameters,
)
from cvm.segments.survival_cohorts import Risk

FloatArray = npt.NDArray[np.float64]
Reason = Literal["", "no_period", "nobody_left", "everyone_left", "one_period"]
_DIRECTIONS = {2: 256, 3: 900}
_STEPS = 26


@dataclass(frozen=True, kw_only=True, eq=False)
class Estimate:
    """A lifetime model fitted to one group of cohorts, or why it could not be.

    Attributes:
        name: The group (a tier, or "all").
        model: "sbg" or "bdw".
        risk: What was fitted.
        reason: Empty if the model could be told; else why not.
        point: Coordinates of the best fit; NaN if not told.
        covariance: Of the coordinates; NaN where the data leave a coordinate at its bound.
        log_likelihood: At the best fit.
        alike: Whether the data show no difference between customers (alpha at its bound).
    """

    name: str
    model: Model
    risk: Risk
    reason: Reason
    point: FloatArray
    covariance: FloatArray
    log_likelihood: float
    alike: bool = False
    _contours: dict[float, FloatArray] = field(default_factory=dict, repr=False)

    @property
    def told(self) -> bool:
        """Return whether the model could be told."""
        return not self.reason

    @property
    def alpha_beta_c(self) -> tuple[float, float, float]:
        """Return alpha, beta and c (1 for sBG)."""
        alpha, beta, c = parameters(self.point)
        return float(alpha), float(beta), float(c)

    @property
    def standard_errors(self) -> tuple[float, float, float]:
        """Return standard errors of alpha, beta and c by the delta method (0 for sBG's c)."""
        alpha, beta, c = self.alpha_beta_c
        size = len(self.point)
        slopes = np.zeros((3, size))
        slopes[0, 1] = alpha
        slopes[1, :2] = [-beta, beta]
        if size > 2:
            slopes[2, 2] = c
        spread = np.einsum("ij,jk,ik->i", slopes, self.covariance, slopes)
        found = np.sqrt(spread)
        return float(found[0]), float(found[1]), float(found[2]) if size > 2 else 0.0

    def most_churn(self, confidence: float) -> float:
        """Return the highest churn a period the data allow where nobody left (exact binomial)."""
        at_risk = float(self.risk.at_risk.sum())
        return float(1 - (1 - confidence) ** (1 / at_risk)) if at_risk else float("nan")

    def contour(self, confidence: float) -> FloatArray:
        """Return the best point and points on the profile contour [k, 2 or 3]."""
        if confidence not in self._contours:
            self._contours[confidence] = _trace(self, float(chi2.ppf(confidence, 1)) / 2)
        return self._contours[confidence]


def estimate(name: str, risk: Risk, model: Model) -> Estimate:
    """Fit a model to customers at risk and lost by age.

    Args:
        name: The group's name.
        risk: At risk and lost by age.
        model: "sbg" or "bdw".

    Returns:
        The estimate; if the data cannot tell, an estimate that says why.
    """
    size = 3 if model == "bdw" else 2
    reason = _reason(risk)
    if reason:
        nothing = np.full(size, np.nan)
        return Estimate(
            name=name,
            model=model,
            risk=risk,
            reason=reason,
            point=nothing,
            covariance=np.full((size, size), np.nan),
            log_likelihood=float("nan"),
        )
    bounds = BOUNDS[:size]

    likelihood = partial(log_likelihood_and_gradient, risk=risk)
    first = np.clip(risk.lost[0] / risk.at_risk[0], 1e-5, 1 - 1e-5)
    odds = float(np.log(first / (1 - first)))
    point = bounds[:, 1]
    for log_alpha in (0.0, 3.0):
        found = climb(likelihood, np.array([odds, log_alpha, 0.0][:size]), bounds)
        if likelihood(found)[0] > likelihood(point)[0]:
            point = found
        if np.all((point > bounds[:, 0] + EDGE) & (point < bounds[:, 1] - EDGE)):
            break
    return Estimate(
        name=name,
        model=model,
        risk=risk,
        reason="",
        point=point,
        covariance=covariance(likelihood, point, bounds),
        log_likelihood=likelihood(point)[0],
        alike=bool(point[1] >= bounds[1, 1] - 0.1),
    )


def _reason(risk: Risk) -> Reason:
    if not len(risk.ages):
        return "no_period"
    if not risk.lost.sum():
        return "nobody_left"
    if not risk.kept.sum():
        return "everyone_left"
    if len(risk.ages) < 2:
        return "one_period"
    return ""


def _trace(fitted: Estimate, drop: float) -> FloatArray:
    """Return points where the log-likelihood lies ``drop`` below its best, in all directions."""
    point, risk = fitted.point, fitted.risk
    size = len(point)
    low, high = BOUNDS[:size].T
    values, vectors = np.linalg.eigh(
        curvature(partial(log_likelihood_and_gradient, risk=risk), point)
    )
    # A flat direction is scanned as far as the bounds; the cap keeps it finite.
    axes = vectors / np.sqrt(np.maximum(values, 1e-3))
    rays = _directions(size) @ axes.T
    with np.errstate(divide="ignore"):
        room = np.where(rays > 0, (high - point) / rays, (low - point) / rays)
    most = np.where(rays == 0, np.inf, room).min(axis=1).clip(min=0)
    inner: FloatArray = np.zeros(len(rays))
    outer: FloatArray = most
    guess: FloatArray = np.minimum(np.sqrt(2 * drop), most)
    for _ in range(_STEPS):
        value = log_likelihood(point + guess[:, None] * rays, risk)
        far = fitted.log_likelihood - value > drop
        inner, outer = np.where(far, inner, guess), np.where(far, guess, outer)
        # Doubling first, then halving: the likelihood is close to a bowl.
        doubled = np.minimum(2 * guess, outer)
        guess = np.asarray(np.where(~far & (doubled < outer), doubled, (inner + outer) / 2))
    return np.vstack([point, point + inner[:, None] * rays])


def _directions(size: int) -> FloatArray:
    """Return unit directions spread evenly: a circle, or a Fibonacci sphere."""
    count = _DIRECTIONS[size]
    turn = np.arange(count) + 0.5
    if size == 2:
        angle = 2 * np.pi * turn / count
        return np.column_stack([np.cos(angle), np.sin(angle)])
    height = 1 - 2 * turn / count
    golden = np.pi * (1 + 5**0.5) * turn
    ring = np.sqrt(1 - height**2)
    return np.column_stack([ring * np.cos(golden), ring * np.sin(golden), height])
