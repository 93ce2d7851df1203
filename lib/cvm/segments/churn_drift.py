"""How far what a score is made from has moved since it was made: PSI and Kolmogorov–Smirnov."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import ks_2samp

PSI_STABLE, PSI_SHIFTED = 0.10, 0.25
"""Customary readings of PSI: below the first stable, above the second shifted."""


def input_drift(before: pd.Series, after: pd.Series, *, groups: int = 10) -> dict[str, float]:
    """Return how far a column has moved: PSI, and the KS distance of numbers with its p-value.

    PSI is taken over tenths of ``before`` (numbers; missing is a group of its own) or over its
    levels, each with half a row added, so that an empty group does not make it infinite.
    """
    if pd.api.types.is_numeric_dtype(before) and before.nunique() > groups:
        known = [one.astype(float) for one in (before, after)]
        edges = np.unique(known[0].quantile(np.linspace(0, 1, groups + 1)[1:-1]).to_numpy())
        codes = [
            np.where(one.isna(), 0, 1 + np.searchsorted(edges, one.to_numpy(), side="right"))
            for one in known
        ]
        test = ks_2samp(*(one.dropna().to_numpy() for one in known))
        distance, p_value = float(test.statistic), float(test.pvalue)
    else:
        text = pd.concat([before, after]).astype("str").fillna("")
        codes = np.split(pd.factorize(text)[0], [len(before)])
        distance, p_value = float("nan"), float("nan")
    most = 1 + max(int(code.max(initial=0)) for code in codes)
    sizes = np.array([np.bincount(code, minlength=most) for code in codes])
    old, new = ((size + 0.5) / (size + 0.5).sum() for size in sizes[:, sizes.any(axis=0)])
    psi = float(np.sum((new - old) * np.log(new / old)))
    return {"psi": psi, "ks_distance": distance, "ks_p_value": p_value}
