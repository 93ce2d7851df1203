"""Golden figures: what moved, from, to, by how much; what is missing; what is new."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cvm.core.checks import DataError
from cvm.publish.book_records import Figure
from cvm.publish.golden import accept, compare, read_goldens
from cvm.publish.run_kernel import Failure
from cvm.publish.run_records import NotebookRun, RunResult


def figure(name="churn_share", value=0.02, unit="share", tolerance=0.01, **more):
    return Figure(name=name, value=value, unit=unit, tolerance=tolerance, **more)


def run_of(*figures, data="data-1", left_aside=(), **others):
    runs = [NotebookRun(name="01-a", state="ran", figures=figures)]
    runs += [NotebookRun(name=n, state="ran", figures=(f,)) for n, f in others.items()]
    return RunResult(
        notebooks=tuple(runs),
        data={"fingerprint": data, "last_month": "2026-05-01"},
        parameters={"month": None, "language": "zh"},
        out_dir=Path(),
        left_aside=left_aside,
    )


def statuses(comparison):
    return {found.name: found.status for found in comparison.figures}


def test_accepted_figures_compare_as_the_same(tmp_path):
    run = run_of(figure(), figure("customers_active", 7, "customers", 0))
    assert [path.name for path in accept(run, tmp_path)] == ["01-a.json"]
    comparison = compare(run, tmp_path)
    assert comparison.ok
    assert comparison.text("en") == "All 2 headline figures stand where they were."
    assert comparison.lines() == []


@pytest.mark.parametrize(
    ("value", "status"),
    # 1 % of 0.02 is 0.0002.
    [(0.02015, "same"), (0.01985, "same"), (0.0203, "moved"), (0.0197, "moved")],
)
def test_a_change_within_the_tolerance_is_no_news(tmp_path, value, status):
    accept(run_of(figure()), tmp_path)
    assert statuses(compare(run_of(figure(value=value)), tmp_path)) == {"churn_share": status}


def test_an_exact_figure_allows_no_change_and_an_absolute_tolerance_allows_one_at_zero(tmp_path):
    before = [figure("n", 7, "rows", 0), figure("z", 0, "rows", 0.5, absolute=2)]
    accept(run_of(*before), tmp_path)
    now = [figure("n", 8, "rows", 0), figure("z", 2, "rows", 0.5, absolute=2)]
    assert statuses(compare(run_of(*now), tmp_path)) == {"n": "moved", "z": "same"}


def test_a_moved_figure_is_told_from_to_and_by_how_much(tmp_path):
    accept(run_of(figure(value=0.02, tolerance=0.01)), tmp_path)
    comparison = compare(run_of(figure(value=0.025, tolerance=0.01)), tmp_path)
    assert comparison.lines("en") == [
        "01-a · churn_share: moved, 0.02 share → 0.025 share, +0.005 (+25 %); allowed ±0.0002 share"
    ]
    (row,) = comparison.summary().to_dict("records")
    assert (row["from"], row["to"]) == (0.02, 0.025)
    assert row["change"] == pytest.approx(0.005)
    assert row["change_share"] == pytest.approx(0.25)
    assert "变动" in comparison.lines("zh")[0]


def test_missing_and_new_figures_fail(tmp_path):
    accept(run_of(figure("old")), tmp_path)
    comparison = compare(run_of(figure("new")), tmp_path)
    assert statuses(comparison) == {"old": "missing", "new": "new"}
    assert not comparison.ok
    assert "1 missing, 1 new" in comparison.text("en")


def test_a_looser_tolerance_does_not_hide_a_change(tmp_path):
    accept(run_of(figure(tolerance=0.01)), tmp_path)
    moved = compare(run_of(figure(value=0.03, tolerance=1)), tmp_path)
    assert statuses(moved) == {"churn_share": "moved"}
    loosened = compare(run_of(figure(tolerance=0.5)), tmp_path)
    assert statuses(loosened) == {"churn_share": "terms"}
    assert "±1 %, ±0 → share, ±50 %" in loosened.lines()[0]


def test_another_unit_fails(tmp_path):
    accept(run_of(figure("x", 1, "yuan")), tmp_path)
    assert statuses(compare(run_of(figure("x", 1, "points")), tmp_path)) == {"x": "terms"}


def test_other_data_are_named_as_a_possible_cause(tmp_path):
    accept(run_of(figure()), tmp_path)
    comparison = compare(run_of(figure(value=0.5), data="data-2"), tmp_path)
    assert "data data-1 → data-2" in comparison.lines()[-1]


def test_a_notebook_that_is_gone_is_missing_unless_it_was_left_aside(tmp_path):
    accept(run_of(figure(), **{"02-b": figure("b")}), tmp_path)
    assert statuses(compare(run_of(figure()), tmp_path)) == {"churn_share": "same", "b": "missing"}
    assert compare(run_of(figure(), left_aside=("02-b",)), tmp_path).ok


def test_accepting_changes_only_what_differs_and_drops_what_is_gone(tmp_path):
    accept(run_of(figure(), **{"02-b": figure("b"), "03-c": figure("c")}), tmp_path)
    kept = (tmp_path / "01-a.json").read_bytes()
    # Within its tolerance: nothing to accept, so the file stays byte for byte.
    run = run_of(figure(value=0.0201), data="data-2", **{"02-b": figure("b", 1)})
    assert [path.name for path in accept(run, tmp_path)] == ["02-b.json", "03-c.json"]
    assert (tmp_path / "01-a.json").read_bytes() == kept
    assert not (tmp_path / "03-c.json").exists()
    assert set(read_goldens(tmp_path)) == {"01-a", "02-b"}


def test_a_golden_file_is_sorted_and_says_what_it_was_made_of(tmp_path):
    accept(run_of(figure("z"), figure("a")), tmp_path)
    text = (tmp_path / "01-a.json").read_text(encoding="utf-8")
    stored = json.loads(text)
    assert [f["name"] for f in stored["figures"]] == ["a", "z"]
    assert stored["made_of"]["data"] == "data-1"
    assert {"python", "cvm", "duckdb", "pandas"} <= set(stored["made_of"]["versions"])
    assert text == json.dumps(stored, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def test_a_failed_or_partial_run_is_not_accepted(tmp_path):
    failure = Failure(notebook="02-b", cell=1, cells=2, source="1/0", cause="ZeroDivisionError")
    for bad in (
        NotebookRun(name="02-b", state="failed", failure=failure),
        NotebookRun(name="02-b", state="not_enough_data", lacking="months"),
        NotebookRun(name="02-b", state="not_run", because="01-a"),
    ):
        run = run_of(figure())
        run = RunResult(**{**vars(run), "notebooks": (*run.notebooks, bad)})
        with pytest.raises(DataError, match="02-b"):
            accept(run, tmp_path)
    assert not list(tmp_path.iterdir())


def test_other_json_files_are_left_aside_and_a_damaged_one_is_named(tmp_path):
    (tmp_path / "published_numbers.json").write_text("[1, 2]")
    assert read_goldens(tmp_path) == {}
    (tmp_path / "01-a.json").write_text('{"kind": "notebook figures"')
    with pytest.raises(DataError, match=r"01-a\.json"):
        read_goldens(tmp_path)
