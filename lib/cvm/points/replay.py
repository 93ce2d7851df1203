"""Replay an operator's own points ledger and say where it disagrees with the rules."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.months import format_month, iso_month, month_from_index
from cvm.core.result import Result
from cvm.points.ledger_bills import compare_earning, earning_inputs
from cvm.points.ledger_replay import prepared, replay_part
from cvm.points.rulebook import RuleBook

__all__ = ["KINDS", "ReplayResult", "earning_inputs", "replay_ledger"]

KINDS = (
    "expiry_missing",
    "expiry_late",
    "expiry_early",
    "expiry_amount",
    "expiry_not_due",
    "forfeit_amount",
    "redeemed_expired",
    "below_threshold",
    "negative_balance",
    "earned_amount",
)
_CHUNK_MEMBERS = 20_000


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class ReplayResult(Result):
    """Where an operator's ledger and the rules disagree.

    Attributes:
        disagreements: One row each: ``kind``, ``customer_id``, ``month``, ``point_class``,
            ``recorded_points``, ``expected_points``, ``expected_month`` (of an expiry).
        customers: Customers replayed.
        movements: Ledger rows replayed.
        first_month: First month of movements.
        last_month: Last month of movements.
        earning_checked: Whether bills were given to check the earning.
        book: The rules.
    """

    disagreements: pd.DataFrame
    customers: int
    movements: int
    first_month: date
    last_month: date
    earning_checked: bool
    book: RuleBook

    @property
    def agrees(self) -> bool:
        """Whether nothing was found."""
        return self.disagreements.empty

    def summary(self) -> pd.DataFrame:
        """Return one row a kind: cases, customers, points concerned and three examples."""
        rows = []
        for kind in KINDS:
            found = self.disagreements[self.disagreements["kind"] == kind]
            if kind == "earned_amount" and not self.earning_checked:
                continue
            difference = (found["recorded_points"] - found["expected_points"]).abs().sum()
            examples = [
                f"{who} {iso_month(month)}"
                for who, month in found[["customer_id", "month"]].head(3).itertuples(index=False)
            ]
            rows.append(
                (
                    kind,
                    len(found),
                    found["customer_id"].nunique(),
                    int(difference),
                    "; ".join(examples),
                )
            )
        return pd.DataFrame(
            rows, columns=["kind", "cases", "customers", "points_apart", "examples"]
        )

    def text(self, lang: str = "en") -> str:
        """Return how far ledger and rules agree, and the commonest disagreement."""
        values = {
            "customers": format_number(self.customers, lang),
            "movements": format_number(self.movements, lang),
            "first": format_month(self.first_month, lang),
            "last": format_month(self.last_month, lang),
        }
        ending = "" if self.earning_checked else say("points_rules.replay.no_bills", lang)
        if self.agrees:
            return say("points_rules.replay.agrees", lang, **values) + ending
        top = self.summary().sort_values("cases", ascending=False, kind="stable").iloc[0]
        return (
            say(
                "points_rules.replay.differs",
                lang,
                cases=format_number(len(self.disagreements), lang),
                concerned=format_number(self.disagreements["customer_id"].nunique(), lang),
                commonest=say(f"points_rules.replay.kinds.{top['kind']}", lang),
                count=format_number(int(top["cases"]), lang),
                **values,
            )
            + ending
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and every disagreement."""
        return {"summary": self.summary(), "disagreements": self.disagreements}


def replay_ledger(
    book: RuleBook, ledger: pd.DataFrame, *, bills: pd.DataFrame | None = None
) -> ReplayResult:
    """Replay a ledger under a rule book.

    Earnings, redemptions, transfers and leavings are taken as recorded; what the rules would have
    expired and forfeited is compared with what the ledger says. Opening rows are lots earned in
    their month where that lies before the first movement, in the month before it otherwise.

    Args:
        book: The rules.
        ledger: Contract table ``ledger``: ``customer_id``, ``month``, ``entry``, ``points``, and
            ``point_class`` where there are classes.
        bills: To check the earning: one row a customer-month with ``customer_id``, ``month``,
            ``bill_yuan`` and what the rules need of ``tenure_months``, ``on_time_months``,
            ``data_yuan``, ``brand``, ``vip_tier``, ``star``; see :func:`earning_inputs`. Credit
            points are not checked where a run of on-time months began before the bills, nor bonus
            points under rules without a multiplier, as promotions are not in the bills.

    Raises:
        MissingDataError: A column is missing.
        DataError: An unknown entry or class, or points that are no whole number.
    """
    moves = prepared(ledger)
    by_class = bool(moves.attrs["by_class"])
    first = int(moves.loc[moves["entry"] != "opening", "index"].min())
    last = int(moves["index"].max())
    earlier = moves["entry"].eq("opening") & (moves["index"] >= first)
    moves.loc[earlier, "index"] = first - 1
    ids = np.asarray(moves["customer_id"].unique())
    member = pd.Series(np.arange(len(ids)), index=ids)
    moves["member"] = member.loc[moves["customer_id"]].to_numpy()
    moves = moves.sort_values("member", kind="stable")
    classes = [name for name in book.class_order if name in set(moves["point_class"])]
    found = []
    edges = np.searchsorted(
        moves["member"], np.arange(0, len(ids) + _CHUNK_MEMBERS, _CHUNK_MEMBERS)
    )
    for at in range(len(edges) - 1):
        part = moves.iloc[edges[at] : edges[at + 1]]
        size = min(_CHUNK_MEMBERS, len(ids) - at * _CHUNK_MEMBERS)
        rows = replay_part(book, part, classes, by_class, first, last, at * _CHUNK_MEMBERS, size)
        found.append(rows.assign(member=rows["member"] + at * _CHUNK_MEMBERS))
    table = pd.concat(found, ignore_index=True)
    disagreements = pd.DataFrame(
        {
            "kind": table["kind"],
            "customer_id": ids[table["member"].to_numpy(np.int64)],
            "month": [month_from_index(first + int(t)) for t in table["t"]],
            "point_class": [classes[k] if k >= 0 else "" for k in table["row"]],
            "recorded_points": table["recorded"].astype(np.int64),
            "expected_points": table["expected"].astype(np.int64),
            "expected_month": [
                month_from_index(first + int(t)) if t >= 0 else None for t in table["expected_t"]
            ],
        }
    )
    if bills is not None:
        disagreements = pd.concat(
            [disagreements, compare_earning(book, moves, bills)], ignore_index=True
        )
    order = disagreements["kind"].map({kind: at for at, kind in enumerate(KINDS)})
    return ReplayResult(
        disagreements=disagreements.iloc[np.argsort(order.to_numpy(), kind="stable")].reset_index(
            drop=True
        ),
        customers=len(ids),
        movements=len(moves),
        first_month=month_from_index(first),
        last_month=month_from_index(last),
        earning_checked=bills is not None,
        book=book,
    )
