"""What the campaigns page shows of one campaign without a random control, or beside one.

Designs side by side, how alike the matched were, and months before and after branches started.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from cvm.campaigns.checks import BALANCE_LIMIT
from cvm.campaigns.compare_designs import comparison_from, label_name
from cvm.core.i18n import say
from cvm.views.campaigns_matched import covariate_name

AREA = "campaigns_page"


def signed(value: float) -> str:
    """Return customers per 1,000 with their sign, in whole customers from ten on."""
    if pd.isna(value):
        return "–"
    text = f"{abs(value):.0f}" if abs(value) >= 9.95 else f"{abs(value):.1f}"
    return ("−" if value < 0 else "+") + text


def interval_row(label: str, effect: float, low: float, high: float, lang: str) -> dict[str, Any]:
    """Return customers kept per 1,000 with their interval from an effect on churn, turned round."""
    ends = [-1000 * float(value) for value in (high, effect, low)]
    text = say(
        f"{AREA}.detail.row", lang, kept=signed(ends[1]), low=signed(ends[0]), high=signed(ends[2])
    )
    return {"label": label, "low": ends[0], "kept": ends[1], "high": ends[2], "text": text}


def designs_of(frame: pd.DataFrame | None, lang: str) -> dict[str, Any]:
    """Return every design's customers kept per 1,000, and whether they agree; empty if unknown."""
    if frame is None or frame.empty:
        return {}
    comparison = comparison_from(frame)
    if comparison is None:
        return {}
    rows = []
    for label, one in {**comparison.rows, **comparison.naive}.items():
        name = label_name(label, lang)
        if one.can_tell:
            row = interval_row(name, one.effect, one.low, one.high, lang)
            row["detected"] = one.detected
        else:
            row = {"label": name, "text": say("campaigns.chart.cannot_tell", lang)}
        rows.append(row | {"naive": label in comparison.naive})
    return {"rows": rows, "sentence": comparison.text(lang)}


def balance_of(frame: pd.DataFrame | None, lang: str) -> dict[str, Any]:
    """Return how far apart the contacted and others were, before and after matching."""
    if frame is None or frame.empty:
        return {}
    known = frame.dropna(subset=["customers", "before", "after"])
    if known.empty:
        return {}
    rows = [
        {
            "label": covariate_name(str(row["covariate"]), lang),
            "before": float(row["before"]),
            "after": float(row["after"]),
            "text": say(
                f"{AREA}.detail.balance_row",
                lang,
                before=f"{abs(row['before']):.2f}",
                after=f"{abs(row['after']):.2f}",
            ),
        }
        for row in known.to_dict("records")
    ]
    return {
        "rows": rows,
        "limit": BALANCE_LIMIT,
        "note": say(f"{AREA}.detail.balance_note", lang, limit=f"{BALANCE_LIMIT:g}"),
    }


def events_of(frame: pd.DataFrame | None, lang: str) -> dict[str, Any]:
    """Return the effect on monthly churn by months since the start, in percentage points."""
    if frame is None or frame.empty:
        return {}
    known = frame.dropna(subset=["customers", "effect", "low", "high"]).sort_values("since")
    if known.empty:
        return {}
    after = known.loc[known["since"] >= 0, "effect"]
    points = [
        [int(row["since"]), *(100 * float(row[name]) for name in ("effect", "low", "high"))]
        for row in known.to_dict("records")
    ]
    mean = 100 * float(after.mean()) if len(after) else 0.0
    shown = f"{abs(mean):.2f}"
    alt = say(f"{AREA}.live.events_alt", lang, mean=("−" if mean < 0 else "+") + shown)
    return {"points": points, "alt": alt}
