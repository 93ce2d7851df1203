"""From customers to the cells of value segments: tiers, grid, scenes, regions, scores.

Every function returns an Ibis expression with few rows that runs unchanged on DuckDB and Spark.
What each needs is read from the terms it is given, never from a rule book.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from functools import reduce
from operator import sub
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.checks import ArgumentError
from cvm.core.months import add_months
from cvm.data.reduce_segments_plan import MonthSource, SumsPlan, WindowSum
from cvm.data.reduce_segments_ratings import FEN
from cvm.data.reduce_segments_rows import month_source, segment_rows

Terms = Mapping[str, Any]

_MADE_OF = {"margin_yuan": ("bill_yuan", "variable_cost_yuan")}


def reduce_segments_cells(
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
    """Reduce the customers of a month to one row a combination of tiers, bands, scene and groups.

    Args:
        months: See :func:`cvm.data.reduce_segments_rows.segment_rows`, as for all others.
        customers: See there.
        accounts: See there.
        ledger: See there.
        month: See there.
        ladders: See there.
        bands: See there.
        scenes: See there.
        by: See there.
        window_months: See there.

    Returns:
        Expression with ``<ladder>`` (level), ``<column>_band``, ``scene`` and the groups, then
        ``customers``, ``revenue_yuan`` and ``margin_yuan`` (of the window; null without costs),
        ``stopped_customers`` (with an arrears stop in the window). Customers of all rows are those
        in service in the month.
    """
    rows = segment_rows(
        months,
        customers,
        accounts,
        ledger,
        month=month,
        ladders=ladders,
        bands=bands,
        scenes=scenes,
        by=by,
        window_months=window_months,
    )
    groups: dict[str, ir.Value] = {name: rows[f"{name}_level"] for name in ladders or {}}
    groups |= {f"{name}_band": rows[f"{name}_band"] for name in bands or {}}
    if scenes is not None:
        groups["scene"] = rows.scene
    groups |= {name: rows[name] for name in by}
    return _cells(rows, groups)


def reduce_segments_scores(
    months: ir.Table | MonthSource,
    customers: ir.Table | None = None,
    accounts: ir.Table | None = None,
    ledger: ir.Table | None = None,
    *,
    month: date,
    ladder: Terms,
    step: float,
) -> ir.Table:
    """Reduce the customers of a month to a histogram of one ladder's score.

    Args:
        months: See :func:`reduce_segments_cells`.
        customers: See there.
        accounts: See there.
        ledger: See there.
        month: See there.
        ladder: Terms of one ladder; only its latest assessment counts.
        step: Width of a bin, in units of the score.

    Returns:
        Expression with ``bin`` (number of the bin: scores from ``bin × step``; null for the
        unrated), ``level`` (by the score alone, under no cap), ``cap`` (highest level a cap
        allows, 99 without one) and the figures of :func:`reduce_segments_cells`.
    """
    alone = {**ladder, "assessments": ladder["assessments"][:1], "cap_levels": []}
    rows = segment_rows(
        months,
        customers,
        accounts,
        ledger,
        month=month,
        ladders={"free": alone, "bound": {**ladder, "assessments": ladder["assessments"][:1]}},
    )
    rated = rows.free_level >= 0
    number = (rows.free_score / float(step)).floor().cast("int64")
    groups = {
        "bin": rated.ifelse(number, ibis.null("int64")),
        "level": rows.free_level,
        "cap": rows.bound_cap,
    }
    return _cells(rows, groups)


def reduce_segments_spread(
    months: ir.Table | MonthSource,
    *,
    month: date,
    columns: Sequence[str],
    step: float,
    window_months: int = 12,
) -> ir.Table:
    """Reduce amounts a month to histograms, from which cuts are chosen and concentration is read.

    Args:
        months: Contract table ``months``, or a panel.
        month: Last month of the window; customers are those with a row in it.
        columns: Columns of ``months``, or ``margin_yuan`` (bill less variable cost).
        step: Width of a bin (in the column's unit, mean a month).
        window_months: Months the mean is over, those in service.

    Returns:
        Expression with ``measure`` (the column), ``bin`` (means from ``bin × step``),
        ``customers`` and ``total`` (sum of the customers' means).

    Raises:
        MissingDataError: A column is not there.
        ArgumentError: A month that a panel does not hold.
    """
    source = month_source(months)
    made = {name: _MADE_OF.get(name, (name,)) for name in columns}
    parts = {part for name in columns for part in made[name]}
    source.check("months", sorted(parts))
    first = add_months(month, 1 - window_months)
    sums = {
        f"{name}_fen": WindowSum(kind="fen", column=name, first=first, last=month) for name in parts
    }
    seen = WindowSum(kind="count", first=first, last=month)
    each = source.sums(SumsPlan(month=month, first=first, sums={"seen": seen, **sums}))
    found = []
    for name, (one, *less) in made.items():
        fen = reduce(sub, [each[f"{part}_fen"] for part in (one, *less)])
        mean = (fen / (FEN * each.seen)).round(6)
        placed = each.select(
            measure=ibis.literal(name), bin=(mean / float(step)).floor().cast("int64"), mean=mean
        )
        found.append(
            placed.group_by("measure", "bin").agg(customers=placed.count(), total=placed.mean.sum())
        )
    together = ibis.union(*found) if len(found) > 1 else found[0]
    return together.order_by("measure", "bin")


def reduce_segments_kept(
    months: ir.Table | MonthSource,
    customers: ir.Table | None = None,
    accounts: ir.Table | None = None,
    *,
    month: date,
    ladders: Mapping[str, tuple[Terms, Terms]] | None = None,
    bands: Mapping[str, Sequence[float]] | None = None,
    scenes: Mapping[str, float] | None = None,
    window_months: int = 12,
) -> ir.Table:
    """Reduce to who was in which segment in one window and in the window before it.

    Args:
        months: See :func:`reduce_segments_cells`.
        customers: See there.
        accounts: See there.
        month: Last month of the later window; customers are those in service in the last month of
            both windows.
        ladders: Ladder → its terms in the last month of the earlier window, and in ``month``.
        bands: See :func:`reduce_segments_cells`; the bands together are one segmentation.
        scenes: See there.
        window_months: Length of each window, and the months between the two.

    Returns:
        Expression with ``kind`` (the ladder, ``grid`` or ``scene``), ``before`` and ``after``
        (levels as text; bands joined by ``·`` in the order given; scenes) and ``customers``.

    Raises:
        MissingDataError: See :func:`reduce_segments_cells`.
        ArgumentError: Nothing is asked for.
    """
    ladders = ladders or {}
    kinds = [*ladders, *(["grid"] if bands else []), *(["scene"] if scenes is not None else [])]
    if not kinds:
        raise ArgumentError("ladders", "none", "given, or bands or scenes")

    source = month_source(months, customers, accounts)

    def at(end: date, place: int, suffix: str) -> ir.Table:
        rows = segment_rows(
            source,
            month=end,
            ladders={name: pair[place] for name, pair in ladders.items()},
            bands=bands,
            scenes=scenes,
            window_months=window_months,
        )
        made = {f"{name}_{suffix}": rows[f"{name}_level"].cast("string") for name in ladders}
        if bands:
            texts = [rows[f"{name}_band"].cast("string") for name in bands]
            made[f"grid_{suffix}"] = ibis.literal("·").join(texts)
        if scenes is not None:
            made[f"scene_{suffix}"] = rows.scene
        return rows.select(source.key, **made)

    earlier = at(add_months(month, -window_months), 0, "before")
    both = earlier.inner_join(at(month, 1, "after"), source.key)
    parts = [
        both.group_by(
            kind=ibis.literal(name), before=both[f"{name}_before"], after=both[f"{name}_after"]
        ).agg(customers=both.count())
        for name in kinds
    ]
    found = ibis.union(*parts) if len(parts) > 1 else parts[0]
    return found.order_by("kind", "before", "after")


def _cells(rows: ir.Table, groups: Mapping[str, ir.Value]) -> ir.Table:
    found = rows.mutate(**groups)
    names = list(groups)
    cells = (found.group_by(names) if names else found).agg(
        customers=found.count(),
        revenue_yuan=found.revenue_fen.sum() / FEN,
        margin_yuan=found.margin_fen.sum() / FEN,
        stopped_customers=found.stopped.sum(),
    )
    return cells.order_by(names) if names else cells
