"""All campaigns with a random control: their answers, and the tables the dashboard shows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.campaigns.answer import Answer, answer_holdout
from cvm.campaigns.cells import Tables
from cvm.campaigns.contacted import funnel_rows
from cvm.campaigns.effect import CHURN, Estimate, cannot_tell
from cvm.campaigns.profit import Profit
from cvm.campaigns.profit_assumptions import Assumptions
from cvm.campaigns.profit_life import KeptLife
from cvm.campaigns.profit_measured import Measured
from cvm.campaigns.register import Register, named_entry
from cvm.campaigns.shown_curves import shown_curve
from cvm.campaigns.shown_groups import groups_to_hide
from cvm.core.checks import DataError, check_one_of
from cvm.core.naming import NameOf
from cvm.core.result import Result

PREFIX = "campaign_with_control"
GROUPS = {
    PREFIX: ["campaign_id"],
    f"{PREFIX}_estimates": ["campaign_id", "row"],
    f"{PREFIX}_funnel": ["campaign_id", "step"],
    f"{PREFIX}_curves": ["campaign_id", "arm", "since"],
    f"{PREFIX}_checks": ["campaign_id", "check"],
    f"{PREFIX}_worth": ["campaign_id"],
}
"""Tables for the snapshot, and the columns that name a row of each."""

NUMBERS = ("effect", "low", "high", "treated_mean", "control_mean")
"""What is told of an estimate; missing in a group that may not be shown."""
SHOWN_METHODS = ("difference", "randomisation", "wald")
"""Methods of churn as assigned (of customers, of branches) and of those reached."""

WORTH = (
    "window_months",
    "margin_yuan",
    "kept_share",
    "cost_yuan",
    "monthly_margin_yuan",
    "monthly_churn_share",
    "confidence",
)
"""What the dashboard's levers need of :class:`cvm.campaigns.profit_measured.Measured`."""
LIFE = (
    "value_yuan",
    "value_se_yuan",
    "known_share",
    "customers",
    "months",
    "churn_share",
    "margin_yuan",
)
"""What they need of :class:`cvm.campaigns.profit_life.KeptLife`, each as ``life_…``."""


@dataclass(frozen=True, kw_only=True)
class Portfolio(Result):
    """Several campaigns' answers.

    Attributes:
        answers: Campaign → answer, in the order they began.
    """

    view: ClassVar[str] = "cvm.views.campaigns_register:plot_register"
    answers: Mapping[str, Answer]

    @property
    def register(self) -> Register:
        """Return their rows of the register."""
        return Register(entries=tuple(one.entry for one in self.answers.values()))

    @property
    def entries(self) -> tuple[Any, ...]:
        """Return the register's rows."""
        return self.register.entries

    def summary(self) -> pd.DataFrame:
        """Return the register."""
        return self.register.summary()

    def named(self, of: NameOf) -> Portfolio:
        """Return the answers with the campaigns' names in the register."""
        return Portfolio(
            answers={
                name: replace(one, entry=named_entry(one.entry, of))
                for name, one in self.answers.items()
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return which worked and were worth it."""
        return self.register.text(lang)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every table of :data:`GROUPS`, of all campaigns."""
        makers = {
            f"{PREFIX}_estimates": _estimates,
            f"{PREFIX}_funnel": _funnel,
            f"{PREFIX}_curves": _curves,
            f"{PREFIX}_checks": _checks,
            f"{PREFIX}_worth": _worth,
        }
        found = {PREFIX: self.summary()}
        for name, make in makers.items():
            rows = [row for one in self.answers.values() for row in make(one)]
            # An empty table still says which columns name a row.
            columns = None if rows else [*GROUPS[name], "customers"]
            found[name] = pd.DataFrame(rows, columns=columns)
        return found

    def pick(self, campaign_id: str | None = None) -> Answer:
        """Return one campaign's answer, the first if none is named.

        Raises:
            ArgumentError: There is no such campaign; the message lists those there are.
        """
        return self.answers[
            check_one_of(campaign_id or next(iter(self.answers)), "campaign_id", self.answers)
        ]


def answer_all(
    tables: Tables,
    *,
    control_shares: Mapping[str, float] | None = None,
    assumptions: Assumptions | None = None,
    margin_share: float | None = None,
    confidence: float = 0.95,
    lives: Mapping[str, KeptLife] | None = None,
) -> Portfolio:
    """Answer every campaign whose contacts hold a control arm; if none does, each says so.

    Args:
        tables: The small tables of all campaigns.
        control_shares: Campaign → share that was to be held out, where it is known.
        assumptions: What campaigns cannot show about later months.
        margin_share: Share of revenue that is margin, where the months carry no costs.
        confidence: Of all intervals (share).
        lives: Campaign → what customers kept are worth over a lifetime, where that is known
            (:func:`cvm.campaigns.profit_life.kept_lives`).

    Raises:
        DataError: There is no campaign at all.
    """
    planned = control_shares or {}
    known = tables.campaigns["campaign_id"].tolist()
    if not known:
        raise DataError("campaigns", "empty", "at least one campaign")
    with_control = tables.left_out.loc[tables.left_out["arm"] == "control", "campaign_id"]
    held = set(with_control.tolist()) & set(known) or set(known)
    return Portfolio(
        answers={
            name: answer_holdout(
                tables,
                name,
                control_share=planned.get(name),
                assumptions=assumptions,
                margin_share=margin_share,
                confidence=confidence,
                life=(lives or {}).get(name),
            )
            for name in known
            if name in held
        }
    )


def _estimates(answer: Answer) -> list[dict[str, Any]]:
    """Return churn as assigned, of those reached, and by card."""
    rows = [
        (one.estimand, one)
        for one in answer.effect.estimates
        if one.outcome.name == "churned" and one.method in SHOWN_METHODS
    ]
    found = [_estimate_row(answer.campaign_id, name, one) for name, one in rows]
    if answer.tiers is None:
        return found
    whole, *tiers = answer.tiers.estimates
    hidden = groups_to_hide(tiers, whole)
    for one in tiers:
        row = _estimate_row(answer.campaign_id, one.group, one)
        if one.group in hidden:
            row |= dict.fromkeys(NUMBERS, None) | {"detected": False}
        found.append(row)
    return found


def _estimate_row(campaign: str, name: str, one: Estimate) -> dict[str, Any]:
    # The smaller arm decides what may be shown.
    return {
        "campaign_id": campaign,
        "row": name,
        "customers": min(one.treated_count, one.control_count),
        **{key: _number(getattr(one, key)) for key in NUMBERS},
        "detected": one.detected,
        "reason": one.reason or None,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _funnel(answer: Answer) -> list[dict[str, Any]]:
    return funnel_rows(answer.campaign_id, answer.funnel)


def _curves(answer: Answer) -> list[dict[str, Any]]:
    if answer.retention is None:
        return []
    rows: list[dict[str, Any]] = []
    for arm, curve in answer.retention.curves().groupby("arm", sort=False):
        customers = int(getattr(answer.retention, str(arm)).at_risk[0])
        shown = shown_curve(curve.assign(customers=customers))
        rows += [
            {
                "campaign_id": answer.campaign_id,
                "arm": row["arm"],
                "since": int(row["month"]),
                "customers": customers,
                **{key: _number(float(row[key])) for key in ("kept_share", "low", "high")},
            }
            for row in shown.to_dict("records")
        ]
    return rows


def _checks(answer: Answer) -> list[dict[str, Any]]:
    return [
        {
            "campaign_id": answer.campaign_id,
            "check": one.name,
            "status": one.status,
            "customers": answer.entry.customers,
        }
        for one in answer.checks.items
    ]


def _worth(answer: Answer) -> list[dict[str, Any]]:
    return [] if answer.profit is None else [worth_row(answer.campaign_id, answer.profit)]


def worth_row(campaign: str, profit: Profit) -> dict[str, Any]:
    """Return what levers over a campaign's worth need, one row a campaign.

    Args:
        campaign: Identifier.
        profit: The campaign's worth, of any design.
    """
    one, chosen = profit.measured, profit.assumptions
    names = ("margin", "kept", "cost")
    covariance = {
        f"cov_{names[i]}_{names[j]}": float(one.covariance[i, j])
        for i in range(3)
        for j in range(i, 3)
    }
    return {
        "campaign_id": campaign,
        "customers": one.treated_count,
        **{name: getattr(one, name) for name in WORTH},
        **covariance,
        "horizon_months": chosen.horizon_months,
        "discount_yearly": chosen.discount_yearly,
        "kept_churn_times": chosen.kept_churn_times,
        "kept_value_yuan": chosen.kept_value_yuan,
        "kept_value_se_yuan": chosen.kept_value_se_yuan,
        **_life_columns(profit.life),
    }


def _life_columns(life: KeptLife | None) -> dict[str, float | None]:
    """Return the second reading's own figures; missing where there is none."""
    return {
        f"life_{name}": getattr(life, name) if life is not None and life.can_tell else None
        for name in LIFE
    }


def profit_of_row(row: Mapping[Any, Any]) -> Profit:
    """Return the worth that :func:`worth_row` wrote down, so that assumptions can be changed."""
    names = ("margin", "kept", "cost")
    covariance = np.array(
        [[row[f"cov_{names[min(i, j)]}_{names[max(i, j)]}"] for j in range(3)] for i in range(3)],
        dtype=np.float64,
    )
    value, error = row.get("kept_value_yuan"), row.get("kept_value_se_yuan")
    return Profit(
        campaign=str(row["campaign_id"]),
        measured=Measured(
            treated_count=int(row["customers"]),
            window_months=int(row["window_months"]),
            covariance=covariance,
            **_numbers(row),
        ),
        assumptions=Assumptions(
            horizon_months=int(row["horizon_months"]),
            discount_yearly=float(row["discount_yearly"]),
            kept_churn_times=float(row["kept_churn_times"]),
            kept_value_yuan=None if value is None or pd.isna(value) else float(value),
            kept_value_se_yuan=0.0 if error is None or pd.isna(error) else float(error),
        ),
        churn=cannot_tell(CHURN, "few_events"),
        life=_life_of(row),
    )


def _numbers(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {name: float(row[name]) for name in WORTH if name != "window_months"}


def _life_of(row: Mapping[Any, Any]) -> KeptLife | None:
    found = {name: row.get(f"life_{name}") for name in LIFE}
    if any(value is None or pd.isna(value) for value in found.values()):
        return None
    whole = ("customers", "months")
    numbers: dict[str, Any] = {
        name: int(value) if name in whole else float(value)  # type: ignore[arg-type]
        for name, value in found.items()
    }
    return KeptLife(**numbers)
