"""RFM: recency, frequency and amount, scored by fifths of the customers, and the eight classes.

Customers with the same figure get the same score, so a fifth may be larger or smaller than a
fifth; the score is that of the middle of those who are alike. Classes are the usual eight of
high and low: 重要价值 (high, high, high) to 一般挽留.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_between, check_columns, check_one_of
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.certificate import AREA

Measured = Literal["spend", "points", "recharges"]
MEASURED: tuple[Measured, ...] = ("spend", "points", "recharges")
SCORES = ("recency_score", "frequency_score", "amount_score")
CLASSES = {
    (True, True, True): "key_value",
    (True, False, True): "key_develop",
    (False, True, True): "key_keep",
    (False, False, True): "key_rescue",
    (True, True, False): "plain_value",
    (True, False, False): "plain_develop",
    (False, True, False): "plain_keep",
    (False, False, False): "plain_rescue",
}
"""(recent, frequent, large) → class."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Rfm(Result):
    """Customers by RFM scores and class.

    Attributes:
        cells: A row a combination of scores (5 is best): recency_score, frequency_score,
            amount_score, class, customers, amount.
        cuts: Score → the figure from which it is given, a column a measure: recency_months (at
            most), frequency (at least), amount (at least).
        told: Measures that tell customers apart; the others have one score for everybody.
        bounds: From where recency_months (at most), frequency and amount_bin (at least) are high.
        measured: What the amount is: money spent, points redeemed, or money recharged.
    """

    cells: pd.DataFrame
    cuts: pd.DataFrame
    told: tuple[str, ...]
    bounds: Mapping[str, int]
    measured: Measured = "spend"

    view: ClassVar[str] = "cvm.views.segments_value:plot_rfm"

    def summary(self) -> pd.DataFrame:
        """Return a row a class: class, customers, customer_share, amount, amount_share."""
        sums = self.cells.groupby("class")[["customers", "amount"]].sum()
        sums = sums.reindex(list(CLASSES.values()), fill_value=0)
        return pd.DataFrame(
            {
                "class": sums.index,
                "customers": sums["customers"].to_numpy(),
                "customer_share": (sums["customers"] / sums["customers"].sum()).to_numpy(),
                "amount": sums["amount"].to_numpy(),
                "amount_share": (sums["amount"] / sums["amount"].sum()).to_numpy(),
            }
        )

    def grid(self) -> pd.DataFrame:
        """Return customers and amount by recency and frequency score."""
        keys = list(SCORES[:2])
        return self.cells.groupby(keys, as_index=False)[["customers", "amount"]].sum()

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``rfm_classes`` and ``rfm_grid``."""
        grid = self.grid()
        for name in SCORES[:2]:
            grid[name] = grid[name].astype(str)
        return {"rfm_classes": self.summary(), "rfm_grid": grid}

    def text(self, lang: str = "en") -> str:
        """Return how much the best class holds, and whom to win back."""
        rows: dict[str, Any] = {row["class"]: row for row in self.summary().to_dict("records")}
        best, keep = rows["key_value"], rows["key_keep"]
        text = say(
            f"{AREA}.rfm.{self.measured}",
            lang,
            customers=format_number(self.cells["customers"].sum(), lang),
            best=format_share(best["customer_share"], decimals=0),
            amount=format_share(best["amount_share"], decimals=0),
            keep=format_number(keep["customers"], lang),
            kept_amount=format_share(keep["amount_share"], decimals=0),
        )
        silent = [name for name in ("recency", "frequency", "amount") if name not in self.told]
        if silent:
            join = "、" if lang == "zh" else ", "
            names = join.join(say(f"{AREA}.rfm.{name}", lang) for name in silent)
            text += say(f"{AREA}.rfm.alike", lang, measures=names)
        return text


def score_rfm(cells: pd.DataFrame, *, parts: int = 5, measured: Measured = "spend") -> Rfm:
    """Score cells of recency, frequency and amount.

    Args:
        cells: Of :func:`cvm.data.reduce_segments_shapes.reduce_segments_rfm`.
        parts: Scores, 1 to ``parts``.
        measured: What the amount is: money spent, points redeemed, or money recharged.

    Raises:
        ArgumentError: ``parts`` or ``measured`` is not possible.
        MissingDataError: A column is missing.
        DataError: Nobody bought.
    """
    check_between(parts, "parts", low=2, high=10)
    check_one_of(measured, "measured", MEASURED)
    measures = ["recency_months", "frequency", "amount_bin"]
    check_columns(cells.columns, [*measures, "customers", "amount"], "cells")
    if not cells["customers"].sum():
        raise DataError("cells", "nobody", "customers with a purchase in the window")
    rows = cells.copy()
    told = []
    for measure, score in zip(measures, SCORES, strict=True):
        value = -rows[measure] if measure == "recency_months" else rows[measure]
        rows[score] = _fifths(value, rows["customers"], parts)
        if len(set(rows[measure])) > 1:
            told.append(score.removesuffix("_score"))
    half = (parts + 1) / 2
    high = (rows[list(SCORES)] >= half).to_numpy()
    rows["class"] = [CLASSES[bool(r), bool(f), bool(m)] for r, f, m in high]
    keys = [*SCORES, "class"]
    found = rows.groupby(keys, as_index=False)[["customers", "amount"]].sum()
    return Rfm(
        cells=found,
        cuts=_cuts(rows),
        told=tuple(told),
        bounds=_bounds(rows, measures, half),
        measured=measured,
    )


def _fifths(value: pd.Series, weight: pd.Series, parts: int) -> np.ndarray:
    """Score by the middle rank of those with the same figure."""
    each = weight.groupby(value).sum().sort_index()
    middle = (each.cumsum() - each / 2) / each.sum()
    score = np.minimum(np.floor(middle * parts).astype(int) + 1, parts)
    return value.map(score).to_numpy(int)


def _bounds(rows: pd.DataFrame, measures: list[str], half: float) -> dict[str, int]:
    found = {}
    for measure, score in zip(measures, SCORES, strict=True):
        high = rows.loc[rows[score] >= half, measure]
        # If nobody is high, no figure there is reaches the bound.
        beyond = rows[measure].min() - 1 if measure == "recency_months" else rows[measure].max() + 1
        edge = high.max() if measure == "recency_months" else high.min()
        found[measure] = int(edge if len(high) else beyond)
    return found


def rfm_class_names() -> dict[str, dict[str, str]]:
    """Return the classes' names as :func:`reduce_segments_rfm_kept` writes the classes."""
    return {
        "".join(str(int(part)) for part in key): {
            lang: say(f"{AREA}.rfm.{name}", lang) for lang in LANGUAGES
        }
        for key, name in CLASSES.items()
    }


def _cuts(rows: pd.DataFrame) -> pd.DataFrame:
    mean = (rows["amount"] / rows["customers"]).groupby(rows["amount_score"]).min()
    return (
        pd.DataFrame(
            {
                "recency_months": rows.groupby("recency_score")["recency_months"].max(),
                "frequency": rows.groupby("frequency_score")["frequency"].min(),
                "amount": mean,
            }
        )
        .rename_axis("score")
        .reset_index()
    )
