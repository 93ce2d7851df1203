"""Contract columns in Arrow: types, identifiers and categories, made without a Python loop."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from cvm.data.contract import Table

ID_DIGITS = 9

SNAPSHOT_COLUMNS = ("tenure_months", "last_bill_yuan", "total_bill_yuan", "churned")
"""Columns of customers for extracts without months; the sample has months."""

_TYPES = {
    "id": pa.string(),
    "text": pa.string(),
    "category": pa.string(),
    "integer": pa.int64(),
    "number": pa.float64(),
    "share": pa.float64(),
    "flag": pa.bool_(),
    "month": pa.date32(),
    "date": pa.date32(),
}


def schema_of(table: Table) -> pa.Schema:
    """Return the Arrow schema in which the sample writes a table of the contract."""
    names = [name for name in table.column_names if name not in SNAPSHOT_COLUMNS]
    return pa.schema([(name, _TYPES[table[name].kind]) for name in names])


def customer_ids(first: int, count: int) -> pa.Array:
    """Return the identifiers of ``count`` customers from number ``first``."""
    return numbered("C", first + 1 + np.arange(count, dtype=np.int64), ID_DIGITS)


def numbered(letter: str, numbers: np.ndarray, digits: int) -> pa.Array:
    """Return a letter and zero-padded numbers as strings, made without a Python loop."""
    text = np.empty((len(numbers), digits + 1), dtype=np.uint8)
    text[:, 0] = ord(letter)
    rest = np.asarray(numbers, dtype=np.int64).copy()
    for place in range(digits, 0, -1):
        rest, digit = np.divmod(rest, 10)
        text[:, place] = digit + ord("0")
    offsets = np.arange(len(numbers) + 1, dtype=np.int32) * (digits + 1)
    return pa.StringArray.from_buffers(
        len(numbers), pa.py_buffer(offsets.tobytes()), pa.py_buffer(text.tobytes())
    )


def words(
    codes: np.ndarray, names: Sequence[str], *, missing: np.ndarray | None = None
) -> pa.DictionaryArray:
    """Return the names of codes, null where ``missing``."""
    indices = pa.array(codes.astype(np.int32), mask=missing)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, type=pa.string()))


def constant(names: Sequence[str], code: int | None, size: int) -> pa.DictionaryArray:
    """Return one name ``size`` times, or nulls for None."""
    indices = pa.nulls(size, pa.int32()) if code is None else np.full(size, code, dtype=np.int32)
    return pa.DictionaryArray.from_arrays(indices, pa.array(names, type=pa.string()))
