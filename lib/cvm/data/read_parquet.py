"""Parquet files to raw tables, without copying them."""

from __future__ import annotations

from pathlib import Path

import duckdb

from cvm.core.checks import DataError
from cvm.data.delimit import ROW
from cvm.data.raw import Raw, Stage, check_file, first_line, literal, quote


def read_parquet(stage: Stage, name: str, path: Path) -> Raw:
    """Open a Parquet file, or a folder of them, without copying it.

    Raises:
        DataError: There is no Parquet file, or one is not complete.
    """
    files = parquet_files(path)
    offsets, rows = [], 0
    for file in files:
        check_file(file)
        offsets.append(rows)
        rows += _parquet_rows(stage, file)
    if rows == 0:
        raise DataError(f"{path}.rows", 0, "at least 1", action="export the file again")
    listed = ", ".join(literal(file) for file in files)
    offset = f"list_extract({offsets}::BIGINT[], file_index::BIGINT + 1)" if len(files) > 1 else "0"
    try:
        stage.connection.execute(
            f"CREATE OR REPLACE VIEW {quote(f'raw_{name}')} AS "
            f"SELECT (file_row_number + 1 + {offset})::BIGINT AS {ROW}, * "
            f"FROM read_parquet([{listed}], union_by_name = true, hive_types_autocast = false)"
        )
        table = stage.backend.table(f"raw_{name}")
    except duckdb.Error as error:
        raise DataError(
            str(path), first_line(error), "Parquet files of one form", action="export them again"
        ) from None
    headers = tuple(column for column in table.columns if column != ROW)
    return Raw(
        table=table,
        headers=headers,
        rows=rows,
        source=path.name,
        how={"format": "parquet"},
        typed=True,
    )


def parquet_files(path: Path) -> list[Path]:
    """Return the Parquet files of a folder, in order, or the one file.

    Raises:
        DataError: The folder holds none.
    """
    if not path.is_dir():
        return [check_file(path)]
    hidden = ("_", ".")
    files = sorted(file for file in path.rglob("*.parquet") if not file.name.startswith(hidden))
    if not files:
        raise DataError(
            str(path),
            "a folder without Parquet files",
            "a file, or a folder of .parquet files",
            available=sorted(child.name for child in path.iterdir())[:10],
            action="name the file itself",
        )
    return files


def _parquet_rows(stage: Stage, file: Path) -> int:
    try:
        query = f"SELECT num_rows FROM parquet_file_metadata({literal(file)})"
        return int(stage.row(query)[0])
    except duckdb.Error as error:
        raise DataError(
            str(file),
            first_line(error),
            "a complete Parquet file",
            action="the file is cut off or not Parquet: copy or export it again",
        ) from None
