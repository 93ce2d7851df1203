"""The track record of warning lists: those of past months, scored against what happened.

Each list is made as it would have been made at its month's end: by a model that knows no later
month, within the same call capacity. Nobody was called from these lists, so they tell how well
leavers are found and foretold, not what calls save. Months of leaving overlap where the horizon is
longer than a month, so lists that follow each other are not independent: nothing is averaged over
them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import check_at_least, check_between
from cvm.core.few import is_few
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.months import add_months
from cvm.core.result import Result
from cvm.segments.churn import Kind
from cvm.segments.churn_design import LABEL
from cvm.segments.measured import Measured
from cvm.segments.warning_book import WarningBook
from cvm.segments.warning_list import CALLED, HELD_OUT, WarningList
from cvm.segments.warning_run import warn_earlier
from cvm.segments.warning_score import ListScore, score_list

LISTS = 6
"""Past lists that are looked back on."""
_MEASURED = {"precision": "_share", "lift": "", "caught": "_share", "calibration": ""}
_COUNTED = ("month", "customers")


@dataclass(frozen=True, kw_only=True, eq=False)
class WarningTrack(Result):
    """How good the lists of past months were.

    Attributes:
        table: One row a list, the earliest first: ``month`` (at whose end it was made),
            ``customers`` (the base), ``left`` (of it, within the horizon), ``base_share``;
            ``listed``, ``listed_left``, ``expected_leavers`` (of those listed); the share of those
            listed who left (``precision_share``), ``lift`` to the base, the share of all leavers
            listed (``caught_share``), leavers ÷ expected (``calibration``), each with ``_low`` and
            ``_high`` before its unit; ``value_at_risk_yuan`` of those listed, ``lost_yuan`` (value
            of those of them who left) and ``gain_yuan`` (expected then, at today's share saved).
        last: Score of the last list whose horizon is over; ``None`` where there was no model.
        untold: Months of the rows whose list cannot be scored: no model yet, nobody listed, or too
            few leavers.
        horizon_months: What leaving means.
        confidence: Of every interval.
    """

    table: pd.DataFrame
    last: ListScore | None
    untold: tuple[date, ...]
    horizon_months: int
    confidence: float

    view: ClassVar[str] = "cvm.views.segments_warning:plot_track"

    def summary(self) -> pd.DataFrame:
        """Return the table."""
        return self.table

    def shown(self) -> pd.DataFrame:
        """Return the table without what would tell of one to nine customers.

        Where few were listed, or few of them left or stayed, or few of all others left, the list's
        own figures are missing; the base's stay.
        """
        told = self.table.copy()
        parts = (
            told["listed"],
            told["listed_left"],
            told["listed"] - told["listed_left"],
            told["left"] - told["listed_left"],
        )
        few = np.logical_or.reduce([part.map(is_few).to_numpy(bool) for part in parts])
        base = told["left"].map(is_few).to_numpy(bool)
        own = [name for name in told if name not in (*_COUNTED, "left", "base_share")]
        told = told.astype(dict.fromkeys([*own, "left", "base_share"], float))
        told.loc[few | base, own] = np.nan
        told.loc[base, ["left", "base_share"]] = np.nan
        return told

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the table."""
        return {"track": self.table}

    def text(self, lang: str = "en") -> str:
        """Return how often lists found leavers better than chance, and how well they were foretold.

        One list is told by its own score.
        """
        told = self.table
        if len(told) < 2:
            if self.last is None:
                return say("segments_warning.track.none", lang)
            return self.last.text(lang)
        clear = int((told["lift_low"] > 1).sum())
        right = int(((told["calibration_low"] <= 1) & (told["calibration_high"] >= 1)).sum())
        found = say(
            f"segments_warning.track.{'all' if clear == len(told) else 'some'}",
            lang,
            lists=len(told),
            clear=clear,
            low=f"{told['lift'].min():.1f}",
            high=f"{told['lift'].max():.1f}",
            least=format_share(float(told["precision_share"].min())),
            most=format_share(float(told["precision_share"].max())),
            right=right,
        )
        if self.untold:
            found += say("segments_warning.track.untold", lang, months=len(self.untold))
        return found


def track_lists(
    rows: pd.DataFrame,
    book: WarningBook,
    month: date,
    *,
    horizon_months: int,
    lists: int = LISTS,
    kind: Kind = "logit",
    confidence: float = 0.95,
    **options: Any,
) -> WarningTrack:
    """Make the last lists whose horizon is over as they would have been made then, and score them.

    Args:
        rows: Of ``reduce_churn`` with its labels.
        book: Triggers, acts, plan.
        month: Last month known.
        horizon_months: As the label was made.
        lists: Lists to look back on; fewer where the rows do not reach so far back.
        kind: Kind of model.
        confidence: Of the intervals.
        options: Of :func:`cvm.segments.warning_run.warn_month`.
    """
    check_at_least(lists, "lists", 1)
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    told: list[dict[str, Any]] = []
    untold: list[date] = []
    last: ListScore | None = None
    for back in reversed(range(lists)):
        then = add_months(month, -horizon_months - back)
        now = rows[(rows["month"] == pd.Timestamp(then)) & rows[LABEL].notna()]
        if not len(now):
            continue
        made = warn_earlier(rows, book, then, horizon_months=horizon_months, kind=kind, **options)
        scored = None
        if made is not None:
            left = now.set_index("customer_id")[LABEL].astype(bool)
            scored = score_list(made, left, called=False, confidence=confidence)
        if made is None or scored is None or scored.reason:
            untold.append(then)
        else:
            told.append({"month": pd.Timestamp(then)} | _row(made, scored))
        last = scored if not back else last
    return WarningTrack(
        table=pd.DataFrame(told, columns=_columns()),
        last=last,
        untold=tuple(untold),
        horizon_months=horizon_months,
        confidence=confidence,
    )


def _row(made: WarningList, scored: ListScore) -> dict[str, float]:
    facts, listed = scored.facts, made.table[made.table["fate"].isin([CALLED, HELD_OUT])]
    row = {
        "customers": int(facts["customers"]),
        "left": int(facts["left"]),
        "base_share": facts["left"] / facts["customers"],
        "listed": int(facts["listed"]),
        "listed_left": int(facts["listed_left"]),
        "expected_leavers": facts["listed_expected"],
    }
    for name, unit in _MEASURED.items():
        row |= _three(name, unit, getattr(scored, name))
    return row | {
        "value_at_risk_yuan": float(listed["value_at_risk_yuan"].sum()),
        "lost_yuan": facts["listed_lost_yuan"],
        "gain_yuan": float(listed["gain_yuan"].sum()),
    }


def _three(name: str, unit: str, one: Measured) -> dict[str, float]:
    return {
        f"{name}{unit}": float(one.value),
        f"{name}_low{unit}": float(one.low),
        f"{name}_high{unit}": float(one.high),
    }


def _columns() -> list[str]:
    measured = [
        f"{name}{end}{unit}" for name, unit in _MEASURED.items() for end in ("", "_low", "_high")
    ]
    return [
        *_COUNTED, "left", "base_share", "listed", "listed_left", "expected_leavers", *measured,
        "value_at_risk_yuan", "lost_yuan", "gain_yuan",
    ]  # fmt: skip
