"""Usage by day, as a billing system delivers it between two months' ends: read, then compared.

The file has the columns of the contract's months under any of their headers, with a day in place of
the month. It is read for one list of warnings and kept nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import ibis.expr.types as ir
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_columns, check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.data.contract import Column, Table
from cvm.data.engine import collect
from cvm.data.headers import match_headers
from cvm.data.mapping import TableMapping
from cvm.data.raw import Stage
from cvm.data.read_file import read_file
from cvm.data.reduce_warning import reduce_signals
from cvm.data.stage import Staged, stage_table
from cvm.data.tables import MONTHS

LENGTHS = {"week": 7, "day": 1}
"""Days of a period."""

_COUNTED = (
    "bill_yuan", "voice_minutes", "calling_circle", "off_net_share", "forwarding_minutes",
    "complaints", "arrears_stops",
)  # fmt: skip

USAGE = Table(
    name="usage",
    en="usage by day",
    zh="按日使用量",
    meaning="One row a customer and day.",
    columns=(
        MONTHS["customer_id"],
        Column(
            name="day",
            kind="date",
            en="day",
            zh="日期",
            meaning="The day.",
            required=True,
            headers=("统计日期", "账务日期", "话单日期", "date", "usage_day"),
        ),
        *(MONTHS[name] for name in _COUNTED),
    ),
    key=("customer_id", "day"),
)


@dataclass(frozen=True, kw_only=True)
class UsageSignals:
    """What has changed for each customer in a week or a day.

    Attributes:
        frame: Of :func:`cvm.data.reduce_warning.reduce_signals`.
        at: First day of the period.
        unread_rows: Rows left out, as their customer, day or bill cannot be read.
        unread_cells: Other cells that cannot be read, taken as missing.
    """

    frame: pd.DataFrame
    at: date
    unread_rows: int
    unread_cells: int

    def text(self, lang: str = "en") -> str:
        """Return which period was compared for how many, and what could not be read."""
        told = say(
            "segments_warning.usage.read",
            lang,
            customers=format_number(len(self.frame), lang),
            at=f"{self.at:%Y-%m-%d}",
        )
        if self.unread_rows or self.unread_cells:
            told += say(
                "segments_warning.usage.unread",
                lang,
                rows=format_number(self.unread_rows, lang),
                cells=format_number(self.unread_cells, lang),
            )
        return told


@dataclass(frozen=True, kw_only=True)
class _Mapping(TableMapping):
    """Headers of usage by day, recognised by name."""

    table: str = USAGE.name

    @property
    def contract(self) -> Table:
        return USAGE


def read_signals(path: str | Path, *, period: str, at: date | None = None) -> UsageSignals:
    """Read a file of usage by day and compare a week or a day with those before it.

    Args:
        path: CSV, Excel or Parquet.
        period: ``"week"`` or ``"day"``.
        at: First day of the period; by default the last whole period of the file.

    Raises:
        ArgumentError: The period is not whole in the file, or nothing lies before it.
        DataError: The file cannot be read, or no header is recognised.
        MissingDataError: It has no customer, day or bill.
    """
    check_one_of(period, "period", LENGTHS)
    place = Path(path)
    with TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        raw = read_file(stage, USAGE.name, place)
        check_columns(match_headers(raw.headers, USAGE), USAGE.required, raw.source)
        staged = stage_table(stage, raw, _Mapping())
        _check_read(staged, raw.source)
        starts = _period(staged.table, raw.source, period, at)
        return UsageSignals(
            frame=collect(reduce_signals(staged.table, at=starts, period=period)),
            at=starts,
            unread_rows=len(collect(staged.set_aside)) + len(raw.rejected),
            unread_cells=sum(item.rows for item in staged.findings if item.fate == "emptied"),
        )


def _check_read(staged: Staged, source: str) -> None:
    """Stop where most cells of a needed column cannot be read: the column is another one."""
    for item in staged.findings:
        if item.severity == "hard":
            raise DataError(
                f"{source}.{item.column}",
                f"{item.rows} cells that cannot be read ({', '.join(item.examples)})",
                f"as {USAGE[item.column or 'day'].meaning[:-1].lower()}",
                action="correct the column or its header",
            )


def _period(usage: ir.Table, source: str, period: str, at: date | None) -> date:
    """Return the first day of the period, which is whole in the file and has days before it."""
    days = collect(usage.aggregate(first=usage.day.min(), last=usage.day.max())).iloc[0]
    if pd.isna(days["last"]):
        raise DataError(source, "no day", "rows of two periods or more")
    first, last = (days[name].date() for name in ("first", "last"))
    length = timedelta(days=LENGTHS[period])
    latest = last - length + timedelta(days=1)
    at = latest if at is None else at
    if not first < at <= latest:
        raise ArgumentError(
            "at",
            str(at),
            f"the first day of a {period} that is whole in {source}, with days before it",
            available=[f"{first + timedelta(days=1)} to {latest}"],
            action="name another day, or deliver more days",
        )
    return at
