"""Every notebook, rerun on the committed sample: no headline figure moves unnoticed."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pandas as pd
import pytest

from cvm.core.snapshot import open_latest
from cvm.publish import golden
from cvm.publish.answers import answers_of, stale_answers
from cvm.publish.book_records import TABLE_MIME
from cvm.publish.gallery import check_gallery
from cvm.publish.publish import publish
from cvm.publish.run import run_notebooks
from cvm.views.pages import PAGES

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
CHINESE = re.compile("[\u4e00-\u9fff]+")
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


def test_a_notebook_run_in_english_shows_no_chinese_value_that_has_a_name(run):
    """Sentences, tables and what is written in pictures; what the extract names is left out."""
    tables = ROOT / "data" / "sample" / "tables"
    # Tariffs are what the operator calls them: the extract gives them no other name.
    unnamed = pd.read_parquet(tables / "customers", columns=["tariff"])["tariff"].dropna().unique()
    found = []
    for one in run.notebooks:
        for number, output in enumerate(outputs_of(one.path)):
            if output.get(TABLE_MIME, {}).get("name") == "names":
                continue  # the table that says which names there are
            for text in output["texts"]:
                for tariff in unnamed:
                    text = text.replace(tariff, "")
                found += [(one.name, number, part) for part in CHINESE.findall(text)]

    assert found == []


def outputs_of(path):
    """Return each output of an executed notebook with all that can be read in it."""
    for cell in nbformat.read(path, as_version=4)["cells"]:
        for output in cell.get("outputs", ()):
            data = output.get("data", {})
            texts = [data[kind] for kind in data if kind.startswith("text/")]
            texts += output.get("metadata", {}).get("image/png", {}).get("words", [])
            yield {**data, "texts": [*texts, output.get("text", "")]}


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
