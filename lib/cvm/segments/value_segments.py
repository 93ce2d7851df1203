"""The answer to "who are our valuable customers": the parts above, in a few sentences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.certificate import AREA
from cvm.segments.clusters import Clusters
from cvm.segments.concentration import Concentration
from cvm.segments.scenes import Scenes, scene_name
from cvm.segments.tiers import TierPyramid
from cvm.segments.tiers_change import TierChange
from cvm.segments.tiers_rules import NONE, UNRATED


@dataclass(frozen=True, kw_only=True, eq=False)
class ValueSegments(Result):
    """Who is valuable, as far as the data tell.

    Attributes:
        concentration: How concentrated value is, if any amount is known.
        pyramid: Tiers, if any ladder could be rated.
        scenes: Usage scenes, if usage is known.
        clusters: Clusters, if there are features.
        change: A proposal against the rules in force, if there is one.
        measured: What value is: ``margin`` or ``revenue``.
    """

    concentration: Concentration | None = None
    pyramid: TierPyramid | None = None
    scenes: Scenes | None = None
    clusters: Clusters | None = None
    change: TierChange | None = None
    measured: str = "margin"

    view: ClassVar[str] = "cvm.views.segments_value:plot_answer"

    def __post_init__(self) -> None:
        if self.measured not in ("margin", "revenue"):
            raise DataError("measured", self.measured, "margin or revenue")

    def summary(self) -> pd.DataFrame:
        """Return the headline figures: figure, value."""
        rows: list[tuple[str, float]] = []
        if self.concentration is not None:
            rows = [
                ("customers", self.concentration.customers),
                ("top_tenth_share", self.concentration.share_of_top(0.1)),
                ("gini", self.concentration.gini),
            ]
        if self.pyramid is not None:
            for name in self.pyramid.ladders:
                share, revenue, serve = self._ladder(name)
                rows += [
                    (f"{name}_customer_share", share),
                    (f"{name}_revenue_share", revenue),
                    (f"{name}_serve_yuan", serve),
                ]
        if self.clusters is not None:
            rows.append(("clusters", float(len(self.clusters.rows))))
            rows.append(("least_jaccard", float(self.clusters.rows["jaccard"].min())))
        if self.change is not None:
            rows.append(("proposal_yuan", float(self.change.summary()["cost_change_yuan"].sum())))
        return pd.DataFrame(rows, columns=["figure", "value"])

    def text(self, lang: str = "en") -> str:
        """Return a sentence a part that is known."""
        parts = []
        found = self.concentration
        if found is not None:
            parts.append(
                say(
                    f"{AREA}.answer.{self.measured}",
                    lang,
                    customers=format_number(found.customers, lang),
                    top=format_share(found.share_of_top(0.1), decimals=0),
                )
            )
        if self.pyramid is not None:
            name = next(iter(self.pyramid.ladders))
            share, revenue, serve = self._ladder(name)
            parts.append(
                say(
                    f"{AREA}.answer.tiers",
                    lang,
                    ladder=say(f"{AREA}.ladder.{name}", lang),
                    share=format_share(share, decimals=0),
                    revenue=format_share(revenue, decimals=0),
                    serve=format_yuan(serve, lang),
                )
            )
        if self.scenes is not None:
            held = self.scenes.rows[self.scenes.rows["customers"] > 0]
            place = int(held["revenue_each_yuan"].to_numpy(float).argmax())
            parts.append(
                say(
                    f"{AREA}.answer.scene",
                    lang,
                    scene=scene_name(str(held["scene"].iloc[place]), lang),
                    share=format_share(float(held["customer_share"].iloc[place]), decimals=0),
                    each=format_yuan(float(held["revenue_each_yuan"].iloc[place]), lang),
                )
            )
        if self.clusters is not None:
            parts.append(self._clusters_text(self.clusters, lang))
        if self.change is not None:
            parts.append(self.change.text(lang))
        if not parts:
            return say(f"{AREA}.answer.cannot_tell", lang)
        return (" " if lang == "en" else "").join(parts)

    def _ladder(self, name: str) -> tuple[float, float, float]:
        """Return a ladder's share of customers and revenue, and its cost to serve (yuan)."""
        assert self.pyramid is not None
        rows = self.pyramid.rows
        rated = rows[(rows["ladder"] == name) & ~rows["tier"].isin([NONE, UNRATED])]
        sums = rated[["customer_share", "revenue_share", "serve_yuan"]].sum()
        return (
            float(sums["customer_share"]),
            float(sums["revenue_share"]),
            float(sums["serve_yuan"]),
        )

    def _clusters_text(self, clusters: Clusters, lang: str) -> str:
        key = "stable" if clusters.certificate().stable else "unstable"
        return say(
            f"{AREA}.answer.clusters_{key}",
            lang,
            clusters=len(clusters.rows),
            least=f"{clusters.rows['jaccard'].min():.2f}",
        )
