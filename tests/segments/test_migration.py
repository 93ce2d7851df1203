"""Migration between tiers: by hand, beside crosstab and eigenvectors, conserved, bad input."""

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cvm
from cvm.core.checks import DataError, MissingDataError
from cvm.data import collect
from cvm.data.reduce_segments_migration import reduce_tier_flows, reduce_tier_moves
from cvm.segments.migration import STAR_ORDER, measure_migration
from cvm.segments.migration_chain import steady_state
from cvm.views.segments_migration import plot_migration, withheld

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LATE = date(2025, 11, 1)
TIERS = ("low", "high")
MOVES = pd.DataFrame(
    [
        ("low", "low", 70, 7_000.0), ("low", "high", 20, 2_000.0), ("low", "left", 10, 1_000.0),
        ("high", "low", 10, 5_000.0), ("high", "high", 35, 17_500.0), ("high", "left", 5, 2_500.0),
        ("joined", "low", 12, 1_200.0), ("joined", "high", 3, 900.0),
    ],
    columns=["from_tier", "to_tier", "customers", "bill_yuan"],
).eval("bill_squared = bill_yuan**2 / customers")  # fmt: skip


def measured(moves=MOVES, **options):
    given = {"tiers": TIERS, "draws": 200, "rng": np.random.default_rng(4)} | options
    return measure_migration(moves, **given)


def test_two_tiers_by_hand():
    summary = measured().summary().set_index("tier")

    assert summary.loc["low", ["up_share", "stayed_share", "left_share"]].tolist() == [
        0.2,
        0.7,
        0.1,
    ]
    assert summary.loc["high", ["down_share", "stayed_share"]].tolist() == [0.2, 0.7]
    # Leavers come back as joiners, 80 % low: low → high .2 + .1 × .2, high → low .2 + .1 × .8.
    assert summary.loc["high", "steady_share"] == pytest.approx(0.22 / (0.22 + 0.28))
    assert summary.loc["high", "steady_low"] < 0.44 < summary.loc["high", "steady_high"]
    assert measured().errors[0, 1] == pytest.approx(np.sqrt(0.2 * 0.8 / 100))
    # 92 low and 58 high of 150 are there now.
    assert summary.loc["high", "now_share"] == pytest.approx(58 / 150)


def test_value_by_hand():
    # A year's margin of 40 % of 100 and 500 yuan a month; discounted at 10 %.
    value = measured().value_yuan(0.4, 0.1).set_index("tier")["value_yuan"]
    earned = np.array([480.0, 2_400.0])
    chances = np.array([[0.7, 0.2], [0.2, 0.7]])
    by_sum = sum(np.linalg.matrix_power(chances, year) @ earned / 1.1**year for year in range(400))

    assert value.to_numpy() == pytest.approx(by_sum, rel=1e-9)


def test_the_steady_state_is_the_first_eigenvector():
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 200, (6, 6)).astype(float)
    counts[-1, -1] = 0
    rows = counts[:-1] / counts[:-1].sum(axis=1, keepdims=True)
    closed = rows[:, :5] + np.outer(rows[:, 5], counts[-1, :5] / counts[-1, :5].sum())
    values, vectors = np.linalg.eig(closed.T)
    first = np.real(vectors[:, np.argmax(np.real(values))])

    assert steady_state(counts) == pytest.approx(first / first.sum(), abs=1e-9)


def test_moves_of_the_sample_are_those_of_crosstab_and_nobody_is_lost():
    months = cvm.open_data(SAMPLE).table("months")
    frame = collect(months.select("customer_id", "month", "vip_tier", "bill_yuan"))
    frame["month"] = pd.to_datetime(frame["month"]).dt.date
    before, after = (
        frame[frame["month"] == month].set_index("customer_id")["vip_tier"]
        for month in (date(2024, 11, 1), LATE)
    )
    both = pd.concat([before.rename("b"), after.rename("a")], axis=1)
    expected = pd.crosstab(both["b"].fillna("joined"), both["a"].fillna("left"))

    moves = collect(reduce_tier_moves(months, month=LATE))

    got = moves.pivot_table(
        index="from_tier", columns="to_tier", values="customers", aggfunc="sum", fill_value=0
    )
    assert (got == expected.reindex(got.index)[got.columns]).all(axis=None)
    assert moves["customers"].sum() == len(both)
    migration = measure_migration(moves, rng=np.random.default_rng(1))
    assert migration.counts[:-1].sum() == len(before)
    assert migration.counts[:, :-1].sum() == len(after)
    for lang in ("zh", "en"):
        assert migration.text(lang)
        axes = plot_migration(migration, lang=lang)
        assert len(axes.get_xticklabels()) == len(migration.tiers) + 1


def test_an_empty_tier_is_told_and_not_guessed():
    moves = MOVES[MOVES["from_tier"] != "high"]
    migration = measured(moves)

    assert np.isnan(migration.steady).all()
    assert "cannot be told" in migration.text("en")
    with pytest.raises(DataError, match="high"):
        migration.value_yuan(0.4, 0.1)


def test_a_tier_of_a_few_customers_is_not_told_and_the_others_are():
    few = MOVES.assign(customers=MOVES["customers"].where(MOVES["from_tier"] != "high", 1))
    migration = measured(few)
    value = migration.value_yuan(0.4, 0.1).set_index("tier")

    assert migration.few == ("high",)
    assert value.loc["high"].isna().all()
    assert value.loc["low"].notna().all()
    assert value.loc["low", "low_yuan"] < value.loc["low", "value_yuan"]
    assert value.loc["low", "value_yuan"] < value.loc["low", "high_yuan"]
    nobody = measured(MOVES.assign(customers=1)).value_yuan(0.4, 0.1).set_index("tier")
    assert nobody.isna().all(axis=None)


def test_limits_hold_the_value_of_a_tier_that_nobody_leaves():
    stays = MOVES.assign(to_tier=MOVES["to_tier"].where(MOVES["from_tier"] != "high", "high"))
    stays = stays.groupby(["from_tier", "to_tier"], as_index=False).sum()
    value = measured(stays).value_yuan(0.4, 0.1)

    assert (value["low_yuan"] <= value["value_yuan"]).all()
    assert (value["value_yuan"] <= value["high_yuan"]).all()


def test_a_tier_that_nobody_holds_changes_nothing():
    three = measured(tiers=("low", "middle", "high"), rng=np.random.default_rng(4))
    two = measured()

    assert three.steady == pytest.approx([two.steady[0], 0, two.steady[1]])
    assert three.steady_low[[0, 2]] == pytest.approx(two.steady_low)
    value = three.value_yuan(0.4, 0.1).set_index("tier")
    expected = two.value_yuan(0.4, 0.1).set_index("tier")
    assert value.loc["middle"].isna().all()
    pd.testing.assert_frame_equal(value.drop("middle"), expected)
    assert three.empty == ()
    for lang in ("zh", "en"):
        assert plot_migration(three, lang=lang)


@pytest.mark.parametrize(
    "counts",
    [
        # Nobody crosses and nobody leaves: every mix of the two settles.
        [[50.0, 0, 0], [0, 80, 0], [5, 5, 0]],
        # Every tier has customers, but nobody joins in the place of those who leave.
        [[50.0, 10, 5], [10, 80, 5], [0, 0, 0]],
    ],
)
def test_a_steady_state_that_is_not_one_is_not_told(counts):
    assert np.isnan(steady_state(np.array(counts))).all()


def test_directions_count_everybody_once():
    table = measured().directions().set_index(["tier", "direction"])["customers"]

    assert table["low"].to_dict() == {"up": 20, "stayed": 70, "down": 0, "left": 10, "all": 100}
    assert table["high"].to_dict() == {"up": 0, "stayed": 35, "down": 10, "left": 5, "all": 50}


def test_no_small_cell_can_be_read_or_worked_out_from_the_picture():
    rng = np.random.default_rng(12)
    counts = rng.choice([0.0, 1, 3, 9, 10, 40, 300], (200, 6))
    hidden = withheld(counts)

    assert hidden[(counts > 0) & (counts < 10)].all()
    for row, gone in zip(counts, hidden, strict=True):
        # What is empty can be had as a sum only: of two cells or more, ten customers or more.
        assert gone.sum() != 1
        assert not gone.any() or gone.all() or row[gone].sum() >= 10


def test_unknown_tiers_and_missing_columns_are_refused():
    with pytest.raises(DataError, match="platinum"):
        measured(MOVES.replace("high", "platinum"))
    with pytest.raises(DataError, match="in service"):
        measured(MOVES[MOVES["from_tier"] == "joined"])
    table = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "month": [LATE], "bill_yuan": [1.0]}))
    with pytest.raises(MissingDataError, match="vip_tier"):
        reduce_tier_moves(table, month=LATE)


def test_no_error_is_zero_and_limits_are_wilsons():
    from statsmodels.stats.proportion import proportion_confint

    moves = MOVES[~((MOVES["from_tier"] == "high") & (MOVES["to_tier"] == "left"))]
    table = measured(moves).moves().set_index(["from_tier", "to_tier"])

    # Nobody of 45 left: half a customer of 46.
    assert table.loc[("high", "left"), "se"] == pytest.approx(
        np.sqrt((0.5 / 46) * (45.5 / 46) / 45)
    )
    assert (table.loc[["low", "high"], "se"] > 0).all()
    for (before, after), total in (
        (("high", "left"), 45),
        (("high", "high"), 45),
        (("low", "high"), 100),
    ):
        row = table.loc[(before, after)]
        expected = proportion_confint(row["customers"], total, alpha=0.1, method="wilson")
        assert (row["low"], row["high"]) == pytest.approx(expected)
    assert table.loc["joined", ["share", "se", "low", "high"]].isna().all(axis=None)


def test_errors_of_values_are_those_of_resampling_the_customers():
    rng = np.random.default_rng(31)
    chances = np.array([[0.7, 0.2, 0.1], [0.2, 0.7, 0.1]])
    tier = np.repeat([0, 1], [900, 600])
    went = np.array([rng.choice(3, p=chances[at]) for at in tier])
    # Those who leave have lower bills: bills and moves go together.
    bill = rng.gamma(4, np.where(tier == 1, 60, 20)) * np.where(went == 2, 0.4, 1.0)

    def moves(chosen):
        frame = pd.DataFrame(
            {
                "from_tier": np.take(TIERS, tier[chosen]),
                "to_tier": np.take([*TIERS, "left"], went[chosen]),
                "bill_yuan": bill[chosen],
                "bill_squared": bill[chosen] ** 2,
                "customers": 1,
            }
        )
        return frame.groupby(["from_tier", "to_tier"], as_index=False).sum()

    def value(chosen, draws=0):
        return measured(moves(chosen), draws=draws).value_yuan(0.4, 0.1)

    everybody = np.arange(len(tier))
    again = [value(rng.choice(len(tier), len(tier)))["value_yuan"] for _ in range(300)]

    found = value(everybody, 800)
    assert found["se_yuan"].to_numpy() == pytest.approx(np.std(again, axis=0), rel=0.12)
    low, high = np.quantile(again, [0.05, 0.95], axis=0)
    assert found["low_yuan"].to_numpy() == pytest.approx(low, rel=0.04)
    assert found["high_yuan"].to_numpy() == pytest.approx(high, rel=0.04)


def test_a_loss_is_a_value_below_zero_with_its_limits_in_order():
    value = measured().value_yuan(-0.1, 0.1)

    assert (value["value_yuan"] < 0).all()
    assert (value["low_yuan"] < value["value_yuan"]).all()
    assert (value["value_yuan"] < value["high_yuan"]).all()
    assert measured().value_yuan(0.0, 0.1)[["value_yuan", "se_yuan"]].eq(0).all(axis=None)


def panel(rows):
    """Rows of (customer, months from the first, card, bill)."""
    frame = pd.DataFrame(rows, columns=["customer_id", "month", "vip_tier", "bill_yuan"])
    frame["month"] = [date(2024 + at // 12, at % 12 + 1, 1) for at in frame["month"]]
    return ibis.memtable(frame, schema={"customer_id": "string", "month": "date",
                                        "vip_tier": "string", "bill_yuan": "float64"})  # fmt: skip


def test_a_tier_that_is_not_on_record_is_a_state_and_nobody_is_lost():
    months = panel(
        [("a", 0, "low", 10.0), ("a", 12, None, 20.0), ("b", 0, None, 30.0), ("b", 12, "high", 1.0)]
        + [(f"l{n}", at, "low", 50.0) for n in range(4) for at in (0, 12)]
        + [(f"h{n}", at, "high", 90.0) for n in range(3) for at in (0, 12)]
        + [("d", 0, "low", 50.0), ("e", 0, "low", 5.0), ("e", 12, "high", 5.0)]
        + [("f", 0, "high", 5.0), ("f", 12, "low", 5.0), ("g", 12, "low", 7.0)]
    )
    migration = measured(collect(reduce_tier_moves(months, month=date(2025, 1, 1))))

    assert migration.states == ("low", "high", "unknown")
    assert migration.counts.sum() == 13
    assert migration.unknown() == 2
    assert "2 have no tier on record" in migration.text("en")
    assert "2户" in migration.text("zh")
    table = migration.directions().set_index(["tier", "direction"])["customers"]
    assert table.loc["low"].to_dict() == {
        "up": 1, "stayed": 4, "down": 0, "left": 1, "unknown": 1, "all": 7,
    }  # fmt: skip
    assert table.loc["unknown", "unknown"] == 1
    # Value and steady state are those of the customers whose tier is known.
    rest = months.filter(~months.customer_id.isin(["a", "b"]))
    known = measured(collect(reduce_tier_moves(rest, month=date(2025, 1, 1))))
    assert migration.steady == pytest.approx(known.steady)
    pd.testing.assert_frame_equal(migration.value_yuan(0.4, 0.1), known.value_yuan(0.4, 0.1))
    for lang in ("zh", "en"):
        assert len(plot_migration(migration, lang=lang).get_yticklabels()) == 3


def test_a_customer_of_one_month_joins_and_leaves_and_is_not_in_the_year():
    months = panel([("a", at, "low", 10.0) for at in range(13)] + [("b", 5, "high", 10.0)])

    by_year = collect(reduce_tier_moves(months, month=date(2025, 1, 1)))
    by_month = collect(
        reduce_tier_flows(months, months_to=[date(2024, 6, 1), date(2024, 7, 1)])
    ).set_index(["month_index", "from_tier", "to_tier"])["customers"]

    assert by_year["customers"].tolist() == [1]
    june, july = 2024 * 12 + 5, 2024 * 12 + 6
    assert by_month[june].to_dict() == {("joined", "high"): 1, ("low", "low"): 1}
    assert by_month[july].to_dict() == {("high", "left"): 1, ("low", "low"): 1}


def test_stars_of_the_sample_are_those_of_crosstab():
    months = cvm.open_data(SAMPLE).table("months")
    frame = collect(months.select("customer_id", "month", "star"))
    stars = frame.set_index(["customer_id", "month"])["star"].unstack()  # noqa: PD010
    early, late = (stars[month] for month in (pd.Timestamp(2024, 11, 1), pd.Timestamp(LATE)))

    moves = collect(reduce_tier_moves(months, month=LATE, column="star"))
    summary = measured(moves, tiers=STAR_ORDER).summary()

    assert summary["customers"].tolist() == early.value_counts().sort_index().tolist()
    rose = (late > early).groupby(early).mean()
    assert summary["up_share"].tolist() == pytest.approx(rose.tolist())
    assert summary["left_share"].tolist() == pytest.approx(
        late.isna().groupby(early).mean().tolist()
    )


CELLS = st.lists(st.integers(0, 400), min_size=12, max_size=12)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_rows_add_up_and_stocks_follow_from_flows(cells):
    counts = np.array(cells).reshape(4, 3)
    before, after = (*TIERS, "unknown", "joined"), (*TIERS, "left")
    moves = pd.DataFrame(
        [
            (source, target, counts[at, to], 0.0, 0.0)
            for at, source in enumerate(before)
            for to, target in enumerate(after)
            if counts[at, to] and (source, target) != ("joined", "left")
        ],
        columns=MOVES.columns,
    )
    if not moves["from_tier"].isin([*TIERS, "unknown"]).any():
        return
    migration = measured(moves, draws=0)

    table = migration.summary()
    filled = table[table["customers"] > 0]
    ways = [name for name in filled if name.endswith("_share") and name[:3] not in ("now", "ste")]
    assert filled[ways].sum(axis=1).to_numpy() == pytest.approx(1)
    ways = migration.directions().set_index(["tier", "direction"])["customers"]
    whole = ways.xs("all", level="direction")
    assert whole.sum() == table["customers"].sum()
    assert ways.drop("all", level="direction").groupby("tier").sum().to_dict() == whole.to_dict()
    assert migration.moves()["customers"].sum() == moves["customers"].sum()
    joined, left = migration.counts[-1].sum(), migration.counts[:, -1].sum()
    stock = table["customers"].sum() + joined - left
    assert stock == migration.counts[:, :-1].sum()
    limits = migration.moves().dropna()
    assert (
        (limits["low"] <= limits["share"] + 1e-12) & (limits["share"] <= limits["high"] + 1e-12)
    ).all()
    settled = migration.steady
    assert np.isnan(settled).all() or settled.sum() == pytest.approx(1)
