"""What was planted, and what came of it: written beside the sample as ``truth.json``."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from cvm.core.checks import DataError
from cvm.core.months import month_from_index
from cvm.data.sample.campaigns import CHANNELS, NEVER, campaigns_within, months_of
from cvm.data.sample.facts import points_year_of
from cvm.data.sample.settings import COUNTIES, SampleSettings
from cvm.data.tables import BRANDS, REDEMPTION_CHANNELS, VIP_TIERS

_GROUPS = ("all", "treated", "reached")
_LEADS = 7


@dataclass(frozen=True, kw_only=True)
class Truth:
    """The planted truth of one sample operator.

    Attributes:
        operator: Seed, customers, months, first and last month, rows of the months table.
        planted: Every setting the operator was drawn from: coefficients, rules, shares.
        rules: What the settings mean, in words, where a number alone would not say it.
        churn: Realised churn a month, overall and by brand.
        points_years: Points year → revenue, points moved, cost, cost ÷ revenue, whether whole.
        campaigns: Campaign → design, planted effects, start by county, funnel, realised effects.
        warning: Drift episodes, and months between the start of one and leaving.
        recharges: Prepaid customers' recharges: the settings, what they mean, and by month who was
            in service, who still recharges after it, and recharges expected and drawn.
    """

    operator: dict[str, Any]
    planted: dict[str, Any]
    rules: dict[str, Any]
    churn: dict[str, Any]
    points_years: dict[str, Any]
    campaigns: dict[str, Any]
    warning: dict[str, Any]
    recharges: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the truth as JSON text."""
        return json.dumps(asdict(self), ensure_ascii=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Truth:
        """Return the truth that :meth:`to_json` wrote."""
        return cls(**json.loads(text))

    def effect(
        self, campaign_id: str, group: str = "treated", tier: str = "all"
    ) -> dict[str, float]:
        """Return a campaign's realised average effects on a group of its customers.

        Args:
            campaign_id: The campaign.
            group: ``all`` who entered it, ``treated`` (as assigned) or ``reached``.
            tier: Card held at assignment, or ``all``.

        Returns:
            ``customers``; ``churn_share`` (difference of the share who leave in the window),
            ``revenue_yuan`` and ``months`` (differences a customer over the window), each with the
            levels ``…_with`` and ``…_without``.
        """
        found: dict[str, float] = self.campaigns[campaign_id]["realised"][group][tier]
        return found

    @property
    def last_whole_points_year(self) -> dict[str, Any] | None:
        """The newest points year of twelve months, or None if the panel holds none."""
        whole = [year for year, facts in self.points_years.items() if facts["months"] == 12]
        return self.points_years[max(whole)] if whole else None


def read_truth(folder: str | Path) -> Truth:
    """Read ``truth.json`` of a sample folder.

    Raises:
        DataError: The folder holds none.
    """
    file = Path(folder) / "truth.json"
    if not file.is_file():
        raise DataError(
            "folder", str(folder), "a sample operator", action="make one with make_sample"
        )
    return Truth.from_json(file.read_text(encoding="utf-8"))


def add_up(parts: list[dict[str, int]]) -> dict[str, int]:
    """Add sums of blocks, key by key."""
    total: dict[str, int] = {}
    for part in parts:
        for key, value in part.items():
            total[key] = total.get(key, 0) + value
    return total


def make_truth(
    settings: SampleSettings, starts: Mapping[str, np.ndarray], sums: Mapping[str, int]
) -> Truth:
    """Put the truth together from settings and the sums of all blocks."""
    planted = asdict(settings)
    for name in ("customers", "months", "seed", "last_month"):
        del planted[name]
    recharges = planted.pop("recharges")
    planted["contact_channels"] = list(CHANNELS)
    truth = Truth(
        operator={
            "seed": settings.seed,
            "customers": settings.customers,
            "months": settings.months,
            "first_month": _month(settings, 0),
            "last_month": _month(settings, settings.months - 1),
            "customer_months": sums["months|rows"],
        },
        planted=planted,
        rules=_rules(settings),
        churn=_churn(sums),
        points_years=_points_years(settings, sums),
        campaigns=_campaigns(settings, starts, sums),
        warning={
            "episodes_in_service": sums["episodes"],
            "customers_left": sums["left"],
            "left_by_months_since_onset": {
                str(months): sums[f"lead|{months}"] for months in range(1, _LEADS)
            },
        },
        recharges=_recharges(settings, recharges, sums),
    )
    return Truth.from_json(truth.to_json())


def _month(settings: SampleSettings, offset: int) -> str:
    return f"{month_from_index(settings.first_index + int(offset)):%Y-%m}"


def _rules(settings: SampleSettings) -> dict[str, Any]:
    return {
        "churn": "The customer whose last row is month m leaves in m + 1 (left_month) with log "
        "odds = sum of planted.churn terms, computed from that row and the customers table.",
        "bill_fall": "max(0, 1 - bill / mean of up to three panel bills before it); 0 in a "
        "customer's first row.",
        "clearing": "Points earned (or transferred in) in calendar year Y are cleared at the end "
        "of December Y + 2, oldest first, in each class.",
        "month_order": ["earned", "transferred", "redeemed", "expired"],
        "opening": "Opening rows are dated by the last month of the calendar year in which the "
        "points were earned (or the month before the panel), so that clearing can be replayed.",
        "redemption": "Members whose balance at the end of the month before exceeds the threshold "
        "redeem once a month at most, oldest year first.",
        "forfeit": "Forfeited in left_month.",
        "credit": "The first five panel months rest on payments before the panel.",
        "campaign_effect": "On those reached, from the month after assignment, for window_months; "
        "realised effects compare worlds with the same draws, with and without the campaign.",
        "weights": f"Survey weights change in panel month {settings.months // 2 + 1}; "
        "the rest of the weight is a constant 7.",
        "tier_order": list(VIP_TIERS),
        "brand_order": list(BRANDS),
    }


def _churn(sums: Mapping[str, int]) -> dict[str, Any]:
    exposed = [sums[f"churn|{code}|exposed"] for code in range(3)]
    left = [sums[f"churn|{code}|left"] for code in range(3)]
    rates = {name: _ratio(left[code], exposed[code]) for code, name in enumerate(BRANDS)}
    return {"monthly_share": _ratio(sum(left), sum(exposed)), "monthly_share_by_brand": rates}


def _points_years(settings: SampleSettings, sums: Mapping[str, int]) -> dict[str, Any]:
    years = sorted({key.split("|")[1] for key in sums if key.startswith("year|")})
    price = settings.points.cost_a_point_yuan
    months = Counter(points_year_of(settings, offset) for offset in range(settings.months))
    found = {}
    for year in years:
        redeemed = [sums[f"year|{year}|redeemed|{code}"] for code in range(4)]
        cost = sum(points * yuan for points, yuan in zip(redeemed, price, strict=True))
        revenue = sums[f"year|{year}|revenue_jiao"] / 10
        found[year] = {
            "months": months[int(year)],
            "revenue_yuan": revenue,
            "cost_yuan": round(cost, 2),
            "cost_share": _ratio(cost, revenue),
            "earned_points": sums[f"year|{year}|earned"],
            "redeemed_points": sum(redeemed),
            "redeemed_points_by_channel": dict(zip(REDEMPTION_CHANNELS, redeemed, strict=True)),
            "expired_points": sums[f"year|{year}|expired"],
            "forfeited_points": sums[f"year|{year}|forfeited"],
        }
    return found


def _recharges(
    settings: SampleSettings, planted: dict[str, Any], sums: Mapping[str, int]
) -> dict[str, Any]:
    def month(offset: int) -> dict[str, float]:
        key = f"recharges|{offset}"
        return {
            "in_service": sums[f"{key}|in_service"],
            "still_recharging": sums[f"{key}|active"],
            "expected_recharges": sums[f"{key}|expected_thousandths"] / 1_000,
            "recharges": sums[f"{key}|recharges"],
            "recharged_yuan": sums[f"{key}|yuan"],
            "bill_yuan": sums[f"{key}|bill_jiao"] / 10,
        }

    return {
        "planted": planted,
        "rules": {
            "chance": "On each day of service, from the day after the first to the last one "
            "planted, a prepaid customer recharges with chance bill of the month / days of the "
            "month / the customer's mean recharge; who joins recharges on the first day.",
            "amount": "The amount on sale nearest (in logs) to a draw around the customer's usual "
            "recharge; mean_recharge_yuan is what comes of it.",
            "stops_on": "Last day on which a leaver may recharge, drawn in the last month of "
            "service; empty for those who stay to the panel's end.",
            "still_recharging": "In service and not stopped within the month.",
        },
        "months": {_month(settings, offset): month(offset) for offset in range(settings.months)},
    }


def _campaigns(
    settings: SampleSettings, starts: Mapping[str, np.ndarray], sums: Mapping[str, int]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    tiers = {"all": "all", **{str(code): name for code, name in enumerate(VIP_TIERS)}}
    for campaign in campaigns_within(settings.months):
        key = f"campaign|{campaign.campaign_id}"
        if f"{key}|all|all|customers" not in sums:
            continue
        first, last = months_of(campaign, settings.months)
        entry: dict[str, Any] = {
            "planted": asdict(campaign),
            "start_month": _month(settings, first),
            "end_month": _month(settings, last),
            "funnel": {
                name.rsplit("|", 1)[1]: value
                for name, value in sums.items()
                if name.startswith(f"{key}|funnel|")
            },
            "realised": {
                group: {
                    label: _effect(sums, f"{key}|{group}|{code}") for code, label in tiers.items()
                }
                for group in _GROUPS
            },
        }
        if campaign.campaign_id in starts:
            entry["county_starts"] = {
                county: None if start >= NEVER else _month(settings, start)
                for county, start in zip(COUNTIES, starts[campaign.campaign_id], strict=True)
            }
        found[campaign.campaign_id] = entry
    return found


def _effect(sums: Mapping[str, int], key: str) -> dict[str, float]:
    customers = sums[f"{key}|customers"]
    effect: dict[str, float] = {"customers": customers}
    scales = {
        "churned": ("churn_share", 1),
        "revenue_jiao": ("revenue_yuan", 10),
        "months": ("months", 1),
    }
    for outcome, (name, scale) in scales.items():
        given = _ratio(sums[f"{key}|{outcome}_with"], customers * scale)
        absent = _ratio(sums[f"{key}|{outcome}_without"], customers * scale)
        effect[f"{name}_with"], effect[f"{name}_without"] = given, absent
        effect[name] = round(given - absent, 9)
    return effect


def _ratio(top: float, bottom: float) -> float:
    return round(top / bottom, 9) if bottom else 0.0
