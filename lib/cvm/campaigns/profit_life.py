"""What customers kept are worth over the remaining life of customers who hold the same cards.

A second reading of a campaign's worth beside the one over the horizon. It rests on lifetime values
by card, which come as plain tables; this module knows nothing of how they were made.

A card's value V of n customers still here is the margin m of a month × the renewals ahead within H
months, the next one undiscounted; L is the mean of months ahead within H. Read as one monthly churn
c, the same for all and always:

    L = Σ_{j=1…H} (1 − c)^j            gives c,
    V = m · Σ_{j=1…H} (1 − c)^j v^(j−1)   gives m, with v = (1 + rate)^(−1/12).

A customer who was just kept leaves k times as fast as others of the card, and the first month after
the window lies a month ahead, so that he is worth, as of the end of the window,

    m · Σ_{j=1…H} (1 − min(k·c, 1))^j v^j = V · v · A(k·c) ÷ A(c), A(c) = Σ (1 − c)^j v^(j−1).

Without a limit H and in continuous time, with hazard h = 1/L and discount d, this is the familiar
V·(h + d) ÷ (k·h + d). Nothing of the window is in it, so it may follow the window's own margin.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from cvm.campaigns.inference import LEAST_CUSTOMERS
from cvm.campaigns.profit_assumptions import MONTHS_IN_YEAR, Assumptions
from cvm.campaigns.words import NORMAL
from cvm.core.checks import check_at_least, check_between, check_columns

FEWEST_OF_A_CARD = 10
"""Customers of a card from which its value is taken, as in what is published."""
ALL = "all"
"""The card's name where values were not made by card."""
_NEEDED = ("horizon_months", "discount_rate_year", "confidence")
_FIGURES = ("value_yuan", "further_months")
_CARD_COLUMNS = tuple(f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high"))


@dataclass(frozen=True, kw_only=True)
class KeptLife:
    """What a kept customer is worth after the window, over the remaining life of such customers.

    Attributes:
        value_yuan: Mean over kept customers whose card has a value, as of the end of the window;
            NaN if none has.
        value_se_yuan: Its standard error: of the cards' values, and of how many hold which.
        known_share: Customers whose card has a value ÷ all; 1 where fewer than ten have none.
        customers: Customers whose cards were counted.
        months: Months within which life counts.
        churn_share: Share of others of these cards who leave in a month.
        margin_yuan: What one of them brings a month, less the cost to serve.
    """

    value_yuan: float
    value_se_yuan: float
    known_share: float
    customers: int
    months: int
    churn_share: float
    margin_yuan: float

    def __post_init__(self) -> None:
        check_between(self.known_share, "known_share", low=0, high=1)
        check_at_least(self.months, "months", 1)

    @property
    def can_tell(self) -> bool:
        """Return whether the card of anybody has a value."""
        return self.known_share > 0 and math.isfinite(self.value_yuan)

    def joined(self, rest_yuan: float, rest_se_yuan: float = 0.0) -> tuple[float, float]:
        """Return the value of a kept customer and its standard error, those without a card's too.

        Args:
            rest_yuan: Value of a customer whose card has none, as of the end of the window.
            rest_se_yuan: Its standard error.
        """
        share, other = self.known_share, 1 - self.known_share
        # Who is with and who without is counted on a sample of those kept.
        mixed = share * other / max(self.customers, 1) * (self.value_yuan - rest_yuan) ** 2
        square = (share * self.value_se_yuan) ** 2 + (other * rest_se_yuan) ** 2 + mixed
        return share * self.value_yuan + other * rest_yuan, math.sqrt(square)


@dataclass(frozen=True, kw_only=True)
class CardLife:
    """One card: what a kept customer is worth, and the churn and margin this rests on.

    Attributes:
        value_yuan: As of the end of the window.
        value_se_yuan: Standard error.
        churn_share: Share of the card's customers leaving in a month.
        margin_yuan: Margin of one of them a month.
    """

    value_yuan: float
    value_se_yuan: float
    churn_share: float
    margin_yuan: float


def kept_lives(
    cards: pd.DataFrame,
    tiers: pd.DataFrame | None,
    facts: pd.DataFrame | None,
    assumptions: Assumptions | None = None,
) -> dict[str, KeptLife]:
    """Return what customers kept are worth over a lifetime, by campaign.

    Whom a campaign keeps is best told by who left without it: the control arm's leavers, where at
    least 20 of them hold a card with a value. Next best are leavers of both arms, which is the same
    if the offer keeps as large a share of each card's leavers; otherwise all treated stand for
    those kept.

    Args:
        cards: ``campaign_id``, ``arm``, ``vip_tier``, ``contract`` (False for customers whose
            lifetime the values do not speak of; missing if all are meant), ``customers``, ``left``.
        tiers: Values by card: ``vip_tier``, ``customers``, ``value_yuan`` and ``further_months``,
            each with ``_low`` and ``_high``. Cards of fewer than ten customers, or without a
            figure, have no value here.
        facts: ``key`` and ``value`` with ``horizon_months``, ``discount_rate_year`` and
            ``confidence`` of the values.
        assumptions: Tells how many times as fast those kept leave.

    Returns:
        Campaign → value; empty without lifetime values.

    Raises:
        MissingDataError: A column is missing.
    """
    check_columns(
        cards.columns, ["campaign_id", "arm", "vip_tier", "contract", "customers", "left"], "cards"
    )
    if tiers is None or facts is None:
        return {}
    known = dict(zip(facts["key"], facts["value"], strict=True))
    if any(pd.isna(known.get(name)) for name in _NEEDED):
        return {}
    values = read_cards(tiers, known, (assumptions or Assumptions()).kept_churn_times)
    months = round(float(known["horizon_months"]))
    return {
        str(name): _of_campaign(part, values, months) for name, part in cards.groupby("campaign_id")
    }


def read_cards(
    tiers: pd.DataFrame, facts: Mapping[str, float], churn_times: float
) -> dict[str, CardLife]:
    """Return what a kept customer of each card is worth; cards without a figure are left out."""
    check_columns(tiers.columns, ["vip_tier", "customers", *_CARD_COLUMNS], "tiers")
    usable = tiers[(tiers["customers"] >= FEWEST_OF_A_CARD) & tiers["value_yuan"].notna()]
    found = {
        str(row["vip_tier"]): value_card(row, facts, churn_times)
        for row in usable.to_dict("records")
    }
    return {name: one for name, one in found.items() if math.isfinite(one.value_se_yuan)}


def value_card(row: Mapping[Any, Any], facts: Mapping[str, float], churn_times: float) -> CardLife:
    """Return what a kept customer of one card is worth.

    The interval's ends of value and of life go together, since life is in both: that is the widest
    they can be.

    Args:
        row: ``value_yuan`` and ``further_months`` with ``_low`` and ``_high``.
        facts: ``horizon_months``, ``discount_rate_year`` and ``confidence``.
        churn_times: How many times as fast as others those kept leave.
    """
    months, rate = round(float(facts["horizon_months"])), float(facts["discount_rate_year"])
    monthly = (1 + rate) ** (-1 / MONTHS_IN_YEAR)

    def at(end: str) -> tuple[float, float, float]:
        value, life = float(row[f"value_yuan{end}"]), float(row[f"further_months{end}"])
        churn = churn_of(life, months)
        month = value / _renewals(churn, months, monthly)
        later = _renewals(min(churn_times * churn, 1.0), months, monthly)
        return month * monthly * later, churn, month

    value, churn, month = at("")
    wide = 2 * NORMAL.inv_cdf(0.5 + float(facts["confidence"]) / 2)
    error = abs(at("_high")[0] - at("_low")[0]) / wide
    return CardLife(value_yuan=value, value_se_yuan=error, churn_share=churn, margin_yuan=month)


def churn_of(life_months: float, horizon_months: int) -> float:
    """Return the monthly churn with which ``life_months`` of the months ahead are served; or NaN.

    Example:
        >>> round(churn_of(1.75, 2), 3)  # 0.914 + 0.914² = 1.75
        0.086
    """
    if not math.isfinite(life_months) or life_months <= 0:
        return math.nan
    if life_months >= horizon_months:
        return 0.0
    return float(brentq(lambda one: _renewals(one, horizon_months, 1.0) - life_months, 0.0, 1.0))


def _renewals(churn: float, months: int, monthly: float) -> float:
    """Return Σ (1 − churn)^j × monthly^(j − 1) over j = 1 … months."""
    order = np.arange(1.0, months + 1)
    return float(((1 - churn) ** order * monthly ** (order - 1)).sum())


def _of_campaign(cards: pd.DataFrame, values: Mapping[str, CardLife], months: int) -> KeptLife:
    held = cards.assign(
        card=[ALL if ALL in values else str(name) for name in cards["vip_tier"]],
        outside=[not pd.isna(one) and not one for one in cards["contract"]],
    )
    held["valued"] = held["card"].isin(list(values)) & ~held["outside"]
    leavers = held.assign(customers=held["left"])
    choices = [leavers[leavers["arm"] == "control"], leavers]
    enough = [
        one for one in choices if one.loc[one["valued"], "customers"].sum() >= LEAST_CUSTOMERS
    ]
    basis = enough[0] if enough else held[held["arm"] == "treated"]
    counts = basis[basis["valued"]].groupby("card")["customers"].sum()
    counts = counts[counts > 0]
    total, known = int(basis["customers"].sum()), int(counts.sum())
    if not known:
        return KeptLife(
            value_yuan=math.nan, value_se_yuan=math.nan, known_share=0.0, customers=total,
            months=months, churn_share=math.nan, margin_yuan=math.nan,
        )  # fmt: skip
    # Fewer than ten without a value are taken as the others: their number is nobody's business.
    told = known / total if total - known >= FEWEST_OF_A_CARD else 1.0
    share = counts.to_numpy(dtype=np.float64) / known
    each = np.array(
        [
            (one.value_yuan, one.value_se_yuan, one.churn_share, one.margin_yuan)
            for one in (values[str(name)] for name in counts.index)
        ]
    )
    value, together, churn, margin = share @ each
    # Cards may share one fit, so their errors add up; who holds which is a sample.
    spread = float(share @ (each[:, 0] - value) ** 2) / known
    return KeptLife(
        value_yuan=float(value),
        value_se_yuan=math.hypot(together, math.sqrt(spread)),
        known_share=told,
        customers=total,
        months=months,
        churn_share=float(churn),
        margin_yuan=float(margin),
    )
