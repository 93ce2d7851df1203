"""Reading an extract: decoded, typed, checked and written, beside reading and writing alone.

The peers are told the types and the form of days, look at no cell twice and check nothing: what
they take is what must be taken. Extracts are written with the contract's own headers and plain
numbers (style ``utf8_plain``), which is all the peers can read.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

import duckdb
from harness import Measurement, Row, peak_gb, time_in_turns

from cvm.data.prepared import prepare
from cvm.data.sample import make_sample, write_extract
from cvm.data.tables import CONTRACT

TODAY = date(2026, 3, 1)
CUSTOMERS = 47_400
"""As many have a million customer-months."""
TYPES = {
    "integer": "BIGINT",
    "number": "DOUBLE",
    "share": "DOUBLE",
    "flag": "BOOLEAN",
    "month": "DATE",
    "date": "DATE",
}


def make_extract(folder: Path, *, customers: int, times: int = 1) -> Path:
    """Write an extract, or one of so many times the customers: copies under other identifiers."""
    make_sample(folder / "sample", customers=customers)
    extract = write_extract(folder / "sample", folder / "extract", style="utf8_plain")
    for name in _tables(extract) if times > 1 else ():
        headers = _headers(extract, name)
        if "customer_id" in headers:
            _copy_rows(extract / f"{name}.csv", headers.index("customer_id"), times)
    return extract


def _copy_rows(file: Path, place: int, times: int) -> None:
    """Write a file's rows so many times, each time with another first digit of the customer."""
    header, *rows = file.read_bytes().splitlines(keepends=True)
    with file.open("wb") as grown:
        grown.write(header)
        for copy in range(times):
            for row in rows:
                cells = row.split(b",", place + 1)
                cells[place] = b"C%d%s" % (copy, cells[place][2:])
                grown.write(b",".join(cells))


def ours(extract: Path, work: Path) -> Path:
    """Prepare an extract as ``cvm`` does, from nothing."""
    shutil.rmtree(work, ignore_errors=True)
    return prepare(extract, work=work, today=TODAY) / "tables"


def by_duckdb(extract: Path, work: Path) -> Path:
    """Read with the types given, and write: the least the engine itself takes."""
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        for name in _tables(extract):
            kinds = {each: CONTRACT[name][each].kind for each in _headers(extract, name)}
            columns = ", ".join(f"'{c}': '{TYPES.get(k, 'VARCHAR')}'" for c, k in kinds.items())
            (work / name).mkdir()
            connection.execute(
                f"COPY (FROM read_csv('{extract / name}.csv', header = true, delim = ',', "
                f"quote = '\"', dateformat = '%Y/%m/%d', columns = {{{columns}}})) "
                f"TO '{work / name}/part.parquet' (FORMAT parquet, COMPRESSION zstd)"
            )
    return work


def by_polars(extract: Path, work: Path) -> Path:
    """Read with the types given, and write, as a stream."""
    import polars as pl

    kinds = {"BIGINT": pl.Int64, "DOUBLE": pl.Float64, "BOOLEAN": pl.Boolean}
    shutil.rmtree(work, ignore_errors=True)
    for name in _tables(extract):
        headers = _headers(extract, name)
        types = {c: TYPES.get(CONTRACT[name][c].kind, "VARCHAR") for c in headers}
        schema = {c: kinds.get(kind, pl.String) for c, kind in types.items()}
        days = [pl.col(c).str.to_date("%Y/%m/%d") for c, kind in types.items() if kind == "DATE"]
        (work / name).mkdir(parents=True)
        rows = pl.scan_csv(extract / f"{name}.csv", schema=schema).with_columns(days)
        rows.sink_parquet(work / name / "part.parquet", compression="zstd")
    return work


def beside(peer: Callable[[Path, Path], Path], quick: bool, *, times: int = 1) -> Measurement:
    """Time both on the same files, after both have written the same rows."""
    folder = Path(tempfile.mkdtemp(prefix="cvm-bench-"))
    try:
        customers = 300 if quick else CUSTOMERS
        extract = make_extract(folder, customers=customers, times=times)
        mine, theirs = folder / "ours", folder / "peer"
        rows = _assert_same_rows(extract, ours(extract, mine), peer(extract, theirs))
        seconds, peer_seconds = time_in_turns(
            lambda: ours(extract, mine),
            lambda: peer(extract, theirs),
            repeats=1 if quick or times > 1 else 3,
            warm=False,
        )
        shutil.rmtree(mine)
        read = f"prepare('{extract}', work='{mine}')"
        peak = peak_gb(f"from cvm.data.prepared import prepare; {read}")
    finally:
        shutil.rmtree(folder)
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=peer_seconds,
        work=rows["months"],
        note=f"{rows['months']:,} customer-months and {rows['ledger']:,} ledger rows, the same "
        f"written by both; ours {peak:.1f} GB at the peak; the peer checks nothing",
    )


def _headers(extract: Path, name: str) -> list[str]:
    with (extract / f"{name}.csv").open(encoding="utf-8") as lines:
        return lines.readline().strip().split(",")


def _tables(extract: Path) -> list[str]:
    return [name for name in CONTRACT if (extract / f"{name}.csv").is_file()]


def _assert_same_rows(extract: Path, mine: Path, theirs: Path) -> dict[str, int]:
    """Assert that two folders hold the same rows, by count and by the sum of the rows' digests."""
    counts = {}
    for name in _tables(extract):
        file = mine / name / "*.parquet"
        columns = [row[0] for row in duckdb.sql(f"DESCRIBE FROM '{file}'").fetchall()]
        listed = ", ".join(f'"{column}"' for column in columns)
        found = [
            duckdb.sql(
                f"SELECT count(*), sum(hash({listed})) FROM '{folder / name}/*.parquet'"
            ).fetchall()[0]
            for folder in (mine, theirs)
        ]
        assert found[0] == found[1], (name, found)
        counts[name] = int(found[0][0])
    return counts


ROWS = [
    Row(
        name="read, check and write an extract of 1 million customer-months",
        peer="DuckDB by hand: typed read_csv to Parquet, no check",
        measure=lambda quick: beside(by_duckdb, quick),
    ),
    Row(
        name="read, check and write an extract of 1 million customer-months",
        peer="polars: typed scan_csv to Parquet, no check",
        measure=lambda quick: beside(by_polars, quick),
    ),
    Row(
        name="read, check and write an extract of 10 million customer-months",
        peer="DuckDB by hand: typed read_csv to Parquet, no check",
        measure=lambda quick: beside(by_duckdb, quick, times=10),
        target="≤ 70 s on 2 quiet cores, ≤ 4.7 GB",
    ),
]
