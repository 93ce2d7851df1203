"""Checks of a comparison without a random control, in the one form of all checks."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.campaigns.candidates import MOST_MISSING, Candidates
from cvm.campaigns.check import Check
from cvm.campaigns.checks import BALANCE_LIMIT, PLACEBO_LEVEL
from cvm.campaigns.effect import Estimate
from cvm.campaigns.matching import Matches
from cvm.core.checks import check_columns

MATCHED_WATCHED, MATCHED_FAILED = 0.95, 0.80
COMPARABLE_WATCHED, COMPARABLE_FAILED = 0.30, 0.10
LATER_WATCHED, LATER_FAILED = 0.05, 0.20
UNUSABLE_FAILED = 0.10
PLACEBO_SIZE = 0.1
GAMMA_WATCHED = 1.25


def matched(matches: Matches) -> Check:
    """Check how many of the contacted found a comparable customer; below 80 % it fails."""
    found = float(matches.matched.mean()) if len(matches.treated) else math.nan
    return Check(
        name="matched",
        status=_by_share(found, MATCHED_WATCHED, MATCHED_FAILED),
        value=found,
        limit=MATCHED_FAILED,
        facts={"share": found},
        table=pd.DataFrame(
            {
                "treated_count": [len(matches.treated)],
                "matched_count": [int(matches.matched.sum())],
                "control_count": [matches.control_count],
            }
        ),
    )


def comparable(share: float, scores: pd.DataFrame) -> Check:
    """Check that the arms' propensity scores lie over one another; below 10 % it fails."""
    return Check(
        name="comparable",
        status=_by_share(share, COMPARABLE_WATCHED, COMPARABLE_FAILED),
        value=share,
        limit=COMPARABLE_FAILED,
        facts={"share": share},
        table=scores,
    )


def _by_share(found: float, watched: float, failed: float) -> str:
    if math.isnan(found):
        return "unknown"
    return "failed" if found < failed else "watch" if found < watched else "ok"


def balanced(table: pd.DataFrame) -> Check:
    """Check that matched customers are alike: no standardised difference above 0.1.

    Args:
        table: As :func:`cvm.campaigns.matched.balance_of_weights` gives it.
    """
    check_columns(table.columns, ("column", "smd"), "table")
    known = table.dropna(subset="smd")
    if known.empty:
        facts: dict[str, object] = {"largest": math.nan, "column": "–", "limit": BALANCE_LIMIT}
        return Check(
            name="balance",
            status="unknown",
            value=math.nan,
            limit=BALANCE_LIMIT,
            facts=facts,
            table=table,
        )
    sizes = known["smd"].abs().to_numpy()
    place = int(sizes.argmax())
    largest = float(sizes[place])
    return Check(
        name="balance",
        status="failed"
        if largest > 2 * BALANCE_LIMIT
        else "watch"
        if largest > BALANCE_LIMIT
        else "ok",
        value=largest,
        limit=BALANCE_LIMIT,
        facts={
            "largest": largest,
            "column": str(known["column"].iloc[place]),
            "limit": BALANCE_LIMIT,
        },
        table=table,
    )


def placebo_month(estimate: Estimate, deviation: float) -> Check:
    """Check that nothing "happened" in months before, on a level no covariate holds."""
    status = _placebo_status(estimate, deviation)
    return Check(
        name="placebo",
        status=status,
        value=estimate.p_value,
        limit=PLACEBO_LEVEL,
        facts={"found": int(status in ("failed", "watch")), "months": 1},
        table=_placebo_table(estimate, deviation),
    )


def placebo_outcome(estimate: Estimate, deviation: float) -> Check:
    """Check that nothing "happened" to an outcome that no offer can move."""
    size = estimate.effect / deviation if deviation > 0 else math.nan
    return Check(
        name="placebo_outcome",
        status=_placebo_status(estimate, deviation),
        value=estimate.p_value,
        limit=PLACEBO_LEVEL,
        facts={
            "outcome": estimate.outcome.name,
            "size": f"{size:+.2f}".replace("-", "−"),
            "p": estimate.p_value,
        },
        table=_placebo_table(estimate, deviation),
    )


def _placebo_status(estimate: Estimate, deviation: float) -> str:
    """Fail where a difference is both real and of a size that matters; watch a small one."""
    if not estimate.can_tell or not deviation > 0:
        return "unknown"
    if estimate.p_value >= PLACEBO_LEVEL:
        return "ok"
    return "failed" if abs(estimate.effect) / deviation >= PLACEBO_SIZE else "watch"


def _placebo_table(estimate: Estimate, deviation: float) -> pd.DataFrame:
    values = {name: getattr(estimate, name) for name in ("effect", "low", "high", "p_value")}
    return pd.DataFrame([{"outcome": estimate.outcome.name, "deviation": deviation, **values}])


def contacted_later(candidates: Candidates, matches: Matches) -> Check:
    """Check how many controls were contacted themselves before the window was over."""
    used = matches.controls[matches.controls >= 0]
    if not candidates.knows("contacted_later") or not len(used):
        found = math.nan
    else:
        found = float(candidates.column("contacted_later")[used].mean())
    status = "failed" if found >= LATER_FAILED else "watch" if found >= LATER_WATCHED else "ok"
    return Check(
        name="risk_sets",
        status="unknown" if math.isnan(found) else status,
        value=found,
        limit=LATER_FAILED,
        facts={"share": found},
        table=pd.DataFrame({"controls": [len(used)], "contacted_later": [found]}),
    )


def complete(candidates: Candidates) -> Check:
    """Check that customers in service have a row in every month of the window."""
    share = candidates.incomplete_share
    return Check(
        name="complete",
        status="failed" if share > MOST_MISSING else "watch" if share > 0 else "ok",
        value=share,
        limit=MOST_MISSING,
        facts={"share": share},
        table=pd.DataFrame({"rows": [len(candidates)], "left_out_share": [share]}),
    )


def contacts_usable(contacts: pd.DataFrame) -> Check:
    """Check how many contacts can be judged; those of customers who had left cannot.

    Args:
        contacts: As :func:`cvm.data.reduce_campaigns_matched.reduce_campaign_contacts` gives it.
    """
    check_columns(contacts.columns, ("status", "customers"), "contacts")
    counts = dict(zip(contacts["status"], contacts["customers"].astype(int), strict=True))
    total = sum(counts.values())
    lost = (total - counts.get("usable", 0)) / total if total else math.nan
    late = counts.get("after_leaving", 0) / total if total else math.nan
    status = "failed" if lost >= UNUSABLE_FAILED else "watch" if lost > 0 else "ok"
    return Check(
        name="contacts_usable",
        status="unknown" if not total else status,
        value=lost,
        limit=UNUSABLE_FAILED,
        facts={"lost": lost, "late": late},
        table=contacts,
    )


def hidden_bias(estimate: Estimate, gamma: float) -> Check:
    """Check how strong something unknown must be to explain the finding."""
    status = "watch" if gamma < GAMMA_WATCHED else "ok"
    return Check(
        name="hidden_bias",
        status=status if estimate.detected and math.isfinite(gamma) else "unknown",
        value=gamma,
        limit=GAMMA_WATCHED,
        facts={"gamma": f"{gamma:.2f}"},
    )


def deviation_of(values: npt.ArrayLike) -> float:
    """Return the standard deviation of the known values; 0 if fewer than two are known."""
    known = np.asarray(values, dtype=np.float64)
    known = known[np.isfinite(known)]
    return float(known.std(ddof=1)) if len(known) > 1 else 0.0
