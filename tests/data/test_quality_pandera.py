"""Dirty tables at random: the suite's checks and pandera find the same cells, columns and keys."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import pandas as pd
import pytest
from clean_operator import TODAY, as_arrow
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandera_schemas import DTYPES, failures, repeated_keys

from cvm.data.contract import Column, Table
from cvm.data.quality import Checked, check_tables
from cvm.data.tables import CONTRACT

ODD_DATES = [date(1900, 1, 1), date(1979, 12, 1), date(2025, 2, 1), date(2025, 3, 1)]
ODD_DATES += [date(9999, 12, 1)]
DATES = [date(2024, month, 1) for month in (1, 2, 3)] + [date(2025, 1, 1)]


def cells(column: Column) -> st.SearchStrategy[Any]:
    """Return values of a column, right and wrong ones, at the edges of what is allowed."""
    low, high = column.low or 0, column.high or 1
    right: st.SearchStrategy[Any]
    wrong: st.SearchStrategy[Any]
    if column.kind in ("id", "text"):
        right, wrong = st.sampled_from(["a", "b", "c"]), st.none()
    elif column.kind == "category":
        values = list(column.allowed) or ["north", "south"]
        right, wrong = st.sampled_from(values), st.sampled_from(["", "Gotone", "其他"])
    elif column.kind == "integer":
        right = st.sampled_from([int(low), int(low) + 1, int(high)])
        wrong = st.sampled_from([int(low) - 1, int(high) + 1, -(10**15)])
    elif column.kind in ("number", "share"):
        right = st.sampled_from([low, (low + high) / 2, high])
        wrong = st.sampled_from([low - 1e-9, high * (1 + 1e-9), float("inf"), float("-inf")])
    elif column.kind == "flag":
        right, wrong = st.booleans(), st.none()
    else:
        right, wrong = st.sampled_from(DATES), st.sampled_from(ODD_DATES)
    return st.one_of(right, right, right, wrong, st.none())


@st.composite
def dirty_tables(draw: st.DrawFn) -> tuple[Table, list[dict[str, Any]]]:
    table = CONTRACT[draw(st.sampled_from(sorted(CONTRACT)))]
    kept = [column for column in table.columns if column.required or draw(st.integers(0, 3)) > 0]
    lost = draw(st.sampled_from([None, None, None, *table.required]))
    columns = [column for column in kept if column.name != lost]
    row = st.fixed_dictionaries({column.name: cells(column) for column in columns})
    rows = draw(st.lists(row, min_size=1, max_size=6))
    rows += [dict(draw(st.sampled_from(rows))) for _ in range(draw(st.integers(0, 2)))]
    return table, rows


def as_frame(table: Table, rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Return the rows as pandas reads them: empty text is missing."""
    frame = pd.DataFrame(rows)
    for name in frame.columns:
        frame[name] = frame[name].astype(DTYPES[table[name].kind])
        if DTYPES[table[name].kind] == "str":
            frame[name] = frame[name].replace("", None)
    return frame


def outcome(checked: Checked, name: str) -> tuple[set[tuple[int, str]], set[int], set[int]]:
    """Return emptied cells, rows spoiled by a cell, and rows that repeat (positions from 0)."""
    emptied, spoiled, repeated = set(), set(), set()
    if name in checked.emptied:
        for cell in checked.emptied[name].to_pyarrow().to_pylist():
            emptied.add((cell["_row"] - 1, cell["column"]))
    if name in checked.set_aside:
        for row in checked.set_aside[name].select("_row", "reason").to_pyarrow().to_pylist():
            for reason in row["reason"].split("; "):
                if "another row with" in reason or "repeats an earlier" in reason:
                    repeated.add(row["_row"] - 1)
                elif "left before joining" not in reason:
                    spoiled.add(row["_row"] - 1)
    return emptied, spoiled, repeated


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(dirty_tables())
def test_both_routes_find_the_same(case: tuple[Table, list[dict[str, Any]]]) -> None:
    table, rows = case
    frame = as_frame(table, rows)
    given_table = ibis.memtable(as_arrow(table.name, rows))
    checked = check_tables({table.name: given_table}, today=TODAY)
    emptied, spoiled, repeated = outcome(checked, table.name)
    failing = failures(table, frame, today=TODAY)
    missing = {column for row, column in failing if row < 0}
    by_cell = {(row, column) for row, column in failing if row >= 0}

    assert {f.column for f in checked.findings if f.check == "missing_column"} == missing
    assert emptied == {(row, column) for row, column in by_cell if table[column].nullable}
    assert spoiled == {row for row, column in by_cell if not table[column].nullable}
    key = [name for name in table.key if name in table.required]
    if not set(key) & missing:
        unsound = {row for row, column in by_cell if column in key}
        assert repeated == expected_repeats(table, frame.drop(index=list(unsound)))
    aside = checked.rows_set_aside[table.name]
    assert checked.clean[table.name].count().to_pyarrow().as_py() + aside == len(rows)


def expected_repeats(table: Table, frame: pd.DataFrame) -> set[int]:
    """Return all rows under repeated keys but for originals whose repetitions all agree."""
    suspects = frame.loc[sorted(repeated_keys(table, frame))]
    if suspects.empty:
        return set()
    key = [name for name in table.key if name in frame.columns]
    originals = suspects.drop_duplicates(keep="first")
    alone = ~originals.duplicated(subset=key, keep=False)
    return set(suspects.index) - set(originals.index[alone])


NOT_TEXT = {
    name: column
    for name, table in CONTRACT.items()
    for column in table.columns
    if column.kind not in ("id", "text", "category")
}
"""The last column of each table that not every text fits, where it has one."""


@pytest.mark.parametrize("name", NOT_TEXT)
def test_a_column_of_the_wrong_type_fails_both_ways(name: str) -> None:
    table, column = CONTRACT[name], NOT_TEXT[name]
    rows = [{c: "a" for c in table.required if table[c].kind == "id"} | {column.name: "many"}]
    arrow = as_arrow(name, rows, tuple(c for c in rows[0] if c != column.name))
    arrow = arrow.append_column(column.name, [["many"]])
    checked = check_tables({name: ibis.memtable(arrow)}, today=TODAY)
    ours = {f.column for f in checked.findings if f.check == "wrong_type"}
    theirs = failures(table, pd.DataFrame(rows), today=TODAY)
    assert ours == {column.name}
    assert column.name in {failing for _, failing in theirs}
