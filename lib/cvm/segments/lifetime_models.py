"""The sBG and BdW lifetime models: retention, survival, likelihood and its gradient.

Each customer leaves at each chance with a probability of their own, drawn once from a
beta(alpha, beta) distribution. Retention of the cohort rises with age because those who leave
easily leave first. sBG (shifted beta-geometric): Fader & Hardie (2007), "How to project customer
retention". BdW (beta-discrete-Weibull): Fader, Hardie, Liu, Davin & Steenburgh (2018); the power
``c`` lets each customer's own chance fall (c < 1) or rise (c > 1) with age; c = 1 is sBG:
S(t) = B(alpha, beta + t^c) / B(alpha, beta).

Points of the parameter space are rows of *coordinates*: log odds of leaving at the first chance
(log alpha/beta), log alpha, log c. A large alpha means customers alike.
"""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import gammaln, psi

from cvm.segments.survival_cohorts import Risk

FloatArray = npt.NDArray[np.float64]
Model = Literal["sbg", "bdw"]
MODELS: tuple[Model, ...] = ("sbg", "bdw")
BOUNDS = np.array([[-14.0, 14.0], [-5.0, 8.0], [-2.5, 1.5]])
_STIRLING_FROM = 30.0


def parameters(points: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return alpha, beta and c of coordinates [..., 2 or 3]."""
    alpha = np.exp(points[..., 1])
    c = np.exp(points[..., 2]) if points.shape[-1] > 2 else np.ones_like(alpha)
    return alpha, np.exp(points[..., 1] - points[..., 0]), c


def log_rising(z: FloatArray, step: FloatArray) -> FloatArray:
    """Return log Γ(z + step) − log Γ(z) without losing digits when z is large."""
    big = np.maximum(z, _STIRLING_FROM)
    end = big + step
    series = (
        (end - 0.5) * np.log1p(step / big)
        + step * (np.log(big) - 1)
        + (1 / end - 1 / big) / 12
        - (1 / end**3 - 1 / big**3) / 360
        + (1 / end**5 - 1 / big**5) / 1260
    )
    if np.all(z >= _STIRLING_FROM):
        return series
    return np.where(z >= _STIRLING_FROM, series, gammaln(z + step) - gammaln(z))


def log_survival(points: FloatArray, ages: FloatArray) -> FloatArray:
    """Return log S(age), the share who stay through ``ages`` chances.

    Args:
        points: Coordinates [..., 2 or 3].
        ages: Ages [m], not negative.

    Returns:
        Array [..., m].
    """
    alpha, beta, c = (value[..., None] for value in parameters(np.asarray(points, float)))
    steps = np.asarray(ages, float) ** c
    return log_rising(beta, steps) - log_rising(alpha + beta, steps)


def log_retention(points: FloatArray, ages: FloatArray) -> FloatArray:
    """Return the log of the share who stay at chance ``ages`` (≥ 1) of those before it."""
    points = np.asarray(points, float)
    ages = np.asarray(ages, float)
    if points.shape[-1] == 2:
        alpha, beta, _ = (value[..., None] for value in parameters(points))
        return -np.log1p(alpha / (beta + ages - 1))
    alpha, beta, c = (value[..., None] for value in parameters(points))
    start, end = (ages - 1) ** c, ages**c
    step = end - start
    return log_rising(beta + start, step) - log_rising(alpha + beta + start, step)


def log_likelihood(points: FloatArray, risk: Risk) -> FloatArray:
    """Return the log-likelihood of the losses at each point [...].

    It equals the usual Σ lost · log P(leave at t) + survivors · log S(end) of each cohort.
    """
    stay = np.minimum(log_retention(points, risk.ages), -1e-300)
    leave = np.log(-np.expm1(stay))
    kept = risk.kept
    stay = np.where(kept > 0, stay, 0.0)
    return stay @ kept + np.where(risk.lost > 0, leave, 0.0) @ risk.lost


def log_likelihood_and_gradient(point: FloatArray, risk: Risk) -> tuple[float, FloatArray]:
    """Return the log-likelihood at one point and its gradient in coordinates."""
    alpha, beta, c = (float(value) for value in parameters(point))
    ages = risk.ages
    start, end = (ages - 1) ** c, ages**c
    stay = np.minimum(log_retention(point, ages), -1e-300)
    leave_share = -np.expm1(stay)
    value = float(stay @ risk.kept + np.log(leave_share) @ risk.lost)
    # d log-likelihood / d log retention, then the chain rule through alpha, beta, c.
    slope = risk.kept - risk.lost * np.exp(stay) / leave_share
    top, bottom = psi(beta + end), psi(beta + start)
    top_all, bottom_all = psi(alpha + beta + end), psi(alpha + beta + start)
    by_alpha = float(slope @ (bottom_all - top_all))
    by_beta = float(slope @ (top - bottom - top_all + bottom_all))
    gradient = [-beta * by_beta, alpha * by_alpha + beta * by_beta]
    if len(point) > 2:
        log_end = end * np.log(ages)
        log_start = start * np.log(np.maximum(ages - 1, 1))
        by_power = (top - top_all) * log_end - (bottom - bottom_all) * log_start
        gradient.append(c * float(slope @ by_power))
    return value, np.array(gradient)
