"""The rules that stored notebooks keep, so that they stay readable, repeatable and small.

Each rule returns sentences that name the cell and what to do; no sentence means the rule holds.
"""

from __future__ import annotations

import ast
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

import nbformat

from cvm.core.checks import CvmError
from cvm.core.i18n import catalogue
from cvm.data.tables import CONTRACT
from cvm.publish.book_needs import needs_problems, parts_of
from cvm.publish.book_published import PARAMETER, reads_of
from cvm.publish.book_records import units
from cvm.publish.run_plan import assigned_names, parameter_cells, read_notebook

LONGEST_CELL_LINES = 12
LONGEST_MEDIAN_LINES = 5
PARAMETERS = ("source", "month", "language")
_METADATA = ("needs", "optional", "after", "reads", "publishes", "title", "question")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_ABSOLUTE = re.compile(
    r"""(?:^|[\s"'(=])(?:file:/|~/|[A-Za-z]:[\\/]|/(?:home|Users|root|tmp|mnt|work|opt|var)/)"""
)
_SHELL = re.compile(r"^\s*(?:!|%{1,2}(?:run|pip|conda|mamba|load|bash|sh|cmd|system|sx|cd|env)\b)")
_QUESTION = re.compile(r"question|问题", re.IGNORECASE)

Notebook = Mapping[str, Any]
Cell = Mapping[str, Any]


def check_notebook(path: str | Path) -> list[str]:
    """Return every rule that a stored analysis notebook breaks, one sentence each.

    Args:
        path: The notebook's file.
    """
    file = Path(path)
    notebook, problems = _read(file)
    if notebook is None:
        return problems
    for rule in (
        _ids,
        _no_outputs,
        _one_title,
        _question_first,
        _parameters,
        _no_functions,
        _no_shell,
        _no_absolute_paths,
        _cells_short,
        _prose_after_figures,
        _figures_have_words,
    ):
        problems += rule(notebook)
    return problems + _metadata(notebook, file) + _own_name(notebook, file)


def check_dashboard(path: str | Path) -> list[str]:
    """Return every rule that a stored dashboard notebook breaks: a title and one call.

    Args:
        path: The notebook's file.
    """
    notebook, problems = _read(Path(path))
    if notebook is None:
        return problems
    for rule in (_ids, _no_outputs, _one_title, _no_functions, _no_shell, _no_absolute_paths):
        problems += rule(notebook)
    code = [cell for _, cell in _code(notebook) if cell["source"].strip()]
    if len(code) != 1:
        return [*problems, f"has {len(code)} code cells: a dashboard is a title and one call"]
    statements = _tree(code[0]).body
    imports = [node for node in statements if isinstance(node, ast.Import | ast.ImportFrom)]
    rest = [node for node in statements if node not in imports]
    one_call = len(rest) == 1 and isinstance(getattr(rest[0], "value", None), ast.Call)
    if not one_call:
        problems.append("its code is not imports and one call")
    return problems


def _read(file: Path) -> tuple[nbformat.NotebookNode | None, list[str]]:
    try:
        notebook = read_notebook(file)
        nbformat.validate(notebook)
    except (CvmError, nbformat.ValidationError) as problem:
        return None, [str(problem).splitlines()[0]]
    return notebook, []


def _cells(notebook: Notebook, kind: str) -> Iterator[tuple[int, Cell]]:
    for number, cell in enumerate(notebook["cells"], start=1):
        if cell["cell_type"] == kind:
            yield number, cell


def _code(notebook: Notebook) -> Iterator[tuple[int, Cell]]:
    return _cells(notebook, "code")


def _tree(cell: Cell) -> ast.Module:
    lines = cell["source"].splitlines()
    code = "\n".join("" if line.lstrip().startswith(("%", "!")) else line for line in lines)
    try:
        return ast.parse(code)
    except SyntaxError:
        return ast.Module(body=[], type_ignores=[])


def _calls(cell: Cell, *methods: str) -> Iterator[ast.Call]:
    for node in ast.walk(_tree(cell)):
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in methods:
            yield node


def _book_calls(cell: Cell, *methods: str) -> Iterator[ast.Call]:
    for call in _calls(cell, *methods):
        owner = getattr(call.func, "value", None)
        if isinstance(owner, ast.Name) and owner.id == "book":
            yield call


def _literal(call: ast.Call, keyword: str | None = None) -> str | None:
    nodes = [k.value for k in call.keywords if k.arg == keyword] if keyword else call.args[:1]
    value = nodes[0].value if nodes and isinstance(nodes[0], ast.Constant) else None
    return value if isinstance(value, str) else None


def _ids(notebook: Notebook) -> list[str]:
    ids = Counter(cell.get("id") for cell in notebook["cells"])
    problems = [f"cell id {name} stands {n} times" for name, n in ids.items() if name and n > 1]
    if None in ids:
        problems.append(f"{ids[None]} cells have no id: save it as notebook format 4.5")
    return problems


def _no_outputs(notebook: Notebook) -> list[str]:
    problems = []
    for number, cell in _code(notebook):
        if cell["outputs"]:
            problems.append(f"cell {number} is stored with outputs: clear them before saving")
        if cell["execution_count"] is not None:
            problems.append(f"cell {number} is stored with an execution count: clear it")
    if "widgets" in notebook["metadata"] or "cvm_run" in notebook["metadata"]:
        problems.append("is stored with the state of a run in its metadata: clear it")
    return problems


def _one_title(notebook: Notebook) -> list[str]:
    titles = [
        line
        for _, cell in _cells(notebook, "markdown")
        for line in _FENCE.sub("", cell["source"]).splitlines()
        if re.match(r"#\s+\S", line)
    ]
    return [] if len(titles) == 1 else [f"has {len(titles)} level-1 headings, must be one"]


def _question_first(notebook: Notebook) -> list[str]:
    first = notebook["cells"][0] if notebook["cells"] else {"cell_type": "", "source": ""}
    if first["cell_type"] != "markdown" or not _QUESTION.search(first["source"]):
        return ["its first cell does not state the question (**Question.** or **问题。**)"]
    return []


def _parameters(notebook: Notebook) -> list[str]:
    places = parameter_cells(notebook)
    if len(places) != 1:
        return [f"has {len(places)} cells tagged parameters, must be one"]
    declared = assigned_names(notebook["cells"][places[0]]["source"])
    missing = [name for name in PARAMETERS if name not in declared]
    number = places[0] + 1
    return [f"cell {number}: parameters lack {', '.join(missing)}"] if missing else []


def _no_functions(notebook: Notebook) -> list[str]:
    problems = []
    for number, cell in _code(notebook):
        for node in ast.walk(_tree(cell)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                problems.append(f"cell {number} defines {node.name}: it belongs in the library")
            elif isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) and isinstance(
                node.value, ast.Lambda
            ):
                problems.append(f"cell {number} names a lambda: it belongs in the library")
    return problems


def _no_shell(notebook: Notebook) -> list[str]:
    return [
        f"cell {number} runs {line.strip().split()[0]}: use the library or the cvm command"
        for number, cell in _code(notebook)
        for line in cell["source"].splitlines()
        if _SHELL.match(line)
    ]


def _no_absolute_paths(notebook: Notebook) -> list[str]:
    return [
        f"cell {number} names a path of one machine: {line.strip()[:60]}"
        for number, cell in enumerate(notebook["cells"], start=1)
        for line in cell["source"].splitlines()
        if _ABSOLUTE.search(line)
    ]


def _cells_short(notebook: Notebook) -> list[str]:
    lengths = {}
    for number, cell in _code(notebook):
        lengths[number] = sum(bool(line.strip()) for line in cell["source"].splitlines())
    problems = [
        f"cell {number} has {length} lines, at most {LONGEST_CELL_LINES}: split it"
        for number, length in lengths.items()
        if length > LONGEST_CELL_LINES
    ]
    if lengths and median(lengths.values()) > LONGEST_MEDIAN_LINES:
        middle = median(lengths.values())
        problems.append(f"its cells have {middle:g} lines at the median, at most 5")
    return problems


def _prose_after_figures(notebook: Notebook) -> list[str]:
    cells = list(notebook["cells"])
    problems = []
    for number, cell in _code(notebook):
        shows = [*_book_calls(cell, "figure"), *_calls(cell, "plot")]
        following = cells[number]["cell_type"] if number < len(cells) else "nothing"
        if shows and following != "markdown":
            problems.append(f"cell {number} shows a figure that no text after it explains")
    return problems


def _figures_have_words(notebook: Notebook) -> list[str]:
    problems: list[str] = []
    seen: Counter[str] = Counter()
    for number, cell in _code(notebook):
        for call in _book_calls(cell, "figure"):
            name, unit = _literal(call), _literal(call, "unit")
            if name is None:
                problems.append(f"cell {number} records a figure whose name is not written out")
                continue
            seen[name] += 1
            if f"figures.{name}" not in catalogue():
                problems.append(f"cell {number}: figure {name} has no words in figures.toml")
            if unit is not None and unit not in units():
                problems.append(f"cell {number}: unit {unit} has no words in book.toml")
    return problems + [f"figure {name} is recorded {n} times" for name, n in seen.items() if n > 1]


def _metadata(notebook: Notebook, file: Path) -> list[str]:
    stated = notebook["metadata"].get("cvm")
    if not isinstance(stated, Mapping):
        return ["has no metadata.cvm: state at least what it needs"]
    problems = [f"metadata.cvm.{key} is not known" for key in stated if key not in _METADATA]
    if "needs" not in stated:
        problems.append("metadata.cvm.needs is missing: table → columns")
    checks: tuple[Callable[[], list[str]], ...] = (
        lambda: [f"metadata.cvm.needs: {p}" for p in needs_problems(stated.get("needs", {}))],
        lambda: _parts(stated),
        lambda: _after(stated, file),
        lambda: _reads(notebook, stated, file),
        lambda: _publishes(notebook, stated),
        lambda: _asked_parts(notebook, stated),
    )
    for check in checks:
        try:
            problems += check()
        except (CvmError, TypeError, ValueError, AttributeError) as problem:
            problems.append(f"metadata.cvm: {problem}")
    return problems


def _parts(stated: Mapping[str, Any]) -> list[str]:
    return [
        f"metadata.cvm.optional.{part.name} lacks its words in zh and en"
        for part in parts_of(stated).values()
        if not (part.zh and part.en)
    ]


def _after(stated: Mapping[str, Any], file: Path) -> list[str]:
    return [
        f"metadata.cvm.after: no notebook {name} beside this one"
        for name in stated.get("after", ())
        if not file.with_name(f"{name}.ipynb").is_file()
    ]


def _reads(notebook: Notebook, stated: Mapping[str, Any], file: Path) -> list[str]:
    declared = reads_of(stated)
    problems = []
    for name, tables in declared.items():
        other = file.with_name(f"{name}.ipynb")
        if not other.is_file():
            problems.append(f"metadata.cvm.reads: no notebook {name} beside this one")
            continue
        there = read_notebook(other).metadata.get("cvm", {}).get("publishes", ())
        problems += [
            f"metadata.cvm.reads: {name} publishes no {table}"
            for table in tables
            if table not in there
        ]
    asked = {_literal(c) for _, cell in _code(notebook) for c in _book_calls(cell, "published")}
    known = {table for tables in declared.values() for table in tables}
    problems += [f"metadata.cvm.reads lacks {name}" for name in sorted(filter(None, asked - known))]
    places = parameter_cells(notebook)
    cells = [assigned_names(notebook["cells"][place]["source"]) for place in places]
    if declared and not any(PARAMETER in names for names in cells):
        problems.append(f"reads tables of others: parameters lack {PARAMETER}")
    return problems


def _publishes(notebook: Notebook, stated: Mapping[str, Any]) -> list[str]:
    recorded = {_literal(c) for _, cell in _code(notebook) for c in _book_calls(cell, "table")}
    declared = set(stated.get("publishes", ()))
    if any(list(_book_calls(cell, "publish")) for _, cell in _code(notebook)):
        # book.publish holds the names of a result's frames to the metadata when it runs.
        declared &= recorded
    problems = [
        f"metadata.cvm.publishes lacks {name}" for name in sorted(filter(None, recorded - declared))
    ]
    return problems + [
        f"metadata.cvm.publishes {name}, which no cell records"
        for name in sorted(declared - recorded)
    ]


def _asked_parts(notebook: Notebook, stated: Mapping[str, Any]) -> list[str]:
    known = {*parts_of(stated), *CONTRACT}
    return [
        f"cell {number} asks book.can({_literal(call)!r}), which metadata.cvm.optional lacks"
        for number, cell in _code(notebook)
        for call in _book_calls(cell, "can")
        if _literal(call) not in known
    ]


def _own_name(notebook: Notebook, file: Path) -> list[str]:
    return [
        f"cell {number} opens the book {_literal(call)!r}, must be {file.stem!r}"
        for number, cell in _code(notebook)
        for call in _calls(cell, "open_book")
        if _literal(call) != file.stem
    ]
