"""One file of an extract, whatever its form."""

from __future__ import annotations

from pathlib import Path

from cvm.data.peek import format_of
from cvm.data.raw import Raw, ReadOptions, Stage, check_file
from cvm.data.read_csv import read_csv
from cvm.data.read_excel import read_excel
from cvm.data.read_parquet import read_parquet


def read_file(stage: Stage, name: str, path: Path, options: ReadOptions | None = None) -> Raw:
    """Read a text file, a workbook or Parquet (a file or a folder), told apart by its bytes.

    Args:
        stage: The staging database.
        name: Name of the table.
        path: The file.
        options: How it is written.

    Raises:
        DataError: It does not exist, is empty, or cannot be read.
    """
    if not path.is_dir():
        check_file(path)
    match format_of(path):
        case "parquet":
            return read_parquet(stage, name, path)
        case "excel":
            return read_excel(stage, name, path, options)
        case _:
            return read_csv(stage, name, path, options)
