"""Any result as files people can pass on: one Excel workbook, or CSV.

It stands with the views, as a chart does: the statistics and ``core`` import no writer.
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd

from cvm.core.checks import ArgumentError
from cvm.core.i18n import LANGUAGES
from cvm.core.result import Result

LONGEST_SHEET = 31
ANSWER_SHEET = "结论 Answer"


def write_excel(result: Result, file: str | Path) -> Path:
    """Write the sentence in both languages and every frame, a sheet each.

    Text that a spreadsheet would take for a formula or a link stays text; what is missing or
    infinite is an empty cell.

    Args:
        result: Any result.
        file: Ends in ``.xlsx``; folders are made.

    Raises:
        ArgumentError: The name ends otherwise.

    Returns:
        The file.
    """
    target = Path(file)
    if target.suffix != ".xlsx":
        raise ArgumentError("file", str(file), "a name that ends in .xlsx")
    target.parent.mkdir(parents=True, exist_ok=True)
    options = {"strings_to_formulas": False, "strings_to_urls": False}
    with pd.ExcelWriter(target, engine="xlsxwriter", engine_kwargs={"options": options}) as book:
        answer = pd.DataFrame({"answer": [result.text(lang) for lang in LANGUAGES]})
        answer.to_excel(book, sheet_name=ANSWER_SHEET, index=False)
        book.sheets[ANSWER_SHEET].set_column(0, 0, 100, book.book.add_format({"text_wrap": True}))
        names: set[str] = {ANSWER_SHEET.lower()}
        for name, frame in result.frames().items():
            sheet = _sheet_name(name, names)
            _plain(frame).to_excel(book, sheet_name=sheet, index=False)
            book.sheets[sheet].freeze_panes(1, 0)
            book.sheets[sheet].autofit()
    return target


def write_csv(result: Result, folder: str | Path) -> list[Path]:
    """Write every frame as CSV that spreadsheet programs read, and the sentence as text.

    Args:
        result: Any result.
        folder: Where to; it is made.

    Returns:
        The files, the sentence first.
    """
    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    sentence = target / "answer.txt"
    sentence.write_text("\n".join(result.text(lang) for lang in LANGUAGES) + "\n", "utf-8")
    files = [sentence]
    for name, frame in result.frames().items():
        file = target / f"{_safe(name)}.csv"
        frame.to_csv(file, index=False, encoding="utf-8-sig")
        files.append(file)
    return files


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the frame without infinities, times without zones and lists as text."""
    plain = frame.reset_index(drop=True).replace([float("inf"), float("-inf")], float("nan"))
    for name in plain.columns:
        if isinstance(plain[name].dtype, pd.DatetimeTZDtype):
            plain[name] = plain[name].dt.tz_localize(None)
    return plain


def _safe(name: str) -> str:
    return re.sub(r"[\[\]:*?/\\']", "_", name)


def _sheet_name(name: str, taken: set[str]) -> str:
    """Return a name Excel accepts, of at most 31 characters, unlike those taken."""
    base = _safe(name)[:LONGEST_SHEET]
    sheet, number = base, 2
    while sheet.lower() in taken:
        end = f"_{number}"
        sheet, number = base[: LONGEST_SHEET - len(end)] + end, number + 1
    taken.add(sheet.lower())
    return sheet
