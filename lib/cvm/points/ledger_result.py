"""What the ledger answers: the roll-forward, the refusals, the ageing and the expiry calendar."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from cvm.core.checks import CvmError
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.months import format_month, month_from_index, month_index
from cvm.core.result import Result
from cvm.points.ledger_plan import Window, expiry_indices
from cvm.points.rulebook import RuleBook
from cvm.points.rules_clearing import NEVER

FLOWS = ("earned", "redeemed", "expired", "forfeited", "transferred_in", "transferred_out")
_SIGNS = np.array([1, -1, -1, -1, 1, -1], dtype=np.int64)
_COUNTS = (
    "requests",
    "requested_points",
    "below_threshold",
    "below_threshold_points",
    "above_balance",
    "above_balance_points",
)


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class LedgerResult(Result):
    """The points of all members over the months.

    Attributes:
        book: The rules.
        window: The months.
        classes: The point classes, in the order of the arrays.
        flows: Points [entry, class, month], entries as in :data:`FLOWS`.
        opening: Points outstanding at the start [class].
        counts: Requests and refusals [redemptions or transfers out, month, kind].
        aged: Points outstanding at the end by class and month of earning [class, lot month].
        closing_points: Points of each member at the end.
        balance_points: Points [month, member], where kept.
        redeemed_points: Points [class, month, member], where kept.
        expired_points: Points [class, month, member], where kept.
        recorded: Whether redemptions were an operator's records rather than requests.
    """

    book: RuleBook
    window: Window
    classes: tuple[str, ...]
    flows: np.ndarray
    opening: np.ndarray
    counts: np.ndarray
    aged: np.ndarray
    closing_points: np.ndarray
    balance_points: np.ndarray
    redeemed_points: np.ndarray
    expired_points: np.ndarray
    recorded: bool

    def check(self) -> None:
        """Hold the books: what is left over by the flows is what members have, to the point.

        Raises:
            CvmError: They do not agree, which would be a fault of the suite.
        """
        left = int(self.opening.sum() + (_SIGNS[:, None, None] * self.flows).sum())
        held = int(self.closing_points.sum())
        if left != held or held != int(self.aged.sum()):
            raise CvmError(
                "closing points", held, f"{left}, as the flows leave", action="report it"
            )

    def roll_forward(self, *, by_class: bool = False) -> pd.DataFrame:
        """Return open + flows = close, month by month.

        Args:
            by_class: One row a month and class, rather than a month.

        Returns:
            ``month``, ``point_class`` if asked for, ``open``, the flows, ``close`` (points).
        """
        flows, opening = self.flows, self.opening
        if not by_class:
            flows, opening = flows.sum(axis=1, keepdims=True), opening.sum(keepdims=True)
        close = opening[:, None] + np.cumsum((_SIGNS[:, None, None] * flows).sum(axis=0), axis=1)
        months = [self.window.month(t) for t in range(self.window.months)]
        frames = []
        for k in range(len(opening)):
            frame = pd.DataFrame({"month": months})
            if by_class:
                frame["point_class"] = self.classes[k]
            frame["open"] = np.concatenate([opening[k : k + 1], close[k, :-1]])
            for at, name in enumerate(FLOWS):
                frame[name] = flows[at, k]
            frame["close"] = close[k]
            frames.append(frame)
        return pd.concat(frames, ignore_index=True)

    def refusals(self) -> pd.DataFrame:
        """Return per month what was asked for, and what was below the threshold or above balance.

        ``above_balance_points`` is what was asked for beyond the usable balance and not given.
        """
        frame = pd.DataFrame(self.counts[0, :, :6], columns=list(_COUNTS))
        for at, name in ((4, "transfers_above_balance"), (5, "transfers_above_balance_points")):
            frame[name] = self.counts[1, :, at]
        frame.insert(0, "month", [self.window.month(t) for t in range(self.window.months)])
        return frame

    def ageing(self) -> pd.DataFrame:
        """Return the points outstanding at the end by class and month of earning (vintage).

        Returns:
            ``point_class``, ``earned_month``, ``expires_month`` (missing: never), ``points``; rows
            without points are left out.
        """
        expiry = expiry_indices(self.book, self.window, self.classes)
        rows = [
            (
                self.classes[k],
                self.window.month(h - self.window.history),
                None if expiry[k, h] >= NEVER else month_from_index(int(expiry[k, h])),
                int(self.aged[k, h]),
            )
            for k, h in np.argwhere(self.aged)
        ]
        columns = ["point_class", "earned_month", "expires_month", "points"]
        return pd.DataFrame(rows, columns=columns)

    def expiry_calendar(self) -> pd.DataFrame:
        """Return when the outstanding points die if none of them is redeemed.

        Returns:
            ``expires_month`` (missing: never), ``points``, by rising month.
        """
        grouped = self.ageing().groupby("expires_month", dropna=False)["points"].sum()
        return grouped.reset_index().sort_values("expires_month", ignore_index=True)

    def summary(self) -> pd.DataFrame:
        """Return the roll-forward by points year."""
        monthly = self.roll_forward()
        years = monthly["month"].map(self.book.points_year_of).rename("points_year")
        grouped = monthly.groupby(years)
        frame = grouped[list(FLOWS)].sum()
        frame.insert(0, "open", grouped["open"].first())
        frame["close"] = grouped["close"].last()
        return frame.reset_index()

    def text(self, lang: str = "en") -> str:
        """Return the roll-forward of the whole window as a sentence."""
        total = dict(zip(FLOWS, self.flows.sum(axis=(1, 2)), strict=True))
        numbers = {name: format_number(int(value), lang) for name, value in total.items()}
        calendar = self.expiry_calendar()
        end = month_index(self.window.month(self.window.months - 1))
        soon = sum(
            int(points)
            for month, points in calendar.itertuples(index=False)
            if month is not None and not pd.isna(month) and month_index(month) <= end + 12
        )
        return say(
            "points_rules.ledger",
            lang,
            members=format_number(len(self.closing_points), lang),
            first=format_month(self.window.first_month, lang),
            last=format_month(self.window.month(self.window.months - 1), lang),
            opening=format_number(int(self.opening.sum()), lang),
            closing=format_number(int(self.closing_points.sum()), lang),
            soon=format_number(soon, lang),
            **numbers,
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return summary, roll-forwards, refusals, ageing and expiry calendar."""
        return {
            "summary": self.summary(),
            "roll_forward": self.roll_forward(),
            "roll_forward_by_class": self.roll_forward(by_class=True),
            "refusals": self.refusals(),
            "ageing": self.ageing(),
            "expiry_calendar": self.expiry_calendar(),
        }
