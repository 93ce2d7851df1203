"""Many outcomes and segments at once: Holm's and Benjamini and Hochberg's corrections."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns.effect import Effect, Estimate
from cvm.campaigns.moments import FloatArray
from cvm.core.checks import check_one_of

CORRECTIONS = ("holm", "benjamini_hochberg")


def adjusted_p_values(p_values: npt.ArrayLike, method: str = "holm") -> FloatArray:
    """Return p-values adjusted for their number.

    Args:
        p_values: One a test; NaN where a test could not tell, which then does not count.
        method: ``holm`` (chance of any false finding) or ``benjamini_hochberg`` (share of false
            findings among the findings).

    Raises:
        ArgumentError: Unknown method.

    Sources:
        Holm (1979), Scandinavian Journal of Statistics 6; Benjamini & Hochberg (1995), JRSS B 57.

    Example:
        >>> adjusted_p_values([0.01, 0.04, 0.03]).round(3).tolist()
        [0.03, 0.06, 0.06]
    """
    check_one_of(method, "method", CORRECTIONS)
    given = np.asarray(p_values, dtype=np.float64)
    found = np.full(given.shape, np.nan)
    places = np.flatnonzero(~np.isnan(given))
    order = places[np.argsort(given[places], kind="stable")]
    count = len(order)
    ranks = np.arange(count)
    if method == "holm":
        stepped = np.maximum.accumulate(given[order] * (count - ranks))
    else:
        raised = given[order] * count / (ranks + 1)
        stepped = np.minimum.accumulate(raised[::-1])[::-1]
    found[order] = np.minimum(stepped, 1.0)
    return found


def adjust(effect: Effect, method: str = "holm") -> Effect:
    """Return the result with p-values adjusted over all its estimates.

    Whether an effect is detected then follows the adjusted p-value; intervals stay as they are,
    each at its own level.
    """
    adjusted = adjusted_p_values([one.p_value for one in effect.estimates], method)
    estimates = (
        replace(one, p_adjusted=float(value))
        for one, value in zip(effect.estimates, adjusted, strict=True)
    )
    return replace(effect, estimates=tuple(estimates), correction=method)


def corrections(estimates: Iterable[Estimate]) -> pd.DataFrame:
    """Return estimates with their p-values plain and by both corrections, as one family of tests.

    Args:
        estimates: Outcomes, groups of customers, or both.

    Returns:
        ``outcome``, ``group``, ``effect``, ``p_value``, then for each of :data:`CORRECTIONS` the
        adjusted p-value under its name and whether it detects the effect (``detected_…``).
    """
    family = list(estimates)
    frame = pd.DataFrame(
        {
            "outcome": [one.outcome.name for one in family],
            "group": [one.group for one in family],
            "effect": [one.effect for one in family],
            "p_value": [one.p_value for one in family],
        }
    )
    level = np.array([1 - one.confidence for one in family])
    for method in CORRECTIONS:
        frame[method] = adjusted_p_values(frame["p_value"], method)
        frame[f"detected_{method}"] = frame[method].to_numpy() < level
    return frame
