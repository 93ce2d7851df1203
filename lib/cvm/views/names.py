"""What counties, campaigns and tariffs are called in either language.

Values of the data stand in tables and addresses as they are; what a reader sees is the name that
the contract's table ``names`` gives them in the page's language, where it has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial

import pandas as pd

from cvm.core.checks import check_columns
from cvm.core.i18n import LANGUAGES, catalogue, say

TABLE = "names"
COLUMNS = ("kind", "value", *(f"name_{lang}" for lang in LANGUAGES))
_TIERS = ("vip_tier", "tier", "tier_after", "from_tier", "to_tier", "held")
KINDS: dict[str, tuple[str, ...]] = {
    "county": ("county",),
    "campaign": ("campaign",),
    "name": ("campaign",),
    "brand": ("brand",),
    "tariff": ("tariff",),
    "group": ("county", "tier"),
    **dict.fromkeys(_TIERS, ("tier",)),
}
"""Columns whose values have names, and of which kinds they may be."""


def group_label(kind: str, value: object, lang: str) -> str:
    """Return a tier's or brand's name in the language, or the value itself if it has none.

    Args:
        kind: ``"tier"`` or ``"brand"``.
        value: The value in the data, for example ``"diamond"``.
        lang: ``"zh"`` or ``"en"``.
    """
    key = f"overview.{kind}.{value}"
    return say(key, lang) if key in catalogue() else str(value)


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names by language, kind (``county``, ``campaign``, ``tariff``) and value."""

    known: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    def of(self, kind: str, value: object, lang: str) -> str:
        """Return a value's name: as given, else the catalogue's, else the value itself."""
        return self.known.get((lang, kind, str(value))) or group_label(kind, value, lang)

    def in_column(self, column: str, value: object, lang: str) -> str:
        """Return the name of a column's value; the value itself where the column has no names."""
        told = (self.of(kind, value, lang) for kind in KINDS.get(column, ()))
        return next((name for name in told if name != str(value)), str(value))

    def speaking(self, lang: str) -> Callable[[str, object], str]:
        """Return :meth:`of` for one language: what :meth:`cvm.core.result.Result.named` takes."""
        return partial(self.of, lang=lang)

    def within(self, frame: pd.DataFrame, kind: str, lang: str) -> pd.DataFrame:
        """Return a frame with the names in the column of that kind."""
        return frame.assign(**{kind: [self.of(kind, value, lang) for value in frame[kind]]})


def read_names(frame: pd.DataFrame | None) -> Names:
    """Return the names of the published table; none without it.

    Raises:
        MissingDataError: A column is missing.
    """
    if frame is None:
        return Names()
    check_columns(frame.columns, COLUMNS, TABLE)
    return Names(
        known={
            (lang, str(row["kind"]), str(row["value"])): str(row[f"name_{lang}"])
            for row in frame.to_dict("records")
            for lang in LANGUAGES
            if pd.notna(row[f"name_{lang}"])
        }
    )
