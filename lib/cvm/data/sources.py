"""What the analyst names, as parts to read: files, sheets, folders, tables of a database."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import cvm
from cvm.core.checks import ArgumentError, DataError
from cvm.data.findings import Finding
from cvm.data.headers import guess_table, table_named
from cvm.data.mapping import ExtractMapping, TableMapping, load_mapping
from cvm.data.peek import EXCEL, FILES, format_of, peek
from cvm.data.raw import check_file
from cvm.data.read_database import database_file, is_url, list_tables, open_database
from cvm.data.read_excel import sheet_names
from cvm.data.read_parquet import parquet_files
from cvm.data.tables import CONTRACT

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Part:
    """One table of the contract and where it is read from.

    Attributes:
        mapping: Which column is which.
        path: File or folder; ``None`` for a database.
    """

    mapping: TableMapping
    path: Path | None = None


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a source consists of.

    Attributes:
        name: For the prepared folder.
        source: The source as named, for the record.
        parts: One a table.
        mapping_text: The mapping file's text, if there is one.
        database: The database's URL, if it is one.
        findings: What was noticed on the way (files that are no table).
    """

    name: str
    source: str
    parts: tuple[Part, ...]
    mapping_text: str = ""
    database: str | None = None
    findings: tuple[Finding, ...] = ()


def make_plan(source: str | Path, mapping: str | Path | ExtractMapping | None = None) -> Plan:
    """Find the parts of a source.

    Args:
        source: Folder of files named after the tables, sample folder, single file, mapping file,
            or Ibis URL.
        mapping: Mapping to use, its file or its content.

    Raises:
        ArgumentError: The mapping is faulty or does not go with the source.
        DataError: The source does not exist, or holds no table.
    """
    if mapping is not None and not isinstance(mapping, ExtractMapping):
        mapping = load_mapping(mapping)
    if is_url(source):
        return _from_database(str(source), mapping)
    path = Path(source)
    if path.suffix == ".toml" and mapping is None:
        mapping = load_mapping(path)
        if mapping.database is not None:
            return _from_database(mapping.database, mapping)
        path = (path.parent / (mapping.folder or ".")).resolve()
    if mapping is not None:
        return _from_mapping(path, mapping)
    if path.is_dir():
        return _from_folder(path)
    return _from_file(check_file(path))


def content_fingerprint(plan: Plan) -> str | None:
    """Return a digest of the files' content, the mapping and this code.

    ``None`` for a database on a server, whose content only reading shows.
    """
    digest = hashlib.sha256(code_version().encode())
    digest.update(plan.mapping_text.encode())
    if plan.database is not None:
        file = database_file(plan.database)
        if file is None:
            return None
        check_file(file)
        files = [file, *(each for each in [file.with_name(file.name + ".wal")] if each.exists())]
        digest.update(file_digest(files).encode())
    for part in plan.parts:
        digest.update(repr(part.mapping).encode())
        if part.path is not None:
            # A file that is missing or empty is told by the reading, with the other problems.
            files = parquet_files(part.path) if part.path.is_dir() else [part.path]
            digest.update(file_digest(file for file in files if file.is_file()).encode())
    return digest.hexdigest()


def file_digest(files: Iterable[Path]) -> str:
    """Return one digest of several files' names and content."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.name.encode() + b"\0")
        with file.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                digest.update(chunk)
    return digest.hexdigest()


@cache
def code_version() -> str:
    """Return the version of the code that decides what a prepared folder contains."""
    files = sorted(Path(__file__).parent.glob("*.py"))
    return f"{cvm.__version__}-{file_digest(files)[:12]}"


def _from_database(url: str, mapping: ExtractMapping | None) -> Plan:
    file = database_file(url)
    name = file.stem if file else url.rpartition("/")[2].partition("?")[0] or "database"
    if mapping is not None:
        parts = tuple(
            Part(mapping=replace(table, source_table=table.source_table or table.table))
            for table in mapping.tables
        )
        return Plan(
            name=mapping.name, source=url, parts=parts, mapping_text=mapping.text, database=url
        )
    have = list_tables(open_database(url), url)
    named = {each: table for each in have if (table := table_named(each)) is not None}
    if not named:
        raise DataError(
            url,
            f"tables {', '.join(have) or 'none'}",
            "a database with tables named after the contract",
            available=list(CONTRACT),
            action="give a mapping that says which table is which",
        )
    parts = tuple(
        Part(mapping=TableMapping(table=table, source_table=each)) for each, table in named.items()
    )
    _check_once(parts, url)
    return Plan(name=name, source=url, parts=parts, database=url)


def _from_mapping(path: Path, mapping: ExtractMapping) -> Plan:
    if mapping.database is not None and not path.exists():
        return _from_database(mapping.database, mapping)
    if path.is_dir():
        parts = []
        for table in mapping.tables:
            if table.file is None:
                raise ArgumentError(
                    f"{mapping.name}: {table.table}.file",
                    "not given",
                    "a file of the folder",
                    available=sorted(each.name for each in path.iterdir())[:20],
                )
            parts.append(Part(mapping=table, path=path / table.file))
    elif len(mapping.tables) == 1 or format_of(check_file(path)) == EXCEL:
        parts = [Part(mapping=table, path=check_file(path)) for table in mapping.tables]
    else:
        raise ArgumentError(
            "source",
            str(path),
            f"a folder, as the mapping {mapping.name} has {len(mapping.tables)} tables",
            action="give the folder of the files, or the mapping file itself as the source",
        )
    name = mapping.name
    return Plan(name=name, source=str(path), parts=tuple(parts), mapping_text=mapping.text)


def _from_folder(path: Path) -> Plan:
    base = path / "tables" if (path / "tables").is_dir() else path
    if any(base.glob("*.parquet")) and (table := table_named(base.name)):
        part = Part(mapping=TableMapping(table=table), path=base)
        return Plan(name=base.name, source=str(path), parts=(part,))
    parts: list[Part] = []
    others: list[str] = []
    for child in sorted(base.iterdir()):
        table = table_named(child.stem if child.is_file() else child.name)
        usable = child.is_dir() or child.suffix.lower() in FILES
        if child.name.startswith((".", "~$")):
            continue
        if table is not None and usable:
            parts.append(Part(mapping=TableMapping(table=table), path=child))
        elif child.is_file() and usable:
            others.append(child.name)
    if not parts:
        raise DataError(
            str(base),
            "no file named after a table",
            f"a folder with files named {', '.join(CONTRACT)} ({', '.join(sorted(FILES))})",
            available=sorted(child.name for child in base.iterdir())[:20],
            action="rename the files, or write a mapping (cvm map FILE proposes one)",
        )
    _check_once(parts, str(base))
    return Plan(
        name=path.resolve().name,
        source=str(path),
        parts=tuple(parts),
        findings=tuple(
            Finding(table=name, check="ignored_file", severity="soft", rows=0) for name in others
        ),
    )


def _from_file(path: Path) -> Plan:
    if format_of(path) == EXCEL:
        named = {sheet: table for sheet in sheet_names(path) if (table := table_named(sheet))}
        if named:
            parts = tuple(_sheet(path, sheet, table) for sheet, table in named.items())
            _check_once(parts, path.name)
            return Plan(name=path.stem, source=str(path), parts=parts)
    table = table_named(path.stem)
    if table is None:
        headers = peek(path).headers
        table, matches = guess_table(headers)
        lacking = [each for each in CONTRACT[table].required if each not in matches]
        if not matches or lacking:
            raise DataError(
                f"{path.name}.headers",
                ", ".join(headers),
                f"those of a table (nearest: {table}, without {', '.join(lacking)})",
                available=list(CONTRACT),
                action=f"write a mapping: cvm map {path.name} > mapping.toml, correct it, and "
                "give it as the source",
            )
    part = Part(mapping=TableMapping(table=table), path=path)
    return Plan(name=path.stem, source=str(path), parts=(part,))


def _sheet(path: Path, sheet: str, table: str) -> Part:
    mapping = TableMapping(table=table)
    options = replace(mapping.options, sheet=sheet)
    return Part(mapping=replace(mapping, options=options), path=path)


def _check_once(parts: Iterable[Part], where: str) -> None:
    """Check that no table comes from two places."""
    seen: dict[str, str] = {}
    for part in parts:
        table = part.mapping.table
        place = part.path.name if part.path else part.mapping.source_table or table
        if table in seen:
            raise DataError(
                f"{where}: {table}",
                f"{seen[table]} and {place}",
                "delivered once",
                action="remove one of them, or write a mapping",
            )
        seen[table] = place
