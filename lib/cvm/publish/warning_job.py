"""The steps of ``cvm warnings``: read, model, list, write; and score a list that was written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError
from cvm.core.months import add_months, month_index
from cvm.data import collect, open_data
from cvm.data.engine import Dataset
from cvm.data.read_usage import LENGTHS, UsageSignals, read_signals
from cvm.data.reduce_churn import reduce_churn
from cvm.publish.book_find import choose_month
from cvm.publish.warning_files import WarningFiles, read_warning_files, write_warning_files
from cvm.segments.churn import ChurnModel, fit_churn
from cvm.segments.warning_book import open_warning_book
from cvm.segments.warning_list import WarningList
from cvm.segments.warning_run import warn_month, warn_period
from cvm.segments.warning_score import ListScore, score_list

_MOST_MONTHS_BEFORE = 2
"""Months between the risk and the period: with more it is the risk of another time."""

MOST_MONTHS = 36
"""Months looked back on: enough to learn from, and not another time."""


@dataclass(frozen=True, kw_only=True)
class ListSettings:
    """How a list is made, whatever its period.

    Attributes:
        language: Of reasons and acts.
        engine: What reads the source.
        book: Warning book: a shipped one's name, or a path that ends in ``.toml``.
        horizon_months: Months ahead that leaving is foretold.
        calls: Most calls; by the book if not given.
        control_share: Share held out at random, to learn from.
        seed: Of the control's draw.
        snapshots: Folder of the snapshots, which must not hold customers.
        today: The day it is made.
    """

    language: str
    engine: str
    book: str
    horizon_months: int
    calls: int | None
    control_share: float
    seed: int
    snapshots: Path
    today: date


def write_warnings(
    source: str, to: Path, settings: ListSettings, *, month: str | None
) -> tuple[WarningList, WarningFiles]:
    """Make a month's warning list from a source and write it.

    Raises:
        MissingDataError: The source has no months or customers.
        DataError: No model can be told from it.
    """
    data = _opened(source, settings)
    rules = open_warning_book(settings.book)
    at, _ = choose_month(data, month, settings.language)
    if at is None:
        raise DataError("source", source, "with a whole month", action="deliver the month table")
    rows = collect(_rows(data, at, settings.horizon_months))
    model = _told(fit_churn(rows))
    made = warn_month(rows, model, rules, at, **_chosen(data, settings))
    return made, _written(made, to, settings)


def write_period_warnings(
    source: str, usage: Path, to: Path, settings: ListSettings, *, period: str, at: str | None
) -> tuple[WarningList, WarningFiles, UsageSignals]:
    """Make the warning list of a week or a day from usage by day, and write it.

    The risk is that of the last whole month before the period, which the source has to hold.

    Raises:
        MissingDataError: The source has no months or customers, or the usage no customer, day or
            bill.
        ArgumentError: The source ends more than two months before the period.
        DataError: No model can be told from the source, or the usage cannot be read.
    """
    data = _opened(source, settings)
    seen = read_signals(usage, period=period, at=None if at is None else _day(at))
    begun = seen.at.replace(day=1)
    last, _ = choose_month(data, None, settings.language)
    month = min(last or begun, add_months(begun, -1))
    if month_index(begun) - month_index(month) > _MOST_MONTHS_BEFORE:
        raise ArgumentError(
            "source", source, f"with {add_months(begun, -1):%Y-%m}, the month before {seen.at}",
            available=[f"{month:%Y-%m}"], action="deliver the last whole month, or name a day",
        )  # fmt: skip
    rows = collect(_rows(data, month, settings.horizon_months))
    model = _told(fit_churn(rows))
    gone = _gone(data, seen.at)
    now = rows[(rows["month"] == pd.Timestamp(month)) & ~rows["customer_id"].isin(gone)]
    made = warn_period(
        seen.frame[~seen.frame["customer_id"].isin(gone)],
        now.reset_index(drop=True),
        model,
        open_warning_book(settings.book),
        period=period,
        listed_on=seen.at + timedelta(days=LENGTHS[period]),
        **_chosen(data, settings),
    )
    return made, _written(made, to, settings), seen


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


def _opened(source: str, settings: ListSettings) -> Dataset:
    data = open_data(source, engine=settings.engine, today=settings.today)
    data.require("months", "customer_id", "month", "bill_yuan")
    data.require("customers", "customer_id")
    return data


def _chosen(data: Dataset, settings: ListSettings) -> dict[str, Any]:
    """Return who was contacted lately, how many may be called, and how many are held out."""
    return {
        "contacts": collect(data.table("contacts")) if data.has("contacts") else None,
        "calls": settings.calls,
        "control_share": settings.control_share,
        "rng": np.random.default_rng(settings.seed),
    }


def _written(made: WarningList, to: Path, settings: ListSettings) -> WarningFiles:
    return write_warning_files(made, to, lang=settings.language, snapshots=settings.snapshots)


def _told(model: ChurnModel) -> ChurnModel:
    if not model.told:
        raise DataError("churn model", model.text("en"), "told by the data",
                        action="deliver more months")  # fmt: skip
    return model


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ArgumentError("at", text, "a day such as 2026-03-23") from None


def _gone(data: Dataset, at: date) -> set[str]:
    """Return who had left by a day's month, where the customers say so."""
    customers = data.table("customers")
    if "left_month" not in customers.columns:
        return set()
    gone = customers.filter(customers.left_month <= at.replace(day=1))
    return set(collect(gone.select("customer_id"))["customer_id"])


def _rows(data: Dataset, at: date, horizon_months: int) -> Any:
    first = data.first_month or at
    count = min(month_index(at) - month_index(first) + 1, MOST_MONTHS)
    months = [add_months(at, -back) for back in range(count)]
    return reduce_churn(
        data.table("months"), data.table("customers"), scoring_months=months, known_to=at,
        horizon_months=horizon_months,
    )  # fmt: skip
