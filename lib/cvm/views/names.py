"""What counties and campaigns are called in either language.

Values of the data stand in tables and addresses as they are; what a reader sees is the name that
the contract's table ``names`` gives them in the page's language, where it has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from cvm.core.checks import check_columns
from cvm.core.i18n import LANGUAGES
from cvm.views.overview import group_label

TABLE = "names"


@dataclass(frozen=True, kw_only=True)
class Names:
    """Names by language, kind (``county``, ``campaign``) and value."""

    known: Mapping[tuple[str, str, str], str] = field(default_factory=dict)

    def of(self, kind: str, value: object, lang: str) -> str:
        """Return a value's name: as given, else the catalogue's, else the value itself."""
        return self.known.get((lang, kind, str(value))) or group_label(kind, value, lang)

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
    columns = ["kind", "value", *(f"name_{lang}" for lang in LANGUAGES)]
    check_columns(frame.columns, columns, TABLE)
    return Names(
        known={
            (lang, str(row["kind"]), str(row["value"])): str(row[f"name_{lang}"])
            for row in frame.to_dict("records")
            for lang in LANGUAGES
            if pd.notna(row[f"name_{lang}"])
        }
    )
