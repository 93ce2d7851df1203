"""Boosted trees of leaving, for where a logit is not enough."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from threadpoolctl import threadpool_limits

FloatArray = npt.NDArray[np.float64]
MOST_LEVELS = 250


@dataclass(frozen=True, kw_only=True, eq=False)
class Trees:
    """Histogram gradient boosting (Ke et al. 2017, as in scikit-learn) over features as they are.

    Attributes:
        columns: The features.
        levels: Levels of each feature that is text, in the order of their codes.
        model: The fitted classifier.
    """

    columns: tuple[str, ...]
    levels: dict[str, tuple[str, ...]]
    model: Any

    def predict(self, rows: pd.DataFrame) -> FloatArray:
        """Return each row's probability of leaving."""
        numbers = _numbers(rows, self.columns, self.levels)
        with threadpool_limits(limits=1, user_api="openmp"):
            return np.asarray(self.model.predict_proba(numbers)[:, 1])


def fit_trees(
    rows: pd.DataFrame,
    columns: Sequence[str],
    left: npt.NDArray[np.bool_],
    *,
    seed: int,
    trees: int = 150,
    learning_rate: float = 0.06,
    leaves: int = 15,
) -> Trees:
    """Fit boosted trees; the same seed gives the same trees on any number of cores.

    Args:
        rows: Rows of training.
        columns: Features; text is taken as levels, missing values as they are.
        left: Whether each row left.
        seed: Of the binning of many rows.
        trees: Trees.
        learning_rate: Share of each tree's step.
        leaves: Most leaves of a tree.
    """
    from sklearn.ensemble import HistGradientBoostingClassifier

    levels = {
        name: tuple(rows[name].dropna().astype("str").value_counts().index[:MOST_LEVELS])
        for name in columns
        if not pd.api.types.is_numeric_dtype(rows[name])
        and not pd.api.types.is_bool_dtype(rows[name])
    }
    model = HistGradientBoostingClassifier(
        max_iter=trees,
        learning_rate=learning_rate,
        max_leaf_nodes=leaves,
        min_samples_leaf=20,
        l2_regularization=1.0,
        categorical_features=[name in levels for name in columns],
        early_stopping=False,
        random_state=seed,
    )
    # Threads that wait for each other on a busy machine cost more than they bring.
    with threadpool_limits(limits=1, user_api="openmp"):
        model.fit(_numbers(rows, columns, levels), left)
    return Trees(columns=tuple(columns), levels=levels, model=model)


def _numbers(
    rows: pd.DataFrame, columns: Sequence[str], levels: dict[str, tuple[str, ...]]
) -> FloatArray:
    made = np.empty((len(rows), len(columns)))
    for place, name in enumerate(columns):
        if name in levels:
            codes = pd.Categorical(rows[name].astype("str"), categories=levels[name]).codes
            made[:, place] = np.where(codes < 0, np.nan, codes)
        else:
            values = rows[name].astype("float64")
            made[:, place] = values.to_numpy(dtype=float, na_value=np.nan)
    return made
