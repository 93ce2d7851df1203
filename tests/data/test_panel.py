"""A panel in memory gives the engine's tables, over random operators and rule books."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import add_months
from cvm.data import collect, open_data
from cvm.data.panel_columns import IdCodes, Words
from cvm.data.panel_load import load_panel
from cvm.data.reduce_segments import (
    reduce_segments_cells,
    reduce_segments_kept,
    reduce_segments_scores,
    reduce_segments_spread,
)
from cvm.data.reduce_segments_plan import SumsPlan, WindowSum
from cvm.data.reduce_segments_rows import segment_rows
from cvm.segments.scenes import SceneRules
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers_change import change_terms
from cvm.segments.tiers_rules import Cap, Score
from segments_tables import as_table, panel, people

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LAST, FIRST = date(2025, 11, 1), date(2023, 10, 1)
BOOK = open_tierbook("sample")
MONTHS = [add_months(FIRST, at) for at in range(26)]
# A seed that fails says all there is to say: smaller ones are not smaller operators.
SOME = settings(
    max_examples=5, deadline=None, derandomize=True, phases=[Phase.explicit, Phase.generate]
)
SEEDS = st.integers(0, 2**32 - 1)


def operator(rng, customers=40):
    """Return tables with gaps, leavers, strangers, nulls, negative bills and broken fen."""
    rows = pd.DataFrame(
        [(f"客{c}", month) for c in range(customers) for month in MONTHS],
        columns=["customer_id", "month"],
    )
    rows = rows[rng.random(len(rows)) < rng.choice([0.3, 0.8, 1.0])].reset_index(drop=True)
    size, decimals = len(rows), rng.choice([0, 2, 9])
    for name, mean in (("bill_yuan", 80), ("variable_cost_yuan", 30), ("voice_yuan", 50),
                       ("data_yuan", 40), ("voice_minutes", 300), ("roaming_minutes", 20),
                       ("data_gb", 5)):  # fmt: skip
        value = rng.normal(mean, mean, size) if name == "bill_yuan" else rng.gamma(1, mean, size)
        rows[name] = np.where(rng.random(size) < 0.05, np.nan, value.round(decimals))
    rows["arrears_stops"] = rng.choice([0, 0, 0, 1, 2, 130], size)
    rows["paid_on_time"] = pd.array(rng.choice([True, True, True, False, None], size), "boolean")
    rows["vip_tier"] = rng.choice(np.array(["none", "vip", "金", None], object), size)
    rows["star"] = rng.integers(0, 6, size)
    if rng.random() < 0.3:
        rows = rows.drop(columns=["variable_cost_yuan"])
    who = pd.DataFrame({"customer_id": [f"客{c}" for c in range(-3, customers - 2)]})
    count = len(who)
    joined = rng.integers(2015 * 12, 2025 * 12 + 11, count)
    who["joined_month"] = [date(m // 12, m % 12 + 1, 1) if m % 9 else None for m in joined]
    for name, values in (("brand", ["gotone", "easyown", None]), ("county", ["东", "西", None]),
                         ("customer_type", ["personal", "family", "corporate", None]),
                         ("account_id", ["A", "B", "C", None])):  # fmt: skip
        who[name] = rng.choice(np.array(values, object), count)
    who["age_years"] = np.where(rng.random(count) < 0.1, np.nan, rng.integers(18, 80, count))
    accounts = pd.DataFrame({"account_id": ["A", "B", "D"], "members": [40, None, 7]})
    earned = pd.DataFrame(
        {
            "customer_id": rng.choice([f"客{c}" for c in range(customers + 2)], 300),
            "month": rng.choice(np.array(MONTHS, object), 300),
            "point_class": rng.choice(["consumption", "bonus"], 300),
            "entry": rng.choice(["earned", "redeemed"], 300),
            "points": rng.integers(-50, 3_000, 300),
        }
    )
    rows = rows.sample(frac=1, random_state=int(rng.integers(99)))
    return (as_table(rows, "month"), as_table(who, "joined_month"), ibis.memtable(accounts),
            as_table(earned, "month") if rng.random() < 0.4 else None)  # fmt: skip


def rule_book(rng):
    """Return a book whose ladders have a random score, window, cap, grace and protection."""
    book = BOOK
    for name in ("cards", "stars", "corporate"):
        ladder = book.editions[0].ladders[name]
        weights = {
            "point": rng.choice([0, 0.1, 1]),
            "average_bill_yuan": rng.choice([0, 1]),
            "tenure_month": rng.choice([0, 0.5]),
            "account_member": rng.choice([0, 0, 2]),
            "account_bill_yuan": rng.choice([0, 0, 1]),
        }
        score = Score(
            **{"average_bill_yuan": 1.0}
            | {key: float(value) for key, value in weights.items() if value},
            shared_bonus=float(rng.choice([0, 20])),
            on_time_bonus=float(rng.choice([0, 30])),
            on_time_months=int(rng.integers(1, 14)),
            most_bonus=[None, 35.0][rng.integers(2)],
            stop_penalty=float(rng.choice([0, 10])),
        )
        cuts = np.sort(rng.choice(2_000, len(ladder.tiers), replace=False)) / rng.choice([1, 10])
        tiers = tuple(
            replace(tier, from_score=float(cut))
            for tier, cut in zip(ladder.tiers, cuts, strict=True)
        )
        book = book.with_ladder(
            name,
            score=score,
            tiers=tiers,
            caps=(Cap(stops=2, tier=tiers[0].name),) if rng.random() < 0.5 else (),
            brands=("gotone",) if rng.random() < 0.3 else (),
            customer_types=("corporate", "家庭") if rng.random() < 0.3 else (),
            least_months=int(rng.choice([0, 3])),
            set_month=[None, 12, 6][rng.integers(3)],
            window_months=int(rng.integers(1, 14)),
            grace_months=int(rng.choice([0, 3])),
            most_steps_down=[None, 1][rng.integers(2)],
        )
    return book


def agree(tables, held):
    """Hold the rows of two expressions together, to the last digit but that of a rounded score."""
    one, other = (collect(found.drop("place") if "place" in found.columns else found)
                  for found in (tables, held))  # fmt: skip
    keys = ["customer_id"] if "customer_id" in one else list(one.columns[:1])
    one, other = (frame.sort_values(keys, ignore_index=True, kind="stable")
                  for frame in (one, other))  # fmt: skip
    pd.testing.assert_frame_equal(one, other, rtol=0, atol=2e-6)


@SOME
@given(SEEDS)
def test_everybody_is_rated_alike_by_tables_and_panel(seed):
    rng = np.random.default_rng(seed)
    tables = operator(rng)
    held = load_panel(*tables, amounts=["voice_yuan", "data_yuan", "voice_minutes",
                                        "roaming_minutes", "data_gb", "age_years"])  # fmt: skip
    month = MONTHS[rng.integers(12, 26)]
    asked = {
        "month": month,
        "ladders": rule_book(rng).terms(month),
        "bands": {"voice_yuan": [30.0, 60.0], "data_gb": [2.5, 5.0], "age_years": [25, 45]},
        "scenes": SceneRules().terms(),
        "by": ["vip_tier", "star", "county", "brand", "customer_type"],
        "window_months": int(rng.integers(1, 14)),
    }

    agree(segment_rows(*tables, **asked), segment_rows(held, **asked))


@settings(SOME, max_examples=2)
@given(SEEDS)
def test_every_reduction_of_tables_is_that_of_a_panel(seed):
    rng = np.random.default_rng(seed)
    months, customers, accounts, _ = operator(rng, customers=60)
    held = load_panel(months, customers, accounts)
    books = rule_book(rng), rule_book(rng)
    tables = months, customers, accounts
    both = {"month": LAST, "ladders": change_terms(*books, LAST), "by": ["county"]}
    agree(reduce_segments_cells(*tables, **both), reduce_segments_cells(held, **both))
    one = {"month": LAST, "ladder": books[0].terms(LAST)["stars"], "step": 5}
    agree(reduce_segments_scores(*tables, **one), reduce_segments_scores(held, **one))
    before, after = (books[0].terms(month) for month in (add_months(LAST, -6), LAST))
    kept = {
        "month": LAST,
        "ladders": {name: (before[name], after[name]) for name in after},
        "bands": {"voice_yuan": [50.0], "age_years": [40]},
        "scenes": SceneRules().terms(),
        "window_months": 6,
    }
    agree(reduce_segments_kept(*tables, **kept), reduce_segments_kept(held, **kept))
    spread = {"month": LAST, "columns": ["bill_yuan", "voice_yuan"], "step": 1.0}
    agree(reduce_segments_spread(months, **spread), reduce_segments_spread(held, **spread))


@SOME
@given(SEEDS)
def test_sums_of_any_window_are_those_of_plain_arrays(seed):
    rng = np.random.default_rng(seed)
    months, customers, _, _ = operator(rng)
    frame = collect(months)
    place = frame["month"].map({pd.Timestamp(month): at for at, month in enumerate(MONTHS)})
    month = MONTHS[rng.integers(26)]
    windows = [sorted(rng.integers(0, MONTHS.index(month) + 1, 2)) for _ in range(5)]
    kinds = [("fen", "bill_yuan"), ("whole_yuan", "bill_yuan"), ("total", "arrears_stops"),
             ("true", "paid_on_time"), ("count", "")]  # fmt: skip
    sums = {
        kind: WindowSum(kind=kind, column=column, first=MONTHS[low], last=MONTHS[high])
        for (kind, column), (low, high) in zip(kinds, windows, strict=True)
    }
    held = load_panel(months, customers)

    got = collect(held.sums(SumsPlan(month=month, first=MONTHS[0], sums=sums)))

    got = got.set_index("customer_id").sort_index()
    here = sorted(frame.loc[frame["month"] == pd.Timestamp(month), "customer_id"])
    assert got.index.tolist() == here
    value = {
        "fen": frame["bill_yuan"].fillna(0),
        "whole_yuan": np.floor(frame["bill_yuan"].fillna(0) + 0.005),
        "total": frame["arrears_stops"],
        "true": frame["paid_on_time"].fillna(False).astype(int),
        "count": pd.Series(1, frame.index),
    }
    for (kind, _), (low, high) in zip(kinds, windows, strict=True):
        inside = place.between(low, high)
        total = value[kind].where(inside, 0).groupby(frame["customer_id"]).sum()[here]
        expected = (total * 100 if kind == "fen" else total).to_numpy(float)
        np.testing.assert_allclose(got[kind], expected, atol=0.5 if kind == "fen" else 0)


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("work")).tables


def test_the_samples_proposal_is_weighed_alike(tables):
    given = [tables[name] for name in ("months", "customers", "accounts", "ledger")]
    both = change_terms(BOOK, open_tierbook("proposal"), LAST)
    held = load_panel(*given)

    got = collect(reduce_segments_cells(held, month=LAST, ladders=both, by=["county", "star"]))

    expected = reduce_segments_cells(*given, month=LAST, ladders=both, by=["county", "star"])
    pd.testing.assert_frame_equal(got, collect(expected))


def test_one_core_and_blocks_of_any_size_give_the_same(tables, monkeypatch):
    held = load_panel(tables["months"], tables["customers"], tables["accounts"])
    asked = {"month": LAST, "ladders": BOOK.terms(LAST), "by": ["county"]}
    usual = collect(reduce_segments_cells(held, **asked))

    monkeypatch.setattr("cvm.data.panel.threads", lambda: 1)
    monkeypatch.setattr("cvm.data.panel.BLOCK", 77)

    pd.testing.assert_frame_equal(collect(reduce_segments_cells(held, **asked)), usual)


def test_an_expression_may_be_computed_twice_and_leaves_nothing(tables):
    held = load_panel(tables["months"], tables["customers"])
    cells = reduce_segments_cells(held, month=LAST, by=["county"])

    pd.testing.assert_frame_equal(collect(cells), collect(cells))
    assert held.engine.tables == 1
    del cells
    assert held.engine.tables == 0


def test_whole_fen_stay_whole_numbers_and_others_do_not_become_them():
    months = panel({"a": {"bill_yuan": [19.99, -0.01], "voice_yuan": [0.001, 2.0]}}, LAST)

    held = load_panel(months, people({"a": {}}))

    values = {name: held.numbers[name].by_month[:, 0].tolist() for name in held.numbers}
    assert values["bill_yuan"] == [1999, -1]
    assert values["voice_yuan"] == [0.001, 2.0]


def test_bills_beyond_whole_numbers_of_four_bytes_are_held_all_the_same():
    months = panel({"a": {"bill_yuan": [30_000_000.25] * 12}, "b": {"bill_yuan": 1.5}}, LAST)

    rows = segment_rows(load_panel(months, people({"a": {}, "b": {}})), month=LAST)

    got = collect(rows).set_index("customer_id")["revenue_fen"].to_dict()
    assert got == {"a": 12 * 3_000_000_025, "b": 12 * 150}


def test_identifiers_of_any_order_and_number_are_those_of_a_dictionary():
    rng = np.random.default_rng(11)
    names = [f"{'客' * int(n % 4)}{n}" for n in rng.integers(0, 4_000, 12_000)]
    known, coder = {}, IdCodes(1)
    parts = [pa.array(names[at : at + 700]) for at in range(0, 12_000, 700)]
    codes = [coder.codes(part, adding=True) for part in parts]
    expected = [known.setdefault(name, len(known)) for name in names]

    assert np.concatenate(codes).tolist() == expected
    assert coder.ids().to_pylist() == list(known)
    strangers = pa.array(["nobody", names[5], "", names[0]])
    assert coder.codes(strangers[1:]).tolist() == [known[names[5]], -1, 0]


def test_more_words_than_a_byte_counts_are_told_apart():
    words = Words()
    texts = [None if n % 7 == 0 else f"词{n % 300}" for n in range(1_000)]

    numbers = words.numbers(pa.array(texts))

    assert words.column(numbers).to_pylist() == texts


def test_a_panel_says_whom_and_what_it_holds():
    held = load_panel(panel({"a": {}, "b": {"bill_yuan": [1.0] * 3}}, LAST), people({"a": {}}))

    assert repr(held).startswith("MonthsPanel: 2 customers, 2024-12 to 2025-11, 0.0 GB; bill_yuan,")
    assert "county" in repr(held)


def test_a_month_that_is_not_held_is_named_with_those_that_are(tables):
    held = load_panel(tables["months"], tables["customers"], first_month=date(2024, 12, 1),
                      last_month=date(2025, 10, 1))  # fmt: skip

    for month, match in (
        (LAST, r"month == '2025-11'.*available: 2024-12 to 2025-10.*from 2023-12|2024-12 to"),
        (date(2025, 6, 1), "first month of the window == '2024-07'.*available: 2024-12 to 2025-10"),
    ):
        with pytest.raises(ArgumentError, match=match):
            reduce_segments_cells(held, month=month)
    assert len(collect(reduce_segments_cells(held, month=date(2025, 6, 1), window_months=7))) == 1


def test_a_window_may_begin_before_the_data_do():
    months = panel({"a": {"bill_yuan": [10.0, 20.0]}}, LAST)
    customers = people({"a": {}})

    held = load_panel(months, customers, first_month=date(2020, 1, 1))

    assert held.first_month == date(2025, 10, 1)
    agree(segment_rows(months, customers, month=LAST), segment_rows(held, month=LAST))


def test_tables_without_a_row_leave_everybody_unknown_and_without_points():
    months = panel({"a": {"bill_yuan": [250.0] * 24}, "": {}}, LAST)
    nobody = people({"a": {}}).filter(ibis._.customer_id == "b")
    earned = pd.DataFrame(
        {"customer_id": ["a"], "month": [LAST], "point_class": ["bonus"], "entry": ["earned"],
         "points": [9]}
    )  # fmt: skip
    ledger = as_table(earned, "month")
    stars = {"stars": BOOK.with_ladder("stars", score=Score(point=1)).terms(LAST)["stars"]}
    tables = months, nobody, None, ledger

    held = load_panel(*tables)

    asked = {"month": LAST, "ladders": stars, "by": ["county"]}
    agree(segment_rows(*tables, **asked), segment_rows(held, **asked))


def test_what_is_not_held_is_named(tables):
    held = load_panel(tables["months"], tables["customers"], amounts=[], by=[])

    with pytest.raises(MissingDataError, match=r"panel.customers == 'without county'.*\(by\)"):
        reduce_segments_cells(held, month=LAST, by=["county"])
    with pytest.raises(MissingDataError, match="without members"):
        reduce_segments_cells(
            held, month=LAST, ladders={"corporate": BOOK.terms(LAST)["corporate"]}
        )
    with pytest.raises(MissingDataError, match="without shoe_size"):
        load_panel(tables["months"], tables["customers"], by=["shoe_size"])
    with pytest.raises(ArgumentError, match="the panel holds what it was given"):
        reduce_segments_cells(held, tables["customers"], month=LAST)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"customer_id": ["a", "a"]}, "a in 2025-11 twice"),
        ({"customer_id": ["a", None]}, "months.customer_id == 'missing in a row'"),
        ({"month": [date(2025, 11, 1), date(2025, 10, 15)]}, "2025-10-15, must be the first day"),
        ({"bill_yuan": [1.0, float("inf")]}, "bill_yuan == inf"),
    ],
)
def test_months_that_cannot_be_held_are_refused(change, match):
    usual = {"customer_id": ["a", "b"], "month": [LAST, LAST], "bill_yuan": [1.0, 2.0]}
    table = as_table(pd.DataFrame(usual | change), "month")

    with pytest.raises(DataError, match=match):
        load_panel(table, people({"a": {}, "b": {}}))


def test_an_empty_table_and_people_twice_are_refused():
    months, customers = panel({"a": {}}, LAST), people({"a": {}})
    accounts = ibis.memtable(pd.DataFrame({"account_id": ["A", "A"], "members": [1, 2]}))

    with pytest.raises(DataError, match="months == 'without a row'"):
        load_panel(months.filter(months.bill_yuan < 0), customers)
    with pytest.raises(DataError, match="a customer twice"):
        load_panel(months, customers.union(customers))
    with pytest.raises(DataError, match="an account twice"):
        load_panel(months, customers, accounts)
    with pytest.raises(ArgumentError, match="1 to 63 months of the data"):
        load_panel(months, customers, first_month=date(2026, 1, 1))
