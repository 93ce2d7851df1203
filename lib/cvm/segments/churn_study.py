"""A churn model put to the proof: trained on past months, chosen on later ones, tested on the last.

The months of the test choose nothing. Boosted trees replace the logit only if, on the months that
choose, they order customers better by a margin that matters and is not luck.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result
from cvm.segments.churn import ChurnModel, Kind, fit_churn
from cvm.segments.churn_calibration import brier_score, calibration_curve, calibration_gap
from cvm.segments.churn_design import LABEL
from cvm.segments.churn_drift import input_drift
from cvm.segments.churn_ranking import area_under_curve, compare_areas, lift_table
from cvm.segments.measured import UNKNOWN, Measured

FloatArray = npt.NDArray[np.float64]
WORTH_AUC = 0.01
"""Gain in AUC from which a model that cannot be read is worth it."""
FEWEST_LEAVERS = 20
"""Leavers a part needs for its figures to be told."""
BILL_FALL = "bill_fall_share"


@dataclass(frozen=True, kw_only=True, eq=False)
class ChurnStudy(Result):
    """A churn model, and what it was worth on months it had not seen.

    Attributes:
        model: The model for use, trained on all months before the test.
        rival: The gain in AUC of boosted trees over the logit where it was chosen, if tried.
        test: Rows of the test with ``chance_share``, ``left``, ``customer_id``, ``month``.
        bill_fall: AUC of calling the biggest bill falls on the same rows.
        gain: The model's AUC less that.
        drift: Inputs of the test beside those of training, the most moved first.
        train_months: First and last month of training; ``None`` for a snapshot without months.
        test_months: First and last month of the test; ``None`` for a snapshot.
        horizon_months: What leaving means.
        confidence: Of every interval.
        reason: Empty, or why nothing can be told: ``"few_months"``, ``"few_leavers"`` or a reason
            of the model.
    """

    model: ChurnModel
    test: pd.DataFrame
    drift: pd.DataFrame
    train_months: tuple[date, date] | None
    test_months: tuple[date, date] | None
    horizon_months: int
    confidence: float
    bill_fall: Measured = UNKNOWN
    gain: Measured = UNKNOWN
    rival: Measured | None = field(default=None)
    reason: str = ""

    view: ClassVar[str] = "cvm.views.segments_churn:plot_calibration"

    @property
    def told(self) -> bool:
        """Return whether the model could be tested."""
        return not self.reason

    @property
    def _how(self) -> str:
        return "" if self.test_months else "_snapshot"

    def measures(self) -> dict[str, Measured]:
        """Return the test's figures by name; ``gain`` is the AUC over that of ``bill_fall``."""
        if not self.told:
            names = ("auc", "brier", "calibration", "bill_fall", "gain")
            return dict.fromkeys(names, UNKNOWN)
        chance, left, whose = self._arrays()
        options: dict[str, Any] = {"whose": whose, "confidence": self.confidence}
        return {
            "auc": area_under_curve(chance, left, **options),
            "brier": brier_score(chance, left, **options),
            "calibration": calibration_gap(chance, left, **options),
            "bill_fall": self.bill_fall,
            "gain": self.gain,
        }

    def _arrays(self) -> tuple[FloatArray, npt.NDArray[np.bool_], npt.NDArray[np.object_]]:
        return (
            self.test["chance_share"].to_numpy(float),
            self.test[LABEL].to_numpy(bool),
            self.test["customer_id"].to_numpy(object),
        )

    def calibration(self, bins: int = 10) -> pd.DataFrame:
        """Return expected and observed leaving by groups of risk on the test."""
        chance, left, _ = self._arrays()
        return calibration_curve(chance, left, bins=bins, confidence=self.confidence)

    def lift(self) -> pd.DataFrame:
        """Return leaving by tenths of risk, month by month put together, beside bill falls.

        Returns:
            Columns of :func:`cvm.segments.churn_ranking.lift_table`, and
            ``bill_fall_caught_share``: leavers caught by calling as many of the biggest falls.
        """
        chance, left, _ = self._arrays()
        table = lift_table(chance, left, confidence=self.confidence)
        if BILL_FALL in self.test:
            falls = lift_table(self.test[BILL_FALL].to_numpy(float), left)
            table["bill_fall_caught_share"] = falls["caught_share"]
        return table

    def summary(self) -> pd.DataFrame:
        """Return a row a figure of the test: value, standard error, interval."""
        return pd.DataFrame(
            [{"figure": name, **vars(one)} for name, one in self.measures().items()]
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the figures, the drift of inputs and, where there is a test, its curves."""
        found = {"summary": self.summary(), "drift": self.drift}
        if self.told:
            found |= {"calibration": self.calibration(), "lift": self.lift()}
        if self.model.told:
            found["drivers"] = self.model.summary(self.confidence)
        return found

    def text(self, lang: str = "en") -> str:
        """Return how well the model tells leavers, against calling the biggest bill falls."""
        if not self.told:
            return say(f"segments_churn.untested.{self.reason}", lang, most=FEWEST_LEAVERS)
        got = self.measures()
        auc, hold = got["auc"], got["calibration"]
        told = say(
            f"segments_churn.study.auc{self._how}",
            lang,
            auc=f"{auc.value:.3f}",
            low=f"{auc.low:.3f}",
            high=f"{auc.high:.3f}",
            caught=format_share(float(self.lift()["caught_share"].iloc[0]), decimals=0),
        )
        if np.isfinite(self.gain.value):
            side = "better" if self.gain.low > 0 else "worse" if self.gain.high < 0 else "level"
            told += say(
                f"segments_churn.study.fall_{side}", lang, auc=f"{self.bill_fall.value:.3f}"
            )
        else:
            told += say("segments_churn.study.end", lang)
        right = hold.low <= 1 <= hold.high
        told += say(
            f"segments_churn.study.{'calibrated' if right else 'off'}",
            lang,
            ratio=f"{hold.value:.2f}",
            low=f"{hold.low:.2f}",
            high=f"{hold.high:.2f}",
        )
        if self.rival is not None:
            key = "kept" if self.model.kind == "boosting" else "not_kept"
            told += say(
                f"segments_churn.study.boosting_{key}{self._how}",
                lang,
                gain=f"{self.rival.value:+.3f}".replace("-", "−"),
            )
        return told


def study_churn(
    rows: pd.DataFrame,
    *,
    test_months: int = 6,
    choose_months: int = 4,
    horizon_months: int = 1,
    try_boosting: bool = True,
    recorded_later: Collection[str] = (),
    confidence: float = 0.95,
    seed: int = 0,
) -> ChurnStudy:
    """Train on past months, choose on later ones and test on the last.

    Args:
        rows: Of ``reduce_churn``, for consecutive scoring months; rows without a label are left.
        test_months: Last months, which the test alone reads.
        choose_months: Months before them, on which boosted trees must earn their keep.
        horizon_months: As the label was made. So many months between training and what follows are
            not read, as their leaving was not known yet.
        try_boosting: Try boosted trees at all.
        recorded_later: As in :func:`cvm.segments.churn.fit_churn`.
        confidence: Of the intervals.
        seed: Of boosted trees.

    Returns:
        The study; with the reason where the months or leavers are too few.

    Raises:
        ArgumentError: A setting outside its range, or no row has a label.
        MissingDataError: The rows have no ``month``, ``customer_id`` or ``left``.
    """
    check_columns(rows.columns, ["customer_id", "month", LABEL], "churn rows")
    check_at_least(test_months, "test_months", 1)
    check_at_least(choose_months, "choose_months", 1)
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    # An engine returns rows in any order; the same rows are to give the same study.
    known = rows[rows[LABEL].notna()].sort_values(["month", "customer_id"], ignore_index=True)
    months = np.sort(known["month"].unique())
    if not len(months):
        raise ArgumentError("rows", 0, "rows whose label is known", action="give earlier months")
    gap = horizon_months - 1
    first_test = max(len(months) - test_months, 0)
    test = known[known["month"].isin(months[first_test:])].reset_index(drop=True)
    trained = months[: max(first_test - gap, 0)]
    train = known[known["month"].isin(trained)]
    options: dict[str, Any] = {"recorded_later": recorded_later, "seed": seed}
    if not len(trained) or train[LABEL].astype(bool).sum() < FEWEST_LEAVERS:
        reason = "few_leavers" if len(trained) else "few_months"
        return _untested(train if len(train) else known, test, months, reason, horizon_months,
                         confidence)  # fmt: skip
    kind: Kind = "logit"
    rival: Measured | None = None
    if try_boosting and len(trained) > choose_months + gap:
        kind, rival = _choose(train, trained, choose_months, gap, confidence, options)
    model = fit_churn(train, kind=kind, **options)
    reason = model.reason
    if not reason and test[LABEL].astype(bool).sum() < FEWEST_LEAVERS:
        reason = "few_leavers"
    study = ChurnStudy(
        model=model,
        test=test.assign(chance_share=model.predict(test)) if model.told else test,
        drift=drift_of(train, test, model),
        train_months=_span(trained),
        test_months=_span(months[first_test:]),
        horizon_months=horizon_months,
        confidence=confidence,
        rival=rival,
        reason=reason,
    )
    return study if reason else _against_falls(study)


def _choose(
    train: pd.DataFrame,
    months: npt.NDArray[np.datetime64],
    choose_months: int,
    gap: int,
    confidence: float,
    options: dict[str, Any],
) -> tuple[Kind, Measured | None]:
    """Return which kind of model the months before the test speak for."""
    late = train[train["month"].isin(months[-choose_months:])]
    early = train[train["month"].isin(months[: len(months) - choose_months - gap])]
    left = late[LABEL].to_numpy(bool)
    if min(left.sum(), early[LABEL].astype(bool).sum()) < FEWEST_LEAVERS:
        return "logit", None
    logit = fit_churn(early, **options)
    if not logit.told:
        return "logit", None
    trees = fit_churn(early, kind="boosting", **options)
    gain = compare_areas(
        trees.predict(late),
        logit.predict(late),
        left,
        whose=late["customer_id"].to_numpy(object),
        confidence=confidence,
    )
    earns = gain.low > 0 and gain.value >= WORTH_AUC
    return ("boosting" if earns else "logit"), gain


def _against_falls(study: ChurnStudy) -> ChurnStudy:
    if BILL_FALL not in study.test:
        return study
    chance, left, whose = study._arrays()
    falls = study.test[BILL_FALL].to_numpy(float)
    known = np.isfinite(falls)
    if not known.all() or left[known].all() or not left[known].any():
        return study
    options: dict[str, Any] = {"whose": whose, "confidence": study.confidence}
    values = vars(study) | {
        "bill_fall": area_under_curve(falls, left, **options),
        "gain": compare_areas(chance, falls, left, **options),
    }
    return ChurnStudy(**values)


def drift_of(train: pd.DataFrame, test: pd.DataFrame, model: ChurnModel) -> pd.DataFrame:
    """Return PSI and KS of each input, the most moved first."""
    names = model.design.columns if model.told else ()
    found = [
        {"column": name, **input_drift(train[name], test[name])} for name in names if len(test)
    ]
    frame = pd.DataFrame(found, columns=["column", "psi", "ks_distance", "ks_p_value"])
    return frame.sort_values("psi", ascending=False, ignore_index=True)


def _untested(
    train: pd.DataFrame,
    test: pd.DataFrame,
    months: npt.NDArray[np.datetime64],
    reason: str,
    horizon_months: int,
    confidence: float,
) -> ChurnStudy:
    model = fit_churn(train)
    return ChurnStudy(
        model=model,
        test=test,
        drift=drift_of(train, test.iloc[:0], model),
        train_months=_span(months),
        test_months=_span(months),
        horizon_months=horizon_months,
        confidence=confidence,
        reason=reason,
    )


def _span(months: npt.NDArray[np.datetime64]) -> tuple[date, date]:
    first, last = (pd.Timestamp(months[at]).date() for at in (0, -1))
    return first, last
