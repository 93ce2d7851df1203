"""From one row a customer to the cells a scorecard is made from: sums and products by arm.

Where outcomes and what was known before already stand in one table (an experiment's export, a
feature table), nothing needs to be joined: one pass over the columns is enough, and nothing of a
customer is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from itertools import combinations_with_replacement
from operator import add

import ibis
import ibis.expr.types as ir
import pandas as pd

from cvm.core.checks import check_columns
from cvm.data.engine import collect
from cvm.data.reduce_points import UNKNOWN

_FINITE = 1e12
_NEAR_ROWS = 10_000


def collect_scorecard(
    customers: ir.Table, together: Sequence[Sequence[str]], *, arm: str = "arm", by: str = "county"
) -> pd.DataFrame:
    """Return the cells of :func:`reduce_scorecard`, all digits kept.

    Means of the first customers say near what to add up.

    Args:
        customers: See there, as for all others.
        together: See there.
        arm: See there.
        by: See there.

    Raises:
        MissingDataError: A column is missing.
    """
    names = _names(together)
    check_columns(customers.columns, [arm, by, *names], "customers")
    first = customers.limit(_NEAR_ROWS)
    means = {}
    for name in names:
        value = first[name].cast("float64")
        known = value.between(-_FINITE, _FINITE).ifelse(value, ibis.null("float64"))
        means[name] = known.mean().fill_null(0.0)
    found = collect(first.agg(**means)).iloc[0]
    near = {name: float(found[name]) for name in names}
    return collect(reduce_scorecard(customers, together, arm=arm, by=by, near=near))


def reduce_scorecard(
    customers: ir.Table,
    together: Sequence[Sequence[str]],
    *,
    arm: str = "arm",
    by: str = "county",
    near: Mapping[str, float] | None = None,
) -> ir.Table:
    """Reduce customers of one campaign to sums and products of their figures, by arm and segment.

    Args:
        customers: One row a customer: its arm, its segment, outcomes and figures from before.
        together: Columns (numbers or flags) that one metric reads together, such as an outcome, its
            denominator and its covariates: :attr:`cvm.campaigns.scorecard.Metric.columns`.
        arm: Column of the arm, ``control`` or ``treated``.
        by: Column of the segment.
        near: Column → a number near its mean; 0 by default. Sums are of what a figure differs from
            it, which keeps all digits of large bills.

    Returns:
        Expression by ``arm``, ``<by>`` and ``complete`` (whether every figure is known and finite)
        with ``customers``; for each column ``near_…`` and ``sum_…``, for each pair that is read
        together ``product_…__…``.

    Raises:
        MissingDataError: A column is missing.
    """
    names, near = _names(together), near or {}
    check_columns(customers.columns, [arm, by, *names], "customers")
    rows = customers.select(
        arm=customers[arm].cast("string"),
        **{by: customers[by].cast("string").fill_null(UNKNOWN)},
        **{name: customers[name].cast("float64") - float(near.get(name, 0)) for name in names},
    )
    # A sum is unknown, or not finite, if any of its terms is.
    every = reduce(add, [rows[name] for name in names])
    pairs = dict.fromkeys(
        pair for columns in together for pair in combinations_with_replacement(columns, 2)
    )
    cells = rows.group_by("arm", by, complete=every.between(-_FINITE, _FINITE).fill_null(False))
    return (
        cells.agg(
            customers=rows.count(),
            **{f"sum_{name}": rows[name].sum() for name in names},
            **{f"product_{one}__{other}": (rows[one] * rows[other]).sum() for one, other in pairs},
        )
        .mutate(**{f"near_{name}": ibis.literal(float(near.get(name, 0))) for name in names})
        .order_by("arm", by, "complete")
    )


def _names(together: Sequence[Sequence[str]]) -> list[str]:
    return list(dict.fromkeys(name for columns in together for name in columns))
