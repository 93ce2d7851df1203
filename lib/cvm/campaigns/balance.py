"""How alike two arms were before: standardised differences, from moments."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence

import pandas as pd

from cvm.campaigns.moments import Moments
from cvm.core.checks import check_one_of

SPREADS = ("pooled", "treated", "control")


def standardised_differences(
    control: Moments,
    treated: Moments,
    columns: Sequence[str],
    *,
    spread: str = "pooled",
    binary: Collection[str] = (),
    deviations: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return the difference of means of each column in standard deviations.

    Args:
        control: Moments of the control.
        treated: Moments of the treated.
        columns: From before the campaign.
        spread: Whose standard deviation: ``pooled`` (root mean of both variances), ``treated`` or
            ``control``.
        binary: Columns of 0 and 1, whose standard deviation is √(p(1−p)).
        deviations: Standard deviations to use instead, for instance those before matching.

    Returns:
        Columns ``column``, ``treated_mean``, ``control_mean``, ``deviation``, ``smd``. Where the
        deviation is zero, ``smd`` is 0 for equal means and missing otherwise.

    Sources:
        Austin (2009), Statistics in Medicine 28.
    """
    check_one_of(spread, "spread", SPREADS)
    rows = []
    for name in columns:
        means = control.mean(name), treated.mean(name)
        variances = [
            mean * (1 - mean) if name in binary else arm.variance(name)
            for mean, arm in zip(means, (control, treated), strict=True)
        ]
        weights = {"pooled": (0.5, 0.5), "control": (1, 0), "treated": (0, 1)}[spread]
        deviation = math.sqrt(
            max(sum(w * v for w, v in zip(weights, variances, strict=True) if w), 0.0)
        )
        if deviations is not None and name in deviations:
            deviation = deviations[name]
        gap = means[1] - means[0]
        smd = gap / deviation if deviation > 0 else 0.0 if gap == 0 else math.nan
        rows.append((name, means[1], means[0], deviation, smd))
    names = ["column", "treated_mean", "control_mean", "deviation", "smd"]
    return pd.DataFrame(rows, columns=names)
