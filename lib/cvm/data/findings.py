"""What a check found: the one record shared by reading, checking and the report."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from cvm.core.checks import check_at_least, check_one_of

Severity = Literal["hard", "soft"]
Fate = Literal["kept", "set_aside", "emptied", "stops"]


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One problem of one table or column.

    Attributes:
        table: Table of the contract, or the file's name where no table is known yet.
        column: Column of the contract; empty for the whole table.
        check: Code of the check. Its wording and advice stand in the catalogue as
            ``quality.<check>.problem`` and ``quality.<check>.action``.
        severity: ``hard`` stops the run; ``soft`` goes on with the count.
        rows: Rows concerned.
        examples: Up to three, as a reader can look them up in the source.
        fate: What became of the rows: ``kept`` as they are, ``set_aside`` in a file beside the
            report, ``emptied`` (the cell alone), or ``stops`` the run.
        details: Values for the placeholders of the wording, such as the allowed range.
    """

    table: str
    column: str = ""
    check: str
    severity: Severity
    rows: int
    examples: tuple[str, ...] = ()
    fate: Fate = "kept"
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_one_of(self.severity, "severity", ("hard", "soft"))
        check_one_of(self.fate, "fate", ("kept", "set_aside", "emptied", "stops"))
        check_at_least(self.rows, "rows", 0)
