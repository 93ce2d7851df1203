"""From rows of features to the columns of a model: scales, levels, missing values.

Everything is learnt on the rows of training and kept, so that later months are read the same way: a
level that training did not know counts as a rare one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import skew
from threadpoolctl import threadpool_limits

from cvm.core.checks import ArgumentError, check_columns
from cvm.segments.churn_logit import BLOCK_ROWS
from cvm.segments.churn_words import OTHER

FloatArray = npt.NDArray[np.float64]
Kind = Literal["number", "log", "log1p", "flag", "level", "missing"]

LABEL = "left"
IDENTIFIERS = ("customer_id", "family_id", "account_id", "manager_id", "month", LABEL)
# Natural scales of the contract's columns; others are logged where they are skewed.
SCALES: Mapping[str, Kind] = {
    "bill_yuan": "log",
    "bill_before_yuan": "log",
    "calling_circle": "log",
    "calling_circle_before": "log",
    "forwarding_minutes": "log1p",
    "forwarding_before_minutes": "log1p",
    "tenure_months": "log1p",
    "bill_fall_share": "number",
    "off_net_share": "number",
    "complaints": "number",
    "arrears_stops": "number",
}
FEWEST_OF_LEVEL = 5
"""Leavers and stayers a level needs to have a coefficient of its own."""
SKEWED = 2.0
MISSING_SHARE = 0.01


@dataclass(frozen=True, kw_only=True)
class Term:
    """One column of the model.

    Attributes:
        name: ``tariff=…``, ``log bill_yuan`` …
        column: The feature it comes from.
        kind: How: as a number, its logarithm, a flag, one level, or being missing.
        centre: Taken off before scaling; the mean of training.
        scale: Divided by; the standard deviation of training, 1 for flags and levels.
        fill: What stands for a missing number.
        level: The level.
        known: Levels of the column with a term or as the reference.
    """

    name: str
    column: str
    kind: Kind
    centre: float = 0.0
    scale: float = 1.0
    fill: float = 0.0
    level: str = ""
    known: tuple[str, ...] = ()

    def raw(self, values: pd.Series) -> FloatArray:
        """Return the column before centring and scaling."""
        if self.kind == "missing":
            return np.asarray(values.isna(), dtype=float)
        if self.kind == "level":
            text = values.astype("str").where(values.notna(), "")
            if self.level == OTHER:
                return np.asarray(~text.isin(self.known), dtype=float)
            return np.asarray(text == self.level, dtype=float)
        numbers = values.astype("float64").to_numpy(dtype=float, na_value=np.nan)
        filled: FloatArray = np.where(np.isnan(numbers), self.fill, numbers)
        if self.kind == "log":
            return np.asarray(np.log(np.maximum(filled, 1.0)))
        return np.asarray(np.log1p(np.maximum(filled, 0.0))) if self.kind == "log1p" else filled


@dataclass(frozen=True, kw_only=True)
class Design:
    """How a model reads rows.

    Attributes:
        terms: Its columns, without the constant.
        dropped: Features left out, with the reason: ``"constant"`` or ``"collinear"``.
    """

    terms: tuple[Term, ...]
    dropped: Mapping[str, str]

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the features it reads."""
        return tuple(dict.fromkeys(term.column for term in self.terms))

    def matrix(self, frame: pd.DataFrame) -> FloatArray:
        """Return rows × (1 + terms), the constant first, centred and scaled.

        Raises:
            MissingDataError: A feature is not in the frame.
        """
        check_columns(frame.columns, self.columns, "churn rows")
        made = np.empty((len(frame), 1 + len(self.terms)))
        made[:, 0] = 1.0
        for place, term in enumerate(self.terms, start=1):
            made[:, place] = (term.raw(frame[term.column]) - term.centre) / term.scale
        return made


def make_design(
    frame: pd.DataFrame, columns: Sequence[str], left: pd.Series
) -> tuple[Design, FloatArray]:
    """Learn the columns of a model from rows of training.

    Args:
        frame: Rows of training.
        columns: Features to use.
        left: Whether each row left.

    Returns:
        The design, and what it makes of these rows (:meth:`Design.matrix`).

    Raises:
        ArgumentError: No feature varies.
    """
    gone = left.to_numpy(dtype=bool)
    terms: list[Term] = []
    dropped: dict[str, str] = {}
    for name in columns:
        made = _terms(name, frame[name], gone)
        if not made:
            dropped[name] = "constant"
        terms += made
    if not terms:
        raise ArgumentError("columns", list(columns), "at least one that varies over the rows")
    whole = Design(terms=tuple(terms), dropped={}).matrix(frame)
    kept = _independent(whole[:, 1:])
    if len(kept) < len(terms):
        dropped |= {term.name: "collinear" for place, term in enumerate(terms) if place not in kept}
        whole = _only(whole, [0, *(1 + place for place in kept)])
    return Design(terms=tuple(terms[place] for place in kept), dropped=dropped), whole


def _terms(name: str, values: pd.Series, left: np.ndarray) -> list[Term]:
    missing = values.isna()
    if missing.all():
        return []
    made: list[Term] = []
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        known = values[~missing].astype("float64").to_numpy()
        if known.min() < known.max():
            two = len(np.unique(known[:10_000])) <= 2 and len(np.unique(known)) <= 2
            kind: Kind = "flag" if two else SCALES.get(name) or _scale_of(known)
            term = Term(name=name, column=name, kind=kind, fill=float(np.median(known)))
            made.append(_scaled(term, values))
        if missing.mean() >= MISSING_SHARE and _both(missing.to_numpy(), left):
            made.append(_scaled(Term(name=f"{name} missing", column=name, kind="missing"), values))
        return made
    text = values.astype("str").where(~missing, "")
    counts = pd.DataFrame({"level": text, "left": left}).groupby("level").left.agg(["size", "sum"])
    enough = counts[counts["size"].sub(counts["sum"]).clip(upper=counts["sum"]) >= FEWEST_OF_LEVEL]
    if len(counts) < 2 or not len(enough):
        return []
    known_levels = tuple(enough.index)
    reference = str(enough["size"].idxmax())
    levels = [level for level in known_levels if level != reference]
    rare = counts.drop(index=list(known_levels))
    if rare["sum"].sum() >= FEWEST_OF_LEVEL and len(rare):
        levels.append(OTHER)
    for level in levels:
        term = Term(
            name=f"{name}={level}", column=name, kind="level", level=level, known=known_levels
        )
        made.append(_scaled(term, values))
    return made


def _scale_of(known: np.ndarray) -> Kind:
    return "log1p" if known.min() >= 0 and float(skew(known)) > SKEWED else "number"


def _both(flag: np.ndarray, left: np.ndarray) -> bool:
    inside = left[flag]
    return min(int(inside.sum()), int((~inside).sum())) >= FEWEST_OF_LEVEL


def _scaled(term: Term, values: pd.Series) -> Term:
    raw = term.raw(values)
    plain = term.kind in ("flag", "level", "missing")
    scale = 1.0 if plain else float(raw.std()) or 1.0
    return Term(**{**vars(term), "centre": float(raw.mean()), "scale": scale})


def _only(matrix: FloatArray, places: list[int]) -> FloatArray:
    """Return some columns, a block of rows at a time: all at once takes ten times as long."""
    made = np.empty((len(matrix), len(places)))
    for first in range(0, len(matrix), BLOCK_ROWS):
        rows = slice(first, first + BLOCK_ROWS)
        np.take(matrix[rows], places, axis=1, out=made[rows])
    return made


def _independent(columns: FloatArray) -> list[int]:
    """Return the places of the columns that those before them do not add up to."""
    # Threads that wait for each other on a busy machine cost more than they bring.
    with threadpool_limits(limits=1, user_api="blas"):
        products = columns.T @ columns
    kept: list[int] = []
    for place in range(columns.shape[1]):
        own = products[place, place]
        if not own > 0:
            continue
        rest = own
        if kept:
            cross = products[np.ix_(kept, [place])][:, 0]
            rest = own - cross @ np.linalg.solve(products[np.ix_(kept, kept)], cross)
        if rest / own > 1e-8:
            kept.append(place)
    return kept
