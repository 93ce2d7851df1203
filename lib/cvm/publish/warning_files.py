"""The warning list as files for those who may have it: CSV, Excel, and the whole list for later.

These files name customers. They are written where the caller says, never into a snapshot, aside
first and then swapped in as one folder.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import pandas as pd

from cvm.core.checks import ArgumentError, DataError
from cvm.core.i18n import say
from cvm.data.swap import swap_in, written_aside
from cvm.segments.warning_list import HELD_OUT, WarningList
from cvm.views.workbook import Sheet, frame_rows, workbook

CSV, EXCEL, WHOLE, RECORD = "warnings.csv", "warnings.xlsx", "list.csv", "list.json"
_WIDTHS = {"reasons": 56, "act": 34, "customer_id": 16}
_WIDTH = 13
_JOIN = ";"


@dataclass(frozen=True, kw_only=True)
class WarningFiles:
    """Where a list was written.

    Attributes:
        folder: The folder, named by the list's day.
        calls: Customers on the list to call.
        held_out: Customers held out, who are in ``list.csv`` alone.
    """

    folder: Path
    calls: int
    held_out: int


def write_warning_files(
    warnings: WarningList, to: str | Path, *, lang: str = "zh", snapshots: str | Path | None = None
) -> WarningFiles:
    """Write a list: ``warnings.csv`` (UTF-8 with BOM), ``warnings.xlsx``, ``list.csv`` for scoring.

    Args:
        warnings: The list.
        to: Folder under which one named by the list's day and period is made or replaced.
        lang: Language of headers, reasons and acts.
        snapshots: Folder of the snapshots, which must not hold customers.

    Raises:
        ArgumentError: ``to`` lies within the snapshots.
        OSError: The folder cannot be written; what was there stays.
    """
    parent = Path(to)
    if snapshots is not None and parent.resolve().is_relative_to(Path(snapshots).resolve()):
        raise ArgumentError(
            "to", str(to), "outside the folder of snapshots", action="name another folder"
        )
    target = parent / f"{warnings.listed_on:%Y-%m-%d}-{warnings.period}"
    frame = warnings.to_call(lang)
    with written_aside(parent) as aside:
        frame.to_csv(aside / CSV, index=False, encoding="utf-8-sig")
        _write_excel(frame, aside / EXCEL, lang)
        whole = warnings.table.assign(reasons=warnings.table["reasons"].map(_JOIN.join))
        whole.to_csv(aside / WHOLE, index=False, encoding="utf-8-sig")
        record = {
            "listed_on": warnings.listed_on.isoformat(),
            "period": warnings.period,
            "calls": warnings.calls,
            "saved_share": warnings.saved_share,
            "untold": list(warnings.untold),
        }
        (aside / RECORD).write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
        swap_in(aside, target, replace=True)
    held_out = int((warnings.table["fate"] == HELD_OUT).sum())
    return WarningFiles(folder=target, calls=len(frame), held_out=held_out)


def read_warning_files(folder: str | Path) -> WarningList:
    """Return a list that was written, to score it against what happened.

    Raises:
        DataError: The folder does not hold a whole list.
    """
    place = Path(folder)
    try:
        record = json.loads((place / RECORD).read_text(encoding="utf-8"))
        text = dict.fromkeys(("customer_id", "vip_tier", "county", "reasons"), str)
        table = pd.read_csv(place / WHOLE, dtype=text, encoding="utf-8-sig", keep_default_na=True)
        table = table.assign(
            rank=table["rank"].astype("Int64"),
            reasons=pd.Series(
                [tuple(filter(None, str(one).split(_JOIN))) if isinstance(one, str) else ()
                 for one in table["reasons"]], dtype=object,
            ),
            **{name: pd.to_datetime(table[name]).dt.date for name in ("window_from", "window_to")},
        )  # fmt: skip
        return WarningList(
            table=table,
            listed_on=date.fromisoformat(record["listed_on"]),
            period=record["period"],
            calls=record["calls"],
            saved_share=record["saved_share"],
            untold=tuple(record["untold"]),
        )
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            str(folder),
            f"{type(error).__name__}: {error}",
            "a folder that cvm warnings wrote",
            action="name the folder of one day's list",
        ) from None


def _write_excel(frame: pd.DataFrame, path: Path, lang: str) -> None:
    wide = {say(f"segments_warning.column.{name}", lang): size for name, size in _WIDTHS.items()}
    sheet = Sheet(
        name=say("segments_warning.sheet", lang),
        columns=list(frame.columns),
        rows=frame_rows(frame),
        widths=[wide.get(str(name), _WIDTH) for name in frame.columns],
        kept_columns=2,
        filtered=True,
    )
    path.write_bytes(workbook([sheet]))
