"""The register of campaigns: one row each, on one estimand, whatever the design.

The estimand is customers kept ÷ customers treated over the window: minus the difference in churn
between what happened to the treated and what would have happened to them without the offer.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.campaigns.effect import Estimate
from cvm.core.checks import ArgumentError, check_columns, check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.naming import NameOf
from cvm.core.result import Result

EVIDENCE = ("A", "B", "C", "D")
"""A random control with all checks passed; B no random control, but designs that agree and
survive sensitivity, or none of which detects anything; C one design, or a failed check; D cannot
tell."""

WORTH_SHARE = 0.8
"""Chance of a positive return from which a campaign is called worth its cost."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One campaign of the register.

    Attributes:
        campaign_id: Identifier.
        name: As the campaign managers call it.
        offer: Kind of offer, as in the contract.
        design: ``holdout``, ``targeted`` or ``staggered``; empty if not recorded.
        start_month: First month of assignment (``YYYY-MM-01``); empty if unknown.
        evidence: Quality of the evidence, see :data:`EVIDENCE`.
        method: How the effect was estimated.
        customers: Customers treated.
        control_count: Customers compared with.
        cost_yuan: Contacts and incentives; NaN if not booked.
        kept_share: Customers kept ÷ treated.
        kept_low: Lower end of its interval.
        kept_high: Upper end.
        p_value: Of no effect on churn.
        confidence: Of the intervals (share).
        detectable_share: Kept share that would have been seen with 80 % probability.
        margin_yuan: Margin the campaign added over the horizon, before its cost.
        margin_low_yuan: Lower end.
        margin_high_yuan: Upper end.
        roi: (Margin added − cost) ÷ cost.
        roi_low: Lower end.
        roi_high: Upper end.
        positive_share: Chance that the return is above zero.
        horizon_months: Months over which margin counts.
        life_roi: The return if customers kept count over their remaining life; NaN where no
            lifetime value is known.
        life_roi_low: Lower end.
        life_roi_high: Upper end.
        life_positive_share: Chance that it is above zero.
        life_months: Months within which life counts; 0 where it is not known.
        designs: What designs without a random control say together: ``agree``, ``disagree``,
            ``open``, ``none`` (none detects anything) or ``few``; empty where one stands alone.
        failed_checks: Names of the checks that failed, in the order made.
        reason: Why nothing can be told (a key of ``campaigns.reason``); empty if it can.
    """

    campaign_id: str
    name: str = ""
    offer: str = ""
    design: str = ""
    start_month: str = ""
    evidence: str = "D"
    method: str = ""
    customers: int = 0
    control_count: int = 0
    cost_yuan: float = math.nan
    kept_share: float = math.nan
    kept_low: float = math.nan
    kept_high: float = math.nan
    p_value: float = math.nan
    confidence: float = 0.95
    detectable_share: float = math.nan
    margin_yuan: float = math.nan
    margin_low_yuan: float = math.nan
    margin_high_yuan: float = math.nan
    roi: float = math.nan
    roi_low: float = math.nan
    roi_high: float = math.nan
    positive_share: float = math.nan
    horizon_months: int = 0
    life_roi: float = math.nan
    life_roi_low: float = math.nan
    life_roi_high: float = math.nan
    life_positive_share: float = math.nan
    life_months: int = 0
    designs: str = ""
    failed_checks: str = ""
    reason: str = ""

    def __post_init__(self) -> None:
        check_one_of(self.evidence, "evidence", EVIDENCE)
        if (self.evidence == "D") != math.isnan(self.kept_share):
            raise ArgumentError(
                "evidence", self.evidence, "D exactly where nothing is told of the effect"
            )

    @property
    def worked(self) -> str:
        """Return ``yes``, ``harmed``, ``none`` (no effect detectable) or ``unknown``."""
        if math.isnan(self.kept_share) or math.isnan(self.p_value):
            return "unknown"
        if self.p_value >= 1 - self.confidence:
            return "none"
        return "yes" if self.kept_share > 0 else "harmed"

    @property
    def paid(self) -> str:
        """Return ``yes``, ``no``, ``open`` or ``unknown``: whether it was worth its cost.

        Where no effect was detectable, a likely return may still be chance, so it stays open.
        """
        if math.isnan(self.positive_share):
            return "unknown"
        if self.positive_share >= WORTH_SHARE:
            return "open" if self.worked == "none" else "yes"
        return "no" if self.positive_share <= 1 - WORTH_SHARE else "open"

    @property
    def evidence_key(self) -> str:
        """Return the catalogue's key for the quality of the evidence.

        Designs none of which detects anything do not contradict one another, which is not to agree
        on an effect: that is said in its own words.
        """
        quiet = self.evidence == "B" and self.designs == "none"
        return f"campaigns_register.evidence.{'B_none' if quiet else self.evidence}"

    def evidence_words(self, lang: str) -> str:
        """Return the quality of the evidence in words."""
        return say(self.evidence_key, lang)

    def label(self) -> str:
        """Return the name people know it by."""
        return self.name or self.campaign_id


def entry_of(
    campaign: Mapping[Any, Any],
    estimate: Estimate,
    *,
    evidence: str,
    designs: str = "",
    failed_checks: Sequence[str] = (),
    **money: Any,
) -> Entry:
    """Make a register entry from an estimate of churn among the treated.

    Args:
        campaign: The campaign's row in the contract table ``campaigns``.
        estimate: Effect on the share leaving within the window, treated minus control.
        evidence: As :data:`EVIDENCE`; ``D`` is used where the estimate cannot tell.
        designs: What designs without a random control say together, see :class:`Entry`.
        failed_checks: Names of checks that failed.
        money: Attributes of :class:`Entry` about cost, margin, return and horizon.

    Raises:
        ArgumentError: The estimate is of another outcome than a share leaving.
    """
    if estimate.outcome.kind != "share" or estimate.outcome.better != "lower":
        raise ArgumentError("estimate", estimate.outcome.name, "of the share that leaves")
    start = campaign.get("start_month")
    told = estimate.can_tell
    effect: dict[str, Any] = {}
    if told:
        effect = {
            "kept_share": -estimate.effect,
            "kept_low": -estimate.high,
            "kept_high": -estimate.low,
            "p_value": estimate.p_value,
            "detectable_share": estimate.detectable,
        }
    return Entry(
        campaign_id=str(campaign["campaign_id"]),
        name=_plain(campaign.get("name")),
        offer=_plain(campaign.get("offer")),
        design=_plain(campaign.get("design")),
        start_month="" if start is None or pd.isna(start) else f"{start:%Y-%m-01}",
        evidence=evidence if told else "D",
        method=estimate.method,
        customers=estimate.treated_count,
        control_count=estimate.control_count,
        confidence=estimate.confidence,
        designs=designs if told else "",
        failed_checks=",".join(failed_checks),
        reason="" if told else (estimate.reason or "no_variation"),
        **effect,
        **(money if told else {"cost_yuan": money.get("cost_yuan", math.nan)}),
    )


def _plain(value: Any) -> str:
    return "" if value is None or pd.isna(value) else str(value)


@dataclass(frozen=True, kw_only=True)
class Register(Result):
    """All campaigns, in the order they began.

    Attributes:
        entries: One each.
    """

    view: ClassVar[str] = "cvm.views.campaigns_register:plot_register"
    entries: tuple[Entry, ...]

    def __post_init__(self) -> None:
        ids = [one.campaign_id for one in self.entries]
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise ArgumentError("entries", ", ".join(twice), "one a campaign")

    def summary(self) -> pd.DataFrame:
        """Return one row a campaign."""
        names = [item.name for item in fields(Entry)]
        rows = [{name: getattr(one, name) for name in names} for one in self.entries]
        frame = pd.DataFrame(rows, columns=names)
        frame["worked"] = [one.worked for one in self.entries]
        frame["paid"] = [one.paid for one in self.entries]
        return frame

    def named(self, of: NameOf) -> Register:
        """Return the register with the campaigns' names."""
        return Register(entries=tuple(named_entry(one, of) for one in self.entries))

    def text(self, lang: str = "en") -> str:
        """Return which campaigns worked and were worth their cost, and of which nobody can tell."""
        if not self.entries:
            return say("campaigns_register.text.empty", lang)
        groups = {
            "worked_paid": [e for e in self.entries if e.worked == "yes" and e.paid == "yes"],
            "worked_only": [e for e in self.entries if e.worked == "yes" and e.paid != "yes"],
            "none": [e for e in self.entries if e.worked == "none"],
            "harmed": [e for e in self.entries if e.worked == "harmed"],
            "unknown": [e for e in self.entries if e.worked == "unknown"],
        }
        parts = [
            say(
                f"campaigns_register.text.{key}",
                lang,
                names=say("campaigns.list", lang).join(_told(one, lang) for one in group),
            )
            for key, group in groups.items()
            if group
        ]
        return words.joined(parts, lang)


def named_entry(one: Entry, of: NameOf) -> Entry:
    """Return a row of the register with the campaign's name, where it has one."""
    return replace(one, name=of("campaign", one.name)) if one.name else one


def kept_words(one: Entry, lang: str) -> str:
    """Return how many customers a campaign kept or lost; empty if no effect was detected."""
    if one.worked not in ("yes", "harmed"):
        return ""
    kept = format_number(abs(one.kept_share) * 1000, lang, digits=2)
    way = "kept" if one.worked == "yes" else "lost"
    return say(f"campaigns_register.text.{way}", lang, kept=kept)


def _told(one: Entry, lang: str) -> str:
    """Return a campaign's name with what it kept and returned, as far as that can be told."""
    facts = kept_words(one, lang)
    if not facts:
        return one.label()
    if not math.isnan(one.roi):
        roi = say(
            "campaigns_register.text.roi",
            lang,
            roi=words.signed_share(one.roi),
            chance=words.chance(one.positive_share, lang),
        )
        facts = words.comma(facts, roi, lang)
    return say("campaigns_register.text.named", lang, name=one.label(), facts=facts)


def register_from(*frames: pd.DataFrame) -> Register:
    """Join the register rows that several notebooks recorded.

    Args:
        frames: As :meth:`Register.summary` gives them; more columns are ignored. Where a campaign
            stands in two, the later frame counts.

    Raises:
        MissingDataError: A frame lacks a column.
    """
    names = [item.name for item in fields(Entry)]
    found: dict[str, Entry] = {}
    for frame in frames:
        check_columns(frame.columns, names, "register")
        for row in frame[names].to_dict("records"):
            entry = Entry(**{str(name): _cleaned(str(name), row[name]) for name in names})
            found[entry.campaign_id] = entry
    return Register(entries=tuple(sorted(found.values(), key=lambda e: e.start_month)))


_NUMBERS = {item.name for item in fields(Entry) if item.type in ("float", "int")}


def _cleaned(name: str, value: Any) -> Any:
    """Return a value as it was before it was published, where a missing one is None."""
    missing = value is None or pd.isna(value)
    if name in _NUMBERS:
        whole = name in ("customers", "control_count", "horizon_months", "life_months")
        if whole:
            return 0 if missing else int(value)
        return math.nan if missing else float(value)
    return "" if missing else str(value)
