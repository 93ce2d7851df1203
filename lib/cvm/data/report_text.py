"""Findings in words, Chinese and English. The wording stands in the catalogue, area ``quality``."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from cvm.core.i18n import catalogue, say
from cvm.data.contract import KINDS
from cvm.data.findings import Finding
from cvm.data.tables import CONTRACT

_ROW_NUMBER = re.compile(r"\brow (\d+)")


def problem_of(finding: Finding, lang: str) -> str:
    """Return what is wrong."""
    return _wording(finding, "problem", lang) or say(
        "quality.report.unknown_problem",
        lang,
        check=finding.check,
        details=", ".join(f"{name} {value}" for name, value in finding.details.items()),
    )


def action_of(finding: Finding, lang: str) -> str:
    """Return what to do; empty for a check whose advice is not in the catalogue."""
    return _wording(finding, "action", lang)


def _wording(finding: Finding, part: str, lang: str) -> str:
    key = f"quality.{finding.check}.{part}"
    if key not in catalogue():
        return ""
    try:
        return say(key, lang, **{"column": finding.column, **_details(finding, lang)})
    except KeyError:  # a detail the wording wants is not there: say what is known
        return ""


def _details(finding: Finding, lang: str) -> dict[str, Any]:
    details = dict(finding.details)
    if details.get("kind") in KINDS:
        details["kind"] = say(f"quality.kind.{details['kind']}", lang)
    return details


def place_of(finding: Finding) -> str:
    """Return ``table.column`` in contract names, for people who will look it up."""
    return ".".join(part for part in (finding.table, finding.column) if part)


def title_of(table: str, column: str, lang: str) -> str:
    """Return the table's or column's name in the language, with its contract name."""
    if table not in CONTRACT:
        return table or say("quality.report.all_tables", lang)
    contract = CONTRACT[table]
    if not column:
        return f"{contract.zh} {table}" if lang == "zh" else table
    if column not in contract.column_names:
        return column
    return f"{contract[column].zh} {column}" if lang == "zh" else column


def example_in(example: str, lang: str) -> str:
    """Return an example with its row number in the language.

    Example:
        >>> example_in("row 17: bill_yuan -5", "zh")
        '第17行: bill_yuan -5'
    """
    return _ROW_NUMBER.sub(r"第\1行", example) if lang == "zh" else example


def rows_in(rows: int, lang: str) -> str:
    """Return a count of rows in words."""
    if rows == 1:
        return say("quality.report.row_1", lang)
    return say("quality.report.rows", lang, rows=f"{rows:,}")


def line_of(finding: Finding, lang: str) -> str:
    """Return a finding as one line: severity, place, rows, problem, examples, what to do."""
    stop, comma, pause = ("。", "，", "；") if lang == "zh" else (".", ", ", "; ")
    severity = say(f"quality.report.{finding.severity}", lang)
    where = place_of(finding) or say("quality.report.all_tables", lang)
    count = f"{comma}{rows_in(finding.rows, lang)}" if finding.rows else ""
    head = f"[{severity}] {where}{count}"
    parts = [problem_of(finding, lang)]
    if finding.examples:
        shown = pause.join(example_in(example, lang) for example in finding.examples)
        parts.append(say("quality.report.examples", lang, examples=shown))
    parts.append(say(f"quality.fate.{finding.fate}", lang))
    if action := action_of(finding, lang):
        parts.append(say("quality.report.to_do", lang, action=action))
    colon = "：" if lang == "zh" else ": "
    return head + colon + pause.join(parts) + stop


def sentence_of(
    findings: Sequence[Finding], rows: Mapping[str, int], set_aside: int, lang: str
) -> str:
    """Return the whole report in one sentence."""
    hard = [finding for finding in findings if finding.severity == "hard"]
    soft = len(findings) - len(hard)
    read = {"tables": len(rows), "rows": f"{sum(rows.values()):,}"}
    if hard:
        first = f"{place_of(hard[0])}: {problem_of(hard[0], lang)}".removeprefix(": ")
        return say("quality.report.stops", lang, hard=len(hard), first=first, soft=soft)
    if not findings:
        return say("quality.report.clean", lang, **read)
    return say("quality.report.goes_on", lang, soft=soft, aside=f"{set_aside:,}", **read)
