"""Designs side by side on one estimand: do they agree?"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import pandas as pd
from scipy import stats

from cvm.campaigns import words
from cvm.campaigns.effect import CHURN, Effect, Estimate
from cvm.core.checks import ArgumentError
from cvm.core.i18n import say
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class DesignComparison(Result):
    """Several estimates of one effect, and whether they agree.

    Attributes:
        rows: Label of the design → its estimate; all of one outcome, estimand and group.
        verdict: ``agree``, ``disagree``, ``open`` (one detects an effect, another points the other
            way, and their errors cannot tell them apart), ``none`` (no design detects anything) or
            ``few`` (fewer than two can tell).
        p_value: Of the hypothesis that all estimate one effect; NaN with fewer than two.
        naive: Naive readings of the same, shown beside but never counted as designs.
    """

    view: ClassVar[str] = "cvm.views.campaigns_matched:plot_designs"

    rows: Mapping[str, Estimate]
    verdict: str
    p_value: float
    naive: Mapping[str, Estimate] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, Estimate]:
        """Return the designs that can tell."""
        return {label: one for label, one in self.rows.items() if one.can_tell}

    @property
    def agree(self) -> bool | None:
        """Return whether the designs agree; None if that cannot be told."""
        return {"agree": True, "disagree": False}.get(self.verdict)

    def summary(self) -> pd.DataFrame:
        """Return one row a design: method, sizes, effect, interval, whether it detects it.

        Naive readings come last, marked as such.
        """
        rows = []
        for label, one in {**self.rows, **self.naive}.items():
            names = ("method", "treated_count", "control_count", "effect", "se", "low", "high")
            row: dict[str, object] = {"design": label}
            row |= {name: getattr(one, name) for name in names}
            row |= {"p_value": one.p_value, "detected": one.detected, "reason": one.reason}
            row |= {"naive": label in self.naive}
            rows.append(row)
        return pd.DataFrame(rows)

    def text(self, lang: str = "en") -> str:
        """Return whether the designs agree, and which cannot tell."""
        any_row = next(iter(self.rows.values()))
        kind = any_row.outcome.kind
        values: dict[str, object] = {
            "count": len(self.told),
            "outcome": words.outcome_name(any_row.outcome.name, lang),
            "who": say(f"campaigns.estimand.{any_row.estimand}", lang),
            "p": f"{self.p_value:.2g}",
        }
        if self.told:
            low = min(self.told, key=lambda label: self.told[label].effect)
            high = max(self.told, key=lambda label: self.told[label].effect)
            sharpest = min(one.detectable for one in self.told.values())
            values |= {
                "low": words.difference(self.told[low].effect, kind, lang),
                "high": words.difference(self.told[high].effect, kind, lang),
                "lowest": label_name(low, lang),
                "highest": label_name(high, lang),
                "detectable": words.difference(sharpest, kind, lang, sign=False),
            }
        parts = [say(f"campaigns_matched.designs.{self.verdict}", lang, **values)]
        for label, one in self.rows.items():
            if not one.can_tell:
                why = words.known_or_plain(f"campaigns.reason.{one.reason}", one.reason, lang)
                name = label_name(label, lang)
                parts.append(say("campaigns_matched.designs.apart", lang, label=name, reason=why))
        for label, one in self.naive.items():
            if one.can_tell and self.told:
                size = words.difference(one.effect, kind, lang)
                name = label_name(label, lang)
                parts.append(say("campaigns_matched.designs.naive", lang, label=name, size=size))
        return words.joined(parts, lang)


def compare_designs(
    designs: Mapping[str, Effect | Estimate],
    *,
    outcome: str | None = None,
    estimand: str | None = None,
    group: str = "all",
    level: float = 0.05,
    naive: Mapping[str, Estimate] | None = None,
) -> DesignComparison:
    """Compare designs on one outcome and one estimand.

    They disagree if two of them differ by more than independent errors allow, after Holm's
    correction over the pairs, or if two detect effects of opposite signs. Designs on the same
    customers share errors, which makes them closer than that: the test then finds disagreement
    less often, never more. Where no design detects an effect, agreement says little, and that is
    said instead; where one detects an effect and another points the other way, it is left open.

    Args:
        designs: Label (a method of the catalogue, or any name) → result or one estimate.
        outcome: Outcome to compare; of the first design's headline if not given.
        estimand: Estimand to compare; of the first design's headline if not given.
        group: Customers they speak of.
        level: Of the test.
        naive: Naive readings of the same effect, to stand beside.

    Raises:
        ArgumentError: There are no designs, or one has no estimate of the outcome and estimand.

    Sources:
        Holm (1979), Scandinavian Journal of Statistics 6.
    """
    if not designs:
        raise ArgumentError("designs", {}, "at least one design")
    first = next(iter(designs.values()))
    leading = first if isinstance(first, Estimate) else first.headline
    wanted = {
        "outcome": outcome or leading.outcome.name,
        "estimand": estimand or leading.estimand,
        "group": group,
    }
    rows = {label: _estimate(label, one, wanted) for label, one in designs.items()}
    beside = {label: _estimate(label, one, wanted) for label, one in (naive or {}).items()}
    told = [one for one in rows.values() if one.can_tell]
    if len(told) < 2:
        return DesignComparison(rows=rows, verdict="few", p_value=math.nan, naive=beside)
    p_value = _one_effect(told)
    detected = {one.effect > 0 for one in told if one.detected}
    if p_value < level or len(detected) > 1:
        verdict = "disagree"
    elif not detected:
        verdict = "none"
    else:
        verdict = "agree" if {one.effect > 0 for one in told} == detected else "open"
    return DesignComparison(rows=rows, verdict=verdict, p_value=p_value, naive=beside)


def compare_methods(effect: Effect, outcome: str | None = None) -> DesignComparison:
    """Compare the methods of one result that speak of the same outcome, estimand and group.

    Its naive readings of them stand beside.

    Args:
        effect: The result.
        outcome: Outcome to compare; the headline's if not given.
    """
    name, first = outcome or effect.headline.outcome.name, effect.headline
    rows = {
        one.method: one
        for one in effect.estimates
        if (one.outcome.name, one.estimand, one.group) == (name, first.estimand, first.group)
    }
    naive = {one.method: one for one in effect.naive_readings if one.outcome.name == name}
    return compare_designs(
        rows, outcome=name, estimand=first.estimand, group=first.group, naive=naive
    )


def design_rows(campaign: str, comparison: DesignComparison) -> list[dict[str, Any]]:
    """Return a comparison as rows of a table of many campaigns; the smaller arm is counted.

    Args:
        campaign: Identifier.
        comparison: Its designs.
    """
    rows = []
    for row in comparison.summary().to_dict("records"):
        counts = [int(row[f"{arm}_count"]) for arm in ("treated", "control")]
        numbers = {name: row[name] for name in ("effect", "se", "low", "high", "p_value")}
        rows.append(
            {
                "campaign_id": campaign,
                "design": row["design"],
                "customers": min(counts),
                **{
                    name: value if math.isfinite(value) else None for name, value in numbers.items()
                },
                "naive": bool(row["naive"]),
                "verdict": comparison.verdict,
                "verdict_p": comparison.p_value if math.isfinite(comparison.p_value) else None,
                "reason": row["reason"] or None,
            }
        )
    return rows


def comparison_from(rows: pd.DataFrame) -> DesignComparison | None:
    """Return the comparison that :func:`design_rows` wrote down; None if all of it was withheld.

    Args:
        rows: Those of one campaign, as published: what was withheld or unknown is missing.
    """
    known = rows[rows["customers"].notna() & rows["verdict"].notna()]
    if known.empty:
        return None
    told: dict[bool, dict[str, Estimate]] = {False: {}, True: {}}
    for row in known.to_dict("records"):
        numbers: dict[str, Any] = {
            name: math.nan if pd.isna(row[name]) else float(row[name])
            for name in ("effect", "se", "low", "high", "p_value")
        }
        reason = "" if row["reason"] is None or pd.isna(row["reason"]) else str(row["reason"])
        label = str(row["design"])
        told[bool(row["naive"])][label] = Estimate(
            outcome=CHURN, estimand="treated", method=label, reason=reason, **numbers
        )
    if not told[False]:
        return None
    first = known.iloc[0]
    p_value = math.nan if pd.isna(first["verdict_p"]) else float(first["verdict_p"])
    return DesignComparison(
        rows=told[False], naive=told[True], verdict=str(first["verdict"]), p_value=p_value
    )


def label_name(label: str, lang: str) -> str:
    """Return a design's label as people call it."""
    return words.known_or_plain(f"campaigns.method.{label}", label, lang)


def _estimate(label: str, design: Effect | Estimate, wanted: Mapping[str, str]) -> Estimate:
    found = design if isinstance(design, Estimate) else design.row(**wanted)
    have = {"outcome": found.outcome.name, "estimand": found.estimand, "group": found.group}
    if have != wanted:
        raise ArgumentError(
            label, have, f"an estimate of {dict(wanted)}", action="compare one estimand at a time"
        )
    return found


def _one_effect(told: list[Estimate]) -> float:
    """Return the smallest p-value of the pairs' differences, by Holm (that is, × pairs)."""
    pairs = [(one, other) for place, one in enumerate(told) for other in told[place + 1 :]]
    smallest = min(
        2 * float(stats.norm.sf(abs(one.effect - other.effect) / math.hypot(one.se, other.se)))
        for one, other in pairs
    )
    return min(1.0, smallest * len(pairs))
