"""The sentences of lifetimes, values and back-tests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan

AREA = "segments_lifetime"
_CLEAR = 0.05
_MOST_NAMES = 5
# A sentence names no tier of fewer customers.
FEWEST_NAMED = 10


def join_names(names: Iterable[str], lang: str) -> str:
    """Return names in a row, a few of them, as a person would list them."""
    known = list(names)
    comma = "、" if lang == "zh" else ", "
    text = comma.join(group_name(name, lang) for name in known[:_MOST_NAMES])
    if len(known) > _MOST_NAMES:
        text += say(f"{AREA}.and_more", lang, count=len(known) - _MOST_NAMES)
    return text


def group_name(name: str, lang: str) -> str:
    """Return a group's name for people: "all" and "unknown" are said, tiers keep their own.

    Example:
        >>> group_name("all", "zh"), group_name("gold", "en")
        ('全部客户', 'gold')
    """
    if name in ("all", "unknown", "diamond", "gold", "silver", "vip", "none"):
        return say(f"{AREA}.group.{name}", lang)
    return name


def fit_text(summary: pd.DataFrame, differ_p: float, lang: str) -> str:
    """Return how customers leave, whether tiers differ, and what cannot be told."""
    said = []
    told = summary[summary["reason"] == ""]
    if len(told):
        worst = told.iloc[int(told["churn_share"].argmax())]
        best = told.iloc[int(told["churn_share"].argmin())]
        if len(told) == 1:
            key, row = ("alike", worst) if worst["alike"] else ("one", worst)
            said.append(
                say(
                    f"{AREA}.fit.{key}",
                    lang,
                    group=group_name(row["group"], lang),
                    churn=format_share(row["first_churn_share"]),
                    alpha=format_number(row["alpha"], lang),
                    low=format_number(row["alpha_low"], lang),
                    high=format_number(row["alpha_high"], lang),
                )
            )
        else:
            said.append(
                say(
                    f"{AREA}.fit.range",
                    lang,
                    worst=group_name(worst["group"], lang),
                    worst_churn=format_share(worst["churn_share"]),
                    best=group_name(best["group"], lang),
                    best_churn=format_share(best["churn_share"]),
                )
            )
            if np.isfinite(differ_p):
                key = "differ" if differ_p < _CLEAR else "same"
                said.append(say(f"{AREA}.fit.{key}", lang))
    for reason, rows in summary[summary["reason"] != ""].groupby("reason", sort=True):
        said.append(
            say(
                f"{AREA}.cannot_tell.{reason}",
                lang,
                groups=join_names(rows["group"], lang),
                most=format_share(rows["most_churn_share"].max(), decimals=2),
            )
        )
    return _sentences(said, lang)


def value_text(summary: pd.DataFrame, total: dict[str, float], stated: dict, lang: str) -> str:
    """Return what the base is worth, under which assumptions, and what loses money."""
    said = []
    told = summary[summary["reason"] == ""]
    if len(told):
        said.append(
            say(
                f"{AREA}.value.total",
                lang,
                customers=format_number(total["customers"], lang),
                value=format_yuan(total["value_yuan"], lang),
                low=format_yuan(total["low_yuan"], lang),
                high=format_yuan(total["high_yuan"], lang),
                rate=format_share(stated["discount_rate_year"]),
                confidence=format_share(stated["confidence"], decimals=0),
            )
        )
    losing = told[told["value_yuan"] < 0]
    if len(losing):
        said.append(say(f"{AREA}.value.losing", lang, groups=join_names(losing["group"], lang)))
    dark = summary[summary["reason"] != ""]
    if len(dark):
        said.append(
            say(
                f"{AREA}.value.left_out",
                lang,
                groups=join_names(dark["group"], lang),
                customers=format_number(dark["customers"].sum(), lang),
            )
        )
    return _sentences(said, lang)


def backtest_text(row: dict[str, float], lang: str) -> str:
    """Return how far the forecast and the naive one were from what came."""
    if not np.isfinite(row["model_error_share"]):
        return say(f"{AREA}.backtest.cannot_tell", lang)
    better = row["model_error_share"] < row["naive_error_share"]
    return say(
        f"{AREA}.backtest.{'better' if better else 'worse'}",
        lang,
        periods=int(row["periods"]),
        model=format_share(row["model_error_share"]),
        naive=format_share(row["naive_error_share"]),
        inside=format_share(row["inside_share"], decimals=0),
        confidence=format_share(row["confidence"], decimals=0),
    )


def tiers_text(
    table: pd.DataFrame, total: dict[str, float], horizon: int, stated: dict[str, float], lang: str
) -> str:
    """Return who is worth most and least a customer, what a point of retention adds, and gaps."""
    said = []
    told = table[table["reason"] == ""]
    shared = {
        "horizon": horizon,
        "rate": format_share(stated["discount_rate_year"], decimals=0),
        "confidence": format_share(stated["confidence"], decimals=0),
    }
    named = told[told["customers"] >= FEWEST_NAMED].sort_values("value_yuan", kind="stable")
    if len(named):
        key = "first" if len(table) > 1 else "one"
        said.append(say(f"{AREA}.tiers.{key}", lang, **shared, **_worth(named.iloc[-1], lang)))
        if len(named) > 1:
            said.append(say(f"{AREA}.tiers.last", lang, **_worth(named.iloc[0], lang)))
        if len(named) < len(told):
            said.append(say(f"{AREA}.tiers.few", lang, fewest=FEWEST_NAMED))
        said.append(
            say(
                f"{AREA}.tiers.total",
                lang,
                customers=format_number(total["customers"], lang),
                value=format_yuan(total["value_yuan"], lang),
                low=format_yuan(total["low_yuan"], lang),
                high=format_yuan(total["high_yuan"], lang),
                point=format_yuan(float((told["point_yuan"] * told["customers"]).sum()), lang),
            )
        )
    losing = told[told["value_yuan"] < 0]
    if len(losing):
        said.append(say(f"{AREA}.value.losing", lang, groups=join_names(losing["tier"], lang)))
    for reason, rows in table[table["reason"] != ""].groupby("reason", sort=True):
        said.append(
            say(
                f"{AREA}.tiers.dark.{reason}",
                lang,
                groups=join_names(rows["tier"], lang),
                customers=format_number(rows["customers"].sum(), lang),
                least=format_number(rows["further_months_low"].min(), lang),
            )
        )
    return _sentences(said, lang)


def _worth(row: pd.Series, lang: str) -> dict[str, str]:
    return {
        "group": group_name(row["tier"], lang),
        "months": format_number(row["further_months"], lang),
        "value": format_yuan(row["value_yuan"], lang),
        "low": format_yuan(row["value_yuan_low"], lang),
        "high": format_yuan(row["value_yuan_high"], lang),
    }


def _sentences(said: list[str], lang: str) -> str:
    return ("" if lang == "zh" else " ").join(said)
