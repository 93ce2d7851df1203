"""Do a triangle's cells behave as its standard errors assume: independent around each age's mean?

Two ways they do not: vintages that are redeemed more than others for life (a bonus campaign, other
members), and calendar periods in which every vintage moves at once (a run before a clearing, a new
channel). Either makes the intervals too narrow.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from cvm.points.triangles import Triangle

ALPHA = 0.01
"""Chance of pointing out an effect that is not there."""


def dependence(triangle: Triangle) -> pd.DataFrame:
    """Return how likely chance alone would line the cells up by vintage and by calendar period.

    Each cell's redemption is compared with its age's share of unredeemed points and standardised;
    sums of the squared means by vintage and by calendar period are compared with a chi-squared.

    Returns:
        One row an effect (``vintage``, ``calendar``): statistic, degrees of freedom, p-value
        (NaN where the triangle is too small).
    """
    residuals, weights = _residuals(triangle)
    rows, ages = np.indices(residuals.shape)
    seen = triangle.observed.sum(axis=1)
    period = ages - seen[:, None] + 1
    groups = {"vintage": rows, "calendar": period}
    return pd.DataFrame(
        [{"effect": name, **_test(residuals, weights, by)} for name, by in groups.items()]
    )


def _residuals(triangle: Triangle) -> tuple[np.ndarray, np.ndarray]:
    """Return standardised residuals (NaN: unused) and what each square is expected to be."""
    redeemed, issued = triangle.redeemed_points, triangle.issued_points[:, None]
    ages = np.arange(redeemed.shape[1])
    used = ages <= np.minimum(triangle.latest_age, triangle.final_age)[:, None]
    left = issued - np.column_stack([np.zeros(len(redeemed)), redeemed[:, :-1]])
    used &= np.nan_to_num(left) > 0
    left = np.where(used, left, np.nan)
    steps = np.where(used, np.diff(redeemed, axis=1, prepend=0.0), np.nan)
    count = used.sum(axis=0)
    enough = count >= 3
    residuals = np.full(redeemed.shape, np.nan)
    for age in np.flatnonzero(enough):
        hazard = np.nansum(steps[:, age]) / np.nansum(left[:, age])
        raw = (steps[:, age] - hazard * left[:, age]) / np.sqrt(left[:, age])
        spread = np.sqrt(np.nansum(raw**2) / (count[age] - 1))
        if spread > 1e-9 * np.sqrt(np.nanmax(left[:, age])):
            residuals[:, age] = raw / spread
    expected = np.where(np.isfinite(residuals), 1 - 1 / np.maximum(count, 1), 0.0)
    return residuals, expected


def _test(residuals: np.ndarray, expected: np.ndarray, by: np.ndarray) -> dict[str, float]:
    known = np.isfinite(residuals)
    statistic = degrees = 0.0
    for group in np.unique(by[known]):
        cells = known & (by == group)
        if cells.sum() >= 2:
            statistic += float(residuals[cells].sum() ** 2 / cells.sum())
            degrees += float(expected[cells].sum() / cells.sum())
    p_value = float(stats.chi2.sf(statistic, degrees)) if degrees >= 2 else float("nan")
    return {"statistic": statistic, "degrees_of_freedom": degrees, "p_value": p_value}
