"""Usage scenes: data, business travel, local, mixed, by rules a person can say.

Roaming decides first (business travel), then how the bill is split between voice and data; what is
neither is mixed. The rules are settings, not findings: :class:`~cvm.segments.certificate` says
whether customers stay in their scene.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_between, check_columns
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.certificate import AREA
from cvm.segments.tiers import FIGURES

SCENES = ("data", "business_travel", "local", "mixed")


@dataclass(frozen=True, kw_only=True)
class SceneRules:
    """When a customer belongs to a scene; sums over the window.

    Attributes:
        roaming_share_from: Business travel from this share of call minutes away from home (0–1).
        data_share_from: Else data from this share of data in voice and data spend (0–1).
        local_share_to: Else local up to this share of data (0–1); mixed in between.
    """

    roaming_share_from: float = 0.10
    data_share_from: float = 0.55
    local_share_to: float = 0.30

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            check_between(value, name, low=0, high=1)
        if self.local_share_to >= self.data_share_from:
            raise ArgumentError(
                "local_share_to",
                self.local_share_to,
                f"below data_share_from ({self.data_share_from:g})",
            )

    def terms(self) -> dict[str, float]:
        """Return the settings as the reductions take them."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenes(Result):
    """Customers by usage scene.

    Attributes:
        rows: A row a scene, the empty ones too: scene, customers, customer_share, revenue_yuan,
            revenue_share, margin_yuan, margin_share (of revenue; NaN without costs),
            revenue_each_yuan (a customer in the window), stopped_customers.
        rules: The rules.
    """

    rows: pd.DataFrame
    rules: SceneRules

    view: ClassVar[str] = "cvm.views.segments_value:plot_scenes"

    def summary(self) -> pd.DataFrame:
        """Return the rows, as described above."""
        return self.rows

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``usage_scenes``, without who was stopped for arrears: they may be a few."""
        return {"usage_scenes": self.rows.drop(columns="stopped_customers")}

    def text(self, lang: str = "en") -> str:
        """Return the largest scene and the one worth most a customer."""
        rows: list[dict[Any, Any]] = self.rows.to_dict("records")
        most = max(rows, key=lambda row: row["customers"])
        held = [row for row in rows if row["customers"]]
        dear = max(held, key=lambda row: row["revenue_each_yuan"])
        return say(
            f"{AREA}.scenes.fit",
            lang,
            most=scene_name(most["scene"], lang),
            share=format_share(most["customer_share"], decimals=0),
            dear=scene_name(dear["scene"], lang),
            each=format_yuan(dear["revenue_each_yuan"], lang),
            customers=format_number(dear["customers"], lang),
        )


def tally_scenes(cells: pd.DataFrame, rules: SceneRules) -> Scenes:
    """Make the profile of scenes of cells of customers.

    Args:
        cells: Of :func:`cvm.data.reduce_segments.reduce_segments_cells` with ``scenes``; further
            groups are added up.
        rules: The rules used.

    Raises:
        MissingDataError: A column is missing.
        DataError: Nobody is in service.
    """
    check_columns(cells.columns, ["scene", *FIGURES], "cells")
    if not cells["customers"].sum():
        raise DataError("cells", "nobody", "customers in service")
    blank = {name: 0.0 for name in FIGURES if name != "margin_yuan" or cells[name].notna().all()}
    sums = cells.groupby("scene")[list(FIGURES)].sum(min_count=1).reindex(SCENES).fillna(blank)
    revenue, people = sums["revenue_yuan"], sums["customers"]
    rows = pd.DataFrame(
        {
            "customers": people.astype(int),
            "customer_share": people / people.sum(),
            "revenue_yuan": revenue,
            "revenue_share": revenue / revenue.sum() if revenue.sum() else np.nan,
            "margin_yuan": sums["margin_yuan"],
            "margin_share": sums["margin_yuan"] / revenue.where(revenue > 0),
            "revenue_each_yuan": revenue / people.where(people > 0),
            "stopped_customers": sums["stopped_customers"].astype(int),
        }
    )
    return Scenes(rows=rows.rename_axis("scene").reset_index(), rules=rules)


def scene_name(scene: str, lang: str) -> str:
    """Return a scene's name for people."""
    return say(f"{AREA}.scene.{scene}", lang)


def scene_names() -> dict[str, dict[str, str]]:
    """Return every scene's name in both languages, for a certificate."""
    return {scene: {lang: scene_name(scene, lang) for lang in LANGUAGES} for scene in SCENES}
