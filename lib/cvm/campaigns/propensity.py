"""Who would have been contacted anyway: the propensity score, its overlap, its trimming."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from cvm.campaigns.moments import FloatArray
from cvm.core.checks import ArgumentError, DataError, check_between, check_one_of

LINKS = ("logit", "probit")
SURE_SCORE = 1e-8
"""A fitted score this near 0 or 1 in most rows of an arm means the covariates decide alone."""
_STEPS = 60


class SeparatedError(DataError):
    """The covariates tell without doubt who was contacted: nobody is left to compare with."""


@dataclass(frozen=True, kw_only=True)
class Propensity:
    """A fitted chance of being contacted.

    Attributes:
        score: Of each customer (0–1).
        linear: Logit (or probit index) of the score.
        coefficients: Constant first, then one a covariate.
        beta: Coefficients of the columns of ``design``.
        scores: Derivative of each customer's log likelihood (customers × coefficients).
        information: Negative second derivative of the log likelihood.
        slope: Derivative of the score by the index, for each customer.
        design: Constant and standardised covariates that others do not determine.
        link: ``logit`` or ``probit``.
    """

    score: FloatArray
    linear: FloatArray
    coefficients: FloatArray
    beta: FloatArray
    scores: FloatArray
    information: FloatArray
    slope: FloatArray
    design: FloatArray
    link: str = "logit"

    def influence(self) -> FloatArray:
        """Return what each customer adds to the coefficients (customers × coefficients)."""
        added = np.linalg.solve(self.information, self.scores.T).T
        return np.asarray(added, dtype=np.float64)


def fit_propensity(
    treated: npt.ArrayLike, covariates: npt.ArrayLike, *, link: str = "logit", ridge: float = 0.0
) -> Propensity:
    """Fit the chance of being contacted by maximum likelihood (Newton's steps).

    Covariates that do not vary, or that others determine, add nothing and get coefficient zero.

    Args:
        treated: 0 or 1 for each customer.
        covariates: From before the contact (customers × covariates).
        link: ``logit`` or ``probit``.
        ridge: Weight of a penalty ``½ × ridge × Σ β²`` on standardised covariates.

    Raises:
        SeparatedError: The covariates tell the arms apart without doubt.
        DataError: Lengths differ, a value is missing or infinite, or an arm is empty.

    Sources:
        Rosenbaum & Rubin (1983), Biometrika 70; Albert & Anderson (1984), Biometrika 71
        (separation).
    """
    check_one_of(link, "link", LINKS)
    arm, rows = checked_rows(treated, covariates)
    centre, spread = rows.mean(axis=0), rows.std(axis=0)
    varying = np.flatnonzero(spread > 1e-12 * np.maximum(np.abs(centre), 1.0))
    z = np.ones((len(arm), len(varying) + 1))
    z[:, 1:] = (rows[:, varying] - centre[varying]) / spread[varying]
    kept = independent_columns(z)
    used = z if len(kept) == z.shape[1] else z[:, kept]
    beta = _climb(arm, used, link, ridge)
    linear = used @ beta
    if _separated(arm, linear, link):
        raise SeparatedError(
            "propensity",
            "0 or 1",
            "between the two for enough customers of both arms",
            action="leave out covariates that decide alone who is contacted",
        )
    coefficients = np.zeros(rows.shape[1] + 1)
    names = np.r_[-1, varying][kept]
    for place, value in zip(names, beta, strict=True):
        if place < 0:
            coefficients[0] += value
        else:
            coefficients[place + 1] = value / spread[place]
            coefficients[0] -= value * centre[place] / spread[place]
    score, slope, gradient, curve = _derivatives(arm, linear, link)
    penalty = np.diag(np.where(names < 0, 0.0, ridge))
    return Propensity(
        score=score,
        linear=linear,
        coefficients=coefficients,
        beta=beta,
        scores=used * gradient[:, None],
        information=used.T @ (used * curve[:, None]) + penalty,
        slope=slope,
        design=used,
        link=link,
    )


def checked_rows(
    treated: npt.ArrayLike, covariates: npt.ArrayLike
) -> tuple[FloatArray, FloatArray]:
    """Return the arm and the covariates as floats.

    Raises:
        DataError: Lengths differ, a value is missing or infinite, or an arm is empty.
    """
    arm = np.asarray(treated, dtype=np.float64)
    rows = np.asarray(covariates, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(arm):
        raise DataError("covariates", rows.shape, f"{len(arm)} customers × covariates")
    if not np.isin(arm, (0.0, 1.0)).all():
        raise DataError("treated", "other values", "0 or 1 for every customer")
    if not np.isfinite(rows).all():
        wrong = int((~np.isfinite(rows)).any(axis=1).sum())
        raise DataError(
            "covariates",
            f"missing or infinite for {wrong} customers",
            "finite for every customer",
            action="fill them with fill_missing, or leave the covariate out",
        )
    if not 0 < arm.sum() < len(arm):
        raise DataError(
            "treated", f"{int(arm.sum())} of {len(arm)}", "customers of both arms, treated and not"
        )
    return arm, rows


def independent_columns(rows: FloatArray) -> npt.NDArray[np.intp]:
    """Return the places of columns that the columns before them do not determine."""
    gram = rows.T @ rows
    scale = np.sqrt(np.maximum(np.diag(gram), 1e-300))
    left = gram / np.outer(scale, scale)
    kept = []
    for place in range(len(left)):
        # Gaussian elimination: what is left of the column beside those before it.
        if left[place, place] > 1e-9:
            kept.append(place)
            left = left - np.outer(left[:, place], left[place]) / left[place, place]
    return np.array(kept, dtype=np.intp)


def _climb(arm: FloatArray, z: FloatArray, link: str, ridge: float) -> FloatArray:
    beta: FloatArray = np.zeros(z.shape[1])
    penalty = np.full(z.shape[1], ridge)
    penalty[0] = 0.0
    best = -np.inf
    step: FloatArray = np.zeros_like(beta)
    for _ in range(_STEPS):
        linear = z @ beta
        height = _log_likelihood(arm, linear, link) - 0.5 * float(penalty @ beta**2)
        if height < best - 1e-9 * abs(best):
            step = step / 2
            beta = beta - step
            continue
        _, _, gradient, curve = _derivatives(arm, linear, link)
        slope = z.T @ gradient - penalty * beta
        information = z.T @ (z * curve[:, None]) + np.diag(penalty)
        try:
            step = np.asarray(np.linalg.solve(information, slope), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        best = height
        beta = beta + step
        if np.abs(step).max() < 1e-10 or np.abs(linear).max() > 700:
            break
    return beta


def _log_likelihood(arm: FloatArray, linear: FloatArray, link: str) -> float:
    signed = np.where(arm == 1, linear, -linear)
    logs = special.log_expit(signed) if link == "logit" else special.log_ndtr(signed)
    return float(logs.sum())


def _derivatives(
    arm: FloatArray, linear: FloatArray, link: str
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return score, its slope, and first and (negative) second derivative of the log likelihood."""
    if link == "logit":
        score = special.expit(linear)
        slope = score * (1 - score)
        return score, slope, arm - score, slope
    score = special.ndtr(linear)
    slope = np.exp(-0.5 * linear**2) / np.sqrt(2 * np.pi)
    sign = 2 * arm - 1
    signed = sign * linear
    mills = np.exp(-0.5 * signed**2 - special.log_ndtr(signed)) / np.sqrt(2 * np.pi)
    return score, slope, sign * mills, mills * (mills + signed)


def _separated(arm: FloatArray, linear: FloatArray, link: str) -> bool:
    """Return whether a score tells the arms apart, or hardly anybody's lies away from 0 and 1."""
    if linear[arm == 1].min() > linear[arm == 0].max():
        return True
    score = special.expit(linear) if link == "logit" else special.ndtr(linear)
    sure = np.where(arm == 1, 1 - score, score) < SURE_SCORE
    return bool(min(sure[arm == 1].mean(), sure[arm == 0].mean()) > 0.5) or bool(
        sure[arm == 1].mean() > 0.9
    )


def trim(propensity: Propensity, *, low: float = 0.1, high: float = 0.9) -> npt.NDArray[np.bool_]:
    """Return who has a score within the bounds, where the arms can be compared.

    Sources:
        Crump, Hotz, Imbens & Mitnik (2009), Biometrika 96: 0.1 to 0.9 as a rule of thumb.
    """
    check_between(low, "low", low=0, high=1)
    check_between(high, "high", low=0, high=1)
    if low >= high:
        raise ArgumentError("low", low, f"below high ({high})")
    return (propensity.score >= low) & (propensity.score <= high)


def common_support(
    treated: npt.ArrayLike, propensity: Propensity, *, tail: float = 0.0
) -> npt.NDArray[np.bool_]:
    """Return who has a score that customers of both arms have.

    Args:
        treated: 0 or 1 for each customer.
        propensity: Fitted.
        tail: Share of each arm's ends left out (0 keeps from the smallest to the largest).
    """
    check_between(tail, "tail", low=0, high=0.5, include_high=False)
    arm = np.asarray(treated) == 1
    parts = [propensity.linear[arm], propensity.linear[~arm]]
    low = max(float(np.quantile(part, tail)) for part in parts)
    high = min(float(np.quantile(part, 1 - tail)) for part in parts)
    return (propensity.linear >= low) & (propensity.linear <= high)


def overlap_share(treated: npt.ArrayLike, propensity: Propensity, *, bins: int = 50) -> float:
    """Return how much of the arms' distributions of the score lies over one another (0–1)."""
    arm = np.asarray(treated) == 1
    edges = np.linspace(propensity.linear.min(), propensity.linear.max() + 1e-9, bins + 1)
    shares = [
        np.histogram(propensity.linear[side], edges)[0] / max(side.sum(), 1) for side in (arm, ~arm)
    ]
    return float(np.minimum(*shares).sum())


def discrimination(treated: npt.ArrayLike, propensity: Propensity) -> float:
    """Return the chance that a contacted customer scores above another (area under the ROC)."""
    arm = np.asarray(treated) == 1
    ranks = stats.rankdata(propensity.linear)
    n_1, n_0 = int(arm.sum()), int((~arm).sum())
    return float((ranks[arm].sum() - n_1 * (n_1 + 1) / 2) / (n_1 * n_0))
