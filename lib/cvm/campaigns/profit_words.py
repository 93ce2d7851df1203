"""How the worth of a campaign is said."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from cvm.campaigns import words
from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan

if TYPE_CHECKING:
    from cvm.campaigns.profit import Profit


def profit_sentence(one: Profit, lang: str) -> str:
    """Return what was kept, what it earned and cost, and what decides it."""
    low, high = one.roi_interval()
    if math.isnan(one.roi) or math.isnan(low):
        return say("campaigns_profit.text.no_cost", lang, net=format_yuan(one.net_yuan, lang))
    parts = [
        say(
            f"campaigns_profit.text.{'roi' if one.margin_yuan >= 0 else 'roi_lost'}",
            lang,
            horizon=one.assumptions.horizon_months,
            cost=format_yuan(one.cost_yuan, lang),
            margin=format_yuan(abs(one.margin_yuan), lang),
            roi=words.signed_share(one.roi),
            low=words.signed_share(low),
            high=words.signed_share(high),
            confidence=format_share(one.measured.confidence, decimals=0),
            chance=words.chance(one.positive_share, lang),
        )
    ]
    parts += _gained(one, lang)
    if one.churn.can_tell and not one.churn.detected:
        parts.append(
            say(
                "campaigns_profit.text.undetected",
                lang,
                detectable=words.per_thousand(one.churn.detectable, lang),
            )
        )
    if math.isfinite(one.break_even_share):
        parts.append(
            say(
                "campaigns_profit.text.break_even",
                lang,
                share=words.per_thousand(one.break_even_share, lang),
                kept=words.per_thousand(one.measured.kept_share, lang),
            )
        )
    windfall = one.measured.windfall_yuan
    if math.isfinite(windfall) and one.measured.incentive_yuan > 0:
        parts.append(
            say(
                "campaigns_profit.text.windfall",
                lang,
                windfall=format_yuan(windfall * one.measured.treated_count, lang),
                share=format_share(windfall / one.measured.incentive_yuan, decimals=0),
            )
        )
    return words.joined([*parts, *life_sentences(one, lang)], lang)


def _gained(one: Profit, lang: str) -> list[str]:
    """Return customers, months and revenue added, as far as they were measured."""
    months, revenue = (one.gained(name)[0] for name in ("months", "revenue_yuan"))
    if math.isnan(months):
        return []
    return [
        say(
            f"campaigns_profit.text.{'gained' if math.isfinite(revenue) else 'gained_months'}",
            lang,
            kept=words.difference(round(one.kept_customers), "count", lang),
            months=words.difference(round(months), "count", lang),
            revenue=words.difference(revenue, "yuan", lang) if math.isfinite(revenue) else "",
        )
    ]


def life_sentences(one: Profit, lang: str) -> list[str]:
    """Return the second reading, over the remaining life of such customers, and why it differs."""
    life, other = one.life, one.over_life
    if life is None:
        return []
    if other is None:
        return [say("campaigns_profit.life.none", lang)]
    low, high = other.roi_interval()
    if math.isnan(other.roi) or math.isnan(low):
        return []
    chosen, measured = one.assumptions, one.measured
    parts = [
        say(
            "campaigns_profit.life.roi",
            lang,
            months=life.months,
            value=format_yuan(other.kept_value_yuan, lang),
            horizon_value=format_yuan(one.kept_value_yuan, lang),
            roi=words.signed_share(other.roi),
            low=words.signed_share(low),
            high=words.signed_share(high),
            confidence=format_share(measured.confidence, decimals=0),
            chance=words.chance(other.positive_share, lang),
        )
    ]
    stated = chosen.kept_value_yuan is not None
    parts.append(
        say(
            f"campaigns_profit.life.{'why_stated' if stated else 'why'}",
            lang,
            after=max(chosen.horizon_months - measured.window_months, 0),
            months=life.months,
            churn=format_share(measured.monthly_churn_share),
            life_churn=format_share(life.churn_share),
            margin=format_yuan(measured.monthly_margin_yuan * chosen.margin_times, lang),
            life_margin=format_yuan(life.margin_yuan, lang),
        )
    )
    if life.known_share < 1:
        share = format_share(1 - life.known_share, decimals=0)
        parts.append(say("campaigns_profit.life.rest", lang, share=share))
    return parts
