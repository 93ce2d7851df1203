"""Who may be seen in a published table: nobody in a group of fewer than ten.

The policy, in full:

1. A cell with 1 to 9 customers is withheld (*primary*). So is a cell with no customers but with
   sums that are not zero: they belong to a few who have left the group.
2. More cells are withheld (*secondary*) until nobody can work the first ones out from what is
   shown. The attacker we assume knows every shown figure of every table of the snapshot, every
   total over groups whether a table shows it or not, that groups not listed are empty, and this
   policy. What he can still say of a primary cell must be a range at least ten customers wide;
   of a secondary cell, more than one value.
3. Of a withheld cell every figure is withheld, means and shares too; nothing is altered.
4. A total is withheld only when it is small itself or when no other cell is left to withhold.
5. Empty cells are shown: they describe nobody.

Tables that count the same thing (same column, same totals) are protected together, so that one does
not give away what another withholds; groups that go by several names are first brought to one
(``aliases``). Periods are not added up: the customers of twelve months are
no group of customers, unless a table shows such a total.

A share beside its group's size is a count too. Where a share may count a few, it is coarsened or
left out before it is recorded: who left, by month (:mod:`cvm.campaigns.shown_curves`), by card in
a campaign's arms (:mod:`cvm.campaigns.shown_groups`), by card, county and year of joining
(:mod:`cvm.core.few`, which holds the rule); and who was stopped for arrears, by tier and band of
the score (:mod:`cvm.segments.tiers_shown`).

Not covered: counts beside a group's size that its table does not name as counts, what a reader
knows from elsewhere, one customer who makes up most of a large cell,
differences between snapshots of different dates, and groups nested under names that ``aliases``
does not know. ``margins`` holds the algebra.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from cvm.core.checks import DataError, check_at_least, check_columns
from cvm.publish.aliases import count_name, known_as
from cvm.publish.margins import Cells, Key, System, cells_to_withhold

TOTAL = "all"
"""The group value that marks a total row."""

PERIODS = frozenset({"date", "week", "month", "quarter", "year", "points_year", "period"})
"""Group columns that are periods by their name; columns ending in ``_month`` are too."""

_MOST_GROUP_COLUMNS = 5
_MOST_ROWS = 5_000
_PERSONAL = ("customer_id", "account_id", "manager_id")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """When a group of customers is too small to be shown.

    Attributes:
        minimum_customers: Fewest customers a shown cell may describe, and the least width of what
            can be inferred about a withheld one (customers).
    """

    minimum_customers: int = 10

    def __post_init__(self) -> None:
        check_at_least(self.minimum_customers, "minimum_customers", 2)


@dataclass(frozen=True, kw_only=True)
class CellTable:
    """A small table whose rows are groups of customers.

    Attributes:
        name: The table's name.
        frame: One row a group.
        groups: Columns that name the group; ``"all"`` in one of them marks a total over it.
        counts: Columns that count customers, the group's size first. Empty: no row describes
            customers, and the table is shown as it is.
        sums: Columns that are sums over those customers.
    """

    name: str
    frame: pd.DataFrame
    groups: tuple[str, ...]
    counts: tuple[str, ...]
    sums: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        columns = list(map(str, self.frame.columns))
        check_columns(columns, [*self.groups, *self.counts, *self.sums], self.name)
        _check_no_customer_rows(self.name, columns, len(self.frame))
        if self.counts:
            _check_cells(self)

    def keys(self) -> list[Key]:
        """Return each row's cell: its group columns and values, totals left out."""
        columns = [
            [
                (group, None if pd.isna(value) else value)
                for value in self.frame[group].astype(object)
            ]
            for group in self.groups
        ]
        if not columns:
            return [frozenset()] * len(self.frame)
        rows = zip(*columns, strict=True)
        return [frozenset(pair for pair in row if pair[1] != TOTAL) for row in rows]


@dataclass(frozen=True, kw_only=True)
class Withheld:
    """Which rows of one table are withheld.

    Attributes:
        primary: Positions of rows that describe too few customers.
        secondary: Positions of rows that would give those away.
    """

    primary: tuple[int, ...] = ()
    secondary: tuple[int, ...] = ()

    @property
    def rows(self) -> list[int]:
        """All withheld rows in the table's order."""
        return sorted([*self.primary, *self.secondary])


def find_withheld(tables: Sequence[CellTable], policy: Policy | None = None) -> dict[str, Withheld]:
    """Find the rows to withhold so that no small group can be seen or worked out.

    Args:
        tables: Every table of one snapshot; those that count the same thing are protected together.
        policy: When a group is too small.

    Returns:
        For each table its withheld rows.

    Raises:
        DataError: A table names single customers, repeats a group, or holds a count that is none.
    """
    policy = policy or Policy()
    found = {table.name: Withheld() for table in tables}
    for family in _families([table for table in tables if table.counts]):
        systems = [
            System(
                cells=_merged(family, position),
                small=_small_cells(family, position, policy.minimum_customers),
                floor=1.0 if position == 0 else 0.0,
            )
            for position in range(max(len(member.table.counts) for member in family))
        ]
        names = {name for member in family for key in member.keys for name, _ in key}
        periods = {name for name in names if _is_period(name)}
        primary = frozenset().union(*(system.small for system in systems))
        withheld = cells_to_withhold(systems, periods, policy.minimum_customers)
        for member in family:
            rows = list(enumerate(member.keys))
            found[member.table.name] = Withheld(
                primary=tuple(row for row, key in rows if key in primary),
                secondary=tuple(row for row, key in rows if key in withheld - primary),
            )
    return found


def protect(tables: Sequence[CellTable], policy: Policy | None = None) -> dict[str, pd.DataFrame]:
    """Return the tables' frames with every figure of a withheld group missing.

    Args:
        tables: Every table of one snapshot.
        policy: When a group is too small.

    Returns:
        Frames by table name. Nothing that is shown is altered; a table without small groups (and
        whose groups protect no other's) comes back equal.
    """
    withheld = find_withheld(tables, policy)
    return {table.name: mask(table, withheld[table.name].rows) for table in tables}


def mask(table: CellTable, rows: Sequence[int]) -> pd.DataFrame:
    """Return the frame with every column but the groups missing in ``rows`` (positions)."""
    frame = table.frame.copy()
    if not rows:
        return frame
    hidden = pd.Series(False, index=frame.index)
    hidden.iloc[list(rows)] = True
    for column in hidden_columns(list(frame.columns), table.groups):
        frame[column] = frame[column].mask(hidden.to_numpy())
    return frame


def hidden_columns(columns: Sequence[str], groups: Sequence[str]) -> list[str]:
    """Return the columns that are withheld in a withheld row: all but the groups."""
    return [column for column in columns if column not in groups]


@dataclass(frozen=True)
class _Member:
    """A table under the names of its family: one cell a row."""

    table: CellTable
    keys: tuple[Key, ...]

    def cells(self, position: int) -> Cells:
        """Return a count with every total over the table's groups, shown or not."""
        counts = self.table.frame[self.table.counts[position]].astype(float)
        merged = Cells(count={}, shown=set())
        for rows in self._blocks():
            shown = {self.keys[row]: counts.iloc[row] for row in rows}
            names = {name for key in shown for name, _ in key if not _is_period(name)}
            merged.add(Cells.with_totals(shown, sorted(names)))
        return merged

    def _blocks(self) -> list[list[int]]:
        """Return the rows that divide the same whole; each ladder divides the base anew."""
        if "ladder" not in self.table.groups:
            return [list(range(len(self.keys)))]
        places = self.table.frame.groupby("ladder", sort=False, dropna=False).indices
        return [list(map(int, rows)) for rows in places.values()]


def _families(tables: Sequence[CellTable]) -> list[list[_Member]]:
    """Put tables together that count the same thing: same column, and totals that agree."""
    families: list[tuple[list[_Member], Cells]] = []
    for table in tables:
        own = table.keys()
        # Where shared names do not hold (tiers by another book), the table's own still may.
        namings = [_Member(table, tuple(known_as(own))), _Member(table, tuple(own))]
        for member, (members, known) in itertools.product(namings, families):
            cells = member.cells(0)
            if _counts(members[0].table) == _counts(table) and cells.agree_with(known):
                members.append(member)
                known.add(cells)
                break
        else:
            families.append(([namings[0]], namings[0].cells(0)))
    return [members for members, _ in families]


def _counts(table: CellTable) -> str:
    return count_name(table.counts[0])


def _merged(family: Sequence[_Member], position: int) -> Cells:
    merged = Cells(count={}, shown=set())
    for member in family:
        if position < len(member.table.counts):
            merged.add(member.cells(position))
    return merged


def _small_cells(family: Sequence[_Member], position: int, minimum: int) -> frozenset[Key]:
    small = {key for key, count in _merged(family, position).count.items() if 0 < count < minimum}
    if position == 0:
        for member in family:
            table = member.table
            others = table.frame.drop(columns=[*table.groups, table.counts[0]])
            figures = others.select_dtypes("number").astype(float).fillna(0)
            odd = (table.frame[table.counts[0]] == 0) & (figures != 0).any(axis=1)
            small |= {key for key, is_odd in zip(member.keys, odd, strict=True) if is_odd}
    return frozenset(small)


def _is_period(column: str) -> bool:
    return column in PERIODS or column.endswith("_month")


def _check_no_customer_rows(name: str, columns: Sequence[str], rows: int) -> None:
    personal = [column for column in columns if column in _PERSONAL]
    if personal or rows > _MOST_ROWS:
        what = f"with {', '.join(personal)}" if personal else f"{rows:,} rows"
        raise DataError(
            f"table {name}",
            what,
            f"a small table of groups (at most {_MOST_ROWS:,} rows), never one row a customer",
            action="group the rows first, and publish the groups with their counts",
        )


def _check_cells(table: CellTable) -> None:
    if len(table.groups) > _MOST_GROUP_COLUMNS:
        raise DataError(
            f"table {table.name}.groups",
            ", ".join(table.groups),
            f"at most {_MOST_GROUP_COLUMNS} columns",
            action="publish several smaller tables",
        )
    for column in table.counts:
        counts = table.frame[column].astype(float)
        wrong = counts[~((counts >= 0) & (counts % 1 == 0))]
        if len(wrong) and (column == table.counts[0] or wrong.notna().any()):
            raise DataError(
                f"table {table.name}.{column}",
                wrong.iloc[0],
                "a count of customers, 0 or more",
                action="record the count of customers behind each row",
            )
    keys = table.keys()
    if len(set(keys)) != len(keys):
        twice = next(key for key in keys if keys.count(key) > 1)
        raise DataError(
            f"table {table.name} groups",
            dict(sorted(twice, key=str)),
            "one row each",
            available=list(table.frame.columns),
            action="name every column that tells the rows apart as a group",
        )


def summarise(withheld: Mapping[str, Withheld]) -> list[dict[str, object]]:
    """Return what the manifest says about withheld cells: how many, never which values."""
    return [
        {"table": name, "primary": len(found.primary), "secondary": len(found.secondary)}
        for name, found in withheld.items()
        if found.rows
    ]
