"""Retention as survival with covariates: how much faster or slower the treated leave (Cox).

The curves and months kept of :mod:`cvm.campaigns.survival` compare arms as they are; here customers
who are alike before the campaign are compared, month by month. It needs rows, one a customer, and
takes seconds for a hundred thousand of them.

Sources: Cox (1972), JRSS B 34; Efron (1977), JASA 72 (customers leaving in the same month);
Grambsch & Therneau (1994), Biometrika 81 (whether the ratio stays the same).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from cvm.campaigns import words
from cvm.campaigns.candidates import FIRST, Candidates
from cvm.campaigns.hazard_fit import DivergedError, fit_hazards
from cvm.campaigns.inference import LEAST_EVENTS
from cvm.campaigns.moments import FloatArray
from cvm.core.checks import ArgumentError, DataError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result

EVENTS_A_COVARIATE = 10
"""Customers leaving that one more covariate needs (Peduzzi et al. 1995)."""
_OWN_SHARE = 1e-9
_STEADY_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class HazardRatios(Result):
    """How many times as fast customers leave, by covariate, the others held equal.

    Attributes:
        rows: ``covariate``, ``log_ratio``, ``se``, ``ratio``, ``low``, ``high``, ``p_value``, and
            ``step_ratio`` with its ends: of one deviation for a covariate of more than two values,
            so that covariates can be set side by side. The first row is what was asked about.
        log_likelihood: Of the fit (partial).
        customers: Customers followed.
        left: Of those, who left.
        steady_p: Chance of so large a drift of the first ratio over the months if it were
            constant; NaN where that cannot be told.
        left_out: Covariates left out: determined by others, hardly anybody with (or without) the
            trait left, or too few customers left to weigh them.
        confidence: Of the intervals (share).
        reason: Why nothing can be told (a key of ``campaigns.reason``); empty if it can.
    """

    view: ClassVar[str] = "cvm.views.campaigns_hazard:plot_hazard_ratios"
    rows: pd.DataFrame = field(default_factory=pd.DataFrame)
    log_likelihood: float = math.nan
    customers: int = 0
    left: int = 0
    steady_p: float = math.nan
    left_out: tuple[str, ...] = ()
    confidence: float = 0.95
    reason: str = ""

    def summary(self) -> pd.DataFrame:
        """Return one row a covariate, the one asked about first."""
        return self.rows

    def text(self, lang: str = "en") -> str:
        """Return how much faster or slower the treated leave, as far as it can be told."""
        if self.reason:
            why = words.known_or_plain(f"campaigns.reason.{self.reason}", self.reason, lang)
            return say("campaigns_hazard.cannot_tell", lang, reason=why)
        first = self.rows.iloc[0]
        found = first["p_value"] < 1 - self.confidence
        key = "none" if not found else "slower" if first["ratio"] < 1 else "faster"
        parts = [
            say(
                f"campaigns_hazard.{key}",
                lang,
                ratio=_times(first["ratio"]),
                low=_times(first["low"]),
                high=_times(first["high"]),
                confidence=format_share(self.confidence, decimals=0),
                count=len(self.rows) - 1,
            )
        ]
        if self.steady_p < _STEADY_LEVEL:
            parts.append(say("campaigns_hazard.drifts", lang, p=f"{self.steady_p:.3f}"))
        return words.joined(parts, lang)


def _times(ratio: float) -> str:
    """Return a ratio in two decimals, or as many as tell it from one."""
    two = f"{ratio:.2f}"
    return f"{ratio:.3f}" if two == "1.00" and abs(ratio - 1) >= 0.0005 else two


def hazard_ratios(
    months_observed: npt.ArrayLike,
    left: npt.ArrayLike,
    covariates: Mapping[str, npt.ArrayLike],
    *,
    confidence: float = 0.95,
) -> HazardRatios:
    """Compare how fast customers leave, covariates held equal (Cox regression, Efron's ties).

    Args:
        months_observed: Months until the customer left (the month of leaving counts) or was last
            seen, above 0.
        left: Whether the customer left at that month.
        covariates: Name → one number a customer, known before the campaign; the first is what is
            asked about, usually ``treated`` (0 or 1). Later ones are left out where earlier ones
            determine them, or too few customers left to weigh them all.
        confidence: Of the intervals (share).

    Raises:
        DataError: Lengths differ, or a value is missing, infinite or negative.
        ArgumentError: There are no covariates.
    """
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    if not covariates:
        raise ArgumentError("covariates", {}, "at least the one asked about")
    months, gone = np.asarray(months_observed, float), np.asarray(left, float)
    columns = {name: np.asarray(values, float) for name, values in covariates.items()}
    _check(months, gone, columns)
    known: dict[str, Any] = {
        "customers": len(months),
        "left": int(gone.sum()),
        "confidence": confidence,
    }
    columns, left_out = _weighable(columns, gone)
    reason = _reason(gone, columns)
    if reason:
        return HazardRatios(**known, left_out=left_out, reason=reason)
    names, table = list(columns), np.column_stack(list(columns.values()))
    # Ratios are of the covariates as given; the fit is of standardised ones, which is steadier.
    scale = table.std(axis=0)
    try:
        fit = fit_hazards(months, gone, (table - table.mean(axis=0)) / scale)
    except DivergedError:
        return HazardRatios(**known, left_out=left_out, reason="foretold")
    log_ratio, se = fit.coefficients / scale, np.sqrt(np.diag(fit.covariance)) / scale
    reach = words.NORMAL.inv_cdf(0.5 + confidence / 2) * se
    step = np.array([1.0 if len(np.unique(one)) == 2 else one.std() for one in table.T])
    rows = pd.DataFrame(
        {
            "covariate": names,
            "log_ratio": log_ratio,
            "se": se,
            "ratio": np.exp(log_ratio),
            "low": np.exp(log_ratio - reach),
            "high": np.exp(log_ratio + reach),
            "step_ratio": np.exp(log_ratio * step),
            "step_low": np.exp((log_ratio - reach) * step),
            "step_high": np.exp((log_ratio + reach) * step),
            "p_value": 2 * stats.norm.sf(np.abs(log_ratio) / se),
        }
    )
    return HazardRatios(
        **known,
        rows=rows,
        log_likelihood=fit.log_likelihood,
        steady_p=_steady_p(months, gone, table @ log_ratio, table, fit.covariance),
        left_out=left_out,
    )


def hazard_ratios_of(candidates: Candidates, *, confidence: float = 0.95) -> HazardRatios:
    """Compare how fast customers treated and held out at random leave within the window.

    Held equal are the traits of :data:`cvm.campaigns.candidates.FIRST`, which say most about
    leaving; a random control needs no others.

    Args:
        candidates: One row a customer and month at risk, with ``held_out``, ``months`` and
            ``churned``; who was neither treated nor held out does not count.
        confidence: Of the intervals (share).
    """
    reason = candidates.reason if candidates.reason != "no_control" else ""
    held = candidates.column("held_out") == 1
    rows = candidates.some(candidates.treated | held)
    reason = reason or ("" if held.any() else "no_control")
    left = rows.column("churned")
    if reason:
        return HazardRatios(
            customers=len(rows), left=int(left.sum()), confidence=confidence, reason=reason
        )
    columns = {"treated": rows.treated.astype(float)}
    columns |= {name: rows.covariate(name) for name in rows.names if name.split("=")[0] in FIRST}
    # Who leaves has no row in the month of leaving, which counts all the same.
    return hazard_ratios(rows.column("months") + left, left, columns, confidence=confidence)


def _check(months: FloatArray, gone: FloatArray, columns: Mapping[str, FloatArray]) -> None:
    for name, values in {"months_observed": months, "left": gone, **columns}.items():
        if values.shape != months.shape or not np.isfinite(values).all():
            raise DataError(
                name,
                "missing or infinite for some customers, or of another length",
                f"one known number for each of {len(months)} customers",
            )
    if (months <= 0).any():
        raise DataError("months_observed", float(months.min()), "above 0")
    if not np.isin(gone, (0, 1)).all():
        raise DataError("left", "other than 0 and 1", "whether each customer left")


def _weighable(
    columns: Mapping[str, FloatArray], gone: FloatArray
) -> tuple[dict[str, FloatArray], tuple[str, ...]]:
    """Return covariates that add something, as many as leavers can bear, and those left out."""
    first, *others = columns
    most = max(int(gone.sum()) // EVENTS_A_COVARIATE - 1, 0)
    kept: list[str] = []
    basis = np.ones((len(columns[first]), 1)) / math.sqrt(max(len(columns[first]), 1))
    for name in others:
        if len(kept) == most:
            break
        own, rest = _apart(columns[name], basis)
        if own and _told(columns[name], gone):
            kept.append(name)
            basis = np.column_stack([basis, rest])
    left_out = tuple(name for name in others if name not in kept)
    return {name: columns[name] for name in (first, *kept)}, left_out


def _told(values: FloatArray, gone: FloatArray) -> bool:
    """Return whether enough leave on both sides of a trait that customers have or have not."""
    levels = np.unique(values)
    return len(levels) > 2 or all(gone[values == one].sum() >= LEAST_EVENTS for one in levels)


def _apart(values: FloatArray, basis: FloatArray) -> tuple[bool, FloatArray]:
    """Return whether values have a part of their own beside the basis, and that part, of size 1."""
    size = float(np.linalg.norm(values))
    rest = values - basis @ (basis.T @ values)
    rest = rest - basis @ (basis.T @ rest)
    own = float(np.linalg.norm(rest))
    return own > _OWN_SHARE * size, rest / own if own > 0 else rest


def _reason(gone: FloatArray, columns: Mapping[str, FloatArray]) -> str:
    asked = next(iter(columns.values()))
    if len(asked) == 0 or np.ptp(asked) == 0:
        return "no_control" if len(asked) and asked[0] else "no_treated"
    if gone.sum() < LEAST_EVENTS:
        return "few_events"
    if not _told(asked, gone):
        return "few_events"
    table = np.column_stack([np.ones(len(asked)), *columns.values()])
    table = table / np.linalg.norm(table, axis=0)
    return "collinear" if np.linalg.matrix_rank(table, tol=_OWN_SHARE) < table.shape[1] else ""


def _steady_p(
    months: FloatArray,
    gone: FloatArray,
    score: FloatArray,
    table: FloatArray,
    covariance: FloatArray,
) -> float:
    """Return the p-value of a ratio that drifts with the rank of the month.

    Each leaver's covariates are set against their mean among those at risk, weighted by how likely
    each was to leave; scaled by the covariance, what remains must not follow time.
    """
    scaled = (table - table.mean(axis=0)) / table.std(axis=0)
    risk = np.exp(score - score.max())
    order = np.argsort(-months, kind="stable")
    total = np.cumsum(risk[order])
    sums = np.cumsum(risk[order, None] * scaled[order], axis=0)
    # All who left or were last seen in the same month were at risk in it.
    last = np.searchsorted(-months[order], -months[gone == 1], side="right") - 1
    apart = scaled[gone == 1] - sums[last] / total[last, None]
    time = stats.rankdata(months[gone == 1])
    time = time - time.mean()
    spread = float((time**2).sum())
    if spread <= 0:
        return math.nan
    drift = float((time @ apart) @ covariance[0]) * len(time)
    variance = len(time) * float(covariance[0, 0]) * spread
    return float(stats.chi2.sf(drift**2 / variance, 1))
