"""The steps of ``cvm warnings``: read, model, list, write; and score a list that was written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np

from cvm.core.checks import ArgumentError, DataError
from cvm.core.months import add_months, month_index
from cvm.data import collect, open_data
from cvm.data.engine import Dataset
from cvm.data.reduce_churn import reduce_churn
from cvm.publish.book_find import choose_month
from cvm.publish.warning_files import WarningFiles, read_warning_files, write_warning_files
from cvm.segments.churn import fit_churn
from cvm.segments.warning_book import open_warning_book
from cvm.segments.warning_list import WarningList
from cvm.segments.warning_run import warn_month
from cvm.segments.warning_score import ListScore, score_list

MOST_MONTHS = 36
"""Months looked back on: enough to learn from, and not another time."""


def write_warnings(
    source: str,
    to: Path,
    *,
    month: str | None,
    language: str,
    engine: str,
    book: str,
    horizon_months: int,
    calls: int | None,
    control_share: float,
    seed: int,
    snapshots: Path,
    today: date,
) -> tuple[WarningList, WarningFiles]:
    """Make a month's warning list from a source and write it.

    Raises:
        MissingDataError: The source has no months or customers.
        DataError: No model can be told from it.
    """
    data = open_data(source, engine=engine, today=today)
    rules = open_warning_book(book)
    data.require("months", "customer_id", "month", "bill_yuan")
    data.require("customers", "customer_id")
    at, _ = choose_month(data, month, language)
    if at is None:
        raise DataError("source", source, "with a whole month", action="deliver the month table")
    rows = collect(_rows(data, at, horizon_months))
    model = fit_churn(rows)
    if not model.told:
        raise DataError("churn model", model.text("en"), "told by the data",
                        action="deliver more months")  # fmt: skip
    contacts = None
    if data.has("contacts"):
        contacts = collect(data.table("contacts"))
    made = warn_month(
        rows, model, rules, at, contacts=contacts, calls=calls, control_share=control_share,
        rng=np.random.default_rng(seed),
    )  # fmt: skip
    return made, write_warning_files(made, to, lang=language, snapshots=snapshots)


def score_written(
    folder: Path, source: str, *, horizon_months: int, engine: str, today: date
) -> ListScore:
    """Score a list that was written and called, against who has left since.

    Raises:
        ArgumentError: The horizon of the list is not over yet in the source.
    """
    made = read_warning_files(folder)
    data = open_data(source, engine=engine, today=today)
    then = add_months(made.listed_on.replace(day=1), -1)
    over = add_months(then, horizon_months)
    if data.last_month is None or data.last_month < over:
        raise ArgumentError(
            "last", str(folder), f"a list whose {horizon_months} months are over ({over:%Y-%m})"
        )
    rows = reduce_churn(
        data.table("months"), data.table("customers"), scoring_months=[then], known_to=over,
        horizon_months=horizon_months,
    )  # fmt: skip
    left = collect(rows.select("customer_id", "left")).set_index("customer_id")["left"]
    return score_list(made, left.astype(bool))


def _rows(data: Dataset, at: date, horizon_months: int):  # type: ignore[no-untyped-def]
    first = data.first_month or at
    count = min(month_index(at) - month_index(first) + 1, MOST_MONTHS)
    months = [add_months(at, -back) for back in range(count)]
    return reduce_churn(
        data.table("months"), data.table("customers"), scoring_months=months, known_to=at,
        horizon_months=horizon_months,
    )  # fmt: skip
