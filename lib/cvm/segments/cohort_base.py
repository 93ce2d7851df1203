"""The base by year of joining: this year against last, and what the change is made of.

The parts are the operator's three goals: consolidate the base (巩固存量: what those who left
took), promote new (促进增量: what those who joined brought) and grow value (存量增值: what those
who stayed spend more or less). They add up to the change of revenue. Who joined in the course of
last year has a full year only now; that is no growth of value and stands apart (``recent``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.few import too_few_to_show
from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.certificate import AREA

STATUSES = ("stayed", "recent", "joined", "left", "passed")
UNKNOWN = "unknown"
_SUMS = ("customers", "before_yuan", "now_yuan", "before_margin_yuan", "now_margin_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class CohortBase(Result):
    """This year against last, by year of joining.

    Attributes:
        month: Last month of this year.
        rows: See :meth:`summary`.
        parts: A row a part of the change: part (``left``, ``joined``,
            ``stayed``, ``recent``, ``passed``),
            customers, before_yuan, now_yuan, change_yuan.
        whole: Whether last year is fully in the data; if not, nothing is compared.
    """

    month: date
    rows: pd.DataFrame
    parts: pd.DataFrame
    whole: bool = True

    view: ClassVar[str] = "cvm.views.segments_value:plot_cohorts"

    def summary(self) -> pd.DataFrame:
        """Return a row a year of joining.

        Returns:
            Columns joined_year (text; early years together as ``–2014``; ``unknown``), customers
            (in service now), before_customers (a year ago), kept_share (of those, still in
            service), before_yuan and now_yuan (revenue of twelve months), change_share,
            now_margin_yuan.
        """
        return self.rows

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``base_cohorts`` and ``base_change``.

        Where few of a year left, or all but a few, kept_share is missing, and before_customers,
        beside which customers would tell the few; so is that of a year which would tell of it.
        """
        return {"base_cohorts": _shown(self.rows), "base_change": self.parts}

    def text(self, lang: str = "en") -> str:
        """Return how revenue changed, and through whom."""
        part: dict[str, Any] = {row["part"]: row for row in self.parts.to_dict("records")}
        before = float(self.parts["before_yuan"].sum())
        if not self.whole or before <= 0:
            return say(f"{AREA}.cohorts.cannot_tell", lang)
        change = float(self.parts["change_yuan"].sum())
        kept = part["stayed"]["customers"] + part["recent"]["customers"]
        base = kept + part["left"]["customers"]
        named = {
            name: _signed(part[name]["change_yuan"], lang)
            for name in ("left", "joined", "stayed", "recent", "passed")
        }
        return say(
            f"{AREA}.cohorts.{'rose' if change >= 0 else 'fell'}",
            lang,
            share=format_share(abs(change) / before),
            before=format_yuan(before, lang),
            now=format_yuan(float(self.parts["now_yuan"].sum()), lang),
            kept=format_share(kept / base if base else None, decimals=0),
            **named,
        )


def view_cohorts(
    cells: pd.DataFrame, month: date, *, whole: bool = True, most_years: int = 12
) -> CohortBase:
    """Make the cohort view of the base.

    Args:
        cells: Of :func:`cvm.data.reduce_segments_shapes.reduce_segments_cohorts`.
        month: Last month of this year.
        whole: Whether the data reach back to the first month of last year.
        most_years: Years of joining shown; those before are added up as ``–year``.

    Raises:
        MissingDataError: A column is missing.
        DataError: Nobody has a bill in the two years, or a status is unknown.
    """
    check_columns(cells.columns, ["joined_year", "status", *_SUMS], "cells")
    odd = sorted(set(cells["status"]) - set(STATUSES))
    if odd:
        raise DataError("cells.status", odd[0], "a known status", available=STATUSES)
    if not cells["customers"].sum():
        raise DataError("cells", "nobody", "customers with a bill in the two years")
    return CohortBase(month=month, rows=_years(cells, most_years), parts=_parts(cells), whole=whole)


def _years(cells: pd.DataFrame, most_years: int) -> pd.DataFrame:
    year = cells["joined_year"].to_numpy(float, na_value=np.nan)
    known = np.unique(year[np.isfinite(year)])
    first = known[-most_years] if len(known) > most_years else -np.inf
    names = [
        UNKNOWN if not np.isfinite(one) else f"{one:.0f}" if one > first else f"–{first:.0f}"
        for one in np.where(np.isfinite(first) & (year <= first), first, year)
    ]
    rows = cells.assign(joined_year=names)
    people = rows.pivot_table(
        index="joined_year", columns="status", values="customers", aggfunc="sum", fill_value=0
    ).reindex(columns=STATUSES, fill_value=0)
    sums = rows.groupby("joined_year")[list(_SUMS[1:])].sum(min_count=1)
    kept = people["stayed"] + people["recent"]
    before = kept + people["left"]
    table = pd.DataFrame(
        {
            "customers": (kept + people["joined"]).astype(int),
            "before_customers": before.astype(int),
            "kept_share": kept / before.where(before > 0),
            "before_yuan": sums["before_yuan"],
            "now_yuan": sums["now_yuan"],
            "change_share": sums["now_yuan"] / sums["before_yuan"].where(sums["before_yuan"] > 0)
            - 1,
            "now_margin_yuan": sums["now_margin_yuan"],
        }
    )
    # The early years first, the unknown last.
    order = sorted(table.index, key=lambda name: 9_999 if name == UNKNOWN else int(name.strip("–")))
    return table.loc[order].rename_axis("joined_year").reset_index()


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    before = rows["before_customers"].astype(float)
    kept = (before * rows["kept_share"].fillna(0.0)).round()
    told = ~np.array(too_few_to_show(list(zip(before - kept, kept, strict=True))), dtype=bool)
    return rows.assign(
        before_customers=rows["before_customers"].astype("Int64").where(told),
        kept_share=rows["kept_share"].where(told),
    )


def _parts(cells: pd.DataFrame) -> pd.DataFrame:
    sums = cells.groupby("status")[["customers", "before_yuan", "now_yuan"]].sum()
    order = ["left", "joined", "stayed", "recent", "passed"]
    sums = sums.reindex(order, fill_value=0).astype({"customers": int})
    return (
        sums.assign(change_yuan=sums["now_yuan"] - sums["before_yuan"])
        .rename_axis("part")
        .reset_index()
    )


def _signed(value: float, lang: str) -> str:
    return ("+" if value > 0 else "") + format_yuan(value, lang)
