"""The churn model on a snapshot: one row a customer, no months, so proof is out of fold.

Without months nothing can be tested on later ones. Each customer is judged by a model that has not
seen him. Whether the columns were known in time cannot be checked; what looks too good is refused.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_columns
from cvm.segments.churn import Kind, fit_churn
from cvm.segments.churn_design import LABEL
from cvm.segments.churn_ranking import compare_areas
from cvm.segments.churn_study import FEWEST_LEAVERS, WORTH_AUC, ChurnStudy, drift_of

FloatArray = npt.NDArray[np.float64]


def study_snapshot(
    rows: pd.DataFrame,
    *,
    folds: int = 5,
    try_boosting: bool = True,
    recorded_later: Collection[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> ChurnStudy:
    """Train and test on a snapshot, each fold by a model trained on the others.

    Args:
        rows: Of ``reduce_churn_snapshot``.
        folds: Parts the customers are drawn into, leavers spread evenly.
        try_boosting: Try boosted trees, and take them where they order customers clearly better.
        recorded_later: As in :func:`cvm.segments.churn.fit_churn`.
        confidence: Of the intervals.
        seed: Of the folds and the trees.

    Returns:
        The study, without months; its model is trained on everybody.

    Raises:
        ArgumentError: No row, or fewer than two folds.
        MissingDataError: The rows have no ``customer_id`` or ``left``.
    """
    check_columns(rows.columns, ["customer_id", LABEL], "churn rows")
    check_at_least(folds, "folds", 2)
    known = rows[rows[LABEL].notna()].sort_values("customer_id", ignore_index=True)
    if not len(known):
        raise ArgumentError("rows", 0, "customers whose leaving is known")
    left = known[LABEL].to_numpy(bool)
    options: dict[str, Any] = {"recorded_later": recorded_later, "seed": seed}
    reason = "" if min(left.sum(), (~left).sum()) >= FEWEST_LEAVERS else "few_leavers"
    kind: Kind = "logit"
    rival, chance = None, np.full(len(known), np.nan)
    if not reason:
        fold = _folds(left, folds, seed)
        chance = _out_of_fold(known, fold, "logit", options)
        if try_boosting and np.isfinite(chance).all():
            trees = _out_of_fold(known, fold, "boosting", options)
            rival = compare_areas(trees, chance, left, confidence=confidence)
            if rival.low > 0 and rival.value >= WORTH_AUC:
                kind, chance = "boosting", trees
    model = fit_churn(known, kind=kind, **options)
    if not reason and not np.isfinite(chance).all():
        reason = model.reason or "few_leavers"
    return ChurnStudy(
        model=model,
        test=known.assign(chance_share=chance),
        drift=drift_of(known, known.iloc[:0], model),
        train_months=None,
        test_months=None,
        horizon_months=0,
        confidence=confidence,
        rival=rival,
        reason=reason,
    )


def _folds(left: npt.NDArray[np.bool_], folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return each row's fold; leavers and stayers are dealt out in turn, in a drawn order."""
    rng = np.random.default_rng(seed)
    fold = np.empty(len(left), dtype=np.int64)
    for side in (left, ~left):
        size = int(side.sum())
        fold[side] = rng.permutation(np.arange(size) % folds)
    return fold


def _out_of_fold(
    rows: pd.DataFrame, fold: npt.NDArray[np.int64], kind: Kind, options: dict[str, Any]
) -> FloatArray:
    chance = np.full(len(rows), np.nan)
    for one in np.unique(fold):
        model = fit_churn(rows[fold != one], kind=kind, **options)
        if model.told:
            chance[fold == one] = model.predict(rows[fold == one])
    return chance
