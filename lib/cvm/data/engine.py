"""The query engine: prepared tables opened in DuckDB or Spark, behind the same expressions."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.types as ir
import pyarrow as pa

from cvm.core.checks import ArgumentError, DataError, MissingDataError, check_columns
from cvm.data.report import QualityReport
from cvm.data.spark import connect_spark
from cvm.data.tables import CONTRACT

if TYPE_CHECKING:
    import pandas as pd

RECORD = "prepared.json"
REPORT = "report.json"


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """Prepared tables, opened.

    Attributes:
        folder: The prepared folder.
        tables: Table's name → Ibis table, for those the data have.
        report: What checking found.
        first_month: First month of the customer-month table; ``None`` without one.
        last_month: Its last month.
        fingerprint: Digest of the data, the mapping and the code that prepared them.
        engine: ``duckdb``, ``local[2]`` or ``spark://…``.
        reading: How each table was read, as the reader assumed it (encoding, delimiter, sheet).
    """

    folder: Path
    tables: Mapping[str, ir.Table]
    report: QualityReport
    first_month: date | None
    last_month: date | None
    fingerprint: str
    engine: str = "duckdb"
    reading: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def table(self, name: str) -> ir.Table:
        """Return one table.

        Raises:
            MissingDataError: The data do not have it.
        """
        if name not in self.tables:
            raise MissingDataError(
                "table",
                name,
                "in the data",
                available=list(self.tables),
                action=f"supply {name} in the extract, or map it",
            )
        return self.tables[name]

    def has(self, name: str, *columns: str) -> bool:
        """Tell whether the data have a table with these columns."""
        return name in self.tables and set(columns) <= set(self.tables[name].columns)

    def require(self, name: str, *columns: str) -> ir.Table:
        """Return a table that has these columns.

        Raises:
            MissingDataError: The table or some of the columns are missing.
        """
        found = self.table(name)
        check_columns(found.columns, columns, name)
        return found

    def missing(self, needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
        """Return what of ``needs`` the data lack: table → columns (all needed, if it is absent)."""
        lacking = {}
        for name, columns in needs.items():
            if name not in self.tables:
                lacking[name] = list(columns)
                continue
            absent = [column for column in columns if column not in self.tables[name].columns]
            if absent:
                lacking[name] = absent
        return lacking

    def _repr_html_(self) -> str:
        return self.report.html()


def is_prepared(folder: str | Path) -> bool:
    """Tell whether a folder holds prepared tables."""
    return (Path(folder) / RECORD).is_file() and (Path(folder) / "tables").is_dir()


def open_prepared(folder: str | Path, *, engine: str = "duckdb") -> Dataset:
    """Open a prepared folder.

    Args:
        folder: The folder.
        engine: ``duckdb``, or a Spark master (``local[2]``, ``spark://host:7077``).

    Raises:
        ArgumentError: There is no such engine, or Spark cannot start here.
        DataError: The folder is not prepared, or not complete.
    """
    folder = Path(folder)
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        report = QualityReport.from_json((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(
            str(folder),
            f"{type(error).__name__}: {error}",
            "a complete prepared folder",
            action="delete it and prepare the data again",
        ) from None
    names = [name for name in CONTRACT if name in record["rows"]]
    for name in names:
        if not any((folder / "tables" / name).glob("*.parquet")):
            raise DataError(
                str(folder / "tables" / name),
                "no Parquet file",
                "the prepared table",
                action="delete the prepared folder and prepare the data again",
            )
    backend = connect(engine)
    return Dataset(
        folder=folder,
        tables=MappingProxyType(
            {name: _open_table(backend, folder / "tables" / name, engine) for name in names}
        ),
        report=report,
        first_month=_day(record["first_month"]),
        last_month=_day(record["last_month"]),
        fingerprint=record["fingerprint"],
        engine=engine,
        reading=record.get("reading", {}),
    )


def connect(engine: str) -> Any:
    """Return the Ibis backend of an engine.

    Raises:
        ArgumentError: The engine is unknown, or Spark cannot start here.
    """
    if engine == "duckdb":
        backend = ibis.duckdb.connect()
        # Its progress bar would fill a notebook's output; progress is shown by those who wait.
        backend.raw_sql("SET enable_progress_bar = false")
        _divide_by_zero_to_empty(backend)
        return backend
    if engine.startswith(("local", "spark://", "yarn", "k8s://")):
        return connect_spark(engine)
    raise ArgumentError(
        "engine", engine, "an engine", available=["duckdb", "local[2]", "spark://host:7077"]
    )


def _divide_by_zero_to_empty(backend: Any) -> None:
    """Make x ÷ 0 empty, as on Spark and in SQL, not infinite. DuckDB 2 needs a second setting."""
    backend.con.execute("SET ieee_floating_point_ops = false")
    known = backend.con.execute("SELECT name FROM duckdb_settings()").fetchall()
    if ("error_on_division_by_zero",) in known:
        backend.con.execute("SET error_on_division_by_zero = false")


def collect(expression: ir.Expr) -> pd.DataFrame:
    """Compute an expression and return a frame with the same types on every engine.

    Whole numbers are ``int64`` (``Int64`` if some are missing), other numbers ``float64``, dates
    ``datetime64[us]``, flags ``bool`` (``boolean`` if some are missing), text ``str``.

    Args:
        expression: A table, a column or a single value, small once computed.

    Example:
        >>> import ibis
        >>> collect(ibis.literal(2).name("two").as_table()).to_dict("list")
        {'two': [2]}
    """
    table = expression.as_table()
    with warnings.catch_warnings():
        # Spark's remarks on pandas 3 concern what it does with pandas inside; the test that runs
        # every reduction on both engines holds that the figures are the same.
        warnings.filterwarnings("ignore", module="pyspark")
        arrow = table.to_pyarrow()
    columns = []
    for name, kind in table.schema().items():
        column = arrow.column(name)
        wanted = _arrow_type(kind)
        columns.append(column.cast(wanted) if wanted is not None else column)
    import pandas as pd

    frame = {
        name: _series(column, pd)
        for name, column in zip(table.schema().names, columns, strict=True)
    }
    return pd.DataFrame(frame)


def _arrow_type(kind: dt.DataType) -> pa.DataType | None:
    if kind.is_integer():
        return pa.int64()
    if kind.is_floating() or kind.is_decimal():
        return pa.float64()
    if kind.is_date() or kind.is_timestamp():
        return pa.timestamp("us")
    if kind.is_string():
        return pa.string()
    if kind.is_boolean():
        return pa.bool_()
    return None


def _series(column: pa.ChunkedArray, pd: Any) -> pd.Series:
    if column.null_count and pa.types.is_integer(column.type):
        return column.to_pandas(types_mapper={pa.int64(): pd.Int64Dtype()}.get)
    if column.null_count and pa.types.is_boolean(column.type):
        return column.to_pandas(types_mapper={pa.bool_(): pd.BooleanDtype()}.get)
    if pa.types.is_timestamp(column.type):
        return column.to_pandas().astype("datetime64[us]")
    if pa.types.is_string(column.type):
        return column.to_pandas().astype("str")
    return column.to_pandas()


def _open_table(backend: Any, folder: Path, engine: str) -> ir.Table:
    if engine == "duckdb":
        return backend.read_parquet(f"{folder}/*.parquet", table_name=folder.name)
    # Two prepared folders may be open in one Spark session, so the name tells which.
    name = f"{folder.name}_{abs(hash(str(folder.resolve()))):x}"
    return backend.read_parquet(str(folder.resolve()), table_name=name)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
