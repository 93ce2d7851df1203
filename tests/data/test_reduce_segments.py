"""Customers rated in the engine: by hand, by plain loops, against the sample's planted tiers."""

import glob
from dataclasses import replace
from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_segments import (
    reduce_segments_cells,
    reduce_segments_kept,
    reduce_segments_scores,
    reduce_segments_spread,
)
from cvm.data.reduce_segments_ratings import ladder_needs
from cvm.data.reduce_segments_rows import segment_rows
from cvm.segments.scenes import SceneRules
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers_rules import Score, Tier
from segments_tables import as_table, panel, people, sample_star

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LAST = date(2025, 11, 1)
BOOK = open_tierbook("sample")


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("work")).tables


def book_with(name="stars", **changes):
    return BOOK.with_ladder(name, **changes)


def rated(months, customers, book=BOOK, names=("stars",), month=LAST, accounts=None, ledger=None):
    terms = {name: item for name, item in book.terms(month).items() if name in names}
    rows = segment_rows(months, customers, accounts, ledger, month=month, ladders=terms)
    return collect(rows).set_index("customer_id").sort_index()


def test_shanghais_score_by_hand():
    """Bill 200 + tenure 70 + family 20 + on time 30 − 0; then one stop, a late month, no family."""
    late = [True] * 11 + [False]
    months = panel(
        {
            "family": {"bill_yuan": 200.0},
            "stopped": {"bill_yuan": 200.0, "arrears_stops": [0] * 10 + [1, 1]},
            "late": {"bill_yuan": 200.0, "paid_on_time": late},
        },
        LAST,
    )
    customers = people(
        {
            "family": {"customer_type": "family"},
            "stopped": {},
            "late": {"customer_type": "personal"},
        }
    )

    got = rated(months, customers)

    # January 2020 to November 2025 are 70 months.
    assert got["stars_score"].to_dict() == {
        "family": 200 + 70 + 20 + 30,
        "stopped": 200 + 70 + 30 - 20,
        "late": 200 + 70,
    }
    assert got["stars_level"].to_dict() == {"family": 4, "stopped": 3, "late": 3}


def test_bonuses_count_together_up_to_their_limit():
    book = book_with(score=replace(BOOK.editions[0].stars.score, most_bonus=35))
    months = panel({"a": {"bill_yuan": 100.0}}, LAST)

    got = rated(months, people({"a": {"customer_type": "corporate"}}), book)

    assert got.loc["a", "stars_score"] == 100 + 70 + 35


def test_a_score_on_the_cut_belongs_to_the_tier_above():
    """Twelve bills of tenths that add up to 12 × 80, whatever the order of addition."""
    bills = [79.7, 80.3] * 6
    below = [79.7, 80.3] * 5 + [79.7, 80.2]
    months = panel({"on": {"bill_yuan": bills}, "under": {"bill_yuan": below}}, LAST)
    customers = people({"on": {}, "under": {}})
    # 80 + 70 of tenure is 150, the cut of two stars; no bonus here.
    book = book_with(score=replace(BOOK.editions[0].stars.score, on_time_bonus=0))

    assert rated(months, customers, book)["stars_level"].to_dict() == {"on": 2, "under": 1}


def test_three_stops_allow_three_stars_and_two_do_not_bind():
    bill = {"bill_yuan": 600.0}
    months = panel(
        {
            "three": bill | {"arrears_stops": [0] * 11 + [3]},
            "two": bill | {"arrears_stops": [0] * 11 + [2]},
            "long ago": bill | {"arrears_stops": [3] + [0] * 12},
        },
        LAST,
    )

    got = rated(months, people({"three": {}, "two": {}, "long ago": {}}))

    assert got["stars_level"].to_dict() == {"three": 3, "two": 5, "long ago": 5}
    assert got["stars_cap"].to_dict() == {"three": 3, "two": 99, "long ago": 99}


def test_a_customer_with_one_month_is_rated_on_it_or_not_at_all():
    months = panel({"new": {"bill_yuan": [300.0]}, "old": {"bill_yuan": [300.0]}}, LAST)
    customers = people({"new": {"joined_month": LAST}, "old": {}})

    got = rated(months, customers)

    assert got["stars_level"].to_dict() == {"new": -1, "old": 4}  # 300 + 70, not 300 ÷ 12
    assert got.loc["old", "stars_score"] == 370
    assert got["months_seen"].tolist() == [1, 1]


def test_who_has_left_by_the_month_is_not_among_its_customers():
    frame = collect(panel({"here": {}, "gone": {}}, LAST))
    months = as_table(
        frame[~((frame["customer_id"] == "gone") & (frame["month"] >= "2025-11"))], "month"
    )

    assert rated(months, people({"here": {}, "gone": {}})).index.tolist() == ["here"]


def test_cards_go_to_one_brand_by_the_whole_yuan_of_the_year_before():
    """Bills of 250.9 earn 250 points a month, 3,000 a year: the cut of the silver card."""
    year = {"bill_yuan": [250.9] * 12 + [999.0] * 12}
    months = panel({"gotone": year, "easyown": year, "poor": {"bill_yuan": [249.9] * 24}}, LAST)
    customers = people({"gotone": {}, "easyown": {"brand": "easyown"}, "poor": {}})

    got = rated(months, customers, names=("cards",), month=LAST)

    # Set in December 2024, on December 2023 to November 2024.
    assert got["cards_level"].to_dict() == {"gotone": 2, "easyown": -1, "poor": 1}
    assert got.loc["gotone", "cards_score"] == 3_000


def test_points_come_from_the_ledger_where_there_is_one():
    months = panel({"a": {"bill_yuan": [100.0] * 24}}, LAST)
    rows = [
        ("a", "2024-06-01", "consumption", "earned", 5_000),
        ("a", "2024-06-01", "bonus", "earned", 9_000),
        ("a", "2024-07-01", "consumption", "redeemed", 4_000),
        ("a", "2025-06-01", "consumption", "earned", 9_000),
    ]
    columns = ["customer_id", "month", "point_class", "entry", "points"]
    ledger = as_table(pd.DataFrame(rows, columns=columns), "month")

    got = rated(months, people({"a": {}}), names=("cards",), ledger=ledger)

    assert got.loc["a", "cards_score"] == 5_000


def test_grades_follow_the_members_of_the_account():
    months = panel({"a": {}, "b": {}, "c": {}, "p": {}}, LAST)
    account = {"customer_type": "corporate"}
    customers = people(
        {
            "a": account | {"account_id": "big"},
            "b": account | {"account_id": "mid"},
            "c": account | {"account_id": "lost"},
            "p": {},
        }
    )
    accounts = ibis.memtable(pd.DataFrame({"account_id": ["big", "mid"], "members": [40, 39]}))

    got = rated(months, customers, names=("corporate",), accounts=accounts)

    # An account that is not in the table tells nothing; a personal customer has none.
    assert got["corporate_level"].to_dict() == {"a": 3, "b": 2, "c": -1, "p": -1}


def test_grades_follow_the_bills_of_the_account():
    """Bills of 12 months at 90 and 30 and of the 6 months of one who left: 1,740 ÷ 12 = 145."""
    months = panel({"a": {"bill_yuan": 90.0}, "b": {"bill_yuan": 30.0}, "p": {}}, LAST)
    gone = panel({"gone": {"bill_yuan": 50.0}}, date(2025, 5, 1))
    months = as_table(pd.concat([collect(months), collect(gone)]), "month")
    account = {"customer_type": "corporate", "account_id": "big"}
    customers = people({"a": account, "b": account, "gone": account, "p": {},
                        "lone": {"customer_type": "corporate"}})  # fmt: skip
    score = Score(account_bill_yuan=1)
    tiers = tuple(
        Tier(name=name, en=name, zh=name, from_score=cut)
        for name, cut in (("C", 0), ("B", 145), ("A", 145.01))
    )
    book = book_with("corporate", score=score, tiers=tiers, services=())

    got = rated(months, customers, book=book, names=("corporate",))

    assert got["corporate_level"].to_dict() == {"a": 2, "b": 2, "p": -1}
    assert got.loc["a", "corporate_score"] == pytest.approx(145)
    assert ladder_needs(book.terms(LAST)["corporate"]) == {
        "customers": ["customer_type", "account_id"]
    }


def test_grades_by_spend_of_the_sample_are_those_of_pandas(tables):
    book = book_with("corporate", score=Score(account_bill_yuan=1), services=())
    got = rated(tables["months"], tables["customers"], book=book, names=("corporate",))
    months = collect(tables["months"].select("customer_id", "month", "bill_yuan"))
    people_ = collect(tables["customers"].select("customer_id", "account_id", "customer_type"))
    year = months[pd.to_datetime(months["month"]) > pd.Timestamp(2024, 11, 1)]
    bills = year.merge(people_, on="customer_id").groupby("account_id")["bill_yuan"].sum() / 12
    here = people_[people_["customer_id"].isin(got.index)].set_index("customer_id")
    corporate = here[here["customer_type"] == "corporate"]
    expected = corporate["account_id"].map(bills)

    found = got.loc[corporate.index]
    assert found["corporate_score"].to_numpy() == pytest.approx(expected.to_numpy())
    assert (got.drop(corporate.index)["corporate_level"] == -1).all()


@pytest.mark.parametrize("month", [date(2023, 11, 1), date(2024, 12, 1), LAST])
def test_the_samples_stars_and_cards_are_reproduced_exactly(tables, month):
    """The planted tiers stand in the months table; the first whole points year ends 2023-11."""
    names = ["stars"] if month < date(2023, 12, 1) else ["stars", "cards"]
    terms = {name: item for name, item in BOOK.terms(month).items() if name in names}
    cells = collect(
        reduce_segments_cells(
            tables["months"],
            tables["customers"],
            month=month,
            ladders=terms,
            by=("vip_tier", "star"),
        )
    )

    assert (cells["stars"].clip(lower=0).astype(str) == cells["star"]).all()
    if "cards" in names:
        given = (
            cells["cards"]
            .clip(lower=0)
            .map(dict(enumerate(["none", *BOOK.editions[0].cards.names])))
        )
        assert (given == cells["vip_tier"]).all()
    here = tables["months"].filter(tables["months"].month == month)
    assert cells["customers"].sum() == len(collect(here.select("customer_id")))


def test_stars_agree_with_plain_loops(tables):
    customers = collect(tables["customers"].order_by("customer_id").limit(120))
    some = customers["customer_id"].tolist()
    months = collect(tables["months"].filter(lambda t: t.customer_id.isin(some)))
    month = date(2025, 6, 1)
    months["month"] = pd.to_datetime(months["month"])
    customers["joined_month"] = pd.to_datetime(customers["joined_month"])
    got = rated(tables["months"], tables["customers"], month=month)["stars_level"]
    by_customer = dict(list(months.groupby("customer_id")))

    checked = 0
    for _, customer in customers.iterrows():
        own = by_customer.get(customer["customer_id"])
        if own is None or not (own["month"] == pd.Timestamp(month)).any():
            continue
        assert got[customer["customer_id"]] == sample_star(own, customer, month)
        checked += 1
    assert checked > 20


def test_protection_is_the_recursion_it_stands_for():
    """With no grace: tier = max(tier of the score, tier a month ago − 1), from plain months."""
    rng = np.random.default_rng(3)
    bills = {str(n): {"bill_yuan": (rng.gamma(2, 120, 36)).round(1).tolist()} for n in range(30)}
    months, customers = panel(bills, LAST), people({name: {} for name in bills})
    plain = replace(BOOK.editions[0].stars, caps=(), window_months=1)
    book = replace(BOOK, editions=(replace(BOOK.editions[0], stars=plain),))
    ends = [date(2025, month, 1) for month in range(1, 12)]
    base = {end: rated(months, customers, book, month=end)["stars_level"] for end in ends}

    protected = book.with_ladder("stars", most_steps_down=1)
    for end in ends[6:]:
        expected = base[ends[0]]
        for step in ends[1 : ends.index(end) + 1]:
            expected = np.maximum(base[step], expected - 1)
        got = rated(months, customers, protected, month=end)["stars_level"]
        pd.testing.assert_series_equal(got, expected.astype("int64"), check_names=False)
    assert (got != base[end]).any()


def test_grace_is_the_highest_of_the_months_before():
    rng = np.random.default_rng(4)
    bills = {str(n): {"bill_yuan": (rng.gamma(2, 120, 24)).round(1).tolist()} for n in range(30)}
    months, customers = panel(bills, LAST), people({name: {} for name in bills})
    book = book_with(window_months=1, caps=())
    ends = [date(2025, month, 1) for month in (8, 9, 10, 11)]
    base = [rated(months, customers, book, month=end)["stars_level"] for end in ends]

    got = rated(months, customers, book.with_ladder("stars", grace_months=3))["stars_level"]

    pd.testing.assert_series_equal(got, pd.concat(base, axis=1).max(axis=1), check_names=False)


def test_a_cap_binds_whatever_grace_gives():
    bills = [900.0] * 11 + [0.0]
    months = panel({"a": {"bill_yuan": bills, "arrears_stops": [0] * 11 + [3]}}, LAST)
    book = book_with(window_months=1, grace_months=3)

    assert rated(months, people({"a": {}}), book)["stars_level"].tolist() == [3]


def test_what_a_ladder_needs_and_the_data_lack_is_named():
    months = panel({"a": {}}, LAST).drop("arrears_stops")

    with pytest.raises(MissingDataError, match="months.columns == 'without arrears_stops'"):
        rated(months, people({"a": {}}))
    with pytest.raises(MissingDataError, match="without members"):
        rated(months.mutate(arrears_stops=0), people({"a": {}}), names=("corporate",))


def test_without_costs_margin_is_unknown_and_never_zero():
    months = panel({"a": {}}, LAST).drop("variable_cost_yuan")

    cells = collect(reduce_segments_cells(months, people({"a": {}}), month=LAST, by=("county",)))

    assert cells["revenue_yuan"].tolist() == [1_200.0]
    assert cells["margin_yuan"].isna().all()


def test_a_negative_margin_stays_negative():
    months = panel({"a": {"variable_cost_yuan": 130.0}}, LAST)

    cells = collect(reduce_segments_cells(months, people({"a": {}}), month=LAST))

    assert cells["margin_yuan"].tolist() == [-360.0]


def test_nobody_and_no_yuan_is_lost_whatever_the_cells(tables):
    wanted = {
        "ladders": BOOK.terms(LAST),
        "bands": {"voice_yuan": [50.0, 100.0], "age_years": [25, 45]},
        "scenes": SceneRules().terms(),
        "by": ("county", "customer_type"),
    }
    made = (tables["months"], tables["customers"], tables["accounts"])
    months = collect(tables["months"])
    months["month"] = pd.to_datetime(months["month"])
    here = set(months.loc[months["month"] == "2025-11", "customer_id"])
    window = months[(months["month"] > "2024-11-30") & months["customer_id"].isin(here)]

    for name, value in wanted.items():
        cells = collect(reduce_segments_cells(*made, month=LAST, **{name: value}))
        assert cells["customers"].sum() == len(here)
        assert cells["revenue_yuan"].sum() == pytest.approx(window["bill_yuan"].sum(), abs=0.01)
        margin = (window["bill_yuan"] - window["variable_cost_yuan"]).sum()
        assert cells["margin_yuan"].sum() == pytest.approx(margin, abs=0.01)


def test_scores_add_up_to_the_tiers_and_tell_who_is_capped():
    months = panel(
        {
            "free": {"bill_yuan": 600.0},
            "capped": {"bill_yuan": 600.0, "arrears_stops": [0] * 11 + [3]},
            "low": {"bill_yuan": 1.0, "paid_on_time": False},
            "new": {"bill_yuan": [1.0]},
        },
        LAST,
    )
    customers = people({"free": {}, "capped": {}, "low": {}, "new": {"joined_month": LAST}})

    cells = collect(
        reduce_segments_scores(
            months, customers, month=LAST, ladder=BOOK.terms(LAST)["stars"], step=10
        )
    )

    rows = cells.set_index(["level", "cap"])
    assert rows.loc[(5, 99), "bin"].item() == 70  # 600 + 70 + 30
    assert rows.loc[(5, 3), "bin"].item() == 67  # 30 less for three stops
    assert rows.loc[(0, 99), "bin"].item() == 7
    assert pd.isna(rows["bin"][(-1, 99)])


def test_a_spread_counts_means_of_months_in_service():
    months = panel(
        {"a": {"bill_yuan": [10.0, 30.0]}, "b": {"bill_yuan": 20.0}, "c": {"bill_yuan": 5.0}}, LAST
    )

    got = collect(
        reduce_segments_spread(months, month=LAST, columns=["bill_yuan", "margin_yuan"], step=10)
    )

    bills = got[got["measure"] == "bill_yuan"]
    assert bills["bin"].tolist() == [0, 2]
    assert bills["customers"].tolist() == [1, 2]
    assert bills["total"].tolist() == [5.0, 40.0]
    assert got.loc[got["measure"] == "margin_yuan", "bin"].tolist() == [-3, -1]


@pytest.mark.parametrize(
    ("minutes", "roaming", "voice", "data", "scene"),
    [
        (100, 10, 50, 90, "business_travel"),
        (100, 9.9, 45, 55, "data"),
        (100, 0, 70, 30, "local"),
        (100, 0, 60, 40, "mixed"),
        (0, 0, 0, 0, "mixed"),
        (0, 0, 0, 10, "data"),
    ],
)
def test_scenes_by_hand(minutes, roaming, voice, data, scene):
    usage = {
        "voice_minutes": float(minutes),
        "roaming_minutes": float(roaming),
        "voice_yuan": float(voice),
        "data_yuan": float(data),
    }

    rows = segment_rows(
        panel({"a": usage}, LAST), people({"a": {}}), month=LAST, scenes=SceneRules().terms()
    )

    assert collect(rows)["scene"].tolist() == [scene]


def test_planted_scenes_are_recovered(tables):
    """Scenes overlap as planted: between neighbours a cut half way errs in 8 to 11 % of them."""
    planted = pd.concat(
        [pd.read_parquet(file) for file in glob.glob(f"{SAMPLE}/planted/customers/*.parquet")]
    ).set_index("customer_id")["scene"]
    names = {"data_heavy": "data", "local_voice": "local", "light": "mixed"}
    rows = segment_rows(
        tables["months"], tables["customers"], month=LAST, scenes=SceneRules().terms()
    )
    got = collect(rows).set_index("customer_id")["scene"]
    truth = planted.reindex(got.index).replace(names)

    assert (got == truth).mean() > 0.85
    assert (got[truth == "business_travel"] == "business_travel").all()


def test_who_stays_is_counted_by_pairs():
    half = [200.0] * 12 + [20.0] * 12
    months = panel(
        {"stays": {"voice_yuan": [200.0] * 24}, "falls": {"voice_yuan": half}, "new": {}}, LAST
    )
    kept = collect(
        reduce_segments_kept(
            months,
            people({"stays": {}, "falls": {}, "new": {}}),
            month=LAST,
            bands={"voice_yuan": [100.0]},
        )
    )

    assert kept.to_numpy().tolist() == [["grid", "1", "0", 1], ["grid", "1", "1", 1]]
    with pytest.raises(ArgumentError, match="bands or scenes"):
        reduce_segments_kept(months, people({"stays": {}}), month=LAST)


def test_tiers_of_two_years_are_rated_each_by_its_own_month():
    months = panel({"a": {"bill_yuan": [500.0] * 12 + [150.0] * 12}}, LAST)
    pairs = {"stars": (BOOK.terms("2024-11")["stars"], BOOK.terms(LAST)["stars"])}

    kept = collect(reduce_segments_kept(months, people({"a": {}}), month=LAST, ladders=pairs))

    assert kept[["before", "after"]].to_numpy().tolist() == [["5", "3"]]


def test_points_by_another_weight_still_compare_to_the_fen():
    book = book_with("cards", score=Score(point=0.1))
    months = panel({"a": {"bill_yuan": [175.0] * 24}}, LAST)

    assert rated(months, people({"a": {}}), book, names=("cards",))["cards_score"].tolist() == [
        210.0
    ]
