"""Every notebook, rerun on the committed sample: no headline figure moves unnoticed."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import nbformat
import pytest

from cvm.core.snapshot import open_latest
from cvm.publish import golden
from cvm.publish.answers import answers_of, stale_answers
from cvm.publish.book_records import TABLE_MIME
from cvm.publish.gallery import check_gallery
from cvm.publish.publish import publish
from cvm.publish.run import run_notebooks
from cvm.views.pages import PAGES
from recomputed import Recomputed

ROOT = Path(__file__).parents[1]
NOTEBOOKS = ROOT / "notebooks"
CHINESE = re.compile("[\u4e00-\u9fff]+")
GOLDENS = ROOT / "tests" / "golden"
# A fixed day, so that "in the future" means the same whenever the tests run.
TODAY = date(2026, 1, 15)

pytestmark = pytest.mark.notebooks


LANGS = pytest.mark.parametrize("lang", ["zh", "en"])
SHOWN = re.compile(r"([+−-]?)¥?([\d,]+)(\.\d+)?(万|亿|k|m)?")
SCALES = {"万": 1e4, "亿": 1e8, "k": 1e3, "m": 1e6, None: 1.0}


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


def test_a_notebook_run_in_english_shows_no_chinese(run):
    """Sentences, tables and what is written in pictures."""
    found = []
    for one in run.notebooks:
        for number, output in enumerate(outputs_of(one.path)):
            if output.get(TABLE_MIME, {}).get("name") == "names":
                continue  # the table that says which names there are
            for text in output["texts"]:
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


@pytest.fixture(scope="module")
def shown(run, tmp_path_factory):
    root = tmp_path_factory.mktemp("published")
    publish(run, root, now=datetime(2026, 1, 15, tzinfo=UTC))
    return root


def test_what_is_published_is_what_the_notebooks_found(run, shown):
    with open_latest(shown) as snapshot:
        assert set(snapshot.tables()) == set(run.tables)
        assert set(snapshot.pages()) == set(PAGES)
        for lang in ("zh", "en"):
            answer = answers_of(run, lang)["00-start-here"]
            assert snapshot.page("overview", lang)["sentence"] == answer


@pytest.fixture(scope="module")
def plain():
    """The same figures by pandas alone, from the raw tables."""
    return Recomputed(ROOT / "data" / "sample")


def said(text, value):
    """Tell whether the first figure of a text is this value, in the digits it is shown with."""
    sign, whole, decimals, scale = SHOWN.search(text).groups()
    read = float(whole.replace(",", "") + (decimals or "")) * SCALES[scale]
    half = 0.5 * 10.0 ** (1 - len(decimals or ".")) * SCALES[scale]
    return abs((-read if sign in ("−", "-") else read) - value) <= half * (1 + 1e-9)


def cards_of(snapshot, page, lang):
    return {card["key"]: card for card in snapshot.page(page, lang)["cards"]}


@LANGS
def test_the_overviews_cards_are_those_of_plain_pandas(shown, plain, lang):
    found = plain.overview()
    with open_latest(shown) as snapshot:
        cards = cards_of(snapshot, "overview", lang)
    assert list(cards) == ["customers", "revenue", "arpu", "churn", "points"]
    for name, card in cards.items():
        hundred = 100 if name in ("churn", "points") else 1
        unit = card["unit"] if lang == "zh" else ""
        assert said(card["value"] + unit, hundred * found[name]), (name, card["value"])
    for name in ("customers", "revenue", "arpu"):
        assert said(cards[name]["change"], 100 * found[f"{name}_change"]), cards[name]["change"]
    assert said(cards["churn"]["change"], found["churn_change"])
    over = 100 * (found["points"] - 0.023)
    assert over > 0
    assert cards["points"]["tone"] == "bad"
    assert said(cards["points"]["change"].removeprefix("超出上限"), over)


@LANGS
def test_where_value_lies_and_who_moves_are_those_of_plain_pandas(run, shown, plain, lang):
    found, moves = plain.customer_value(), plain.migration()
    assert found["as_rated"] == 1
    with open_latest(shown) as snapshot:
        sentence = snapshot.page("customer-value", lang)["sentence"]
        stars = cards_of(snapshot, "customer-value", lang)["moved"]["change"]
    for name in ("top_tenth", "holders_share", "holders_revenue"):
        assert f"{100 * found[name]:.1f}%" in sentence, name
    # Who moved twice is one customer and two moves.
    count, customers = plain.star_moves()
    assert customers < count
    assert said(stars.removeprefix("近12个月"), count)
    told = answers_of(run, lang)["11-tier-migration"]
    assert all(f"{100 * moves[name]:.1f}%" in told for name in ("up", "down", "left"))
    assert f"{moves['joined']:,}" in told
    figures = {one.name: one.value for one in run.figures["09-value-segments"]}
    assert figures["tier_customers"] == found["holders"]
    assert figures["tier_serve"] == pytest.approx(found["tier_serve"])


@LANGS
def test_points_campaigns_and_past_lists_are_those_of_plain_pandas(run, shown, plain, lang):
    points, kept = plain.points(), plain.kept()
    with open_latest(shown) as snapshot:
        budget = snapshot.page("points-budget", lang)["charts"]
        campaigns = snapshot.page("campaigns", lang)
        spent = cards_of(snapshot, "campaigns", lang)["cost"]
        last = cards_of(snapshot, "early-warning", lang)["last"]
        warned = " ".join(snapshot.page("early-warning", lang)["notes"])
    (proof,) = (one["table"]["rows"][0] for one in budget if one["key"] == "proof")
    assert proof[4:] == [f"{points['last_cost']:,.0f}", f"{points['cost_before']:,.0f}"]
    figures = {one.name: one.value for one in run.figures["03-points-liability"]}
    assert points["outstanding"] == points["balances"] == figures["points_outstanding"]
    assert figures["cost_per_point"] == pytest.approx(points["cost_per_point"])
    rows = {row["id"]: row["kept"] for row in campaigns["live"]["register"]}
    assert len(kept) == 3
    assert all(said(rows[name], 1_000 * share) for name, share in kept.items())
    assert said(spent["value"] + (spent["unit"] if lang == "zh" else ""), plain.spent())
    assert ("×24个月" if lang == "zh" else "times 24, an assumption") in warned
    # Both are shown to three digits: the list's share of leavers over that of the whole base.
    listed = float(last["value"].rstrip("%")) / 100
    assert said(last["change"].removeprefix("为全网的"), listed / plain.left_since().iloc[-1])


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
