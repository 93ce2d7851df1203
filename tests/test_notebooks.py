"""Every notebook, rerun on the committed sample: no headline figure moves unnoticed."""

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from cvm.core.snapshot import open_latest
from cvm.publish import golden
from cvm.publish.answers import answers_of, stale_answers
from cvm.publish.gallery import check_gallery
from cvm.publish.publish import publish
from cvm.publish.run import run_notebooks
from cvm.views.pages import PAGES

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
GOLDENS = ROOT / "tests" / "golden"
# A fixed day, so that "in the future" means the same whenever the tests run.
TODAY = date(2026, 1, 15)

pytestmark = [pytest.mark.notebooks, pytest.mark.xdist_group("notebooks")]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    out = tmp_path_factory.mktemp("run")
    return run_notebooks(
        NOTEBOOKS, out / "run", source=ROOT / "data" / "sample", language="en", today=TODAY
    )


def test_every_notebook_runs_to_its_end(run):
    assert run.ok, "\n".join(failure.text("en") for failure in run.failures)
    assert {one.state for one in run.notebooks} == {"ran"}


def test_no_headline_figure_has_moved(run):
    comparison = golden.compare(run, GOLDENS)

    assert comparison.ok, "\n".join(comparison.lines("en")) + "\non purpose? run `cvm accept`"


def test_each_notebook_states_the_answer_of_this_run(run):
    answers = answers_of(run, "en")

    assert set(answers) == {one.name for one in run.notebooks}
    assert stale_answers(NOTEBOOKS, answers) == []


def test_the_gallery_shows_the_notebooks_as_they_are(run):
    stale = check_gallery(
        NOTEBOOKS, ROOT / "docs", figures=run.figures, dashboards_dir=ROOT / "dashboards"
    )

    assert stale == [], "run `cvm gallery`"


def test_what_is_published_is_what_the_notebooks_found(run, tmp_path):
    publish(run, tmp_path, now=datetime(2026, 1, 15, tzinfo=UTC))

    with open_latest(tmp_path) as snapshot:
        assert set(snapshot.tables()) == set(run.tables)
        assert set(snapshot.pages()) == set(PAGES)
        for lang in ("zh", "en"):
            answer = answers_of(run, lang)["00-start-here"]
            assert snapshot.page("overview", lang)["sentence"] == answer


@pytest.mark.parametrize("name", ["ibm_telco_churn", "iranian_churn"])
def test_a_customer_snapshot_goes_through_what_it_can_carry(name, tmp_path):
    mapping = ROOT / "data" / "mappings" / f"{name}.toml"
    if not (ROOT.parent / "shared" / "data" / f"{name}.csv").is_file():
        pytest.skip(f"shared/data/{name}.csv is not beside the checkout")

    result = run_notebooks(
        NOTEBOOKS,
        tmp_path / "run",
        source=mapping,
        only=["00-start-here", "01-know-your-data", "12-early-warning"],
        today=TODAY,
    )

    assert result.ok
    states = {one.name: one.state for one in result.notebooks}
    assert states["01-know-your-data"] == "ran"
    # Who leaves next can be told, out of fold; whom to call now cannot.
    assert states["12-early-warning"] == "ran"
    assert [one.name for one in result.figures["12-early-warning"]] == ["churn_auc"]
    # No months in a snapshot: the page says what is missing instead of guessing.
    assert states["00-start-here"] == "not_enough_data"
    assert "months" in result.lacking["00-start-here"]
