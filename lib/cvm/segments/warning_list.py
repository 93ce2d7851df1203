"""The warning list: whom to call, why, what is at stake, when, with what, within capacity.

Every customer of the base is accounted for: on the list, or with the reason why not.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import pandas as pd

from cvm.core.checks import check_columns
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_yuan
from cvm.core.result import Result

CALLED, HELD_OUT = "called", "held_out"
FATES = (
    CALLED,
    HELD_OUT,
    "unknown",
    "no_sign",
    "campaign",
    "control",
    "quiet",
    "not_worth",
    "family",
    "account",
    "over_capacity",
)
"""What becomes of a customer: called, held out to learn from, or why neither."""


@dataclass(frozen=True, kw_only=True, eq=False)
class WarningList(Result):
    """Every customer of the base, ranked, with what becomes of him.

    Attributes:
        table: One row a customer: ``customer_id``, ``fate``, ``rank`` (of candidates, 1 first),
            ``chance_share``, ``value_yuan``, ``value_at_risk_yuan``, ``gain_yuan`` (expected, after
            the act's cost), ``reasons`` (codes), ``reasons_zh``, ``reasons_en``, ``act_zh``,
            ``act_en``, ``act_cost_yuan``, ``window_from``, ``window_to``, ``contact_by``, and
            ``vip_tier``, ``county`` where known.
        listed_on: Day of the list.
        period: What it covers.
        calls: Most that can be called.
        saved_share: Assumed share of those who would have left that a call keeps.
        untold: Triggers that the data could not tell.
    """

    table: pd.DataFrame
    listed_on: date
    period: str
    calls: int
    saved_share: float
    untold: tuple[str, ...] = ()

    view: ClassVar[str] = "cvm.views.segments_warning:plot_reasons"

    @property
    def called(self) -> pd.DataFrame:
        """Return the customers to call, the first first."""
        return self.table[self.table["fate"] == CALLED]

    @property
    def candidates(self) -> pd.DataFrame:
        """Return the customers with a sign and nothing against a call but capacity."""
        return self.table[self.table["rank"].notna()]

    def fates(self) -> pd.DataFrame:
        """Return customers and value at risk by what becomes of them; they add up to the base."""
        grouped = self.table.groupby("fate")
        frame = pd.DataFrame(
            {
                "customers": grouped.size(),
                "expected_leavers": grouped["chance_share"].sum(),
                "value_at_risk_yuan": grouped["value_at_risk_yuan"].sum(),
            }
        )
        frame = frame.reindex([fate for fate in FATES if fate in frame.index])
        return frame.rename_axis("fate").reset_index()

    def cells(self, column: str) -> pd.DataFrame:
        """Return candidates by a column of the table and whether they are called.

        Args:
            column: ``vip_tier``, ``county``, or ``reason`` (the first of each customer's).

        Returns:
            The column, ``status`` (``"called"``, ``"held_out"``, ``"over_capacity"``),
            ``customers``, ``expected_leavers``, ``value_at_risk_yuan``.

        Raises:
            MissingDataError: The list has no such column.
        """
        first = [codes[0] if codes else "" for codes in self.table["reasons"]]
        table = self.table.assign(reason=first)
        check_columns(table.columns, [column], "warning list")
        table = table[table["rank"].notna()]
        made = pd.DataFrame(
            {
                column: table[column].fillna("unknown").astype("str"),
                "status": table["fate"].astype("str"),
                "customers": 1,
                "expected_leavers": table["chance_share"],
                "value_at_risk_yuan": table["value_at_risk_yuan"],
            }
        )
        return made.groupby([column, "status"], as_index=False).sum()

    def ranks(self, bins: int = 20, least: int = 10) -> pd.DataFrame:
        """Return candidates in groups of rank: what a capacity between them would reach.

        A group ends where the calls end, wherever both sides have enough customers.

        Args:
            bins: About how many groups.
            least: Fewest customers a group has; fewer candidates than that give no group.

        Returns:
            ``rank_group`` (1 first), ``customers``, ``expected_leavers``, ``value_at_risk_yuan``,
            ``act_cost_yuan``: sums of the group.
        """
        table = self.candidates.sort_values("rank")
        within = min(self.calls, len(table))
        sides = [within, len(table) - within]
        if min(sides) < least:
            sides = [len(table)]
        place: list[int] = []
        for size in sides:
            share = size / max(len(table), 1)
            groups = max(1, min(round(bins * share), size // least))
            start = place[-1] + 1 if place else 1
            place += [start + at * groups // size for at in range(size)]
        frame = table.assign(rank_group=place, customers=1, expected_leavers=table["chance_share"])
        names = ["customers", "expected_leavers", "value_at_risk_yuan", "act_cost_yuan"]
        found = frame.groupby("rank_group", as_index=False)[names].sum()
        return found if len(table) >= least else found.iloc[:0]

    def summary(self) -> pd.DataFrame:
        """Return the list's figures: key, value."""
        called, table = self.called, self.table
        facts = {
            "customers": float(len(table)),
            "warned": float(table["reasons"].map(bool).sum()),
            "candidates": float(len(self.candidates)),
            "calls": float(len(called)),
            "capacity": float(self.calls),
            "held_out": float((table["fate"] == HELD_OUT).sum()),
            "expected_leavers": float(table["chance_share"].sum()),
            "called_expected_leavers": float(called["chance_share"].sum()),
            "value_at_risk_yuan": float(table["value_at_risk_yuan"].sum()),
            "called_value_at_risk_yuan": float(called["value_at_risk_yuan"].sum()),
            "saved_share": self.saved_share,
            "act_cost_yuan": float(called["act_cost_yuan"].sum()),
            "gain_yuan": float(called["gain_yuan"].sum()),
        }
        return pd.DataFrame({"key": list(facts), "value": list(facts.values())})

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, the fates and the groups of rank; no customer's row."""
        return {"summary": self.summary(), "fates": self.fates(), "ranks": self.ranks()}

    def text(self, lang: str = "en") -> str:
        """Return how many are called, what is at stake with them, and what is not reached."""
        facts = self.summary().set_index("key")["value"]
        if not facts["candidates"]:
            key = "nobody"
        else:
            key = "within" if facts["candidates"] <= facts["capacity"] else "capacity"
        told = say(
            f"segments_warning.list.{key}",
            lang,
            warned=format_number(facts["warned"], lang),
            candidates=format_number(facts["candidates"], lang),
            calls=format_number(facts["calls"], lang),
            leavers=format_number(facts["called_expected_leavers"], lang),
            value=format_yuan(facts["called_value_at_risk_yuan"], lang),
            all_value=format_yuan(facts["value_at_risk_yuan"], lang),
        )
        if self.untold:
            names = say("segments_churn.list", lang).join(self.untold)
            told += say("segments_warning.list.untold", lang, triggers=names)
        return told

    def to_call(self, lang: str = "zh") -> pd.DataFrame:
        """Return the standard list for those who may have it: one row a call, in call order.

        Held-out customers are not on it.
        """
        called = self.called.sort_values("rank")
        tier = (
            called["vip_tier"].map(lambda one: _tier_name(one, lang))
            if "vip_tier" in called
            else None
        )
        columns = {
            "rank": called["rank"].astype(int),
            "customer_id": called["customer_id"],
            "vip_tier": tier,
            "county": called.get("county"),
            "chance_share": called["chance_share"].round(4),
            "value_yuan": called["value_yuan"].round(2),
            "value_at_risk_yuan": called["value_at_risk_yuan"].round(2),
            "reasons": called[f"reasons_{lang}"],
            "act": called[f"act_{lang}"],
            "act_cost_yuan": called["act_cost_yuan"],
            "window_from": called["window_from"],
            "window_to": called["window_to"],
            "contact_by": called["contact_by"].map(
                lambda who: say(f"segments_warning.contact_by.{who}", lang)
            ),
        }
        frame = pd.DataFrame({name: one for name, one in columns.items() if one is not None})
        names = {name: say(f"segments_warning.column.{name}", lang) for name in frame}
        return frame.rename(columns=names).reset_index(drop=True)


def _tier_name(tier: object, lang: str) -> str:
    key = f"overview.tier.{tier}"
    return say(key, lang) if key in catalogue() else str(tier)
