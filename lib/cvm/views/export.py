"""Any result as files people can pass on: one Excel workbook, or CSV.

It stands with the views, as a chart does: the statistics and ``core`` import no writer.
"""

from __future__ import annotations

import re
from pathlib import Path

from cvm.core.checks import ArgumentError
from cvm.core.i18n import LANGUAGES
from cvm.core.result import Result
from cvm.views.workbook import Sheet, frame_rows, workbook

ANSWER_SHEET = "结论 Answer"
_NOT_IN_A_NAME = re.compile(r"[\[\]:*?/\\']")


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
    sentences = [[result.text(lang)] for lang in LANGUAGES]
    answer = Sheet(
        name=ANSWER_SHEET, columns=["answer"], rows=sentences, widths=[100], wrapped=True
    )
    frames = [
        Sheet(name=name, columns=list(map(str, frame.columns)), rows=frame_rows(frame))
        for name, frame in result.frames().items()
    ]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(workbook([answer, *frames]))
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
        file = target / f"{_NOT_IN_A_NAME.sub('_', name)}.csv"
        frame.to_csv(file, index=False, encoding="utf-8-sig")
        files.append(file)
    return files
