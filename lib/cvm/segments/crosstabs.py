"""Who the valuable customers are: tiers by region, age, type of customer and corporate grade.

The tables carry counts, so that disclosure control can withhold small cells before anybody sees
them; sentences speak of groups of at least ten customers only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, ClassVar

import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.naming import NameOf, names_of
from cvm.core.result import Result
from cvm.segments.certificate import AREA
from cvm.segments.tiers_rules import Ladder

LEAST_CUSTOMERS = 10
UNKNOWN = "unknown"
SUMS = ("revenue_yuan", "margin_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class CrossTabs(Result):
    """Tiers by groups of customers.

    Attributes:
        tables: Name of a group (``county``, ``age``, ``customer_type``, ``grade``) → frame with
            that column, tier, customers, revenue_yuan, margin_yuan; combinations that nobody is
            in are left out.
        window_months: Months of revenue.
    """

    tables: Mapping[str, pd.DataFrame]
    window_months: int = 12

    view: ClassVar[str] = "cvm.views.segments_groups:plot_groups"

    def groups(self, name: str) -> pd.DataFrame:
        """Return one table's groups over all tiers: customers, revenue and a customer's revenue.

        Returns:
            Columns group, customers, revenue_yuan, revenue_each_yuan; groups of fewer than ten
            customers are left out.
        """
        sums = self.tables[name].groupby(name)[["customers", "revenue_yuan"]].sum()
        sums = sums[sums["customers"] >= LEAST_CUSTOMERS]
        each = sums["revenue_yuan"] / sums["customers"]
        found = sums.assign(revenue_each_yuan=each).rename_axis("group").reset_index()
        return found.sort_values("revenue_each_yuan", ascending=False, ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """Return a row a table: its highest and lowest group by a customer's revenue."""
        rows = []
        for name in self.tables:
            groups = self.groups(name)
            known = groups[groups["group"] != UNKNOWN].to_dict("records")
            if known:
                top, last = known[0], known[-1]
                rows.append(
                    {
                        "by": name,
                        "groups": len(known),
                        "highest": top["group"],
                        "highest_each_yuan": top["revenue_each_yuan"],
                        "lowest": last["group"],
                        "lowest_each_yuan": last["revenue_each_yuan"],
                    }
                )
        columns = [
            "by", "groups", "highest", "highest_each_yuan", "lowest", "lowest_each_yuan",
        ]  # fmt: skip
        return pd.DataFrame(rows, columns=columns)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the tables as ``segment_<group>``."""
        return {f"segment_{name}": frame for name, frame in self.tables.items()}

    def named(self, of: NameOf) -> CrossTabs:
        """Return the tables with the counties' names."""
        if "county" not in self.tables:
            return self
        frame = self.tables["county"]
        called = names_of("county", frame["county"].unique(), of) | {UNKNOWN: UNKNOWN}
        named = frame.assign(county=frame["county"].map(called))
        return replace(self, tables={**self.tables, "county": named})

    def text(self, lang: str = "en") -> str:
        """Return, for each table, where a customer brings most and least."""
        rows: list[dict[Any, Any]] = self.summary().to_dict("records")
        several = [row for row in rows if row["groups"] > 1]
        if not several:
            return say(f"{AREA}.groups.cannot_tell", lang)
        parts = [
            say(
                f"{AREA}.groups.range",
                lang,
                by=say(f"{AREA}.groups.{row['by']}", lang),
                highest=group_name(row["by"], row["highest"], lang),
                high=format_yuan(row["highest_each_yuan"], lang),
                lowest=group_name(row["by"], row["lowest"], lang),
                low=format_yuan(row["lowest_each_yuan"], lang),
            )
            for row in several
        ]
        join = "；" if lang == "zh" else "; "
        return say(
            f"{AREA}.groups.fit", lang, parts=join.join(parts), months=str(self.window_months)
        )


def cross_table(
    cells: pd.DataFrame, column: str, name: str, ladder: Ladder, *, level: str
) -> pd.DataFrame:
    """Make one table of cells of customers.

    Args:
        cells: Of :func:`cvm.data.reduce_segments.reduce_segments_cells`.
        column: The group's column in the cells.
        name: The group's name in the table.
        ladder: The ladder of the tiers.
        level: The column of its levels.

    Raises:
        MissingDataError: A column is missing.
        DataError: Nobody.
    """
    check_columns(cells.columns, [column, level, "customers", *SUMS], "cells")
    if not cells["customers"].sum():
        raise DataError("cells", "nobody", "customers in service")
    sums = cells.groupby([column, level], as_index=False)[["customers", *SUMS]].sum(min_count=1)
    sums.insert(0, "tier", [ladder.level_name(int(value)) for value in sums[level]])
    sums.insert(0, name, sums.pop(column))
    return sums.drop(columns=level).astype({"customers": int})


def age_names(cuts: Sequence[float]) -> dict[int, str]:
    """Return the names of age bands.

    Example:
        >>> age_names([25, 45])
        {-1: 'unknown', 0: '–24', 1: '25–44', 2: '45+'}
    """
    edges = [int(cut) for cut in cuts]
    middle = {at: f"{low}–{high - 1}" for at, (low, high) in enumerate(pairwise(edges), 1)}
    return {-1: UNKNOWN, 0: f"–{edges[0] - 1}", **middle, len(edges): f"{edges[-1]}+"}


def group_name(by: str, group: str, lang: str) -> str:
    """Return a group's name for people; counties and ages stand as they are."""
    if group == UNKNOWN:
        return say(f"{AREA}.band.unknown", lang)
    if by == "customer_type":
        return say(f"{AREA}.groups.{group}", lang)
    if by == "grade" and group in ("A", "B", "C"):
        return say(f"{AREA}.groups.grade_name", lang, grade=group)
    if by == "grade":
        return say(f"{AREA}.groups.no_grade", lang)
    if by != "age":
        return group
    key = "up_to" if group.startswith("–") else "and_over" if group.endswith("+") else "years"
    return say(f"{AREA}.groups.{key}", lang, group=group.strip("–+"))
