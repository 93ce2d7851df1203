"""The quality report as HTML: one block a table, severity in words and colour."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from cvm.core.i18n import say
from cvm.data.findings import Finding
from cvm.data.report_text import action_of, example_in, problem_of, rows_in, title_of

# Tags stand on their own ground, at a contrast above 4.5 : 1 in JupyterLab's light and dark theme.
STYLE = """
.cvm-report{font-size:13px;line-height:1.5;max-width:1100px}
.cvm-report h4{margin:1em 0 .3em;font-size:14px}
.cvm-report h4 small{font-weight:normal;opacity:.75;margin-left:.6em}
.cvm-report .lead{font-weight:600;margin:.2em 0 .6em}
.cvm-report .one{border-left:4px solid #b7791f;padding:.25em .8em;margin:.35em 0}
.cvm-report .one.hard{border-left-color:#b42318}
.cvm-report .tag{display:inline-block;padding:0 .5em;border-radius:3px;font-size:12px;
 background:#fdf3d7;color:#6b4700;margin-right:.5em}
.cvm-report .hard .tag{background:#fde4e1;color:#8a1c12}
.cvm-report .where{font-weight:600;margin-right:.5em}
.cvm-report .count{opacity:.8;margin-right:.5em}
.cvm-report ul{margin:.15em 0 .15em 1.2em;padding:0}
.cvm-report li{font-family:var(--jp-code-font-family,monospace);font-size:12px}
.cvm-report .todo{opacity:.85}
"""


def report_html(
    findings: Sequence[Finding],
    rows: Mapping[str, int],
    set_aside: Mapping[str, int],
    sentence: str,
    lang: str,
) -> str:
    """Return the report as HTML, findings grouped by table in the order given."""
    tables = dict.fromkeys([*(f.table for f in findings if f.table not in rows), *rows])
    blocks = [
        _table_block(
            table,
            [finding for finding in findings if finding.table == table],
            rows.get(table),
            set_aside.get(table, 0),
            lang,
        )
        for table in tables
    ]
    code = "zh-CN" if lang == "zh" else "en"
    return (
        f'<style>{STYLE}</style><div class="cvm-report" lang="{code}">'
        f'<p class="lead">{escape(sentence)}</p>{"".join(blocks)}</div>'
    )


def _table_block(
    table: str, findings: Sequence[Finding], rows: int | None, set_aside: int, lang: str
) -> str:
    read = ""
    if rows is not None:
        told = say("quality.report.table_rows", lang, rows=f"{rows:,}", aside=f"{set_aside:,}")
        read = f"<small>{escape(told)}</small>"
    head = f"<h4>{escape(title_of(table, '', lang))}{read}</h4>"
    return head + "".join(_finding_block(finding, lang) for finding in findings)


def _finding_block(finding: Finding, lang: str) -> str:
    where = title_of(finding.table, finding.column, lang) if finding.column else ""
    examples = "".join(f"<li>{escape(example_in(e, lang))}</li>" for e in finding.examples)
    pause = "；" if lang == "zh" else "; "
    advice = [say(f"quality.fate.{finding.fate}", lang)]
    if action := action_of(finding, lang):
        advice.append(say("quality.report.to_do", lang, action=action))
    return (
        f'<div class="one {finding.severity}">'
        f'<span class="tag">{escape(say(f"quality.report.{finding.severity}", lang))}</span>'
        + (f'<span class="where">{escape(where)}</span>' if where else "")
        + (f'<span class="count">{rows_in(finding.rows, lang)}</span>' if finding.rows else "")
        + escape(problem_of(finding, lang))
        + (f"<ul>{examples}</ul>" if examples else "")
        + f'<div class="todo">{escape(pause.join(advice))}</div></div>'
    )
