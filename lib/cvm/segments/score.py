"""The composite score of churn risk and the four healths, each turned into a probability.

Score = (churn rate of the tariff + of the brand + of the off-net association + of the number range
+ …) × 100, as the strategy department's documents write it. Rates are learnt on past months; what a
score means is learnt on the months after (calibration) and tested on those after that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.optimize import isotonic_regression
from scipy.special import expit

from cvm.core.checks import ArgumentError, check_at_least, check_columns
from cvm.core.i18n import say
from cvm.core.result import Result
from cvm.segments.churn_calibration import calibration_curve, calibration_gap
from cvm.segments.churn_design import LABEL
from cvm.segments.churn_logit import fit_logit
from cvm.segments.churn_ranking import area_under_curve
from cvm.segments.warning_book import HEALTHS, WarningBook

FloatArray = npt.NDArray[np.float64]
PRIOR_CUSTOMERS = 200.0
"""Customer-months at the mean rate added to each group, so that a small one is not extreme."""
ISOTONIC_FROM = 500
"""Leavers from which steps are learnt freely; below it a logit of the score's logarithm."""
SCORES = ("composite", *HEALTHS)
_LEAST = 1e-6


def learn_rates(cells: pd.DataFrame, *, prior_customers: float = PRIOR_CUSTOMERS) -> pd.DataFrame:
    """Return the churn rate of each group of each part.

    Args:
        cells: Of ``reduce_churn_rates``: part, level, customers, left (any months).
        prior_customers: Customer-months at the mean rate added to each group.

    Returns:
        ``part``, ``level``, ``customers``, ``left``, ``rate_share``.

    Raises:
        ArgumentError: No customer in the cells.
    """
    check_columns(cells.columns, ["part", "level", "customers", "left"], "churn cells")
    check_at_least(prior_customers, "prior_customers", 0)
    found = cells.groupby(["part", "level"], as_index=False)[["customers", "left"]].sum()
    if not found["customers"].sum() > 0:
        raise ArgumentError("cells", 0, "customers of past months", action="give earlier months")
    whole = found.groupby("part")[["customers", "left"]].transform("sum")
    mean = whole["left"] / whole["customers"]
    rate = (found["left"] + prior_customers * mean) / (found["customers"] + prior_customers)
    return found.assign(rate_share=rate)


def score_rows(rows: pd.DataFrame, rates: pd.DataFrame, book: WarningBook) -> pd.DataFrame:
    """Return the composite score and the four healths' scores of each row.

    A group that was not seen has the part's mean rate.

    Args:
        rows: Of ``reduce_churn``.
        rates: Of :func:`learn_rates`.
        book: Parts and their healths.

    Returns:
        Columns ``composite``, the healths, and ``part_<name>``: the sum of rates × 100, and each
        part's rate × 100.

    Raises:
        MissingDataError: A part's column is missing.
    """
    check_columns(rows.columns, [part.column for part in book.parts], "churn rows")
    made: dict[str, FloatArray] = {}
    sums = {name: np.zeros(len(rows)) for name in SCORES}
    for part in book.parts:
        own = rates[rates["part"] == part.name]
        if not len(own):
            raise ArgumentError("rates", part.name, "learnt for every part of the book")
        mean = own["left"].sum() / own["customers"].sum()
        known = dict(zip(own["level"], own["rate_share"], strict=True))
        levels = levels_of(rows[part.column], part.edges)
        rate = 100 * levels.map(known).fillna(mean).to_numpy(float)
        made[f"part_{part.name}"] = rate
        sums["composite"] += rate
        sums[part.health] += rate
    return pd.DataFrame({**sums, **made}, index=rows.index)


def levels_of(values: pd.Series, edges: tuple[float, ...]) -> pd.Series:
    """Return the group of each value, named as ``reduce_churn_rates`` names it."""
    missing = values.isna()
    if edges:
        numbers = values.astype("float64").to_numpy(dtype=float, na_value=np.nan)
        found = pd.Series(np.searchsorted(edges, numbers, side="right"), index=values.index)
        return found.astype("str").where(~missing, "unknown")
    text = values.astype("str")
    if pd.api.types.is_bool_dtype(values):
        text = text.str.lower()
    return text.where(~missing, "unknown")


@dataclass(frozen=True, kw_only=True, eq=False)
class Calibration:
    """How a score is turned into a probability.

    Attributes:
        kind: ``"isotonic"`` (steps that never fall; Zadrozny & Elkan 2002) or ``"logistic"`` (a
            logit of the score's logarithm; Platt 1999).
        scores: Steps begin at these scores (isotonic).
        shares: The probability of each step.
        coefficients: Constant and slope (logistic).
    """

    kind: Literal["isotonic", "logistic"]
    scores: FloatArray
    shares: FloatArray
    coefficients: FloatArray

    def predict(self, score: npt.ArrayLike) -> FloatArray:
        """Return the probability of leaving at each score."""
        given = np.asarray(score, dtype=float)
        if self.kind == "logistic":
            constant, slope = self.coefficients
            return np.asarray(expit(constant + slope * np.log(np.maximum(given, _LEAST))))
        return np.asarray(np.interp(given, self.scores, self.shares))


def calibrate(score: npt.ArrayLike, left: npt.ArrayLike, *, kind: str = "auto") -> Calibration:
    """Learn what a score means.

    Args:
        score: The score; higher is riskier.
        left: Whether the row left.
        kind: ``"isotonic"``, ``"logistic"``, or ``"auto"``: isotonic from 500 leavers on.

    Raises:
        ArgumentError: Nobody or everybody left, or the score does not vary.
    """
    given, gone = np.asarray(score, dtype=float), np.asarray(left, dtype=bool)
    if gone.all() or not gone.any() or given.min() == given.max():
        raise ArgumentError(
            "left", int(gone.sum()), "some of those calibrated on, at several scores"
        )
    if kind == "auto":
        kind = "isotonic" if gone.sum() >= ISOTONIC_FROM else "logistic"
    empty = np.empty(0)
    if kind == "logistic":
        log = np.log(np.maximum(given, _LEAST))
        fit = fit_logit(np.column_stack([np.ones(len(log)), log]), gone)
        return Calibration(
            kind="logistic", scores=empty, shares=empty, coefficients=fit.coefficients
        )
    order = np.argsort(given, kind="stable")
    values, first = np.unique(given[order], return_index=True)
    size = np.diff(np.append(first, len(given)))
    mean = np.add.reduceat(gone[order].astype(float), first) / size
    steps = isotonic_regression(mean, weights=size).x
    return Calibration(kind="isotonic", scores=values, shares=steps, coefficients=empty)


@dataclass(frozen=True, kw_only=True, eq=False)
class ScoreStudy(Result):
    """The composite score and the healths, learnt, calibrated and tested on later months.

    Attributes:
        rates: Churn rate of each group of each part.
        calibrations: By score: composite and the four healths.
        test: Rows of the test with each score and ``<score>_chance_share``.
        confidence: Of every interval.
    """

    rates: pd.DataFrame
    calibrations: dict[str, Calibration]
    test: pd.DataFrame
    confidence: float

    view: ClassVar[str] = "cvm.views.segments_warning:plot_healths"

    def summary(self) -> pd.DataFrame:
        """Return a row a score, on the test: AUC and leavers ÷ expected, with intervals.

        ``calibrated`` says whether 1 lies within the interval of the latter.
        """
        left = self.test[LABEL].to_numpy(bool)
        whose = self.test["customer_id"].to_numpy(object)
        rows = []
        for name, one in self.calibrations.items():
            score = self.test[name].to_numpy(float)
            chance = self.test[f"{name}_chance_share"].to_numpy(float)
            auc = area_under_curve(score, left, whose=whose, confidence=self.confidence)
            gap = calibration_gap(chance, left, whose=whose, confidence=self.confidence)
            rows.append(
                {
                    "score": name,
                    "kind": one.kind,
                    "auc": auc.value,
                    "auc_low": auc.low,
                    "auc_high": auc.high,
                    "ratio": gap.value,
                    "ratio_low": gap.low,
                    "ratio_high": gap.high,
                    "calibrated": bool(gap.low <= 1 <= gap.high),
                }
            )
        return pd.DataFrame(rows)

    def curve(self, score: str, bins: int = 10) -> pd.DataFrame:
        """Return expected and observed leaving by groups of a score on the test."""
        chance = self.test[f"{score}_chance_share"].to_numpy(float)
        return calibration_curve(
            chance, self.test[LABEL].to_numpy(bool), bins=bins, confidence=self.confidence
        )

    def apply(self, rows: pd.DataFrame, book: WarningBook) -> pd.DataFrame:
        """Return each row's scores, and what each means as a probability of leaving."""
        made = score_rows(rows, self.rates, book)
        for name, one in self.calibrations.items():
            made[f"{name}_chance_share"] = one.predict(made[name])
        return made

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, the rates, and the curve of the composite score."""
        return {
            "summary": self.summary(),
            "rates": self.rates,
            "curve": self.curve("composite"),
        }

    def text(self, lang: str = "en") -> str:
        """Return what the composite score is worth, which health says most, what is off."""
        table = self.summary().set_index("score")
        healths = table.drop(index="composite")["auc"]
        whole = {name: float(str(table.loc["composite", name])) for name in
                 ("auc", "auc_low", "auc_high")}  # fmt: skip
        if healths.isna().all():
            return say("segments_warning.score.untold", lang)
        best = str(healths.idxmax())
        rivals = [name for name in best_healths(self.summary()) if name != best]
        others = say("segments_churn.list", lang).join(
            say(f"segments_warning.health.{name}", lang) for name in rivals
        )
        told = say(
            "segments_warning.score.text",
            lang,
            auc=f"{whole['auc']:.3f}",
            low=f"{whole['auc_low']:.3f}",
            high=f"{whole['auc_high']:.3f}",
            best=say(f"segments_warning.health.{best}", lang),
            best_auc=f"{healths[best]:.3f}",
            close=say("segments_warning.score.close", lang, others=others) if rivals else "",
        )
        off = [str(name) for name in table.index[~table["calibrated"]]]
        if not off:
            return told + say("segments_warning.score.calibrated", lang)
        names = [say(f"segments_warning.health.{name}", lang) for name in off]
        listed = say("segments_churn.list", lang).join(names)
        return told + say("segments_warning.score.off", lang, scores=listed)


def best_healths(table: pd.DataFrame) -> list[str]:
    """Return the healths that may tell leavers best: those whose interval reaches the best one's.

    Args:
        table: Of :meth:`ScoreStudy.summary`: ``score``, ``auc``, ``auc_low``, ``auc_high``.

    Returns:
        Names, the highest AUC first; empty where none is known.
    """
    known = table[table["score"] != "composite"].dropna(subset=["auc", "auc_low", "auc_high"])
    ordered = known.sort_values("auc", ascending=False)
    reach = ordered["auc_high"] >= ordered["auc_low"].head(1).sum()
    return [str(name) for name in ordered.loc[reach, "score"]]


def study_scores(
    rows: pd.DataFrame,
    cells: pd.DataFrame,
    book: WarningBook,
    *,
    calibrate_months: int = 8,
    test_months: int = 6,
    horizon_months: int = 1,
    kind: str = "auto",
    confidence: float = 0.95,
) -> ScoreStudy:
    """Learn rates, calibrate on the months after, test on the last.

    Args:
        rows: Of ``reduce_churn``: the months to calibrate and test on, at least.
        cells: Of ``reduce_churn_rates``, with ``month``; only months before those are read.
        book: Parts and healths.
        calibrate_months: Months to learn what a score means.
        test_months: Last months, for the test alone.
        horizon_months: As the label was made; so many months less one are left out between.
        kind: As in :func:`calibrate`.
        confidence: Of the intervals.

    Raises:
        ArgumentError: Too few months, or nobody left in those to calibrate on.
    """
    check_columns(rows.columns, ["customer_id", "month", LABEL], "churn rows")
    known = rows[rows[LABEL].notna()].sort_values(["month", "customer_id"], ignore_index=True)
    months = np.sort(known["month"].unique())
    gap = horizon_months - 1
    needed = calibrate_months + gap + test_months
    if len(months) < needed:
        raise ArgumentError("rows", f"{len(months)} months", f"at least {needed} months of rows")
    tested = months[-test_months:]
    used = months[len(months) - needed : len(months) - needed + calibrate_months]
    before = cells["month"] < used[0] - np.timedelta64(31 * gap, "D")
    rates = learn_rates(cells[before])
    learn = known[known["month"].isin(used)]
    scored = score_rows(learn, rates, book)
    left = learn[LABEL].to_numpy(bool)
    calibrations = {name: calibrate(scored[name], left, kind=kind) for name in SCORES}
    test = known[known["month"].isin(tested)].reset_index(drop=True)
    made = score_rows(test, rates, book)
    for name, one in calibrations.items():
        made[f"{name}_chance_share"] = one.predict(made[name])
    return ScoreStudy(
        rates=rates,
        calibrations=calibrations,
        test=pd.concat([test[["customer_id", "month", LABEL]], made], axis=1),
        confidence=confidence,
    )
