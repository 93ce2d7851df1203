"""The sentences of a fitted behaviour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.points.behaviour_odds import OVER

if TYPE_CHECKING:
    from cvm.points.behaviour_design import Thin
    from cvm.points.behaviour_model import Behaviour

AREA = "points_behaviour"
_CLEAR_Z = 2.58


def fit_text(
    summary: pd.DataFrame,
    drivers: pd.DataFrame,
    behaviour: Behaviour,
    thin: tuple[Thin, ...],
    lang: str,
) -> str:
    """Return how often members redeem, what drives it most, and what cannot be told."""
    row, first = summary.iloc[0], drivers.iloc[0]
    text = say(
        f"{AREA}.fit",
        lang,
        chance=format_share(row["monthly_chance_share"]),
        taken=format_share(row["redeemed_share_of_balance"], decimals=0),
        member_months=format_number(row["qualified_member_months"], lang),
    )
    if first["clear"]:
        times = format_number(first["odds_ratio"], lang, digits=2)
        text += say(f"{AREA}.strongest.{first['driver']}", lang, times=times)
    else:
        text += say(f"{AREA}.no_driver", lang)
    error = behaviour.pressure_error
    if error > 0 and behaviour.pressure_log_spend > _CLEAR_Z * error:
        text += say(
            f"{AREA}.pressure",
            lang,
            points=format_number(behaviour.pressure_below_points, lang),
            rise=format_share(
                behaviour.spend_lift(
                    behaviour.threshold_points, threshold_points=behaviour.threshold_points
                ).item()
                - 1
            ),
        )
    if thin:
        comma = "、" if lang == "zh" else ", "
        names = comma.join(dict.fromkeys(term_name(item.term, lang) for item in thin))
        text += say(f"{AREA}.cannot_tell", lang, terms=names)
    return text


def term_name(term: str, lang: str) -> str:
    """Return a term's name for people.

    Example:
        >>> term_name("tier_gold", "en"), term_name("since_3", "zh")
        ('tier gold', '距上次兑换不超过3个月')
    """
    kind, _, level = term.partition("_")
    if kind == "tier":
        tiers = {"diamond", "gold", "silver", "vip", "none"}
        shown = say(f"{AREA}.tier.{level}", lang) if level in tiers else level
        return say(f"{AREA}.term.tier", lang, tier=shown)
    if kind == "since":
        return say(f"{AREA}.term.since", lang, months=level)
    if kind == "waited":
        if level in ("longer", "unknown"):
            return say(f"{AREA}.term.{term}", lang)
        return say(f"{AREA}.term.waited", lang, months=level)
    if term.startswith(OVER):
        return say(f"{AREA}.term.over", lang, times=term.removeprefix(OVER))
    if kind == "month":
        return say(f"{AREA}.term.month", lang)
    return say(f"{AREA}.term.{term}", lang)
