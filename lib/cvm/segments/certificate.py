"""A stability certificate for every segment: would the same customers be in it again?

The measure is the Jaccard similarity of a segment with its like in other data: customers in both ÷
customers in either. For clusters the other data are bootstrap samples; for rules (grid, scenes,
RFM) they are the months before. The bounds are those of Hennig (2007), "Cluster-wise assessment of
cluster stability", Computational Statistics & Data Analysis 52: from .75 a stable pattern, below
.60 not to be trusted, at .50 and less dissolved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Literal

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.result import Result

STABLE, DOUBTFUL, UNSTABLE, UNKNOWN = "stable", "doubtful", "unstable", "unknown"
STABLE_FROM, UNSTABLE_BELOW, DISSOLVED_TO = 0.75, 0.60, 0.50
AREA = "segments_value"


@dataclass(frozen=True, kw_only=True, eq=False)
class Certificate(Result):
    """How stable each segment is.

    Attributes:
        rows: A row a segment: segment, customers, jaccard (0–1), verdict (``stable``,
            ``doubtful``, ``unstable``; ``unknown`` if there is nothing to compare).
        against: ``earlier`` months, or bootstrap ``resamples``.
        compared: Customers compared, or resamples.
        names: Segment → its name by language, where it is not its own.
    """

    rows: pd.DataFrame
    against: Literal["earlier", "resamples"]
    compared: int
    names: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    view: ClassVar[str] = "cvm.views.segments_value:plot_certificate"

    def summary(self) -> pd.DataFrame:
        """Return the rows, as described above."""
        return self.rows

    @property
    def stable(self) -> bool:
        """Whether every segment is stable."""
        return bool((self.rows["verdict"] == STABLE).all())

    def name(self, segment: str, lang: str) -> str:
        """Return a segment's name for people."""
        return self.names.get(segment, {}).get(lang, segment)

    def text(self, lang: str = "en") -> str:
        """Return whether segments may be worked with, and which not."""
        if (self.rows["verdict"] == UNKNOWN).all():
            return say(f"{AREA}.certificate.unknown", lang)
        against = say(
            f"{AREA}.certificate.{self.against}", lang, count=format_number(self.compared, lang)
        )
        weak = self.rows[self.rows["verdict"] != STABLE]
        if weak.empty:
            lowest = self.rows["jaccard"].min()
            return say(
                f"{AREA}.certificate.all",
                lang,
                segments=len(self.rows),
                against=against,
                lowest=f"{lowest:.2f}",
            )
        named = ("、" if lang == "zh" else ", ").join(
            f"{self.name(str(segment), lang)} ({jaccard:.2f})"
            if np.isfinite(jaccard)
            else self.name(str(segment), lang)
            for segment, jaccard in zip(weak["segment"], weak["jaccard"].astype(float), strict=True)
        )
        return say(
            f"{AREA}.certificate.some",
            lang,
            stable=len(self.rows) - len(weak),
            segments=len(self.rows),
            against=against,
            weak=named,
        )


def certificates_table(certificates: Mapping[str, Certificate]) -> pd.DataFrame:
    """Return several certificates as one table.

    Args:
        certificates: Kind of segment → its certificate.

    Returns:
        Columns kind, segment, name_en, name_zh, customers, jaccard, verdict.
    """
    parts = []
    for kind, item in certificates.items():
        rows = item.rows.copy()
        rows.insert(0, "kind", kind)
        for at, lang in enumerate(("en", "zh")):
            names = [item.name(str(segment), lang) for segment in rows["segment"]]
            rows.insert(2 + at, f"name_{lang}", names)
        parts.append(rows)
    columns = ["kind", "segment", "name_en", "name_zh", "customers", "jaccard", "verdict"]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)


def verdict(jaccard: float) -> str:
    """Return what a Jaccard similarity means for a segment.

    Example:
        >>> [verdict(value) for value in (0.9, 0.75, 0.7, 0.59, float("nan"))]
        ['stable', 'stable', 'doubtful', 'unstable', 'unknown']
    """
    if not np.isfinite(jaccard):
        return UNKNOWN
    if jaccard >= STABLE_FROM:
        return STABLE
    return DOUBTFUL if jaccard >= UNSTABLE_BELOW else UNSTABLE


def certify_kept(
    kept: pd.DataFrame, names: Mapping[str, Mapping[str, str]] | None = None
) -> Certificate:
    """Certify segments by rule: who was in them before, and who is now.

    Args:
        kept: A cross-table with columns before, after, customers, such as one ``kind`` of
            :func:`cvm.data.reduce_segments.reduce_segments_kept`.
        names: Segment → its name by language.

    Raises:
        MissingDataError: A column is missing.
        DataError: The table has several kinds.

    Example:
        >>> kept = pd.DataFrame({"before": ["a", "a", "b"], "after": ["a", "b", "b"],
        ...                      "customers": [8, 2, 6]})
        >>> certify_kept(kept).rows["jaccard"].tolist()
        [0.8, 0.75]
    """
    check_columns(kept.columns, ["before", "after", "customers"], "kept")
    if "kind" in kept and len(set(kept["kind"])) > 1:
        raise DataError("kept.kind", ", ".join(sorted(set(kept["kind"]))), "one kind")
    before = kept.groupby("before")["customers"].sum()
    after = kept.groupby("after")["customers"].sum()
    both = kept[kept["before"] == kept["after"]].groupby("after")["customers"].sum()
    segments = sorted(set(before.index) | set(after.index))
    table = pd.DataFrame({"before": before, "after": after, "both": both}, index=segments)
    table = table.fillna(0)
    either = table["before"] + table["after"] - table["both"]
    jaccard = (table["both"] / either).to_numpy(float)
    return Certificate(
        rows=pd.DataFrame(
            {
                "segment": segments,
                "customers": table["after"].astype(int).to_numpy(),
                "jaccard": jaccard,
                "verdict": [verdict(value) for value in jaccard],
            }
        ),
        against="earlier",
        compared=int(kept["customers"].sum()),
        names=names or {},
    )
