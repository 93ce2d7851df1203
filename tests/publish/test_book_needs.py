"""Partial data: the book says what is missing and what can still be done."""

from __future__ import annotations

import pandas as pd
import pytest
from made_notebooks import FewTables

import cvm
from cvm.core.checks import ArgumentError
from cvm.publish.book_needs import NotEnoughDataError, missing_from, parts_of

STATED = {
    "needs": {"customers": ["customer_id"]},
    "optional": {
        "points_cost": {
            "needs": {"ledger": ["points", "cost_yuan"]},
            "en": "points cost against the cap",
            "zh": "积分成本与上限",
        },
        "customers": ["brand", "county"],
        "survey": ["overall_score"],
    },
}
CUSTOMERS = pd.DataFrame({"customer_id": ["a", "b"], "brand": ["gotone", "mzone"]})


def open_partial(language="en", stated=STATED, **frames):
    shown = []
    data = FewTables(**(frames or {"customers": CUSTOMERS}))
    book = cvm.open_book(
        "partial", source="", data=data, metadata=stated, language=language, show=shown.append
    )
    shown.clear()
    return book, shown


def test_it_lists_what_can_be_done_and_what_not():
    book, shown = open_partial()
    book.needs()
    text = shown[0]["text/markdown"]
    assert "| the notebook itself | yes | – |" in text
    assert "| points cost against the cap | no | points ledger (table ledger) |" in text
    assert "| customers | no | customers (table customers): county |" in text
    assert "mapping file" in text


def test_it_lists_it_in_chinese():
    book, shown = open_partial("zh")
    book.needs()
    text = shown[0]["text/markdown"]
    assert "| 积分成本与上限 | 不能 | 积分台账（ledger表） |" in text
    assert "| 客户 | 不能 | 客户（customers表）的县区 county |" in text


def test_with_all_data_it_says_so():
    book, shown = open_partial(stated={"needs": {"customers": ["brand"]}})
    book.needs()
    assert shown[0]["text/plain"] == "The data hold all that this notebook needs."


def test_without_the_main_data_it_stops_with_the_text_alone():
    book, shown = open_partial(survey=pd.DataFrame({"overall_score": [5.0]}))
    with pytest.raises(NotEnoughDataError, match="customers") as caught:
        book.needs()
    # What IPython shows in place of a traceback.
    assert caught.value._render_traceback_() == [str(caught.value)]
    assert "| no |" in shown[0]["text/markdown"]


def test_too_few_months_stop_it_with_their_number():
    two = pd.DataFrame({"customer_id": ["a", "a"], "month": pd.to_datetime(["2025-10", "2025-11"])})
    for lang, told in (("en", "needs 3 months"), ("zh", "至少需3个月的数据，现有2个月")):
        book, _ = open_partial(lang, stated={"needs": {"months": ["month"]}}, months=two)
        book.needs(months=2)
        with pytest.raises(NotEnoughDataError, match=told):
            book.needs(months=3)


def test_a_part_is_guarded_by_its_name():
    book, shown = open_partial()
    assert not book.can("points_cost")
    assert shown[-1]["text/plain"].startswith("Left out: points cost against the cap. Missing:")


def test_a_table_with_columns_is_guarded_too():
    book, shown = open_partial()
    assert book.can("customers", "brand")
    assert not shown
    assert not book.can("months", "bill_yuan")
    assert "customer months" in shown[-1]["text/plain"]


@pytest.mark.parametrize("asked", [("nothing",), ("customers", "colour")])
def test_asking_for_what_no_contract_has_is_an_error(asked):
    book, _ = open_partial()
    with pytest.raises(ArgumentError, match=asked[-1]):
        book.can(*asked)


def test_missing_names_the_whole_table_or_its_columns():
    data = FewTables(customers=CUSTOMERS)
    needs = {"customers": ["brand", "tariff"], "months": ["bill_yuan"], "survey": []}
    assert missing_from(data, needs) == {"customers": ["tariff"], "months": [], "survey": []}


def test_a_part_must_read_what_the_contract_has():
    with pytest.raises(ArgumentError, match=r"months\.colour"):
        parts_of({"optional": {"months": ["colour"]}})
