"""Voice × data: value is a grid, not a line, where high voice may go with low data.

Cuts are chosen on the spread of each amount over customers (the middle begins at half of them, the
top at eight tenths, unless said otherwise), or given in yuan.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_between, check_columns
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.certificate import AREA
from cvm.segments.tiers import FIGURES

BANDS = ("low", "middle", "high")
UNKNOWN_BAND = "unknown"
TOTAL = "all"


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueGrid(Result):
    """Customers by voice and data spend.

    Attributes:
        cells: A row a cell: voice_band, data_band, customers, customer_share, revenue_yuan,
            revenue_share, margin_yuan, margin_share (NaN without costs), stopped_customers.
        cuts: ``voice`` and ``data`` → where the middle and the top begin (yuan a month).
        gamma: Goodman and Kruskal's gamma of the two bands: 1 if a customer with more voice never
            has less data, 0 if voice says nothing about data; NaN if one of them is all alike.
    """

    cells: pd.DataFrame
    cuts: Mapping[str, tuple[float, ...]]
    gamma: float

    view: ClassVar[str] = "cvm.views.segments_value:plot_grid"

    def summary(self) -> pd.DataFrame:
        """Return the cells, as described above; the empty ones too."""
        return self.cells

    def margins(self) -> pd.DataFrame:
        """Return the totals over rows and columns, marked ``all``."""
        parts = []
        for keys in (["voice_band"], ["data_band"], []):
            sums = (
                self.cells.groupby(keys, sort=False)[list(FIGURES)].sum(min_count=1).reset_index()
                if keys
                else self.cells[list(FIGURES)].sum(min_count=1).to_frame().T
            )
            parts.append(
                sums.assign(**{k: TOTAL for k in ("voice_band", "data_band") if k not in keys})
            )
        found = pd.concat(parts, ignore_index=True)
        return _with_shares(found, self.cells)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``value_grid``: the cells and, marked ``all``, the totals.

        Without who was stopped for arrears: in a cell they may be a few.
        """
        cells = pd.concat([self.cells, self.margins()], ignore_index=True)
        return {"value_grid": cells.drop(columns="stopped_customers")}

    def text(self, lang: str = "en") -> str:
        """Return what high voice says about data."""
        high = self.cells[self.cells["voice_band"] == BANDS[-1]]
        people = high["customers"].sum()
        if not people or not np.isfinite(self.gamma):
            return say(f"{AREA}.grid.cannot_tell", lang)
        by = high.set_index("data_band")["customers"]
        both = self.cells[
            (self.cells["voice_band"] == BANDS[-1]) & (self.cells["data_band"] == BANDS[-1])
        ]
        way = "together" if self.gamma > 0.1 else "against" if self.gamma < -0.1 else "apart"
        return say(
            f"{AREA}.grid.{way}",
            lang,
            people=format_number(people, lang),
            low=format_share(by.get(BANDS[0], 0) / people, decimals=0),
            high=format_share(by.get(BANDS[-1], 0) / people, decimals=0),
            gamma=f"{self.gamma:.2f}",
            both=format_share(both["customer_share"].sum(), decimals=1),
            revenue=format_share(both["revenue_share"].sum(), decimals=1),
        )


def choose_cuts(
    spread: pd.DataFrame, measure: str, *, step: float, shares: Sequence[float] = (0.5, 0.8)
) -> tuple[float, ...]:
    """Choose cuts so that about these shares of customers lie below them.

    Args:
        spread: Of :func:`cvm.data.reduce_segments.reduce_segments_spread`.
        measure: Which of its measures.
        step: Width of its bins.
        shares: Rising shares of customers (0–1).

    Returns:
        Ends of bins, rising; of equally near ones the lower. Customers of one bin stay together,
        so there may be fewer cuts than shares.

    Raises:
        DataError: The spread has nobody of this measure.

    Example:
        >>> spread = pd.DataFrame({"bin": [0, 1, 5], "customers": [5, 3, 2]})
        >>> spread = spread.assign(measure="voice_yuan")
        >>> choose_cuts(spread, "voice_yuan", step=10)
        (10.0, 20.0)
    """
    for share in shares:
        check_between(share, "shares", low=0, high=1)
    rows = spread[spread["measure"] == measure].sort_values("bin")
    if not rows["customers"].sum():
        raise DataError("spread", f"nobody with {measure}", "customers to choose cuts for")
    below = rows["customers"].cumsum().to_numpy(float) / rows["customers"].sum()
    ends = (rows["bin"].to_numpy() + 1) * float(step)
    chosen = {
        float(ends[np.argmin(np.abs(below[:-1] - share))]) for share in shares if len(below) > 1
    }
    return tuple(sorted(chosen))


def make_grid(cells: pd.DataFrame, cuts: Mapping[str, Sequence[float]]) -> ValueGrid:
    """Make the grid of cells of customers.

    Args:
        cells: Of :func:`cvm.data.reduce_segments.reduce_segments_cells` with the bands
            ``voice_yuan`` and ``data_yuan``; further groups are added up.
        cuts: ``voice`` and ``data`` → the cuts used (yuan a month).

    Raises:
        MissingDataError: A column is missing.
        DataError: Nobody, or more than three bands.
    """
    keys = ["voice_yuan_band", "data_yuan_band"]
    check_columns(cells.columns, [*keys, *FIGURES], "cells")
    if not cells["customers"].sum():
        raise DataError("cells", "nobody", "customers in service")
    most = int(cells[keys].max().max())
    if most >= len(BANDS):
        raise DataError("cuts", f"{most + 1} bands", f"at most {len(BANDS)} bands", available=BANDS)
    sums = cells.groupby(keys)[list(FIGURES)].sum(min_count=1)
    known = [range(len(cuts[name]) + 1) for name in ("voice", "data")]
    places = pd.MultiIndex.from_product(known, names=keys)
    unknown = sums.index.difference(places)
    blank = {name: 0.0 for name in FIGURES if name != "margin_yuan" or cells[name].notna().all()}
    table = sums.reindex(places.append(unknown)).fillna(blank)
    counts = table.loc[places, "customers"].to_numpy(float).reshape([len(part) for part in known])
    found = table.reset_index()
    for at, name in enumerate(("voice", "data")):
        found.insert(
            at, f"{name}_band", [_band(level, len(cuts[name])) for level in found[keys[at]]]
        )
    found = found.drop(columns=keys).astype({"customers": int, "stopped_customers": int})
    return ValueGrid(
        cells=_with_shares(found, found),
        cuts={name: tuple(map(float, values)) for name, values in cuts.items()},
        gamma=_gamma(counts),
    )


def grid_names(cuts: Mapping[str, Sequence[float]]) -> dict[str, dict[str, str]]:
    """Return the names of the grid's cells, as :func:`reduce_segments_kept` joins their levels."""
    names: dict[str, dict[str, str]] = {}
    for voice in range(-1, len(cuts["voice"]) + 1):
        for data in range(-1, len(cuts["data"]) + 1):
            bands = (_band(voice, len(cuts["voice"])), _band(data, len(cuts["data"])))
            names[f"{voice}·{data}"] = {lang: cell_name(*bands, lang) for lang in LANGUAGES}
    return names


def cell_name(voice_band: str, data_band: str, lang: str) -> str:
    """Return a cell's name for people.

    Example:
        >>> cell_name("high", "low", "zh")
        '语音高·数据低'
    """
    words = [say(f"{AREA}.band.{band}", lang) for band in (voice_band, data_band)]
    return say(f"{AREA}.grid.cell", lang, voice=words[0], data=words[1])


def _band(level: int, cuts: int) -> str:
    """Name a band: with one cut there is no middle."""
    if level < 0:
        return UNKNOWN_BAND
    return BANDS[-1] if level == cuts and level else BANDS[level]


def _with_shares(rows: pd.DataFrame, base: pd.DataFrame) -> pd.DataFrame:
    found = rows[["voice_band", "data_band"]].copy()
    for name, share in (
        ("customers", "customer_share"),
        ("revenue_yuan", "revenue_share"),
        ("margin_yuan", "margin_share"),
    ):
        total = base[name].sum()
        found[name] = rows[name]
        # A share of a total that is not above zero says nothing.
        found[share] = rows[name] / total if total > 0 else np.nan
    found["stopped_customers"] = rows["stopped_customers"]
    return found


def _gamma(counts: np.ndarray) -> float:
    """Return (concordant − discordant) ÷ (concordant + discordant) pairs."""
    agree = against = 0.0
    for row in range(counts.shape[0]):
        for column in range(counts.shape[1]):
            agree += counts[row, column] * counts[row + 1 :, column + 1 :].sum()
            against += counts[row, column] * counts[row + 1 :, :column].sum()
    return (agree - against) / (agree + against) if agree + against else float("nan")
