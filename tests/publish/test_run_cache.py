"""Fingerprints change with what a notebook depends on, and with nothing else."""

from __future__ import annotations

import copy

import nbformat
import pytest
from made_notebooks import write_notebook

from cvm.publish import run_cache
from cvm.publish.run_cache import Store, code_fingerprint, notebook_fingerprint

RUN = {"parameters": {"month": None, "language": "zh"}, "data": "data-1", "code": "code-1"}


@pytest.fixture
def notebook(tmp_path):
    return nbformat.read(write_notebook(tmp_path, "a", "x = 1"), as_version=4)


@pytest.mark.parametrize(
    "other", [{"data": "data-2"}, {"code": "code-2"}, {"parameters": {"month": "2026-01"}}]
)
def test_data_code_and_parameters_count(notebook, other):
    assert notebook_fingerprint(notebook, **RUN) != notebook_fingerprint(notebook, **RUN | other)


def test_cells_tags_and_needs_count(notebook):
    before = notebook_fingerprint(notebook, **RUN)
    for change in (
        lambda n: n.cells[2].update(source="x = 2"),
        lambda n: n.cells[0].update(source="# Another title"),
        lambda n: n.cells[1].metadata.update(tags=[]),
        lambda n: n.metadata["cvm"].update(needs={"months": []}),
    ):
        changed = copy.deepcopy(notebook)
        change(changed)
        assert notebook_fingerprint(changed, **RUN) != before


def test_outputs_counts_and_ids_do_not(notebook):
    before = notebook_fingerprint(notebook, **RUN)
    notebook.cells[2].execution_count = 3
    notebook.cells[2].outputs = [{"output_type": "stream", "name": "stdout", "text": "1"}]
    notebook.cells[2].id = "another"
    assert notebook_fingerprint(notebook, **RUN) == before


def test_code_counts_modules_catalogues_packages_and_rule_books(tmp_path, monkeypatch):
    library = tmp_path / "cvm"
    (library / "core").mkdir(parents=True)
    monkeypatch.setattr(run_cache, "_LIBRARY", library)
    seen = {code_fingerprint()}
    for name in ("core/a.py", "core/words.toml"):
        (library / name).write_text("x = 1")
        seen.add(code_fingerprint())
        (library / name).write_text("x = 2")
        seen.add(code_fingerprint())
    rules = tmp_path / "rules.toml"
    rules.write_text("rate = 1")
    seen.add(code_fingerprint([rules]))
    rules.write_text("rate = 2")
    seen.add(code_fingerprint([rules]))
    monkeypatch.setattr(run_cache.metadata, "distributions", lambda: [])
    seen.add(code_fingerprint())
    assert len(seen) == 8


def test_the_store_keeps_a_few_copies_of_each_notebook(tmp_path, notebook):
    store = Store(tmp_path / "kept")
    for number in range(6):
        key = f"{number}" * 64
        notebook.metadata["cvm_run"] = {"fingerprint": key}
        store.put("a", key, notebook)
    store.put("a-longer-name", "x" * 64, notebook)
    assert len(list(store.folder.glob("a.*.ipynb"))) == 4
    assert store.get("a", "5" * 64) == notebook
    assert store.get("a", "0" * 64) is None
