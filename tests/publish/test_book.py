"""A book: what it records, how it shows it, what it refuses."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from datetime import date
from decimal import Decimal
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from made_notebooks import FewTables
from matplotlib import figure

import cvm
from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.publish.book import Book
from cvm.publish.book_picture import picture_bundle
from cvm.publish.book_records import ANSWER_MIME, FIGURE_MIME, TABLE_MIME, Figure, value_text
from cvm.segments.crosstabs import CrossTabs

MONTHS = pd.DataFrame(
    {
        "customer_id": ["a", "b", "a", "b", "c", "a"],
        "month": [date(2026, 1, 1)] * 2 + [date(2026, 2, 1)] * 3 + [date(2026, 3, 1)],
        "bill_yuan": [10.0, 20.0, 30.0, 40.0, 50.0, 60.0],
    }
)


@pytest.fixture
def shown() -> list[dict]:
    return []


def open_small(shown: list[dict], data: object = None, **options: object) -> Book:
    options = {"language": "en", "metadata": {}, **options}
    data = data or FewTables(months=MONTHS)
    return cvm.open_book("small", source="", data=data, show=shown.append, **options)


def test_a_figure_is_shown_in_words_and_carried_as_json(shown):
    book = open_small(shown, month="2026-02")
    book.figure("customers_active", np.int64(1_234_567), unit="customers", tolerance=0.001)
    (bundle,) = shown
    assert bundle[FIGURE_MIME] == {
        "name": "customers_active",
        "value": 1_234_567,
        "unit": "customers",
        "tolerance": 0.001,
        "absolute": 0.0,
    }
    assert bundle["text/plain"] == "customers in service: 1.2346m customers"
    assert "customers in service" in bundle["text/html"]
    json.dumps(bundle)


def test_a_figure_is_shown_in_chinese(shown):
    book = open_small(shown, month="2026-02", language="zh")
    book.figure("customers_active", 20_000, unit="customers", tolerance=0)
    assert shown[0]["text/plain"] == "在网客户数: 2万户"


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (3, 3),
        (np.float32(0.5), 0.5),
        (Decimal("2.25"), 2.25),
        (pd.Series([1, 2]).sum(), 3),
        (ibis.memtable({"x": [1, 2, 4]}).x.sum(), 7),
    ],
)
def test_figures_may_be_any_plain_number(shown, value, plain):
    book = open_small(shown)
    book.figure("total", value, unit="rows", tolerance=0)
    assert book.figures["total"].value == plain
    assert type(book.figures["total"].value) in (int, float)


@pytest.mark.parametrize("value", [float("nan"), np.inf, None, pd.NA, "12", True, pd.NaT])
def test_a_figure_that_is_no_finite_number_is_refused_by_name(shown, value):
    with pytest.raises(ArgumentError, match="figure churn_share") as caught:
        open_small(shown).figure("churn_share", value, unit="share", tolerance=0.01)
    assert "finite number" in str(caught.value)
    assert not [bundle for bundle in shown if FIGURE_MIME in bundle]


@pytest.mark.parametrize(
    "setting", [{"tolerance": -0.1}, {"tolerance": 2}, {"absolute": -1}, {"unit": " "}]
)
def test_a_figure_needs_a_unit_and_a_sound_tolerance(shown, setting):
    with pytest.raises(ArgumentError, match="churn_share"):
        open_small(shown).figure(
            "churn_share", 0.02, **{"unit": "share", "tolerance": 0.01, **setting}
        )


def test_a_name_is_taken_once(shown):
    book = open_small(shown)
    book.figure("total", 1, unit="rows", tolerance=0)
    with pytest.raises(ArgumentError, match="unique"):
        book.figure("total", 2, unit="rows", tolerance=0)


def test_the_larger_tolerance_counts():
    relative = Figure(name="x", value=-200, unit="yuan", tolerance=0.01)
    absolute = Figure(name="x", value=-200, unit="yuan", tolerance=0.01, absolute=5)
    assert (relative.allowed_change, absolute.allowed_change) == (2.0, 5)


@pytest.mark.parametrize(
    ("value", "unit", "en", "zh"),
    [
        (0.0231, "share", "2.3%", "2.3%"),
        (0.0042, "share", "0.42%", "0.42%"),
        (23_400_000, "yuan", "¥23.4m", "2,340万元"),
        (-0.0041, "percentage_points", "-0.41 percentage points", "-0.41个百分点"),
        (1.15, "ratio", "1.15", "1.15"),
        (7, "widgets", "7 widgets", "7widgets"),
    ],
)
def test_values_are_worded_with_their_unit(value, unit, en, zh):
    assert (value_text(value, unit, "en"), value_text(value, unit, "zh")) == (en, zh)


def test_a_table_is_carried_with_its_kinds_counts_and_groups(shown):
    book = open_small(shown, month="2026-02")
    frame = pd.DataFrame(
        {
            "month": pd.to_datetime(["2026-01-01", "2026-02-01"]),
            "brand": pd.Categorical(["gotone", "mzone"]),
            "customers": np.array([12, 30], dtype="int32"),
            "bill_yuan": [1.5, np.nan],
            "churn_share": [0.25, None],
            "corporate": [True, False],
        }
    )
    book.table("by_brand", frame, counts="customers", sums=["bill_yuan"])
    (bundle,) = shown
    assert bundle[TABLE_MIME] == {
        "name": "by_brand",
        "columns": [
            {"name": "month", "kind": "month"},
            {"name": "brand", "kind": "category"},
            {"name": "customers", "kind": "integer"},
            {"name": "bill_yuan", "kind": "number"},
            {"name": "churn_share", "kind": "share"},
            {"name": "corporate", "kind": "flag"},
        ],
        "rows": [
            ["2026-01-01", "gotone", 12, 1.5, 0.25, True],
            ["2026-02-01", "mzone", 30, None, None, False],
        ],
        "counts": "customers",
        "sums": ["bill_yuan"],
        "groups": ["month", "brand", "corporate"],
    }
    json.dumps(bundle, allow_nan=False)


def test_a_table_of_the_engine_comes_in_the_order_of_its_groups(shown):
    book = open_small(shown, month="2026-02")
    months = book.data.table("months")
    reduced = months.group_by("month").agg(customers=months.count())
    book.table("by_month", reduced.order_by(ibis.desc("month")), counts="customers")
    assert [row[1] for row in shown[0][TABLE_MIME]["rows"]] == [2, 3, 1]


def test_a_table_is_shown_in_the_readers_words(shown):
    frame = pd.DataFrame({"brand": ["gotone", "<b>"], "bill_yuan": [1234.5, None]})
    open_small(shown, month="2026-02", language="zh").table("by_brand", frame, counts=None)
    html = shown[0]["text/html"]
    # The heading in words, and under it what an analyst writes.
    assert re.search(r"品牌</span><br><code [^>]*>brand</code></th>", html)
    assert "全球通" in html
    assert "&lt;b&gt;" in html
    assert "–" in html


NAMES = pd.DataFrame(
    {"kind": ["county", "campaign"], "value": ["城关", "关怀"], "name_en": ["Chengguan", "Care"]}
)


def test_sentences_tables_and_pictures_tell_counties_by_name(shown):
    data = FewTables(months=MONTHS, names=NAMES)
    keep = lambda bundle, metadata=None: shown.append(metadata or bundle)  # noqa: E731
    book = cvm.open_book("small", source="", data=data, show=keep, metadata={}, language="en")
    cells = pd.DataFrame({"county": ["城关"] * 2, "tier": ["vip", "none"], "customers": [20, 30],
                          "revenue_yuan": [10.0, 20.0], "margin_yuan": [1.0, 2.0]})  # fmt: skip
    other = cells.assign(county="东郊", revenue_yuan=1.0)
    tabs = CrossTabs(tables={"county": pd.concat([cells, other])})

    book.say(tabs)
    book.answer(tabs)
    book.plot(tabs)
    book.show(cells)
    book.show(pd.Series([1.5], index=["城关"], name="cost_yuan").rename_axis("county"))

    said, answered, drawn, table, series = shown[-5:]
    assert "(Chengguan)" in said["text/plain"]
    # The answer is kept in both languages, each with its own names.
    texts = answered[ANSWER_MIME]
    assert "Chengguan" in texts["en"]
    assert "城关" in texts["zh"]
    assert "Chengguan" in drawn["image/png"]["words"]
    assert "Chengguan\tVIP\t20" in table["text/plain"]
    assert "Chengguan\t1.500" in series["text/plain"]
    # What has no name of its own keeps its value; frames stay as they were.
    assert "东郊" in said["text/plain"]
    assert cells["county"].tolist() == ["城关", "城关"]
    assert book.name_of("campaign", "关怀") == "Care"


def test_a_picture_says_what_it_shows_to_those_who_cannot_see_it():
    axes = figure.Figure().subplots()
    axes.set_title("churn")
    axes.set_xlabel("months", visible=False)

    bundle, metadata = picture_bundle(axes, "Churn falls.")

    assert bundle["text/plain"] == metadata["image/png"]["alt"] == "Churn falls."
    assert "churn" in metadata["image/png"]["words"]
    assert "months" not in metadata["image/png"]["words"]


def test_a_table_names_no_single_customer(shown):
    frame = pd.DataFrame({"customer_id": ["a"], "bill_yuan": [1.0]})
    with pytest.raises(DataError, match="customer_id"):
        open_small(shown).table("rows", frame, counts=None)


@pytest.mark.parametrize(
    ("frame", "options", "error"),
    [
        ({"brand": ["a", "a"], "customers": [1, 2]}, {}, "groups"),
        ({"brand": ["a"], "customers": [-1]}, {}, "count of customers"),
        ({"brand": ["a"], "customers": [None]}, {}, "count of customers"),
        ({"brand": ["a"], "customers": [1], "bill_yuan": [np.inf]}, {}, "finite"),
        ({"brand": ["a"]}, {}, "without customers"),
        ({"brand": ["a"], "customers": [1]}, {"sums": ["bill_yuan"]}, "without bill_yuan"),
        ({"brand": [str(i) for i in range(5_001)], "customers": [1] * 5_001}, {}, "5,000"),
    ],
)
def test_a_table_that_does_not_fit_is_refused(shown, frame, options, error):
    with pytest.raises((ArgumentError, MissingDataError), match=error):
        open_small(shown).table("t", pd.DataFrame(frame), counts="customers", **options)


def test_the_month_is_the_last_full_one_and_the_book_says_so(shown):
    # Three customers in February, one in March: March is an extract cut off.
    assert open_small(shown).month == date(2026, 2, 1)
    assert shown[0]["text/plain"].startswith("Mar 2026 is not complete")


def test_a_month_as_large_as_the_one_before_is_full(shown):
    assert open_small(shown, FewTables(months=MONTHS[:5])).month == date(2026, 2, 1)
    assert not shown


@pytest.mark.parametrize(("share", "month"), [(0.5, 10), (0.69, 10), (0.71, 11), (1.3, 11)])
def test_a_month_that_is_not_billed_to_its_end_is_not_reported_on(shown, share, month):
    # A hundred customers with a row in both months: only their bills tell that November runs.
    months = pd.DataFrame(
        {
            "customer_id": [f"c{at}" for at in range(100)] * 2,
            "month": [date(2025, 10, 1)] * 100 + [date(2025, 11, 1)] * 100,
            "bill_yuan": [100.0] * 100 + [100.0 * share] * 100,
        }
    )
    assert open_small(shown, FewTables(months=months)).month == date(2025, month, 1)
    told = [one["text/plain"] for one in shown]
    said = "Nov 2025 seems not to be billed to its end (mean bill so far: ¥"
    assert [text.startswith(said) for text in told] == ([True] if month == 10 else [])


def test_a_month_outside_the_data_is_refused_with_what_there_is(shown):
    with pytest.raises(ArgumentError, match="2026-01 to 2026-03"):
        open_small(shown, month="2026-04")


def test_data_without_months_have_no_month(shown):
    customers = pd.DataFrame({"customer_id": ["a"]})
    assert open_small(shown, FewTables(customers=customers)).month is None
    assert "no months" in shown[0]["text/plain"]


def test_an_unknown_language_is_refused(shown):
    with pytest.raises(ArgumentError, match="language"):
        open_small(shown, language="fr")


def test_metadata_come_from_the_notebook_beside(tmp_path, monkeypatch, shown):
    stored = {"cells": [], "metadata": {"cvm": {"needs": {"survey": ["overall_score"]}}}}
    (tmp_path / "small.ipynb").write_text(json.dumps(stored), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    book = cvm.open_book(
        "small", source="", data=FewTables(months=MONTHS), show=shown.append, month="2026-02"
    )
    assert book.metadata == stored["metadata"]["cvm"]


def test_a_source_is_found_from_the_notebooks_folder_and_from_the_project(
    tmp_path, monkeypatch, shown
):
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "data" / "sample").mkdir(parents=True)
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    opened = []

    def open_data(source, **options):
        opened.append((source, options))
        return FewTables(months=MONTHS)

    monkeypatch.setattr(cvm, "open_data", open_data, raising=False)
    for source in ("../data/sample", "data/sample", "duckdb://x.db", "nowhere"):
        cvm.open_book("a", source=source, month="2026-02", show=shown.append)
    assert [str(source) for source, _ in opened] == [
        "../data/sample",
        str(tmp_path / "data" / "sample"),
        "duckdb://x.db",
        "nowhere",
    ]
    # Prepared data go to the project, not beside the notebook.
    assert opened[0][1] == {"engine": "duckdb", "work": tmp_path / "build" / "prepared"}


READS = {"reads": {"10-late": ["by_brand", "facts"]}}


def recorded(shown, name="by_brand"):
    """Return a table as another book recorded it."""
    other = open_small(shown, FewTables(months=MONTHS))
    frame = pd.DataFrame({"brand": ["a", "b"], "customers": [60, 40], "value": [1.5, None]})
    other.table(name, frame, counts="customers")
    return other.tables[name]


def test_a_table_of_another_notebook_comes_back_as_it_was_recorded(tmp_path, shown):
    file = tmp_path / "tables.json"
    file.write_text(json.dumps({"by_brand": recorded(shown)}))
    book = open_small(shown, metadata=READS, published=file)

    frame = book.published("by_brand")
    assert frame["customers"].tolist() == [60, 40]
    assert frame["value"].isna().tolist() == [False, True]
    shown.clear()
    assert book.published("facts") is None
    assert "facts" in shown[0]["text/plain"]
    with pytest.raises(ArgumentError, match="reads"):
        book.published("something_else")


@pytest.mark.parametrize(
    ("fingerprint", "month", "asked", "there"),
    [
        ("data-1", None, None, True),
        ("data-1", "2026-02", "2026-02", True),
        # Another data set, or another month: the last run says nothing of these.
        ("data-2", None, None, False),
        ("data-1", "2026-01", "2026-02", False),
        ("data-1", None, "2026-02", False),
    ],
)
def test_in_jupyterlab_the_last_run_on_the_same_data_is_looked_up(
    tmp_path, monkeypatch, shown, fingerprint, month, asked, there
):
    (tmp_path / "pyproject.toml").touch()
    folder = tmp_path / "build" / "run"
    (folder / "tables").mkdir(parents=True)
    (folder / "tables" / "by_brand.json").write_text(json.dumps(recorded(shown)))
    head = {"data": {"fingerprint": fingerprint}, "parameters": {"month": month}}
    (folder / "figures.json").write_text(json.dumps(head))
    monkeypatch.chdir(tmp_path)
    data = FewTables(months=MONTHS)
    data.fingerprint = "data-1"

    book = open_small(shown, data, metadata=READS, month=asked)

    assert (book.published("by_brand") is not None) == there


def test_a_notebooks_first_cell_loads_nothing_that_draws():
    code = "import sys, cvm.publish.book; sys.exit('matplotlib' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(cvm.__file__).parents[1])}
    assert subprocess.call([sys.executable, "-c", code], env=environment) == 0
