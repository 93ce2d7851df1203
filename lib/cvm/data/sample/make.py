"""Making a whole sample operator: blocks into parts, parts into a folder, swapped in at the end."""

from __future__ import annotations

import multiprocessing
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import replace
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cvm.core.checks import ArgumentError, check_at_least
from cvm.data.sample.arrow import schema_of
from cvm.data.sample.block import blocks_of, common_draws, simulate_block
from cvm.data.sample.campaigns import campaigns_within
from cvm.data.sample.columns import Writer
from cvm.data.sample.facts import block_facts
from cvm.data.sample.settings import BLOCK_CUSTOMERS, SampleSettings
from cvm.data.sample.truth import Truth, add_up, make_truth
from cvm.data.tables import CONTRACT

Progress = Callable[[int, int], None]

PLANTED = "planted"
"""Folder beside the tables with what is hidden about each customer; no analysis may read it."""

_HIDDEN = ("customers", "recharges")

_PART_TABLES = ("customers", "months", "ledger", "recharges", "contacts", "survey", "accounts")
_SMALL_TABLES = ("campaigns", "names")


def make_sample(
    folder: str | Path,
    *,
    customers: int = 20_000,
    months: int = 36,
    seed: int = SampleSettings.seed,
    last_month: date = SampleSettings.last_month,
    part_customers: int = 100_000,
    workers: int = 1,
    progress: Progress | None = None,
    settings: SampleSettings | None = None,
) -> Truth:
    """Make a sample operator with planted truth.

    The data depend on ``customers``, ``months``, ``seed``, ``last_month`` and ``settings`` alone,
    not on parts or workers: customers are drawn in blocks of fixed size, each with its own seed.

    Args:
        folder: Where to; gets ``tables/<table>/part-*.parquet`` in contract columns, ``planted/``
            (hidden traits a customer) and ``truth.json``. Written aside and swapped in; other
            files in the folder stay.
        customers: Subscriptions in the customers table; some join, some leave in the panel.
        months: Months of the panel.
        seed: Seed of every draw.
        last_month: Last month of the panel.
        part_customers: Customers a file, rounded up to whole blocks of 10,000.
        workers: Processes that make parts; each needs about 150 MB.
        progress: Called with customers done and customers in all, after each part.
        settings: Another operator; the arguments above take precedence over its own.

    Returns:
        The truth, as written.

    Raises:
        ArgumentError: A setting is out of range, or the folder holds something else.
    """
    check_at_least(part_customers, "part_customers", 1)
    check_at_least(workers, "workers", 1)
    chosen = replace(
        settings or SampleSettings(),
        customers=customers,
        months=months,
        seed=seed,
        last_month=date(last_month.year, last_month.month, 1),
    )
    target = Path(folder)
    _check_target(target)
    aside = target.with_name(f".{target.name}.making-{os.getpid()}")
    shutil.rmtree(aside, ignore_errors=True)
    try:
        aside.mkdir(parents=True)
        truth = _write(chosen, aside, part_customers, workers, progress)
        _swap(aside, target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return truth


def make_part(settings: SampleSettings, folder: Path, part: int, blocks: range) -> dict[str, int]:
    """Write one part of every table, and return its sums for the truth."""
    writer = Writer(settings)
    sums = []
    with ExitStack() as stack:
        files: dict[str, pq.ParquetWriter] = {}
        for number in blocks:
            block = simulate_block(settings, number)
            sums.append(add_up([block.sums, block_facts(settings, block)]))
            pieces = {
                **writer.tables(block),
                f"{PLANTED}/customers": [writer.planted(block)],
                f"{PLANTED}/recharges": [writer.planted_recharges(block)],
            }
            for name, tables in pieces.items():
                for table in tables:
                    if name not in files:
                        files[name] = stack.enter_context(_open(folder, name, part, table.schema))
                    files[name].write_table(table)
        for name in _PART_TABLES:
            if name not in files:
                stack.enter_context(_open(folder, name, part, schema_of(CONTRACT[name])))
    return add_up(sums)


def _write(
    settings: SampleSettings,
    folder: Path,
    part_customers: int,
    workers: int,
    progress: Progress | None,
) -> Truth:
    for name in (*_PART_TABLES, *_SMALL_TABLES):
        (folder / "tables" / name).mkdir(parents=True)
    for name in _HIDDEN:
        (folder / PLANTED / name).mkdir(parents=True)
    per_part = -(-part_customers // BLOCK_CUSTOMERS)
    total = blocks_of(settings)
    parts = [range(at, min(at + per_part, total)) for at in range(0, total, per_part)]
    sums = []
    for part, found in zip(parts, _each_part(settings, folder, parts, workers), strict=True):
        sums.append(found)
        if progress:
            progress(min(part.stop * BLOCK_CUSTOMERS, settings.customers), settings.customers)
    writer, campaigns = Writer(settings), campaigns_within(settings.months)
    small = dict(
        zip(_SMALL_TABLES, (writer.campaigns(campaigns), writer.names(campaigns)), strict=True)
    )
    for name, table in small.items():
        with _open(folder, name, 0, table.schema) as file:
            file.write_table(table)
    truth = make_truth(settings, common_draws(settings), add_up(sums))
    (folder / "truth.json").write_text(truth.to_json(), encoding="utf-8")
    return truth


def _each_part(
    settings: SampleSettings, folder: Path, parts: list[range], workers: int
) -> Iterator[dict[str, int]]:
    if workers == 1 or len(parts) == 1:
        for part, blocks in enumerate(parts):
            yield make_part(settings, folder, part, blocks)
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(min(workers, len(parts)), mp_context=context) as pool:
        jobs = [
            pool.submit(make_part, settings, folder, part, blocks)
            for part, blocks in enumerate(parts)
        ]
        try:
            for job in jobs:
                yield job.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _open(folder: Path, name: str, part: int, schema: pa.Schema) -> pq.ParquetWriter:
    place = folder / name if name.startswith(PLANTED) else folder / "tables" / name
    return pq.ParquetWriter(
        place / f"part-{part:05d}.parquet",
        schema,
        compression="zstd",
        store_schema=False,
        write_statistics=[field.name for field in schema if pa.types.is_primitive(field.type)],
    )


def _check_target(target: Path) -> None:
    if target.exists() and not target.is_dir():
        raise ArgumentError("folder", str(target), "a folder", action="name another folder")
    if target.is_dir() and any(target.iterdir()) and not (target / "truth.json").is_file():
        raise ArgumentError(
            "folder",
            str(target),
            "empty, new or a sample made before",
            action="name another folder, or empty this one",
        )


def _swap(aside: Path, target: Path) -> None:
    """Put the finished folder in the place of the old one, keeping the old one's other files."""
    if not target.exists():
        aside.rename(target)
        return
    for entry in target.iterdir():
        if not (aside / entry.name).exists():
            (shutil.copytree if entry.is_dir() else shutil.copy2)(entry, aside / entry.name)
    old = target.with_name(f".{target.name}.old-{os.getpid()}")
    target.rename(old)
    aside.rename(target)
    shutil.rmtree(old)
