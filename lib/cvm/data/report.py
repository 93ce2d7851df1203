"""The quality report: what an analyst reads before trusting any figure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_one_of
from cvm.core.i18n import LANGUAGES, say
from cvm.core.result import Result
from cvm.data.findings import Finding
from cvm.data.quality import Checked
from cvm.data.report_text import action_of, line_of, place_of, problem_of, sentence_of
from cvm.data.report_view import report_html

COLUMNS = ("table", "column", "severity", "problem", "rows", "examples", "fate", "action")


@dataclass(frozen=True, kw_only=True)
class QualityReport(Result):
    """Every problem of an extract, with counts, examples and advice.

    Attributes:
        findings: The problems; hard ones first.
        rows: Rows read, by table.
        rows_set_aside: Rows set aside, by table.
        lang: Language in which a notebook shows the report.
    """

    findings: tuple[Finding, ...]
    rows: Mapping[str, int] = field(default_factory=dict)
    rows_set_aside: Mapping[str, int] = field(default_factory=dict)
    lang: str = "en"

    def __post_init__(self) -> None:
        check_one_of(self.lang, "lang", LANGUAGES)

    @classmethod
    def of(cls, checked: Checked, *, lang: str = "en") -> QualityReport:
        """Return the report of what :func:`~cvm.data.quality.check_tables` found."""
        return cls(
            findings=checked.findings,
            rows=dict(checked.rows),
            rows_set_aside=dict(checked.rows_set_aside),
            lang=lang,
        )

    def speaking(self, lang: str) -> QualityReport:
        """Return the same report, shown in another language."""
        return replace(self, lang=lang)

    @property
    def stops(self) -> tuple[Finding, ...]:
        """The problems that must be put right before the data can be used."""
        return tuple(finding for finding in self.findings if finding.severity == "hard")

    @property
    def ok(self) -> bool:
        """Whether the data can be used."""
        return not self.stops

    def raise_if_stopped(self, source: str = "data", lang: str = "en") -> None:
        """Raise the hard findings as one error.

        Raises:
            DataError: There is at least one; the message lists all.
        """
        if self.stops:
            raise DataError(
                source,
                "; ".join(f"{place_of(f)}: {problem_of(f, lang)}" for f in self.stops),
                "free of problems that stop the work",
                action="; ".join(dict.fromkeys(action_of(f, lang) for f in self.stops)),
            )

    def summary(self, lang: str | None = None) -> pd.DataFrame:
        """Return one row a problem: where, how severe, what, how many rows, what to do."""
        lang = lang or self.lang
        rows = [
            (
                f.table,
                f.column,
                say(f"quality.report.{f.severity}", lang),
                problem_of(f, lang),
                f.rows,
                "; ".join(f.examples),
                say(f"quality.fate.{f.fate}", lang),
                action_of(f, lang),
            )
            for f in self.findings
        ]
        return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"rows": "int64"})

    def text(self, lang: str | None = None) -> str:
        """Return one sentence: how much was checked, whether the work can go on."""
        return sentence_of(
            self.findings, self.rows, sum(self.rows_set_aside.values()), lang or self.lang
        )

    def lines(self, lang: str | None = None) -> list[str]:
        """Return one line a problem: where, how many rows, what, examples, what to do."""
        return [line_of(finding, lang or self.lang) for finding in self.findings]

    def html(self, lang: str | None = None) -> str:
        """Return the report as HTML that stands alone: the sentence, then one block a table."""
        lang = lang or self.lang
        sentence = self.text(lang)
        return report_html(self.findings, self.rows, self.rows_set_aside, sentence, lang)

    def _repr_html_(self) -> str:
        return self.html()

    def rows_frame(self) -> pd.DataFrame:
        """Return one row a table: ``table``, ``rows_read``, ``rows_used``, ``rows_set_aside``."""
        read = pd.Series(dict(self.rows), dtype="int64")
        aside = read.index.map(lambda table: self.rows_set_aside.get(table, 0))
        return pd.DataFrame(
            {
                "table": read.index,
                "rows_read": read.to_numpy(),
                "rows_used": read.to_numpy() - aside.to_numpy(),
                "rows_set_aside": aside.to_numpy(),
            }
        )

    def counts_frame(self) -> pd.DataFrame:
        """Return the problems as counts alone, without the examples that name customers."""
        return pd.DataFrame(
            [(f.table, f.column, f.check, f.severity, f.fate, f.rows) for f in self.findings],
            columns=["table", "column", "check", "severity", "fate", "rows"],
        )

    def to_json(self) -> str:
        """Return the report as JSON that :meth:`from_json` reads back."""
        record = {
            "findings": [_finding_record(finding) for finding in self.findings],
            "rows": dict(self.rows),
            "rows_set_aside": dict(self.rows_set_aside),
        }
        return json.dumps(record, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str, *, lang: str = "en") -> QualityReport:
        """Return the report that :meth:`to_json` wrote.

        Raises:
            DataError: The text is not such a report.
        """
        try:
            record = json.loads(text)
            findings = tuple(
                Finding(**{**item, "examples": tuple(item["examples"])})
                for item in record["findings"]
            )
            return cls(
                findings=findings,
                rows=record["rows"],
                rows_set_aside=record["rows_set_aside"],
                lang=lang,
            )
        except (ValueError, KeyError, TypeError) as error:
            if isinstance(error, ArgumentError):
                raise
            raise DataError(
                "report", text[:60], "a quality report in JSON", action="prepare the data again"
            ) from error

    def to_csv(self, path: str | Path, lang: str | None = None) -> None:
        """Write the summary for Excel: UTF-8 with a byte-order mark, headings in the language."""
        lang = lang or self.lang
        heads = {name: say(f"quality.report.column_{name}", lang) for name in COLUMNS}
        self.summary(lang).rename(columns=heads).to_csv(path, index=False, encoding="utf-8-sig")


def _finding_record(finding: Finding) -> dict[str, Any]:
    return {
        "table": finding.table,
        "column": finding.column,
        "check": finding.check,
        "severity": finding.severity,
        "rows": finding.rows,
        "examples": list(finding.examples),
        "fate": finding.fate,
        "details": dict(finding.details),
    }
