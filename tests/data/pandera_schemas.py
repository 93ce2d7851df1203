"""The contract as pandera schemas: the independent route that the suite's own checks must equal.

Only cells, required columns, types and keys can be said in pandera; the rest (gaps, ledgers, links)
is tested by planted faults.
"""

from __future__ import annotations

from datetime import date

import pandas as pd
import pandera.pandas as pa

from cvm.core.months import add_months
from cvm.data.contract import Column, Table

DTYPES = {
    "id": "str",
    "text": "str",
    "category": "str",
    "integer": "Int64",
    "number": "float64",
    "share": "float64",
    "flag": "boolean",
    "month": "datetime64[us]",
    "date": "datetime64[us]",
}
PLANNED = {"handset_until_month", "contract_until_month", "start_month", "end_month"}


def to_pandera(table: Table, *, today: date) -> pa.DataFrameSchema:
    """Return the schema of a table; rows with a repeated key all fail it."""
    return pa.DataFrameSchema(
        {column.name: _column(column, today) for column in table.columns},
        strict=False,
        ordered=False,
        unique=None,
        name=table.name,
    )


def _column(column: Column, today: date) -> pa.Column:
    checks = []
    if column.low is not None:
        checks.append(pa.Check.ge(column.low))
    if column.high is not None:
        checks.append(pa.Check.le(column.high))
    if column.allowed:
        checks.append(pa.Check.isin(list(column.allowed)))
    if column.kind in ("month", "date"):
        checks.append(pa.Check.ge(pd.Timestamp(1980, 1, 1)))
        if column.name not in PLANNED:
            last = add_months(today, 1) if column.name == "left_month" else today
            checks.append(pa.Check.le(pd.Timestamp(last)))
    return pa.Column(
        DTYPES[column.kind],
        checks,
        nullable=column.nullable,
        required=column.required,
    )


def failures(table: Table, frame: pd.DataFrame, *, today: date) -> set[tuple[int, str]]:
    """Return ``(position, column)`` of every failing cell; position −1 for a whole column."""
    try:
        to_pandera(table, today=today).validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        found = set()
        for case in error.failure_cases.itertuples():
            whole = case.index is None or pd.isna(case.index)
            column = case.failure_case if case.check == "column_in_dataframe" else case.column
            found.add((-1 if whole else int(case.index), str(column)))
        return found
    return set()


def repeated_keys(table: Table, frame: pd.DataFrame) -> set[int]:
    """Return the positions of all rows whose key appears more than once."""
    key = [name for name in table.key if name in frame.columns]
    schema = pa.DataFrameSchema(unique=key, report_duplicates="all")
    try:
        schema.validate(frame, lazy=True)
    except pa.errors.SchemaErrors as error:
        return {int(index) for index in error.failure_cases["index"]}
    return set()
