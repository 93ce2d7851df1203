"""Early warning for one page: the list in groups, its risk put to the proof, past lists' scores.

No customer's row leaves here: every table is of groups with their counts, and a fact that would
speak of fewer than ten customers is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.few import FEWEST, is_few, too_few_to_show
from cvm.core.months import month_index
from cvm.core.result import Result
from cvm.segments.churn_study import ChurnStudy
from cvm.segments.measured import wilson
from cvm.segments.score import ScoreStudy
from cvm.segments.warning_list import WarningList
from cvm.segments.warning_score import ListScore
from cvm.segments.warning_track import WarningTrack
from cvm.segments.warning_words import outlook_sentence

PREFIX = "early_warning_"
# Columns that are sums over the customers counted, which disclosure control must know.
ADDITIVE = ("expected_leavers", "value_at_risk_yuan", "act_cost_yuan", "left")
_OF_THE_LIST = (
    "calls",
    "called_expected_leavers",
    "called_value_at_risk_yuan",
    "act_cost_yuan",
    "gain_yuan",
)
_CELLS = {"tiers": "vip_tier", "counties": "county", "reasons": "reason"}
# Tables whose rows take two columns to name.
GROUPS = {PREFIX + name: (column, "status") for name, column in _CELLS.items()}


@dataclass(frozen=True, kw_only=True, eq=False)
class EarlyWarning(Result):
    """This month's warnings, and how far they may be trusted.

    Attributes:
        warnings: This month's list.
        study: The risk model's test.
        track: Past lists' scores; ``None`` where there are none.
        scores: The composite score and the healths; ``None`` where they cannot be learnt.
        months_ahead: Within how many months leaving is foretold.
        value_months: Months of margin that a customer who stays is taken to bring; ``None`` where
            his value was stated otherwise.
    """

    warnings: WarningList
    study: ChurnStudy
    months_ahead: int
    track: WarningTrack | None = None
    scores: ScoreStudy | None = None
    value_months: float | None = None

    view: ClassVar[str] = "cvm.views.segments_warning:plot_outlook"

    @property
    def scored(self) -> ListScore | None:
        """Return the last list's score, where it is there and tells of nobody who may be known."""
        last = None if self.track is None else self.track.last
        if last is None or last.reason:
            return None
        listed, left = last.facts["listed"], last.facts["listed_left"]
        parts = (listed, left, listed - left, last.facts["left"] - left)
        return None if any(map(is_few, parts)) else last

    @cached_property
    def facts(self) -> dict[str, float]:
        """Return the page's figures by name; those of fewer than ten customers are left out."""
        table = self.warnings.summary()
        facts: dict[str, float] = dict(
            zip(table["key"].tolist(), table["value"].tolist(), strict=True)
        )
        if 0 < facts["calls"] < FEWEST:
            facts = {name: value for name, value in facts.items() if name not in _OF_THE_LIST}
        for name in ("warned", "candidates", "held_out"):
            if 0 < facts[name] < FEWEST:
                del facts[name]
        plan = {
            "months_ahead": float(self.months_ahead),
            "listed_index": float(month_index(self.warnings.listed_on)),
        }
        if self.value_months is not None:
            plan["value_months"] = float(self.value_months)
        told = self.study.measures()
        for name in ("auc", "calibration", "bill_fall"):
            plan |= _three(f"model_{name}", told[name])
        if self.scored is not None:
            plan["last_left"] = self.scored.facts["listed_left"]
            plan["last_expected"] = self.scored.facts["listed_expected"]
            for name, one in self.scored.measures().items():
                plan |= _three(f"last_{name}", one)
        return facts | {name: value for name, value in plan.items() if np.isfinite(value)}

    def fact(self, key: str) -> float:
        """Return one fact; not a number where it is not known."""
        return self.facts.get(key, float("nan"))

    def summary(self) -> pd.DataFrame:
        """Return the facts: key, value."""
        return pd.DataFrame({"key": list(self.facts), "value": list(self.facts.values())})

    def scored_groups(self) -> pd.DataFrame | None:
        """Return last list's customers and the rest: how many left, with intervals."""
        if self.scored is None:
            return None
        facts = self.scored.facts
        size = np.array([facts["listed"], facts["customers"] - facts["listed"]])
        left = np.array([facts["listed_left"], facts["left"] - facts["listed_left"]])
        low, high = wilson(left, size, self.scored.confidence)
        return pd.DataFrame(
            {
                "group": ["listed", "rest"],
                "customers": size.astype(int),
                "left": left,
                "left_share": left / np.maximum(size, 1),
                "low_share": low,
                "high_share": high,
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return every table of the page by the name it has in a snapshot."""
        found: dict[str, pd.DataFrame] = {
            "facts": self.summary(),
            "fates": self.warnings.fates(),
            "ranks": _worded(self.warnings.ranks(least=FEWEST), "rank_group"),
        }
        for name, column in _CELLS.items():
            if column == "reason" or column in self.warnings.table:
                found[name] = self.warnings.cells(column)
        if self.study.told:
            found["calibration"] = _worded(without_few(self.study.calibration()), "group")
            found["lift"] = _worded(without_few(self.study.lift()), "group")
        groups = self.scored_groups()
        if groups is not None:
            found["scored"] = groups
        if self.track is not None and len(self.track.table):
            found["track"] = self.track.shown()
        if self.scores is not None:
            found["healths"] = self.scores.summary()
        return {PREFIX + name: frame for name, frame in found.items()}

    def text(self, lang: str = "en") -> str:
        """Return how many to call, what is at stake, and how good the last list was."""
        return outlook_sentence(self.facts, lang)


def _three(name: str, one: object) -> Mapping[str, float]:
    return {name if end == "value" else f"{name}_{end}": float(getattr(one, end))
            for end in ("value", "low", "high")}  # fmt: skip


def without_few(groups: pd.DataFrame) -> pd.DataFrame:
    """Return groups of risk without what would tell of one to nine who left, or who stayed."""
    stayed = groups["customers"] - groups["left"]
    away = too_few_to_show(list(zip(groups["left"], stayed, strict=True)))
    if not any(away):
        return groups
    # Shares up to a group tell each group's by their differences.
    names = [str(name) for name in groups]
    summed = [name for name in names if name.endswith("caught_share")]
    own = [name for name in names if name not in ("group", "customers", "expected_share", *summed)]
    shown = groups.assign(**{name: groups[name].mask(np.array(away)) for name in own})
    return shown.assign(**dict.fromkeys(summed, np.nan))


def _worded(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """Name groups by text, as a snapshot names its rows."""
    return frame.assign(**{column: [f"{one:02d}" for one in frame[column]]})
