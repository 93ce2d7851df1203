"""Which terms the fits of chance and size try, and on which cells."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from cvm.points.behaviour_design import Design, Thin, design, term_values
from cvm.points.behaviour_estimate import (
    Estimate,
    constant_share,
    estimate_chance,
    estimate_share,
    with_level,
)
from cvm.points.behaviour_odds import OVER, UNKNOWN_WAIT
from cvm.points.behaviour_terms import Coefficients, FloatArray

_CHANCE_TERMS = (
    "just_qualified", "rush", "since", "waited", "tier", "month", "festival", "value",
)  # fmt: skip
_BENDS = ("log_ratio_over_1.5", "log_ratio_over_3")
_SIZE_TERMS = ("log_ratio", "rush", "tier", "festival")
_CLEAR_BEND = 1e-3
_LEAST_KNOWN_REDEEMERS = 500
_LEAST_KNOWN_SHARE = 0.25
_SMALLEST_SHARE = 1e-3


def fit_chance(
    cells: pd.DataFrame,
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
    least: int,
) -> tuple[Estimate, Coefficients, tuple[Thin, ...]]:
    """Fit the monthly chance of qualified members.

    Who qualified before the first month seen and has not redeemed since is more often than others
    one who saves up (length-biased sampling), and has a large balance for that. So effects are
    fitted to waits whose beginning is known, where there are enough of them, and the others get a
    level of their own. The chance is straight in the log ratio, unless the data clearly bend it.

    Args:
        cells: Cells of qualified members with their means.
        since_edges_months: Bands of the cells.
        waited_edges_months: Bands of the cells.
        least: Redeemers and non-redeemers that a term needs.

    Returns:
        The regression, all coefficients, and the terms left out.
    """
    edges = (since_edges_months, waited_edges_months)
    begun_before = (cells["waited_band"] > len(waited_edges_months)).to_numpy()
    events = cells["redeemers"].to_numpy(dtype=float)
    others = cells["at_risk"].to_numpy(dtype=float) - events
    known = events[~begun_before].sum()
    apart = (
        bool(begun_before.any())
        and known >= max(_LEAST_KNOWN_REDEEMERS, _LEAST_KNOWN_SHARE * events.sum())
        and min(events[begun_before].sum(), others[begun_before].sum()) >= least
    )
    used = ~begun_before if apart else np.ones(len(cells), dtype=bool)
    found, thin = _straight_or_bent(cells[used].reset_index(drop=True), *edges, least)
    terms = found.coefficients
    if apart:
        rest = cells[begun_before]
        columns = np.column_stack([term_values(name, rest, *edges) for name in terms.names])
        terms = with_level(found, UNKNOWN_WAIT, columns, events[begun_before], others[begun_before])
    size = cells["at_risk"].to_numpy(dtype=float)
    means = [size @ term_values(name, cells, *edges) / size.sum() for name in terms.names]
    return found, replace(terms, averages=np.array(means)), thin


def _straight_or_bent(
    cells: pd.DataFrame,
    since_edges_months: tuple[int, ...],
    waited_edges_months: tuple[int, ...],
    least: int,
) -> tuple[Estimate, tuple[Thin, ...]]:
    events = cells["redeemers"].to_numpy(dtype=float)
    others = cells["at_risk"].to_numpy(dtype=float) - events
    months = (cells["month"].dt.year * 12 + cells["month"].dt.month).to_numpy(dtype=float)

    def fit(balance: tuple[str, ...]) -> tuple[Estimate, tuple[Thin, ...]]:
        plan = design(
            cells,
            events=events,
            others=others,
            terms=(*balance, *_CHANCE_TERMS),
            since_edges_months=since_edges_months,
            waited_edges_months=waited_edges_months,
            least=least,
        )
        return estimate_chance(plan, events, others, months), plan.thin

    bent, thin = fit(("log_ratio", *_BENDS))
    if bent.coefficients.p_value(OVER) < _CLEAR_BEND:
        return bent, tuple(item for item in thin if item.term not in _BENDS)
    return fit(("log_ratio",))


def fit_size(cells: pd.DataFrame, least: int) -> tuple[Coefficients, Coefficients, float]:
    """Fit who takes everything, and the share others take; return its spread between them too."""
    some = cells[cells["redeemers"] > 0].reset_index(drop=True)
    count, whole = some["redeemers"].to_numpy(dtype=float), some["took_all"].to_numpy(dtype=float)
    plan = _size_design(some, whole, count - whole, least)
    if min(whole.sum(), (count - whole).sum()) < least:
        take_all = constant_share(whole.sum(), count.sum())
    else:
        months = np.zeros(len(some))
        take_all = estimate_chance(plan, whole, count - whole, months).coefficients
    parts = count - whole
    if parts.sum() < least:
        share = some["part_sum"].sum() / parts.sum() if parts.sum() else 0.5
        share = float(np.clip(share, _SMALLEST_SHARE, 1 - _SMALLEST_SHARE))
        return take_all, constant_share(share * parts.sum(), parts.sum()), 0.0
    rows = parts > 0
    left, n = some[rows].reset_index(drop=True), parts[rows]
    plan = _size_design(left, n, n, least)
    total, squares = (left[name].to_numpy(dtype=float) for name in ("part_sum", "part_squared_sum"))
    fit = estimate_share(plan, n, total, squares)
    mean = float((n * fit.fitted).sum() / n.sum())
    spread = np.sqrt(max(0.0, fit.dispersion * mean * (1 - mean)))
    return take_all, fit.coefficients, float(spread)


def _size_design(
    cells: pd.DataFrame,
    events: FloatArray,
    others: FloatArray,
    least: int,
) -> Design:
    return design(
        cells,
        events=events,
        others=others,
        terms=_SIZE_TERMS,
        since_edges_months=(),
        waited_edges_months=(),
        least=least,
    )
