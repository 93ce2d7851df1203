"""Who leaves next: a model of leaving within the next months, from what is known today.

Cohort survival says what a group will be worth; this says who goes next. A logit by default, as its
parts can be read; boosted trees only where they earn their keep (:mod:`cvm.segments.churn_study`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from cvm.core.checks import ArgumentError, DataError, check_columns, check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.naming import NAMED_TRAITS, NameOf
from cvm.core.result import Result
from cvm.segments.churn_design import IDENTIFIERS, LABEL, Design, make_design
from cvm.segments.churn_leaks import Refused, find_leaks
from cvm.segments.churn_logit import Logit, fit_logit
from cvm.segments.churn_words import OTHER, refused_text, term_text

FloatArray = npt.NDArray[np.float64]
Kind = Literal["logit", "boosting"]
KINDS: tuple[Kind, ...] = ("logit", "boosting")
# Tell what a customer was worth, not what drives him: bill and fall are there already.
LEFT_OUT = ("margin_yuan", "seen_months", "vip_tier", "star")
RESCUE_RIDGE = 1.0
"""Penalty where the data alone cannot tell every coefficient: half a squared standard deviation."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ChurnModel(Result):
    """A model of leaving.

    Attributes:
        kind: ``"logit"`` or ``"boosting"``.
        design: How it reads rows.
        logit: The logit; of a boosted model too, for the reasons it gives.
        trees: The boosted trees, if any.
        customers: Rows of training.
        left: Leavers among them.
        refused: Columns that know the future, kept out.
        ridge: Penalty that was needed, 0 if none.
        reason: Empty, or why there is no model (see :class:`cvm.segments.churn_logit.Logit`).
    """

    kind: Kind
    design: Design
    logit: Logit
    customers: int
    left: int
    refused: tuple[Refused, ...] = ()
    ridge: float = 0.0
    reason: str = ""
    trees: Any = field(default=None, repr=False)

    view: ClassVar[str] = "cvm.views.segments_churn:plot_drivers"

    @property
    def told(self) -> bool:
        """Return whether there is a model."""
        return not self.reason

    def predict(self, rows: pd.DataFrame) -> FloatArray:
        """Return each row's probability of leaving.

        Raises:
            DataError: There is no model.
            MissingDataError: A feature is missing.
        """
        if not self.told:
            raise DataError(
                "churn model", self.reason, "told by the data", action="train on more months"
            )
        if self.kind == "boosting":
            check_columns(rows.columns, self.design.columns, "churn rows")
            return np.asarray(self.trees.predict(rows))
        return np.asarray(expit(self.design.matrix(rows) @ self.logit.coefficients))

    def contributions(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what each feature adds to a row's log odds, against the mean row of training."""
        matrix = self.design.matrix(rows)
        made: dict[str, FloatArray] = {}
        for place, term in enumerate(self.design.terms, start=1):
            part = matrix[:, place] * self.logit.coefficients[place]
            made[term.column] = made.get(term.column, 0.0) + part
        return pd.DataFrame(made, index=rows.index)

    def summary(self, confidence: float = 0.95) -> pd.DataFrame:
        """Return a row a term: log odds a unit, its error and interval, and odds ratio.

        A unit is the term's own: one of the column, or of its logarithm. ``per_deviation`` is the
        log odds of one standard deviation, by which terms can be compared.
        """
        terms = self.design.terms
        scale = np.array([term.scale for term in terms])
        spread = [term.scale if term.kind not in ("flag", "level", "missing") else
                  np.sqrt(max(term.centre * (1 - term.centre), 0.0)) for term in terms]  # fmt: skip
        beta = self.logit.coefficients[1:] / scale
        error = self.logit.errors[1:] / scale
        half = norm.ppf((1 + confidence) / 2) * error
        frame = pd.DataFrame(
            {
                "term": [term.name for term in terms],
                "column": [term.column for term in terms],
                "kind": [term.kind for term in terms],
                "log_odds": beta,
                "error": error,
                "low": beta - half,
                "high": beta + half,
                "odds_ratio": np.exp(beta),
                "p_value": 2 * norm.sf(np.abs(beta) / error),
                "per_deviation": beta * np.array(spread),
            }
        )
        order = frame["per_deviation"].abs().sort_values(ascending=False).index
        return frame.loc[order].reset_index(drop=True)

    def named(self, of: NameOf) -> ChurnModel:
        """Return the model with the names of counties and tariffs, to be told and drawn."""
        terms = tuple(
            replace(term, level=of(term.column, term.level))
            if term.column in NAMED_TRAITS and term.level not in ("", OTHER)
            else term
            for term in self.design.terms
        )
        return replace(self, design=replace(self.design, terms=terms))

    def text(self, lang: str = "en") -> str:
        """Return what the model rests on, what drives leaving most, and what was refused."""
        values = {
            "customers": format_number(self.customers, lang),
            "left": format_number(self.left, lang),
        }
        if not self.told:
            told = say(f"segments_churn.untold.{self.reason}", lang, **values)
            return told + refused_text(self.refused, lang)
        top = self.summary().head(3)
        names = [
            term_text(self._term(name), odds, lang)
            for name, odds in zip(top["term"].tolist(), top["log_odds"].tolist(), strict=True)
        ]
        values["drivers"] = say("segments_churn.list", lang).join(names)
        values["share"] = format_share(self.left / self.customers)
        told = say(f"segments_churn.model.{self.kind}", lang, **values)
        if self.ridge:
            told += say("segments_churn.model.ridge", lang)
        return told + refused_text(self.refused, lang)

    def _term(self, name: str) -> Any:
        return next(term for term in self.design.terms if term.name == name)


def fit_churn(
    rows: pd.DataFrame,
    *,
    features: Sequence[str] | None = None,
    kind: Kind = "logit",
    recorded_later: Collection[str] = (),
    ridge: float = 0.0,
    seed: int = 0,
) -> ChurnModel:
    """Train a churn model on rows whose label is known.

    Args:
        rows: Of ``reduce_churn`` or ``reduce_churn_snapshot``: features and ``left``.
        features: Columns to use; all that may be used if ``None``.
        kind: ``"logit"`` or ``"boosting"``.
        recorded_later: Columns known to be written down after the scoring month.
        ridge: Penalty on a standard deviation's log odds; where the data cannot tell without one, 1
            is taken and said.
        seed: Of boosted trees.

    Returns:
        The model; where the data cannot tell, with the reason. Columns that know the future are
        left out and named.

    Raises:
        ArgumentError: A feature that was asked for knows the future, or no feature varies.
        MissingDataError: A feature or the label is missing.
    """
    check_one_of(kind, "kind", KINDS)
    check_columns(rows.columns, [LABEL, *(features or ())], "churn rows")
    known = rows[rows[LABEL].notna()].reset_index(drop=True)
    left = known[LABEL].astype(bool)
    asked = list(features) if features is not None else _usable(known)
    refused = find_leaks(known, asked, left, recorded_later=recorded_later)
    if refused and features is not None:
        raise ArgumentError(
            "features",
            ", ".join(one.column for one in refused),
            f"known at the scoring month ({'; '.join(one.text('en') for one in refused)})",
            action="leave these columns out",
        )
    gone = {one.column for one in refused}
    counts = {"customers": len(known), "left": int(left.sum())}
    if not len(known) or left.all() or not left.any():
        return _untold("one_class", refused, counts)
    design, matrix = make_design(known, [name for name in asked if name not in gone], left)
    fit = fit_logit(matrix, left.to_numpy(), ridge=_ridge(ridge, matrix.shape[1]))
    if fit.reason in ("too_few", "separated", "collinear") and not ridge:
        ridge = RESCUE_RIDGE
        fit = fit_logit(matrix, left.to_numpy(), ridge=_ridge(ridge, matrix.shape[1]))
    trees = None
    if kind == "boosting":
        from cvm.segments.churn_boosting import fit_trees

        trees = fit_trees(known, design.columns, left.to_numpy(), seed=seed)
    return ChurnModel(
        kind=kind,
        design=design,
        logit=fit,
        refused=refused,
        ridge=ridge,
        reason=fit.reason,
        trees=trees,
        **counts,
    )


def _usable(rows: pd.DataFrame) -> list[str]:
    left_out = {*IDENTIFIERS, *LEFT_OUT}
    return [
        str(name)
        for name in rows.columns
        if name not in left_out and not pd.api.types.is_datetime64_any_dtype(rows[name])
    ]


def _ridge(ridge: float, width: int) -> FloatArray:
    # The constant is never pulled towards one half.
    return np.concatenate([[0.0], np.full(width - 1, ridge)])


def _untold(reason: str, refused: tuple[Refused, ...], counts: Mapping[str, int]) -> ChurnModel:
    return ChurnModel(
        kind="logit",
        design=Design(terms=(), dropped={}),
        logit=Logit(
            coefficients=np.array([np.nan]),
            covariance=np.array([[np.nan]]),
            log_likelihood=float("nan"),
            steps=0,
        ),
        refused=refused,
        reason=reason,
        customers=counts["customers"],
        left=counts["left"],
    )
