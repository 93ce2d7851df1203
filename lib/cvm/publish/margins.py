"""The algebra of cells and totals: what a reader can work out, and what stops him.

Cells of tables that share totals form equations (a total is the sum of its parts). Withheld cells
are the unknowns. What a reader can say about one is the interval of its values over all solutions,
found by linear programming (Fischetti & Salazar 2000; Hundepool et al., *Statistical Disclosure
Control*, 2012, ch. 4). The search adds the cheapest cells to the withheld ones until every interval
is wide enough. It is a heuristic: safe always (the intervals decide), smallest not always.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

import numpy as np

Key = frozenset[tuple[str, Any]]
"""A cell: pairs of group column and value; a column that is not there is totalled over."""

_ROUNDING = 1e-6


@dataclass
class Cells:
    """Counts by cell.

    Attributes:
        count: Count of customers by cell, totals included.
        shown: The cells that stand in a table; the others are totals that only follow from it.
    """

    count: dict[Key, float]
    shown: set[Key]

    @classmethod
    def with_totals(cls, shown: Mapping[Key, float], groups: Sequence[str]) -> Cells:
        """Return shown cells with every total over ``groups`` that they imply.

        A total is added up from the finest cells; where a table shows it, the shown one holds.
        """
        finest = max((len(key) for key in shown), default=0)
        totals: dict[Key, float] = {}
        for key, count in shown.items():
            if len(key) < finest or count != count:
                continue
            mine = [pair for pair in _ordered(key) if pair[0] in groups]
            for size in range(1, len(mine) + 1):
                for dropped in combinations(mine, size):
                    total = key - frozenset(dropped)
                    totals[total] = totals.get(total, 0.0) + count
        known = {key: count for key, count in shown.items() if count == count}
        return cls(count={**totals, **known}, shown=set(known))

    def agree_with(self, other: Cells) -> bool:
        """Tell whether both count the same thing: some cells in common, and the same counts."""
        shared = [key for key in self.count if key in other.count]
        return bool(shared) and all(self.count[key] == other.count[key] for key in shared)

    def add(self, other: Cells) -> None:
        """Take in another table's cells; what is shown counts before what is implied."""
        for key, count in other.count.items():
            if key not in self.count or key in other.shown:
                self.count[key] = count
        self.shown |= other.shown


def _ordered(key: Key) -> list[tuple[str, Any]]:
    """Return a cell's pairs in an order that does not change from run to run."""
    return sorted(key, key=str)


def _name(key: Key) -> list[str]:
    return [str(pair) for pair in _ordered(key)]


@dataclass(frozen=True, kw_only=True)
class System:
    """One counted thing over a family of tables.

    Attributes:
        cells: The counts.
        small: Cells that must be withheld.
        floor: What a reader knows a withheld cell to be at least (customers).
    """

    cells: Cells
    small: frozenset[Key]
    floor: float


@dataclass(frozen=True)
class _Equation:
    """A total and its parts over one group column."""

    total: Key
    parts: tuple[Key, ...]

    @property
    def members(self) -> tuple[Key, ...]:
        return (self.total, *self.parts)


@dataclass
class _Network:
    """A system with its equations."""

    system: System
    equations: list[_Equation]
    of: dict[Key, list[_Equation]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for equation in self.equations:
            for key in equation.members:
                self.of.setdefault(key, []).append(equation)

    def count(self, key: Key) -> float:
        return self.system.cells.count[key]


def cells_to_withhold(
    systems: Sequence[System], periods: Collection[str], minimum: int
) -> set[Key]:
    """Return the cells to withhold: the small ones and those that protect them.

    Args:
        systems: What is counted over the same cells; a cell is withheld in all or none.
        periods: Group columns that are not added up unless their total is shown.
        minimum: Least width of what a reader can say about a small cell (customers).
    """
    networks = [_Network(system, _equations(system.cells, periods)) for system in systems]
    withheld: set[Key] = set().union(*(system.small for system in systems))
    while withheld:
        wanted = _next_cells(networks, withheld, minimum)
        if not wanted:
            break
        withheld |= wanted
    return withheld


def _next_cells(networks: Sequence[_Network], withheld: set[Key], minimum: int) -> set[Key]:
    """Return further cells to withhold, or nothing when all is safe."""
    for network in networks:  # single equations first: cheap, and most need no more
        for equation in network.equations:
            if _gives_away(network, equation, withheld, minimum):
                chosen = _cheapest(network, [equation], withheld)
                if chosen is not None:
                    return {chosen}
    wanted: set[Key] = set()
    for network in networks:
        for unknowns in _components(network, withheld):
            weak = _weak_cells(network, unknowns, minimum)
            chosen = _cheapest_for(network, weak, unknowns, withheld)
            if chosen is not None:
                wanted.add(chosen)
    return wanted


def _equations(cells: Cells, periods: Collection[str]) -> list[_Equation]:
    parts: dict[tuple[Key, str], list[Key]] = {}
    for key in cells.count:
        for pair in _ordered(key):
            total = key - {pair}
            if total in cells.count and (pair[0] not in periods or total in cells.shown):
                parts.setdefault((total, pair[0]), []).append(key)
    # A list that does not add up (the five largest counties) gives nothing away exactly.
    return [
        _Equation(total, tuple(found))
        for (total, _), found in parts.items()
        if abs(sum(cells.count[key] for key in found) - cells.count[total]) < _ROUNDING
    ]


def _gives_away(
    network: _Network, equation: _Equation, withheld: Collection[Key], minimum: int
) -> bool:
    """Tell whether one equation alone narrows a withheld cell too far."""
    unknown = [key for key in equation.parts if key in withheld]
    if equation.total in withheld:
        return not unknown
    if not unknown:
        return False
    if len(unknown) == 1:
        return True
    room = sum(network.count(key) - network.system.floor for key in unknown)
    small = any(key in network.system.small for key in unknown)
    return room < (minimum if small else 1)


def _cheapest(
    network: _Network, equations: Iterable[_Equation], withheld: Collection[Key]
) -> Key | None:
    """Return the cell whose loss costs least; a total only when no part is left."""
    equations = list(equations)
    parts = {
        key
        for equation in equations
        for key in equation.parts
        if key not in withheld and network.count(key) > 0
    }
    totals = {equation.total for equation in equations if equation.total not in withheld}
    for candidates in (parts - totals, parts, totals):
        if candidates:
            return min(candidates, key=lambda key: _cost(network, key, withheld))
    return None


def _cost(network: _Network, key: Key, withheld: Collection[Key]) -> tuple[Any, ...]:
    """Prefer fine cells, then those that open no new equation, then the smallest."""
    opened = lonely = 0
    for equation in network.of.get(key, ()):
        if key == equation.total:
            # Withholding a total asks for a withheld part.
            opened += not any(part in withheld for part in equation.parts)
            continue
        others = [part for part in equation.parts if part != key]
        if not any(part in withheld for part in others):
            opened += 1
            lonely += not any(network.count(part) > 0 for part in others)
    return lonely, opened, network.count(key), _name(key)


def _cheapest_for(
    network: _Network, weak: Collection[Key], unknowns: Collection[Key], withheld: Collection[Key]
) -> Key | None:
    """Return a cell that helps weak ones: from their own equations, else from their neighbours'."""
    if not weak:
        return None
    for cells in (sorted(weak, key=_name)[:1], unknowns):
        chosen = _cheapest(
            network, [equation for key in cells for equation in network.of.get(key, ())], withheld
        )
        if chosen is not None:
            return chosen
    return None


def _components(network: _Network, withheld: Collection[Key]) -> list[list[Key]]:
    """Return withheld cells in groups that no equation joins."""
    left = {key for key in withheld if key in network.of}
    groups = []
    while left:
        group, waiting = [], [left.pop()]
        while waiting:
            key = waiting.pop()
            group.append(key)
            for equation in network.of[key]:
                for member in equation.members:
                    if member in left:
                        left.discard(member)
                        waiting.append(member)
        groups.append(group)
    return groups


def _weak_cells(network: _Network, unknowns: Sequence[Key], minimum: int) -> list[Key]:
    """Return the unknowns of which a reader can say too much."""
    from scipy.optimize import linprog  # a second to load, and most publishes change nothing
    from scipy.sparse import coo_array

    place = {key: column for column, key in enumerate(unknowns)}
    equations = {id(e): e for key in unknowns for e in network.of[key]}.values()
    rows, columns, signs, known = [], [], [], []
    for row, equation in enumerate(equations):
        rest = 0.0
        for sign, key in ((1.0, equation.total), *((-1.0, part) for part in equation.parts)):
            if key in place:
                rows.append(row)
                columns.append(place[key])
                signs.append(sign)
            else:
                rest -= sign * network.count(key)
        known.append(rest)
    matrix = coo_array((signs, (rows, columns)), shape=(len(known), len(unknowns))).tocsr()
    needed = np.array([minimum if key in network.system.small else 1.0 for key in unknowns])
    truth = np.array([network.count(key) for key in unknowns])
    floors = np.minimum(truth, network.system.floor)
    low, high = truth.copy(), truth.copy()

    def reach(column: int | None, direction: float) -> None:
        aim = np.zeros(len(unknowns))
        aim[slice(None) if column is None else column] = -direction
        bounds = np.column_stack([floors, truth + 4.0 * minimum])
        found = linprog(aim, A_eq=matrix, b_eq=known, bounds=bounds, method="highs")
        if found.x is not None:
            np.minimum(low, found.x, out=low)
            np.maximum(high, found.x, out=high)

    for direction in (1.0, -1.0):  # most intervals show their width on the way
        reach(None, direction)
    for column in range(len(unknowns)):
        for direction in (1.0, -1.0):
            if high[column] - low[column] < needed[column] - _ROUNDING:
                reach(column, direction)
    narrow = high - low < needed - _ROUNDING
    return [key for key in unknowns if narrow[place[key]]]
