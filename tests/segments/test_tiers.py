"""The pyramid, a proposal's movers and cost, and bands for cuts: by hand and by rating anew."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_segments import reduce_segments_cells, reduce_segments_scores
from cvm.segments.tierbook_read import open_tierbook
from cvm.segments.tiers import COSTS, FIGURES, TierCosts, for_snapshot, tally_tiers
from cvm.segments.tiers_change import change_terms, compare_books
from cvm.segments.tiers_cuts import cut_bands, histogram_step, move_cuts
from cvm.segments.tiers_rules import Ladder, Score, Tier
from cvm.segments.tiers_services import cost_to_serve

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
MONTH = date(2025, 11, 1)
BOOK, PLAN = open_tierbook("sample"), open_tierbook("proposal")


def cells(rows, *levels):
    return pd.DataFrame(rows, columns=[*levels, *FIGURES])


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    return open_data(SAMPLE, work=tmp_path_factory.mktemp("work")).tables


@pytest.fixture(scope="module")
def sample(tables):
    args = (tables["months"], tables["customers"], tables["accounts"])
    return lambda book: collect(
        reduce_segments_cells(*args, month=MONTH, ladders=book.terms(MONTH))
    )


def test_a_tier_costs_what_the_book_and_the_assumptions_say():
    """5 stars: 10 customers, 6,000 yuan, 2 of them stopped; 200 yuan of overdraft each."""
    pyramid = tally_tiers(
        cells([(5, 10, 6_000.0, 4_000.0, 2), (-1, 3, 100.0, 50.0, 0)], "stars"),
        BOOK,
        MONTH,
        costs=TierCosts(redeemed_share=0.5, loss_share=0.25),
    )
    top = pyramid.rows.set_index("tier").loc["5"]

    assert top["points_yuan"] == pytest.approx(6_000 * 1 * 0.02 * 0.5)
    assert top["serve_yuan"] == 10 * 2 * 2
    assert (top["overdraft_limit_yuan"], top["exposure_yuan"]) == (2_000, 400)
    assert top["loss_yuan"] == 100
    assert top["net_yuan"] == pytest.approx(4_000 - 60 - 40 - 100)
    assert top["customer_share"] == pytest.approx(10 / 13)


def test_services_cost_their_uses_and_add_up_to_the_pyramid(sample):
    """Diamond by the book: .1 SIMs at 35, 8 contacts at 6, 3 calls at 3, 2 boardings at 80 …"""
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH)
    served = cost_to_serve(pyramid)

    diamond = served[served["tier"] == "diamond"].set_index("service")["each_yuan"]
    assert diamond.to_dict() == pytest.approx(
        {"remote_sim": 3.5, "manager": 48, "hotline": 9, "boarding": 160, "magazine": 60}
    )
    assert set(served["kind"]) == {"network", "customer", "extra"}
    told = served.groupby(["ladder", "tier"])["serve_yuan"].sum()
    whole = pyramid.rows.set_index(["ladder", "tier"])["serve_yuan"]
    whole = whole[whole > 0]
    assert told[whole.index].tolist() == pytest.approx(whole.tolist())
    assert told.sum() == pytest.approx(whole.sum())
    nobody = tally_tiers(cells([(-1, 3, 100.0, 50.0, 0)], "cards"), BOOK, MONTH)
    assert (cost_to_serve(nobody)["serve_yuan"] == 0).all()


def test_terms_price_a_tier_as_the_pyramid_does(sample):
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH)
    rows = pyramid.rows[pyramid.rows["tier"] != "unrated"].merge(
        pyramid.terms, on=["ladder", "tier"]
    )
    priced = (
        rows["revenue_yuan"] * rows["revenue_cost_share"]
        + rows["customers"] * rows["serve_yuan_y"]
        + rows["stopped_customers"] * rows["overdraft_yuan"] * rows["loss_share"]
    )
    cost = rows[["points_yuan", "rebate_yuan", "serve_yuan_x", "loss_yuan"]].sum(axis=1)
    np.testing.assert_allclose(priced, cost, rtol=1e-12)


def test_an_empty_tier_is_shown_as_empty_and_said():
    pyramid = tally_tiers(cells([(1, 20, 900.0, 400.0, 0)], "cards"), BOOK, MONTH)
    rows = pyramid.rows.set_index("tier")

    assert list(rows.index) == ["diamond", "gold", "silver", "vip", "none", "unrated"]
    assert rows["customers"].tolist() == [0, 0, 0, 20, 0, 0]
    assert "nobody is diamond" in pyramid.text("en")
    assert "钻石卡暂无客户" in pyramid.text("zh")


def test_nobody_on_any_tier_is_said():
    pyramid = tally_tiers(cells([(-1, 20, 900.0, 400.0, 0)], "cards"), BOOK, MONTH)

    assert pyramid.text("en") == "VIP cards: nobody holds a tier."


def test_negative_margins_and_unknown_ones_stay_what_they_are():
    loss = tally_tiers(cells([(4, 20, 900.0, -400.0, 0)], "cards"), BOOK, MONTH).rows
    blank = tally_tiers(cells([(4, 20, 900.0, np.nan, 0)], "cards"), BOOK, MONTH).rows

    assert loss["margin_yuan"].iloc[0] == -400
    assert loss["net_yuan"].iloc[0] < -400
    assert blank["margin_yuan"].isna().all()
    assert blank["net_yuan"].isna().all()
    assert blank["serve_yuan"].iloc[0] == pytest.approx(20 * 280.5)


def test_what_cannot_be_tallied_is_refused():
    with pytest.raises(DataError, match="without a rated ladder"):
        tally_tiers(cells([("x", 1, 1.0, 1.0, 0)], "county"), BOOK, MONTH)
    with pytest.raises(DataError, match="nobody"):
        tally_tiers(cells([], "cards"), BOOK, MONTH)
    with pytest.raises(MissingDataError, match="stopped_customers"):
        tally_tiers(pd.DataFrame({"cards": [1], "customers": [1]}), BOOK, MONTH)
    with pytest.raises(ArgumentError, match="loss_share"):
        TierCosts(loss_share=1.2)


def test_the_book_in_force_is_recognised_and_another_is_not(tables):
    args = (tables["months"], tables["customers"], tables["accounts"])
    by = ("vip_tier", "star")

    def held(book):
        made = collect(reduce_segments_cells(*args, month=MONTH, ladders=book.terms(MONTH), by=by))
        return tally_tiers(made, book, MONTH).held

    assert held(BOOK) == {"cards": 1.0, "stars": 1.0}
    assert held(PLAN)["stars"] < 1


def test_movers_and_their_cost_by_hand():
    """A gold customer falls to silver: rebate 1 % to 0.5 %, service 93.75 to 17.20 yuan."""
    moved = compare_books(
        cells(
            [
                (3, 2, 10, 5_000.0, 3_000.0, 0),
                (2, 2, 5, 1_000.0, 500.0, 0),
                (0, 1, 4, 80.0, 9.0, 0),
            ],
            "cards_before",
            "cards_after",
        ),
        BOOK,
        PLAN,
        MONTH,
    )
    rows = moved.movers().set_index("tier")

    assert rows["direction"].to_dict() == {"gold": "down", "silver": "same", "none": "up"}
    assert rows.loc["gold", "rebate_change_yuan"] == pytest.approx(-25)
    assert rows.loc["gold", "serve_change_yuan"] == pytest.approx(10 * (17.2 - 93.75))
    assert rows.loc["none", "serve_change_yuan"] == pytest.approx(4 * 9)
    assert rows.loc["silver", "points_change_yuan"] == 0
    total = moved.summary().iloc[0]
    assert (total["up_customers"], total["down_customers"], total["same_customers"]) == (4, 10, 5)
    assert total["cost_change_yuan"] == pytest.approx(-25 - 765.5 + 36)
    published = moved.frames()
    assert published["tier_movers"]["tier"].tolist() == ["gold", "silver", "cards_none"]
    assert published["tier_change"]["customers"].tolist() == [10, 5, 4]
    assert published["tier_change"]["cost_change_yuan"].sum() == pytest.approx(-754.5)
    assert "4 customers rise a tier and 10 fall" in moved.text("en")
    assert "it saves ¥75" in moved.text("en")
    assert "4户升级、10户降级" in moved.text("zh")


def test_a_larger_overdraft_is_at_stake_and_only_its_loss_a_cost():
    moved = compare_books(
        cells([(5, 5, 10, 1_000.0, 500.0, 2)], "stars_before", "stars_after"),
        BOOK,
        PLAN,
        MONTH,
        costs=TierCosts(loss_share=0.5, redeemed_share=0),
    )
    total = moved.summary().iloc[0]

    assert total["overdraft_limit_change_yuan"] == 10 * (300 - 200)
    assert total["exposure_change_yuan"] == 2 * 100
    assert total["cost_change_yuan"] == 100


def test_the_change_is_the_difference_of_two_pyramids(tables, sample):
    args = (tables["months"], tables["customers"], tables["accounts"])
    both = collect(
        reduce_segments_cells(*args, month=MONTH, ladders=change_terms(BOOK, PLAN, MONTH))
    )
    change = compare_books(both, BOOK, PLAN, MONTH).summary().set_index("ladder")
    old, new = (tally_tiers(sample(book), book, MONTH).rows for book in (BOOK, PLAN))

    for name in ("cards", "stars", "corporate"):
        cost = [rows.loc[rows["ladder"] == name, list(COSTS)].sum().sum() for rows in (old, new)]
        assert change.loc[name, "cost_change_yuan"] == pytest.approx(cost[1] - cost[0], abs=1e-6)
        limit = [
            rows.loc[rows["ladder"] == name, "overdraft_limit_yuan"].sum() for rows in (old, new)
        ]
        assert change.loc[name, "overdraft_limit_change_yuan"] == limit[1] - limit[0]


def test_the_same_book_moves_nobody(sample, tables):
    args = (tables["months"], tables["customers"], tables["accounts"])
    both = collect(
        reduce_segments_cells(*args, month=MONTH, ladders=change_terms(BOOK, BOOK, MONTH))
    )

    change = compare_books(both, BOOK, BOOK, MONTH)

    assert set(change.rows["direction"]) == {"same"}
    assert change.text("en") == "The proposal moves nobody and costs nothing."
    assert change.text("zh") == "该方案不改变任何客户的级别，也不增加成本。"


def test_a_tier_that_the_proposal_drops_is_neither_up_nor_down():
    names = ["vip", "gold"]
    tiers = [
        Tier(name=name, en=name, zh=name, from_score=1_000 * at) for at, name in enumerate(names, 1)
    ]
    plan = PLAN.with_ladder("cards", tiers=tuple(tiers), services=())
    moved = compare_books(
        cells([(2, 1, 3, 1.0, 1.0, 0), (3, 2, 3, 1.0, 1.0, 0)], "cards_before", "cards_after"),
        BOOK,
        plan,
        MONTH,
    )

    assert moved.rows.set_index("tier")["direction"].to_dict() == {
        "silver": "other",
        "gold": "same",
    }


@pytest.fixture(scope="module")
def bands(tables):
    args = (tables["months"], tables["customers"], tables["accounts"])
    ladders, terms = BOOK.edition_in(MONTH).ladders, BOOK.terms(MONTH)
    steps = {name: histogram_step(ladder) for name, ladder in ladders.items()}
    scores = {
        name: collect(
            reduce_segments_scores(*args, month=MONTH, ladder=terms[name], step=steps[name])
        )
        for name in ladders
    }
    return cut_bands(scores, ladders, steps=steps)


def test_bands_hold_everybody_once_and_at_least_ten_where_the_tier_does(bands, sample):
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH).rows

    sums = bands.groupby(["ladder", "tier"])[["customers", "stopped_customers"]].sum()
    expected = pyramid.set_index(["ladder", "tier"])[["customers", "stopped_customers"]]
    expected = expected[expected["customers"] > 0].sort_index()
    pd.testing.assert_frame_equal(sums, expected)
    large = bands.merge(sums.reset_index(), on=["ladder", "tier"])
    assert (large.loc[large["customers_y"] >= 10, "customers_x"] >= 10).all()


def test_cuts_in_force_give_the_pyramid_again(bands, sample):
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH)
    for name in pyramid.ladders:
        moved = move_cuts(bands, pyramid.terms, name, {}).set_index("tier")
        rows = pyramid.rows[pyramid.rows["ladder"] == name].set_index("tier").drop("unrated")
        assert moved["customers"].to_dict() == rows["customers"].to_dict()
        cost = rows[list(COSTS)].sum(axis=1)
        np.testing.assert_allclose(moved["cost_yuan"].loc[cost.index], cost, rtol=1e-9)


@pytest.mark.parametrize(("tier", "place"), [("gold", 3), ("vip", 1), ("diamond", -2)])
def test_a_moved_cut_gives_what_rating_anew_gives(bands, sample, tier, place):
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH)
    edges = bands.loc[(bands["ladder"] == "cards") & bands["movable"], ["tier", "from_score"]]
    now = dict(zip(pyramid.terms["tier"], pyramid.terms["from_score"], strict=True))[tier]
    below = edges.loc[edges["from_score"] < now, "from_score"].tolist()
    above = edges.loc[edges["from_score"] > now, "from_score"].tolist()
    cut = above[0] if place == -2 and above else below[-place] if place > 0 else below[-1]

    moved = move_cuts(bands, pyramid.terms, "cards", {tier: cut}).set_index("tier")

    cards = BOOK.editions[0].cards.with_cuts(**{tier: cut})
    anew = replace(BOOK, editions=(replace(BOOK.editions[0], cards=cards),))
    rows = tally_tiers(sample(anew), anew, MONTH).rows
    rows = rows[rows["ladder"] == "cards"].set_index("tier").drop("unrated")
    assert moved["customers"].to_dict() == rows["customers"].to_dict()
    np.testing.assert_allclose(
        moved["cost_yuan"].loc[rows.index], rows[list(COSTS)].sum(axis=1), rtol=1e-9
    )


def test_few_customers_under_a_cap_join_the_band_below_it():
    ladder = BOOK.editions[0].stars
    frame = cells([(50, 5, 3, 4, 9.0, 9.0, 4), (21, 3, 99, 30, 9.0, 9.0, 0)], "bin", "level", "cap")

    got = cut_bands({"stars": frame}, {"stars": ladder}, steps={"stars": 10})

    assert got["movable"].all()
    assert got.groupby("tier")["customers"].sum().to_dict() == {"3": 34}
    many = cut_bands({"stars": frame.assign(customers=30)}, {"stars": ladder}, steps={"stars": 10})
    assert many.set_index("movable")["customers"].to_dict() == {True: 30, False: 30}


def test_levers_work_on_tables_as_published(bands, sample):
    pyramid = tally_tiers(sample(BOOK), BOOK, MONTH)
    terms = pyramid.frames()["tier_terms"]

    published = move_cuts(for_snapshot(bands), terms, "stars", {"5": 565})

    assert published["tier"].tolist() == ["stars_none", "1", "2", "3", "4", "5"]
    plain = move_cuts(bands, pyramid.terms, "stars", {"5": 565})
    pd.testing.assert_frame_equal(published.drop(columns="tier"), plain.drop(columns="tier"))


def test_who_moves_and_what_a_crossed_tier_holds_by_hand():
    bands = pd.DataFrame(
        [
            ("none", True, 0.0, 40, 4_000.0, 2),
            ("none", True, 50.0, 30, 6_000.0, 0),
            ("vip", True, 100.0, 20, 8_000.0, 1),
            ("gold", True, 200.0, 10, 9_000.0, 0),
            ("gold", None, None, None, None, None),
            ("unrated", False, None, 500, 1_000.0, 0),
        ],
        columns=["tier", "movable", "from_score", "customers", "revenue_yuan", "stopped_customers"],
    ).assign(ladder="cards")
    terms = pd.DataFrame(
        {
            "ladder": "cards", "tier": ["none", "vip", "gold"], "place": [0, 1, 2],
            "from_score": [np.nan, 100.0, 200.0], "revenue_cost_share": [0.01, 0.02, 0.03],
            "serve_yuan": [0.0, 5.0, 50.0], "overdraft_yuan": [0.0, 100.0, 200.0],
            "loss_share": 0.1,
        }
    )  # fmt: skip

    lower = move_cuts(bands, terms, "cards", {"vip": 50.0})
    assert lower["customers"].tolist() == [40, 50, 10]
    assert lower["moved_up"].tolist() == [30, 0, 0]
    # 14,000 × 2 %, 50 served at 5 yuan, one stopped of 100 yuan at 10 %.
    assert lower["cost_yuan"].tolist() == pytest.approx([40.0, 280 + 250 + 10, 270 + 500])

    crossed = move_cuts(bands, terms, "cards", {"vip": 250.0, "gold": 100.0})
    # Gold's cut is reached first: nobody is left for a card that asks for more.
    assert crossed["customers"].tolist() == [70, 0, 30]
    assert crossed["moved_up"].tolist() == [0, 20, 0]
    higher = move_cuts(bands, terms, "cards", {"vip": 200.0})
    assert higher["customers"].tolist() == [90, 0, 10]
    assert higher["moved_down"].tolist() == [0, 20, 0]


def test_impossible_cuts_are_refused(bands, sample):
    terms = tally_tiers(sample(BOOK), BOOK, MONTH).terms

    with pytest.raises(ArgumentError, match="cuts\\['vip'\\]"):
        move_cuts(bands, terms, "cards", {"vip": float("nan")})
    with pytest.raises(ArgumentError, match="a tier"):
        move_cuts(bands, terms, "cards", {"platinum": 1})
    with pytest.raises(ArgumentError, match="a ladder"):
        move_cuts(bands, terms, "clubs", {})


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-5, 60), st.integers(1, 40)), min_size=1, max_size=40),
    st.lists(st.integers(1, 50), min_size=1, max_size=5, unique=True),
    st.integers(1, 30),
)
def test_no_customer_is_lost_or_made_by_bands_or_cuts(scores, cuts, least):
    tiers = [Tier(name=f"t{cut}", en="t", zh="级", from_score=10 * cut) for cut in sorted(cuts)]
    ladder = Ladder(tiers=tiers, score=Score(point=1))
    rows = [
        (at, sum(10 * at >= tier.from_score for tier in tiers), 99, count, 1.0 * count, 0.0, 0)
        for at, count in dict(scores).items()
    ]
    frame = cells(rows, "bin", "level", "cap")

    got = cut_bands({"x": frame}, {"x": ladder}, steps={"x": 10}, least_customers=least)

    assert got["customers"].sum() == frame["customers"].sum()
    starts = got["from_score"].to_numpy()
    assert (np.diff(starts) > 0).all()
    for tier in tiers:
        held = got.loc[got["from_score"] >= tier.from_score, "customers"].sum()
        assert held == frame.loc[frame["bin"] * 10 >= tier.from_score, "customers"].sum()
