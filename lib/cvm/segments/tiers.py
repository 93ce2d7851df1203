"""The pyramid: who stands on which tier, what they bring, and what a tier costs a year.

Counts are exact. Costs rest on the tier book (rebates, overdrafts, services and their uses) and on
the stated assumptions of :class:`TierCosts`; they say what tiers cost, not what they earn by
keeping customers, which is for campaigns with a control to tell.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_between, check_columns
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.tierbook import TierBook
from cvm.segments.tiers_rules import NONE, UNRATED, Ladder
from cvm.segments.tiers_shown import shown_pyramid

AREA = "segments_value"
FIGURES = ("customers", "revenue_yuan", "margin_yuan", "stopped_customers")
"""What every cell of customers carries."""

COSTS = ("points_yuan", "rebate_yuan", "serve_yuan", "loss_yuan")
"""The parts of a tier's yearly cost."""

SUMS = ("revenue_yuan", "margin_yuan", *COSTS, "overdraft_limit_yuan", "exposure_yuan")


@dataclass(frozen=True, kw_only=True)
class TierCosts:
    """What a tier's promises cost, where the tier book does not say.

    Attributes:
        points_per_yuan: Points an ordinary customer earns for a yuan of bill.
        cost_yuan_per_point: Cost of a redeemed point (yuan).
        redeemed_share: Share of points that are ever redeemed (0–1).
        loss_share: Share of the overdraft limit lost, on average, with a customer who was stopped
            for arrears within the last twelve months (0–1).
    """

    points_per_yuan: float = 1.0
    cost_yuan_per_point: float = 0.02
    redeemed_share: float = 0.8
    loss_share: float = 0.1

    def __post_init__(self) -> None:
        check_between(self.points_per_yuan, "points_per_yuan", low=0, high=1_000)
        check_between(self.cost_yuan_per_point, "cost_yuan_per_point", low=0, high=1_000)
        check_between(self.redeemed_share, "redeemed_share", low=0, high=1)
        check_between(self.loss_share, "loss_share", low=0, high=1)

    @property
    def points_share(self) -> float:
        """Cost of an ordinary customer's points ÷ revenue."""
        return self.points_per_yuan * self.cost_yuan_per_point * self.redeemed_share


@dataclass(frozen=True, kw_only=True, eq=False)
class TierPyramid(Result):
    """Customers by tier, with what they bring and cost in twelve months.

    Attributes:
        month: The month of the rating.
        rows: See :meth:`summary`.
        terms: See :func:`tier_terms`.
        ladders: The ladders, by name.
        held: Ladder → share of customers whose tier in the data is the one the book gives; empty
            if the data carry no tiers.
    """

    month: date
    rows: pd.DataFrame
    terms: pd.DataFrame
    ladders: Mapping[str, Ladder]
    held: Mapping[str, float]

    view: ClassVar[str] = "cvm.views.segments_tiers:plot_pyramid"

    def summary(self) -> pd.DataFrame:
        """Return a row a ladder and tier, the highest first; the empty ones too.

        Returns:
            Columns ladder, tier, customers, customer_share, revenue_yuan, revenue_share,
            margin_yuan, stopped_customers, points_yuan, rebate_yuan, serve_yuan, loss_yuan (parts
            of the yearly cost), overdraft_limit_yuan, exposure_yuan (limits of customers stopped
            for arrears in the window) and net_yuan (margin less the parts; NaN without costs).
        """
        return self.rows

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``tier_pyramid`` and ``tier_terms``, as :func:`for_snapshot` writes tiers.

        Where few were stopped for arrears, tiers share a rate; see
        :mod:`cvm.segments.tiers_shown`.
        """
        shown = shown_pyramid(self.rows, self.terms)
        return {"tier_pyramid": for_snapshot(shown), "tier_terms": for_snapshot(self.terms)}

    def text(self, lang: str = "en") -> str:
        """Return, for each ladder, who is on it, who is on top, and what it costs."""
        return (" " if lang == "en" else "").join(
            self._ladder_text(name, lang) for name in self.ladders
        )

    def _ladder_text(self, name: str, lang: str) -> str:
        rows = self.rows[self.rows["ladder"] == name]
        rated = rows[~rows["tier"].isin([NONE, UNRATED])]
        label = say(f"{AREA}.ladder.{name}", lang)
        if not rated["customers"].sum():
            return say(f"{AREA}.pyramid.nobody", lang, ladder=label)
        top = rated.iloc[0]
        values = {
            "ladder": label,
            "rated": format_number(rated["customers"].sum(), lang),
            "share": format_share(rated["customer_share"].sum(), decimals=0),
            "revenue": format_share(rated["revenue_share"].sum(), decimals=0),
            "top": tier_name(self.ladders[name], str(top["tier"]), lang),
            "customers": format_number(top["customers"], lang),
            "serve": format_yuan(rated["serve_yuan"].sum(), lang),
        }
        text = say(f"{AREA}.pyramid.{'fit' if top['customers'] else 'top_empty'}", lang, **values)
        if rated["overdraft_limit_yuan"].sum():
            text += say(
                f"{AREA}.pyramid.overdraft",
                lang,
                limit=format_yuan(rated["overdraft_limit_yuan"].sum(), lang),
                exposure=format_yuan(rated["exposure_yuan"].sum(), lang),
            )
        return text


def tally_tiers(
    cells: pd.DataFrame, book: TierBook, month: date, *, costs: TierCosts | None = None
) -> TierPyramid:
    """Make the pyramid of cells of customers.

    Args:
        cells: Of :func:`cvm.data.reduce_segments.reduce_segments_cells`, a level column for each
            ladder rated; with ``vip_tier`` and ``star`` among its groups, what the data say is
            compared with what the book gives.
        book: The tier book.
        month: The month rated in.
        costs: Assumptions.

    Raises:
        MissingDataError: A column is missing.
        DataError: No ladder of the book was rated, or nobody is in service.
    """
    costs = costs or TierCosts()
    check_columns(cells.columns, FIGURES, "cells")
    edition = book.edition_in(month)
    ladders = {name: item for name, item in edition.ladders.items() if name in cells}
    if not ladders or not cells["customers"].sum():
        raise DataError(
            "cells",
            "nobody" if ladders else "without a rated ladder",
            "customers in service with a level for at least one ladder",
            available=list(edition.ladders),
        )
    parts = [
        tier_rows(cells, name, ladder, level=name, costs=costs) for name, ladder in ladders.items()
    ]
    return TierPyramid(
        month=month,
        rows=pd.concat(parts, ignore_index=True),
        terms=tier_terms(ladders, costs),
        ladders=ladders,
        held=_held(cells, ladders),
    )


def tier_rows(
    cells: pd.DataFrame, name: str, ladder: Ladder, *, level: str, costs: TierCosts
) -> pd.DataFrame:
    """Return one ladder's customers by tier, the highest first; see :class:`TierPyramid`."""
    levels = list(range(len(ladder.tiers), -2, -1))
    sums = cells.groupby(level)[list(FIGURES)].sum(min_count=1).reindex(levels)
    known_margin = cells["margin_yuan"].notna().all()
    sums = (
        sums.fillna(0.0)
        if known_margin
        else sums.fillna({c: 0.0 for c in FIGURES if c != "margin_yuan"})
    )
    rows = sums.reset_index(drop=True)
    rows.insert(0, "tier", [ladder.level_name(value) for value in levels])
    rows.insert(0, "ladder", name)
    rows["customers"] = rows["customers"].astype(int)
    rows["stopped_customers"] = rows["stopped_customers"].astype(int)
    rows.insert(3, "customer_share", rows["customers"] / rows["customers"].sum())
    total = rows["revenue_yuan"].sum()
    rows.insert(5, "revenue_share", rows["revenue_yuan"] / total if total else np.nan)
    return pd.concat([rows, cost_columns(rows, ladder, costs)], axis=1).assign(
        net_yuan=lambda found: found["margin_yuan"] - found[list(COSTS)].sum(axis=1)
    )


def cost_columns(
    rows: pd.DataFrame, ladder: Ladder, costs: TierCosts, *, tier: str = "tier"
) -> pd.DataFrame:
    """Return what rows of customers cost on the tier they are on (yuan a year).

    Args:
        rows: With the tier's code, customers, revenue_yuan and stopped_customers.
        ladder: The ladder.
        costs: Assumptions.
        tier: The column that holds the code.

    Returns:
        Columns points_yuan, rebate_yuan, serve_yuan, loss_yuan, overdraft_limit_yuan,
        exposure_yuan.
    """
    given = {item.name: item for item in ladder.tiers}

    def of(value: str, otherwise: float) -> pd.Series:
        found = [getattr(given[code], value) if code in given else otherwise for code in rows[tier]]
        return pd.Series(found, index=rows.index, dtype=float)

    serve = pd.Series([ladder.serve_yuan(code) for code in rows[tier]], index=rows.index)
    limit = of("overdraft_yuan", 0.0)
    exposure = limit * rows["stopped_customers"]
    return pd.DataFrame(
        {
            "points_yuan": of("points_multiplier", 1.0) * rows["revenue_yuan"] * costs.points_share,
            "rebate_yuan": of("rebate_share", 0.0) * rows["revenue_yuan"],
            "serve_yuan": serve * rows["customers"],
            "loss_yuan": costs.loss_share * exposure,
            "overdraft_limit_yuan": limit * rows["customers"],
            "exposure_yuan": exposure,
        }
    )


def tier_terms(ladders: Mapping[str, Ladder], costs: TierCosts) -> pd.DataFrame:
    """Return what a tier gives, as figures a lever can work with.

    Returns:
        A row a ladder and tier, the lowest first, ``none`` before them: ladder, tier, name_en,
        name_zh, place (0 for none), from_score (missing for none), revenue_cost_share (points and
        rebate ÷ revenue), serve_yuan (a customer a year), overdraft_yuan (a customer), loss_share.
        A tier's yearly cost is revenue × revenue_cost_share + customers × serve_yuan + stopped
        customers × overdraft_yuan × loss_share.
    """
    rows = []
    for name, ladder in ladders.items():
        rows.append((name, NONE, 0, np.nan, costs.points_share, 0.0, 0.0))
        for place, tier in enumerate(ladder.tiers, start=1):
            share = tier.points_multiplier * costs.points_share + tier.rebate_share
            serve = ladder.serve_yuan(tier.name)
            rows.append(
                (name, tier.name, place, tier.from_score, share, serve, tier.overdraft_yuan)
            )
    columns = [
        "ladder", "tier", "place", "from_score", "revenue_cost_share", "serve_yuan",
        "overdraft_yuan",
    ]  # fmt: skip
    found = pd.DataFrame(rows, columns=columns)
    pairs = list(zip(found["ladder"], found["tier"], strict=True))
    for at, lang in enumerate(("en", "zh")):
        names = [tier_name(ladders[ladder], tier, lang) for ladder, tier in pairs]
        found.insert(2 + at, f"name_{lang}", names)
    return found.assign(loss_share=costs.loss_share)


def tier_name(ladder: Ladder, tier: str, lang: str) -> str:
    """Return a tier's name for people."""
    for item in ladder.tiers:
        if item.name == tier:
            return item.zh if lang == "zh" else item.en
    return say(f"{AREA}.tier.{tier}", lang)


def for_snapshot(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table of tiers with a word of its own for each ladder's ``none`` and ``unrated``.

    In a snapshot a group's value means one group wherever it stands: with one word for all ladders,
    customers of different ladders would be added up, and cells withheld that need not be.

    Args:
        frame: With columns ladder and tier.

    Returns:
        A copy, in which those tiers read ``cards_none``, ``stars_unrated`` and so on.
    """
    same = frame["tier"].isin([NONE, UNRATED])
    return frame.assign(tier=frame["tier"].where(~same, frame["ladder"] + "_" + frame["tier"]))


def level_names(ladder: Ladder) -> dict[str, dict[str, str]]:
    """Return the names of a ladder's levels, for a certificate."""
    codes = {str(level): ladder.level_name(level) for level in range(-1, len(ladder.tiers) + 1)}
    return {
        level: {lang: tier_name(ladder, code, lang) for lang in LANGUAGES}
        for level, code in codes.items()
    }


def _held(cells: pd.DataFrame, ladders: Mapping[str, Ladder]) -> dict[str, float]:
    """Return the share of customers whose tier in the data is the one the book gives."""
    found = {}
    for name, column in (("cards", "vip_tier"), ("stars", "star"), ("corporate", "grade")):
        if name not in ladders or column not in cells:
            continue
        given = [ladders[name].level_name(max(int(level), 0)) for level in cells[name]]
        said = cells[column].astype(str).replace({"0": NONE, "unknown": NONE})
        same = np.asarray(given) == said.to_numpy()
        found[name] = float(cells["customers"].to_numpy()[same].sum() / cells["customers"].sum())
    return found
