"""Tables as notebooks show them: headings in words, names, one format a column."""

import re
from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.i18n import LANGUAGES, catalogue
from cvm.core.months import month_index
from cvm.publish.shown_cells import column_label, column_texts, kind_of
from cvm.publish.shown_table import MOST_ROWS, html_of, in_language, text_of, told_columns
from cvm.views.names import Names

NAMES = Names(
    known={("en", "county", "城关"): "Chengguan", ("en", "campaign", "关怀"): "Care call"}
)


def texts(column, values, lang="en", names=NAMES):
    frame = pd.DataFrame({column: values})
    return column_texts(frame[column], column, kind_of(column, frame[column]), lang, names)


@pytest.mark.parametrize(
    ("column", "values", "told"),
    [
        # One number of decimals a column: what stands under each other can be compared.
        ("cost_yuan", [16824.4, 317.2, np.nan], ["16,824", "317", "–"]),
        ("ratio", [1.5, 0.25], ["1.500", "0.250"]),
        ("customers", [1188.0, 12.0], ["1,188", "12"]),
        ("change_yuan", [-10047.0, 0.0], ["−10,047", "0"]),
        # What is not nought is not shown as nought; what arithmetic leaves of nought is.
        ("net_yuan", [25_000.5, 0.25, 1e-13], ["25,000", "0.25", "0"]),
        # Unlike figures under each other keep their own digits.
        ("effect", [923.004, -0.0434], ["923", "−0.0434"]),
        # A cap of 2.30 % is told from a cost of 2.31 %; large shares need no second decimal.
        ("cost_share", [0.02311, 0.023], ["2.31%", "2.30%"]),
        ("over_share", [0.501, 0.05], ["50.1%", "5.0%"]),
        ("roi", [1.4653, -0.29], ["146.5%", "−29.0%"]),
        ("roi", [394.071, -0.29], ["39,407%", "−29%"]),
        # A limit is told in the unit of what it is a limit of.
        ("urr_low", [0.7294], ["72.9%"]),
        ("ratio_low", [0.8412], ["0.8412"]),
        # What has words of its own is not a limit, though a share is called like its beginning.
        ("customer_se", [0.005742], ["0.005742"]),
        ("revenue_low_yuan", [0.5], ["0.5000"]),
        ("chain_low", [26421.53, 317.2], ["26,422", "317"]),
        ("total", [21797194.3, 400.25], ["21,797,194", "400.2"]),
        ("aic", [2814.26, 2813.41], ["2,814.3", "2,813.4"]),
        ("start_month", ["2024-03-01"], ["Mar 2024"]),
        ("p_value", [0.0004, 0.0732], ["<0.001", "0.073"]),
        ("points_year", [2025, 2026], ["2025", "2026"]),
        ("years", [2025, 12], ["2,025", "12"]),
        ("month", [date(2025, 11, 1)], ["Nov 2025"]),
        ("start_index", [month_index(date(2024, 3, 1))], ["Mar 2024"]),
        ("as_of", [pd.Timestamp("2025-11-01")], ["Nov 2025"]),
        ("as_of", [pd.Timestamp("2025-11-17")], ["2025-11-17"]),
        ("detected", [True, False], ["yes", "no"]),
        ("county", ["城关", "东郊"], ["Chengguan", "东郊"]),
        ("key", ["over_share", "own_figure"], ["chance of passing the cap", "own_figure"]),
        ("name", ["关怀", "placebo"], ["Care call", "differences before the campaign (placebo)"]),
        ("vip_tier", ["diamond", "none"], ["Diamond", "No card"]),
        ("limit", [np.inf, -np.inf], ["∞", "−∞"]),
    ],
)
def test_a_column_is_told_in_one_format(column, values, told):
    assert texts(column, values) == told


def test_chinese_readers_get_their_own_words():
    assert texts("detected", [True, False], "zh") == ["是", "否"]
    assert texts("month", [date(2025, 11, 1)], "zh") == ["2025年11月"]
    assert texts("county", ["城关"], "zh") == ["城关"]
    assert texts("design", ["holdout"], "zh") == ["随机对照"]
    assert texts("ladder", ["cards", "own"], "zh") == ["贵宾卡", "own"]
    # A sentence with blanks is no word of a value.
    assert texts("change", ["threshold"], "zh") == ["threshold"]


@pytest.mark.parametrize("lang", LANGUAGES)
def test_no_word_of_a_column_is_one_of_the_table_of_names(lang):
    # Only that table has "values as in the data"; elsewhere a value is a figure.
    assert column_label("value", lang) == {"zh": "数值", "en": "value"}[lang]
    assert column_label("kind", lang) == {"zh": "类别", "en": "kind"}[lang]


def test_limits_and_errors_are_named_after_what_they_are_of():
    assert column_label("liability_low_yuan", "en") == "liability (yuan), lower limit"
    assert column_label("caught_high_share", "zh") == "覆盖离网客户上限"
    assert column_label("own_measure_low", "en") == "own measure low"


def test_every_heading_says_something_in_both_languages():
    words = {key: entry for key, entry in catalogue().items() if key.startswith("columns.")}

    assert words
    for key, entry in words.items():
        assert re.search("[\u4e00-\u9fff]", entry["zh"]) or entry["zh"] == entry["en"], key
        assert not re.search("[\u4e00-\u9fff]", entry["en"]), key


def test_the_index_names_rows_only_where_it_says_something():
    frame = pd.DataFrame({"tier": ["gold", "vip"], "customers": [4, 5]})

    plain = told_columns(frame[frame["customers"] > 4], "en", NAMES)
    assert [one.name for one in plain] == ["tier", "customers"]
    named = told_columns(frame.set_index("tier"), "en", NAMES)
    assert [one.cells for one in named] == [["Gold", "VIP"], ["4", "5"]]
    spread = told_columns(frame.assign(county="城关").pivot_table(
        index="county", columns="tier", values="customers"), "en", NAMES)  # fmt: skip
    assert [one.label for one in spread] == ["county", "Gold", "VIP"]
    assert spread[0].cells == ["Chengguan"]


def test_a_tier_of_another_ladder_is_no_card():
    frame = pd.DataFrame({"ladder": ["stars"], "tier": ["none"]})

    assert told_columns(frame, "en", NAMES)[1].cells == ["no tier"]
    assert told_columns(frame.drop(columns="ladder"), "en", NAMES)[0].cells == ["No card"]


def test_what_is_said_twice_is_said_in_the_readers_language():
    frame = pd.DataFrame({"name_zh": ["银卡"], "name_en": ["silver"], "set_by_zh": ["省公司"]})

    told = {lang: told_columns(frame, lang, NAMES) for lang in LANGUAGES}
    assert [one.name for one in told["en"]] == ["name_en", "set_by_zh"]
    assert [one.name for one in told["zh"]] == ["name_zh", "set_by_zh"]
    assert in_language(told["en"], "zh") == told["en"]


def test_a_heading_shows_what_an_analyst_writes_and_cells_are_only_text():
    frame = pd.DataFrame({"cost_yuan": [1.5], "brand": ["<b>"], "customers": [3]})

    html = html_of(told_columns(frame, "en", NAMES), "en")
    assert re.search(r">cost \(yuan\)</span><br><code[^>]*>cost_yuan</code>", html)
    assert "&lt;b&gt;" in html
    assert "<code" not in html.split("customers")[1]


def test_a_wide_short_table_stands_upright_and_a_long_one_is_cut():
    wide = told_columns(pd.DataFrame([range(12)], columns=list("abcdefghijkl")), "en", NAMES)
    long = told_columns(pd.DataFrame({"a": range(MOST_ROWS + 5)}), "zh", NAMES)

    assert html_of(wide, "en").count("<tr>") == 12
    assert html_of(wide, "en", down=False).count("<tr>") == 2
    assert html_of(long, "zh").count("<tr>") == MOST_ROWS + 1
    assert "5" in html_of(long, "zh").rsplit("</table>", 1)[1]
    assert text_of(long).count("\n") == MOST_ROWS
    assert text_of([]) == ""
