"""Every workbook: cells are what they were, texts are never run, names are Excel's."""

from datetime import UTC, date, datetime
from io import BytesIO

import numpy as np
import openpyxl
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from cvm.views.workbook import Share, Sheet, frame_rows, sheet_name, workbook

FRAME = pd.DataFrame(
    {
        "month": pd.to_datetime(["2026-03-01", None]),
        "at": pd.to_datetime(["2026-03-01T08:30", "2026-03-02T00:00"]).tz_localize("Asia/Shanghai"),
        "customers": pd.array([1_200, None], dtype="Int64"),
        "churn": [0.125, np.inf],
        "name": ["=1+1", "http://a.b"],
        "parts": [("a", "b"), None],
        "detected": [True, False],
    }
)


def opened(*sheets, made=None):
    return openpyxl.load_workbook(BytesIO(workbook(sheets, made=made)))


def test_cells_are_dates_numbers_and_texts_and_what_is_missing_is_empty():
    sheet = opened(Sheet(name="t", columns=list(FRAME.columns), rows=frame_rows(FRAME)))["t"]
    head, first, second = sheet.iter_rows(values_only=True)
    assert head == tuple(FRAME.columns)
    # The clock's time where the day was, without its zone.
    assert first[:2] == (datetime(2026, 3, 1), datetime(2026, 3, 1, 8, 30))
    assert first[2:] == (1_200, 0.125, "=1+1", "('a', 'b')", True)
    assert second == (None, datetime(2026, 3, 2), None, None, "http://a.b", None, False)
    assert (sheet["E2"].data_type, sheet["E3"].hyperlink) == ("s", None)
    assert (sheet["A2"].number_format, sheet["B2"].number_format) == (
        "yyyy-mm-dd",
        "yyyy-mm-dd hh:mm:ss",
    )


def test_a_sheet_has_lines_above_heads_in_sight_widths_and_filters():
    made = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)
    book = opened(
        Sheet(
            name="t", columns=["a", "b"], rows=[[date(2026, 3, 1), Share(0.125)]], above=["Above"],
            widths=[16, 40], kept_columns=1, filtered=True,
        ),
        made=made,
    )  # fmt: skip
    sheet = book["t"]
    assert sheet["A1"].value == "Above"
    assert [cell.value for cell in sheet[3]] == ["a", "b"]
    assert (sheet["B4"].value, sheet["B4"].number_format) == (0.125, "0.00%")
    assert sheet.freeze_panes == "B4"
    assert sheet.auto_filter.ref == "A3:B4"
    assert round(sheet.column_dimensions["B"].width) == 41, "Excel adds the margins of a cell"
    assert book.properties.created == made.replace(tzinfo=None)


@given(st.lists(st.text(min_size=0, max_size=60), max_size=12))
def test_names_are_allowed_and_unlike_each_other(names):
    taken = set()
    found = [sheet_name(name, taken) for name in names]
    assert len({name.lower() for name in found}) == len(names)
    assert all(0 < len(name) <= 31 and not set(name) & set("[]:*?/\\'") for name in found)
