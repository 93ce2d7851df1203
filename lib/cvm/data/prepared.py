"""An extract to a prepared folder: read, converted, checked, written aside and swapped in.

A prepared folder is named after the content of its source, so the same extract is prepared once. It
appears whole or not at all: everything is written to a sibling folder that is renamed at the end,
and an interruption, a full disk or a second process leaves earlier folders untouched.
"""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from cvm.core.checks import CvmError, DataError
from cvm.data.engine import RECORD, REPORT, Dataset, is_prepared, open_prepared
from cvm.data.findings import Finding
from cvm.data.mapping import ExtractMapping
from cvm.data.prepared_files import ReadTable, make_record, write_set_aside, write_table
from cvm.data.quality import check_tables
from cvm.data.raw import Raw, Stage, quote
from cvm.data.read_database import is_url, open_database, read_database, without_password
from cvm.data.read_file import read_file
from cvm.data.report import QualityReport
from cvm.data.sources import Part, Plan, content_fingerprint, make_plan
from cvm.data.stage import stage_table
from cvm.data.swap import swap_in, written_aside

STOPPED = "-stopped"
_FINGERPRINT_CHARACTERS = 12

Progress = Callable[[str, float], None]


class StoppedError(DataError):
    """Data with problems that must be put right first.

    Attributes:
        report: Every problem.
        folder: Where the report and the rows set aside stand.
    """

    report: QualityReport
    folder: Path


def open_data(
    source: str | Path,
    *,
    engine: str = "duckdb",
    mapping: str | Path | ExtractMapping | None = None,
    work: str | Path = "build/prepared",
    today: date | None = None,
    progress: Progress | None = None,
) -> Dataset:
    """Prepare an extract if that has not been done, and open it.

    Args:
        source: Folder of files named after the tables (CSV, Excel, Parquet), a single file, a
            mapping file (.toml), a sample folder, a prepared folder, or an Ibis URL.
        engine: ``duckdb``, or a Spark master (``local[2]``, ``spark://host:7077``).
        mapping: Mapping file to use with ``source``.
        work: Folder for prepared folders.
        today: Dates after this day are faults; the present day if ``None``.
        progress: Called with what is being done and the share done (0–1).

    Returns:
        The tables, and what checking found.

    Raises:
        ArgumentError: The mapping or the engine is faulty.
        DataError: The data cannot be read, or have problems that stop the work (``StoppedError``,
            after the report and the rows set aside have been written).
    """
    folder = prepare(source, mapping=mapping, work=work, today=today, progress=progress)
    return open_prepared(folder, engine=engine)


def prepare(
    source: str | Path,
    *,
    mapping: str | Path | ExtractMapping | None = None,
    work: str | Path = "build/prepared",
    today: date | None = None,
    progress: Progress | None = None,
) -> Path:
    """Return the prepared folder of an extract, made now unless it exists.

    Arguments and errors are those of :func:`open_data`.
    """
    if not is_url(source) and is_prepared(source):
        return Path(source)
    today = today or date.today()
    tell = progress or (lambda _what, _share: None)
    plan = make_plan(source, mapping)
    tell("fingerprint", 0.0)
    fingerprint = content_fingerprint(plan)
    work = Path(work)
    if fingerprint is not None:
        target = work / _folder_name(plan, fingerprint)
        if _is_current(target, today):
            return target
    return _build(plan, fingerprint, work, today, tell)


def _folder_name(plan: Plan, fingerprint: str) -> str:
    name = "".join(each if each.isalnum() or each in "-_." else "_" for each in plan.name)
    return f"{name}-{fingerprint[:_FINGERPRINT_CHARACTERS]}"


def _is_current(folder: Path, today: date) -> bool:
    """Tell whether a prepared folder says what preparing again would say.

    Only the check for future dates depends on the day: with none found, it finds none later.
    """
    if not is_prepared(folder):
        return False
    try:
        record = json.loads((folder / RECORD).read_text(encoding="utf-8"))
        report = QualityReport.from_json((folder / REPORT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    same_day = record["today"] == today.isoformat()
    future = any(finding.check == "future" for finding in report.findings)
    return same_day or (not future and record["today"] < today.isoformat())


def _build(plan: Plan, fingerprint: str | None, work: Path, today: date, tell: Progress) -> Path:
    try:
        with written_aside(work) as aside:
            with Stage(aside / "stage") as stage:
                report, fingerprint = _fill(plan, fingerprint, stage, aside, today, tell)
            shutil.rmtree(aside / "stage")
            target = work / _folder_name(plan, fingerprint)
            if report.stops:
                target = target.with_name(target.name + STOPPED)
                swap_in(aside, target, replace=True)
                raise _stopped(plan, report, target)
            # A folder that is there but not current is an older day's, or broken.
            swap_in(aside, target, replace=not _is_current(target, today))
            return target
    except duckdb.InterruptException:
        raise KeyboardInterrupt from None
    except (OSError, duckdb.IOException) as error:
        raise _unwritable(work, error) from None


def _fill(
    plan: Plan, fingerprint: str | None, stage: Stage, aside: Path, today: date, tell: Progress
) -> tuple[QualityReport, str]:
    """Write everything but the name: report, rows set aside and, if nothing stops, the tables."""
    tables, findings = _read_parts(plan, stage, tell)
    fingerprint = fingerprint or _staged_fingerprint(stage, tables, plan)
    tell("check", 0.5)
    checked = check_tables(
        {name: table.staged.table for name, table in tables.items()}, today=today, extra=findings
    )
    report = _with_all_rows(QualityReport.of(checked), tables)
    write_set_aside(stage, aside / "set_aside", tables, checked)
    (aside / REPORT).write_text(report.to_json(), encoding="utf-8")
    if not report.stops:
        for position, (name, table) in enumerate(checked.clean.items()):
            tell(f"write {name}", 0.6 + 0.4 * position / len(checked.clean))
            write_table(stage, aside / "tables" / name, table)
        record = make_record(
            stage,
            aside,
            tables,
            source=without_password(plan.source),
            fingerprint=fingerprint,
            today=today,
        )
        text = json.dumps(record, ensure_ascii=False, indent=1)
        (aside / RECORD).write_text(text, encoding="utf-8")
    tell("done", 1.0)
    return report, fingerprint


def _with_all_rows(report: QualityReport, tables: Mapping[str, ReadTable]) -> QualityReport:
    """Count the rows that reading already set aside as read and as set aside."""
    early = {
        name: table.staged.set_aside.count().to_pyarrow().as_py() for name, table in tables.items()
    }
    broken = {name: len(table.raw.rejected) for name, table in tables.items()}
    return replace(
        report,
        rows={name: table.raw.rows + broken[name] for name, table in tables.items()},
        rows_set_aside={
            name: report.rows_set_aside.get(name, 0) + early[name] + broken[name] for name in tables
        },
    )


def _read_parts(
    plan: Plan, stage: Stage, tell: Progress
) -> tuple[dict[str, ReadTable], list[Finding]]:
    """Read every part; a part that cannot be read is one hard finding, and the others go on."""
    backend = open_database(plan.database) if plan.database is not None else None
    tables: dict[str, ReadTable] = {}
    findings = list(plan.findings)
    failures: list[DataError] = []
    for position, part in enumerate(plan.parts):
        name = part.mapping.table
        tell(f"read {name}", 0.5 * position / len(plan.parts))
        try:
            raw = _read_part(stage, part, plan, backend)
            staged = stage_table(stage, raw, part.mapping)
        except DataError as error:
            failures.append(error)
            findings.append(
                Finding(
                    table=name,
                    check="unreadable",
                    severity="hard",
                    rows=0,
                    fate="stops",
                    details={"cause": str(error)},
                )
            )
            continue
        tables[name] = ReadTable(raw, staged)
        findings += staged.findings
    if failures and not tables:
        raise failures[0]
    return tables, findings


def _read_part(stage: Stage, part: Part, plan: Plan, backend: Any) -> Raw:
    mapping = part.mapping
    if plan.database is not None:
        table = mapping.source_table or mapping.table
        return read_database(stage, mapping.table, backend, plan.database, table)
    path = part.path
    if path is None:
        raise DataError(mapping.table, "no file", "delivered by a file", action="map a file")
    return read_file(stage, mapping.table, path, mapping.options)


def _staged_fingerprint(stage: Stage, tables: Mapping[str, ReadTable], plan: Plan) -> str:
    """Return a digest of what a database server delivered."""
    digest = hashlib.sha256(plan.mapping_text.encode())
    for name, each in tables.items():
        raw = quote(each.raw.table.get_name())
        found = stage.row(f"SELECT count(*), bit_xor(hash(r)), sum(hash(r)::HUGEINT) FROM {raw} r")
        digest.update(f"{name}{found}".encode())
    return digest.hexdigest()


def _stopped(plan: Plan, report: QualityReport, folder: Path) -> StoppedError:
    try:
        report.raise_if_stopped(without_password(plan.source))
    except DataError as error:
        stopped = StoppedError(
            error.subject,
            error.value,
            error.expected,
            action=f"read {folder / REPORT} and {folder / 'set_aside'}; {error.action}",
        )
        stopped.report, stopped.folder = report, folder
        return stopped
    raise AssertionError("a report that stops raises")


def _unwritable(work: Path, error: Exception) -> CvmError:
    full = getattr(error, "errno", None) == errno.ENOSPC or "No space left" in str(error)
    return DataError(
        f"work folder {work}",
        str(error).strip().splitlines()[0],
        "a folder on a disk with room, that may be written",
        action="make room on the disk, or give another work folder; nothing was changed"
        if full
        else "give another work folder; nothing was changed",
    )
