"""Customers of a month with their tiers, bands and scene: rows inside the engine, never collected.

:func:`segment_rows` is the one expression behind every table of value segments: a single pass over
the months adds up what each window needs (:mod:`cvm.data.reduce_segments_plan`), and scores, levels
and bands are made of those sums. Sums are whole numbers of fen, so that a score that lies on a cut
is not moved off it by the order of addition, and both engines agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError
from cvm.data.reduce_segments_plan import MonthSource, make_plan
from cvm.data.reduce_segments_ratings import FEN, SCORE_DECIMALS, Terms, level_of, rate
from cvm.data.reduce_segments_sums import TableSource


def segment_rows(
    months: ir.Table | MonthSource,
    customers: ir.Table | None = None,
    accounts: ir.Table | None = None,
    ledger: ir.Table | None = None,
    *,
    month: date,
    ladders: Mapping[str, Terms] | None = None,
    bands: Mapping[str, Sequence[float]] | None = None,
    scenes: Mapping[str, float] | None = None,
    by: Sequence[str] = (),
    window_months: int = 12,
) -> ir.Table:
    """Return the customers in service in a month, one row each.

    Args:
        months: Contract table ``months``; or a panel of
            :func:`cvm.data.panel_load.load_panel`, which holds all four tables.
        customers: Contract table ``customers``.
        accounts: Contract table ``accounts``, for grades by members.
        ledger: Contract table ``ledger``: consumption points earned are read from it; without it a
            month's points are the whole yuan of its bill.
        month: The month; customers are those with a row in it.
        ladders: Terms of :meth:`cvm.segments.tierbook.TierBook.terms`, under any names.
        bands: A column of ``months`` (its mean over the months in service of the window) or of
            ``customers`` → rising cuts; a cut belongs to the band above it.
        scenes: ``data_share_from``, ``local_share_to``, ``roaming_share_from``; see
            :class:`cvm.segments.scenes.SceneRules`.
        by: Columns of ``months`` (as of the month) or ``customers`` to carry along.
        window_months: Window of amounts, bands and scenes, up to the month.

    Returns:
        Expression with ``customer_id`` (of a panel ``place`` as well), ``revenue_fen``,
        ``margin_fen`` (null without costs), ``stopped`` (1 with an arrears stop in the window),
        ``months_seen``; for each ladder ``<ladder>_level`` (−1 unrated, 0 below the lowest tier),
        ``<ladder>_score`` and ``<ladder>_cap``; for each band ``<column>_band`` (−1 unknown);
        ``scene``; the columns of ``by`` as text, ``unknown`` where missing.

    Raises:
        MissingDataError: A ladder, band or group needs a column that is not there.
        ArgumentError: Tables beside a panel, or a month that a panel does not hold.
    """
    ladders, bands = ladders or {}, bands or {}
    source = month_source(months, customers, accounts, ledger)
    plan = make_plan(
        source,
        month=month,
        ladders=ladders,
        bands=list(bands),
        scenes=scenes is not None,
        by=by,
        window_months=window_months,
    )
    rows = source.sums(plan)
    rows = rows.mutate(**{name: ibis.literal(v, "int64") for name, v in plan.absent.items()})
    return _finished(rows, source.key, ladders, bands, scenes, by)


def month_source(
    months: ir.Table | MonthSource,
    customers: ir.Table | None = None,
    accounts: ir.Table | None = None,
    ledger: ir.Table | None = None,
) -> MonthSource:
    """Return who holds the months: the tables given, or the panel given in their place.

    Raises:
        ArgumentError: Tables beside a panel.
    """
    others = {"customers": customers, "accounts": accounts, "ledger": ledger}
    given = [name for name, table in others.items() if table is not None]
    if not isinstance(months, ir.Table):
        if given:
            raise ArgumentError(
                given[0], "a table beside a panel", "left out: the panel holds what it was given"
            )
        return months
    return TableSource(months=months, customers=customers, accounts=accounts, ledger=ledger)


def _finished(
    rows: ir.Table,
    key: str,
    ladders: Mapping[str, Terms],
    bands: Mapping[str, Sequence[float]],
    scenes: Mapping[str, float] | None,
    by: Sequence[str],
) -> ir.Table:
    rows = rate(rows, ladders)
    made: dict[str, ir.Value] = {
        "revenue_fen": rows.revenue_fen,
        "margin_fen": rows.revenue_fen - rows.cost_fen,
        "stopped": (rows.stops > 0).cast("int64"),
        "months_seen": rows.months_seen,
    }
    for name in ladders:
        made |= {f"{name}_{part}": rows[f"{name}_{part}"] for part in ("level", "score", "cap")}
    for name, cuts in bands.items():
        if f"{name}_value" in rows.columns:
            band = level_of(rows[f"{name}_value"], cuts)
        else:
            mean = rows[f"{name}_fen"] / (FEN * rows.months_seen)
            band = level_of(mean, cuts, decimals=SCORE_DECIMALS)
        made[f"{name}_band"] = band.fill_null(-1).cast("int64")
    if scenes is not None:
        made["scene"] = _scene(rows, scenes)
    made |= {name: rows[name].fill_null("unknown") for name in by}
    return rows.select(*dict.fromkeys(["customer_id", key]), **made)


def _scene(rows: ir.Table, scenes: Mapping[str, float]) -> ir.StringValue:
    """Return the usage scene of each customer; roaming decides before the bill's split."""
    minutes, spent = rows.voice_minutes_fen, rows.voice_yuan_fen + rows.data_yuan_fen
    roaming = rows.roaming_minutes_fen >= scenes["roaming_share_from"] * minutes
    return ibis.cases(
        ((minutes > 0) & roaming, "business_travel"),
        (spent <= 0, "mixed"),
        (rows.data_yuan_fen >= scenes["data_share_from"] * spent, "data"),
        (rows.data_yuan_fen <= scenes["local_share_to"] * spent, "local"),
        else_="mixed",
    )
