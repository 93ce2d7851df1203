"""Imports run one way: core ← data; core ← nouns ← plan; … ← views ← apps ← publish ← cli."""

import ast
from functools import cache
from pathlib import Path

import pytest

LIBRARY = Path(__file__).parents[1] / "lib" / "cvm"
NOUNS = {"points", "campaigns", "segments"}
MAY_IMPORT = {
    "core": set(),
    "data": {"core"},
    "points": {"core"},
    "campaigns": {"core"},
    "segments": {"core"},
    "plan": {"core"} | NOUNS,
    "views": {"core", "plan"} | NOUNS,
    # A dashboard's kernel is light: it reads a snapshot and nothing else.
    "apps": {"core"},
    "publish": {"core", "data", "plan", "views", "apps"} | NOUNS,
}
ENGINES = {"ibis", "duckdb", "pyspark"}
PICTURES = {"matplotlib", "seaborn", "ipywidgets", "anywidget", "IPython"}
HEAVY = ENGINES | {"pandas", "numpy", "pyarrow", "scipy", "statsmodels", "sklearn", "numba"}
FORBIDDEN = {
    "core": HEAVY | PICTURES,
    "data": PICTURES,
    **dict.fromkeys([*NOUNS, "plan"], ENGINES | PICTURES),
    "views": ENGINES | {"ipywidgets", "anywidget"},
    "apps": HEAVY | {"matplotlib", "seaborn"},
}
# Inside data, only these touch customers through the engine; the contract stays plain.
PLAIN_DATA_MODULES = {"contract.py", "tables.py", "findings.py", "dictionary.py"}


@cache
def _modules() -> list[Path]:
    return sorted(LIBRARY.glob("*/**/*.py"))


@cache
def _imports(path: Path) -> set[str]:
    """Return dotted names imported when the module is used, type-checking imports aside."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    skipped = {
        id(node)
        for guard in ast.walk(tree)
        if isinstance(guard, ast.If) and "TYPE_CHECKING" in ast.dump(guard.test)
        for node in ast.walk(guard)
    }
    names: set[str] = set()
    for node in ast.walk(tree):
        if id(node) in skipped:
            continue
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import by the full name, not relatively"
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_imports_only_what_stands_below_it(path):
    package = path.relative_to(LIBRARY).parts[0]
    ours = {name.split(".")[1] for name in _imports(path) if name.startswith("cvm.")}

    assert ours <= MAY_IMPORT[package] | {package, "__version__"}


@pytest.mark.parametrize("path", _modules(), ids=lambda path: str(path.relative_to(LIBRARY)))
def test_a_module_imports_no_library_foreign_to_its_layer(path):
    package = path.relative_to(LIBRARY).parts[0]
    forbidden = set(FORBIDDEN.get(package, ()))
    if path.name in PLAIN_DATA_MODULES:
        forbidden |= ENGINES
    roots = {name.split(".")[0] for name in _imports(path)}

    assert not roots & forbidden


def test_the_query_engine_is_used_in_one_place():
    elsewhere = [
        path
        for path in _modules()
        if path.relative_to(LIBRARY).parts[0] != "data"
        and {name.split(".")[0] for name in _imports(path)} & ENGINES
    ]

    assert not elsewhere, "what touches customers by the engine stands in lib/cvm/data"


def test_no_chart_opens_a_figure_that_a_notebook_would_show_a_second_time():
    opening = [path for path in _modules() if "matplotlib.pyplot" in _imports(path)]

    assert not opening, "views/chart_parts.py makes figures that pyplot does not know"
