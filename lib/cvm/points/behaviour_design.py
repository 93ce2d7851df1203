"""Cells of member-months, made into the design of a regression, without terms too thin to tell."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_columns
from cvm.points.behaviour_odds import OVER, over_knot, waited_names
from cvm.points.behaviour_season import is_spring_festival
from cvm.points.behaviour_terms import FloatArray

KEYS = (
    "month",
    "vip_tier",
    "qualified",
    "just_qualified",
    "ratio_band",
    "since_band",
    "waited_band",
)
SUMS = (
    "at_risk", "log_ratio_sum", "rush_share_sum", "balance_points", "redeemers", "redeemed_points",
    "redeemed_points_squared", "available_points", "took_all", "part_sum", "part_squared_sum",
)  # fmt: skip

BASE_TIER = "none"
_SEASON_LEAST_MONTHS = 24
_APART = 1e-6


@dataclass(frozen=True, kw_only=True, eq=False)
class Thin:
    """A term the data cannot tell.

    Attributes:
        term: Name of the term.
        redeemers: Member-months with a redemption behind it.
        reason: ``few``, or ``mixed`` if it cannot be told apart from other terms.
    """

    term: str
    redeemers: int
    reason: str = "few"


@dataclass(frozen=True, kw_only=True, eq=False)
class Design:
    """The terms of a regression on cells.

    Attributes:
        names: Terms.
        terms: Their values [cell, term]; effects add up as ``terms @ coefficients``.
        free: Coefficients from free parameters [term, parameter].
        thin: Terms left out.
    """

    names: tuple[str, ...]
    terms: FloatArray
    free: FloatArray
    thin: tuple[Thin, ...]

    @property
    def matrix(self) -> FloatArray:
        """Return the matrix of the regression [cell, parameter]."""
        return np.asarray(self.terms @ self.free)


def checked_cells(cells: pd.DataFrame) -> pd.DataFrame:
    """Return the cells, checked.

    Raises:
        MissingDataError: A column is missing.
        DataError: No rows; a value that is negative, missing or not finite; or more redeemers than
            member-months.
    """
    check_columns(cells.columns, (*KEYS, *SUMS), "cells")
    if cells.empty:
        raise DataError("cells", "empty", "at least one row", action="check the months' range")
    found = cells.assign(**{name: cells[name].astype(float) for name in SUMS})
    for name in SUMS:
        low = -np.inf if name == "log_ratio_sum" else 0.0
        bad = ~np.isfinite(found[name]) | (found[name] < low)
        if bool(bad.any()):
            row = int(np.flatnonzero(bad)[0])
            raise DataError(f"cells.{name}[row {row}]", cells[name].iloc[row], "finite, 0 or more")
    over = (found["redeemers"] > found["at_risk"]) | (found["took_all"] > found["redeemers"])
    if bool(over.any()):
        row = int(np.flatnonzero(over)[0])
        raise DataError(
            f"cells.redeemers[row {row}]",
            found["redeemers"].iloc[row],
            f"at most at_risk ({found['at_risk'].iloc[row]:g}) and at least took_all",
            action="count each member-month once",
        )
    found["month"] = pd.to_datetime(found["month"])
    found["vip_tier"] = found["vip_tier"].astype(str)
    return found[found["at_risk"] > 0].reset_index(drop=True)


def with_terms(cells: pd.DataFrame, value_yuan: Mapping[date, float] | None = None) -> pd.DataFrame:
    """Add each cell's means: ``log_ratio``, ``rush``, ``calendar_month``, ``festival``, ``value``.

    Args:
        cells: Cells, checked.
        value_yuan: First month → value of a point from then on (yuan), where it changed.
    """
    month = cells["month"]
    starts = {stamp: is_spring_festival(stamp.date()) for stamp in month.unique()}
    return cells.assign(
        log_ratio=cells["log_ratio_sum"] / cells["at_risk"],
        rush=cells["rush_share_sum"] / cells["at_risk"],
        calendar_month=month.dt.month,
        festival=month.map(starts).astype(bool),
        value=_log_values(month, value_yuan),
    )


def _log_values(month: pd.Series, value_yuan: Mapping[date, float] | None) -> FloatArray:
    """Return the logarithm of a point's value ÷ its value in the last month, for each cell."""
    if not value_yuan:
        return np.zeros(len(month))
    for first, value in value_yuan.items():
        if not (np.isfinite(value) and value > 0):
            raise ArgumentError(f"value_yuan[{first}]", value, "above 0 (yuan a point)")
    since = pd.to_datetime(sorted(value_yuan))
    logs = np.log([value_yuan[key] for key in sorted(value_yuan)])
    # Before the first month given, the first value.
    at = np.maximum(since.searchsorted(month, side="right") - 1, 0)
    last = max(int(since.searchsorted(month.max(), side="right")) - 1, 0)
    return np.asarray(logs[at] - logs[last])


def term_values(
    name: str,
    cells: pd.DataFrame,
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
) -> FloatArray:
    """Return a term's value in each cell (:func:`with_terms`)."""
    kind, _, level = name.partition("_")
    if name == "intercept":
        return np.ones(len(cells))
    if name.startswith(OVER):
        found = (cells["log_ratio"] - over_knot(name)).clip(lower=0)
    elif kind == "month":
        found = cells["calendar_month"] == int(level)
    elif kind == "tier":
        found = cells["vip_tier"] == level
    elif kind == "since":
        found = cells["since_band"] == since_edges_months.index(int(level))
    elif kind == "waited":
        found = cells["waited_band"] == waited_names(waited_edges_months).index(name)
    else:
        found = cells[name]
    return np.asarray(found, dtype=np.float64)


def design(
    cells: pd.DataFrame,
    *,
    events: FloatArray,
    others: FloatArray,
    terms: Sequence[str],
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
    least: int,
) -> Design:
    """Return the design of a regression on cells.

    A term enters if there are at least ``least`` events and as many non-events on it, and if it can
    be told apart from those before it.

    Args:
        cells: Cells with their means (:func:`with_terms`).
        events: Events a cell.
        others: Non-events a cell.
        terms: Which of ``log_ratio``, ``log_ratio_over_…``, ``just_qualified``, ``rush``,
            ``since``, ``waited``, ``tier``, ``month``, ``festival``, ``value`` to try, in this
            order; ``value`` only where a point's value changed.
        since_edges_months: Ends of the bands of months since the last redemption.
        waited_edges_months: Ends of the bands of months waited.
        least: Events and non-events that a term needs.
    """
    edges = (since_edges_months, waited_edges_months)
    columns: dict[str, FloatArray] = {"intercept": np.ones(len(cells))}
    thin: list[Thin] = []
    for term in terms:
        if term == "month":
            columns |= _season(cells, events, others, least, thin)
            continue
        for name in _names(term, cells, events, *edges):
            values = term_values(name, cells, *edges)
            on = np.ones(len(cells), dtype=bool) if name == "log_ratio" else values != 0
            count = round(float(events[on].sum()))
            if count >= least and others[on].sum() >= least:
                columns[name] = values
            else:
                thin.append(Thin(term=name, redeemers=count))
    return _told_apart(columns, cells["at_risk"].to_numpy(dtype=float), events, thin)


def _names(
    term: str,
    cells: pd.DataFrame,
    events: FloatArray,
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
) -> list[str]:
    """Return a term's columns: itself, or its levels without the one they are held against."""
    if term == "value" and not bool((cells["value"] != 0).any()):
        return []
    if term == "tier":
        tier = cells["vip_tier"].to_numpy()
        base = _base(tier, events, BASE_TIER)
        return [f"tier_{name}" for name in sorted(set(tier) - {base})]
    if term == "since":
        band = cells["since_band"].to_numpy(dtype=int)
        base = _base(band, events, len(since_edges_months))
        return [f"since_{edge}" for at, edge in enumerate(since_edges_months) if at != base]
    if term == "waited":
        band = cells["waited_band"].to_numpy(dtype=int)
        base = _base(band, events, 0)
        names = waited_names(waited_edges_months)
        return [name for at, name in enumerate(names) if at != base and bool((band == at).any())]
    return [term]


def _base(levels: npt.NDArray, events: FloatArray, preferred: object) -> object:
    """Return the level others are held against: the preferred one unless it has no event."""
    if events[levels == preferred].sum() > 0:
        return preferred
    found, place = np.unique(levels, return_inverse=True)
    return found[int(np.argmax(np.bincount(place, weights=events)))]


def _season(
    cells: pd.DataFrame, events: FloatArray, others: FloatArray, least: int, thin: list[Thin]
) -> dict[str, FloatArray]:
    month = cells["calendar_month"].to_numpy()
    by_month = [month == at for at in range(1, 13)]
    few = min(min(events[on].sum(), others[on].sum()) for on in by_month)
    if cells["month"].nunique() < _SEASON_LEAST_MONTHS or few < least:
        thin.append(Thin(term="month", redeemers=round(float(few))))
        return {}
    return {f"month_{at + 1}": on.astype(float) for at, on in enumerate(by_month)}


def _told_apart(
    columns: dict[str, FloatArray], weights: FloatArray, events: FloatArray, thin: list[Thin]
) -> Design:
    """Keep the terms that can be told apart from those before them."""
    root = np.sqrt(weights / weights.sum())
    kept: list[str] = []
    months = [name for name in columns if name.startswith("month_")]
    basis = np.empty((len(weights), 0))
    for name, values in columns.items():
        if name == "month_12":
            continue
        column = root * (values - columns["month_12"] if name in months else values)
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        if np.linalg.norm(rest) > _APART * np.linalg.norm(column):
            kept.append(name)
            basis = np.column_stack([basis, rest / np.linalg.norm(rest)])
        else:
            count = round(float(events[values > 0].sum()))
            thin.append(Thin(term=name, redeemers=count, reason="mixed"))
    names = [*kept, "month_12"] if any(name in months for name in kept) else kept
    free = np.zeros((len(names), len(kept)))
    for at, name in enumerate(kept):
        free[names.index(name), at] = 1.0
        if name in months:
            free[names.index("month_12"), at] = -1.0
    terms = np.column_stack([columns[name] for name in names])
    return Design(names=tuple(names), terms=terms, free=free, thin=tuple(thin))
