"""Why the liability moved since the last close, in parts that add up.

From the last close's liability, in this order, at the last close's cost per point:

1. redemptions that were expected leave the liability;
2. redemptions beyond (or short of) the expected leave it too;
3. URR revised: what the old vintages' estimate of points still to come changed by;
4. new points: what vintages earned since add;
5. cost per point: the change of cost on what is now expected to be redeemed.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.money import format_yuan
from cvm.core.months import format_month, iso_month, month_index
from cvm.core.result import Result
from cvm.points.liability import Liability

PARTS = (
    "expected_redemption",
    "redemption_beyond_expected",
    "urr_revision",
    "new_points",
    "cpp_change",
)


@dataclass(frozen=True, kw_only=True, eq=False)
class TrueUp(Result):
    """The steps from one close's liability to the next (yuan).

    Attributes:
        before: The last close.
        after: This close.
        parts_yuan: What each of :data:`PARTS` changed.
    """

    view: ClassVar[str] = "cvm.views.points_liability:plot_true_up"

    before: Liability
    after: Liability
    parts_yuan: dict[str, float]

    @property
    def change_yuan(self) -> float:
        """Return the change of the liability; the parts add up to it."""
        return self.after.liability_yuan - self.before.liability_yuan

    def summary(self) -> pd.DataFrame:
        """Return one row a step: opening, each part, closing (yuan)."""
        steps = ["opening", *PARTS, "closing"]
        values = [
            self.before.liability_yuan,
            *(self.parts_yuan[part] for part in PARTS),
            self.after.liability_yuan,
        ]
        return pd.DataFrame({"step": steps, "amount_yuan": values})

    def text(self, lang: str = "en") -> str:
        """Return the change and its parts in one sentence."""
        grew = self.change_yuan >= 0
        parts = {part: _signed(value, lang) for part, value in self.parts_yuan.items()}
        return say(
            f"points_liability.true_up.{'rose' if grew else 'fell'}",
            lang,
            before_month=format_month(self.before.as_of, lang),
            after_month=format_month(self.after.as_of, lang),
            opening=format_yuan(self.before.liability_yuan, lang),
            closing=format_yuan(self.after.liability_yuan, lang),
            change=format_yuan(abs(self.change_yuan), lang),
            **parts,
        )


def _signed(value: float, lang: str) -> str:
    return ("+" if value >= 0 else "−") + format_yuan(abs(value), lang)


def explain_true_up(before: Liability, after: Liability) -> TrueUp:
    """Return what moved the liability from one close to the next.

    Args:
        before: Liability at the last close.
        after: Liability at this close, of the same programme and period length.

    Raises:
        DataError: A close whose liability cannot be told; closes not in order or of one period
            length; a vintage that was outstanding and is gone; redeemed points that have shrunk.
    """
    for name, close in (("before", before), ("after", after)):
        if not math.isfinite(close.liability_yuan):
            raise DataError(
                name,
                "a liability that cannot be told",
                "a known liability",
                action="estimate the URR with Cape Cod or in longer periods",
            )
    periods = _periods_between(before, after)
    old, rows = _matched(before, after)
    redeemed_then = before.triangle.redeemed_to_date[old]
    redeemed = after.triangle.redeemed_to_date[rows] - redeemed_then
    if bool((redeemed < -0.5).any()):
        label = after.triangle.labels()[int(rows[int(np.argmin(redeemed))])]
        raise DataError(
            f"redeemed_points[{label}]",
            f"{redeemed.min():+g} since the last close",
            "never decreasing from close to close",
            action="restate the last close from the corrected ledger",
        )
    expected = float(before.expected_by_period()[:, :periods].sum())
    redeemed_points = math.fsum(redeemed)
    is_new = np.ones(len(after.triangle.vintages), dtype=bool)
    is_new[rows] = False
    old_points = math.fsum(after.expected_points[~is_new])
    new_points = math.fsum(after.expected_points[is_new])
    opening_points = math.fsum(before.expected_points)
    cost = before.cpp_yuan
    parts = {
        "expected_redemption": -cost * expected,
        "redemption_beyond_expected": -cost * (redeemed_points - expected),
        "urr_revision": cost * (old_points - (opening_points - redeemed_points)),
        "new_points": cost * new_points,
        "cpp_change": (after.cpp_yuan - cost) * (old_points + new_points),
    }
    return TrueUp(before=before, after=after, parts_yuan=parts)


def _periods_between(before: Liability, after: Liability) -> int:
    length = before.triangle.period_months
    months = month_index(after.as_of) - month_index(before.as_of)
    if after.triangle.period_months != length or months <= 0 or months % length:
        raise DataError(
            "after",
            f"a close {months} months later in periods of {after.triangle.period_months}",
            f"a later close, a whole number of periods of {length} months on",
            action="build both triangles in the same grain",
        )
    return months // length


def _matched(before: Liability, after: Liability) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of before's vintages, and their rows in after."""
    place = {vintage: row for row, vintage in enumerate(after.triangle.vintages)}
    old, rows = [], []
    for row, vintage in enumerate(before.triangle.vintages):
        if vintage in place:
            old.append(row)
            rows.append(place[vintage])
        elif before.outstanding_points[row] > 0:
            raise DataError(
                f"after[{iso_month(vintage)}]",
                "missing",
                "present, since its points were outstanding at the last close",
                action="keep expired vintages in the triangle, with 0 outstanding",
            )
    return np.array(old, dtype=int), np.array(rows, dtype=int)
