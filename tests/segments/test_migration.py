"""Migration between tiers: by hand, beside crosstab and eigenvectors, conserved, bad input."""

from datetime import date
from pathlib import Path

import ibis
import numpy as np
import pandas as pd
import pytest

import cvm
from cvm.core.checks import DataError, MissingDataError
from cvm.data import collect
from cvm.data.reduce_segments_migration import reduce_tier_moves
from cvm.segments.migration import compare_values, measure_migration, steady_state
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
)  # fmt: skip


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
    beside = compare_values(
        measured(), {"low": 5_000.0, "high": 9_000.0}, margin_share=0.4, yearly_discount=0.1
    )
    assert beside["difference_yuan"].tolist() == pytest.approx(
        [by_sum[0] - 5_000, by_sum[1] - 9_000]
    )


def test_the_steady_state_is_the_first_eigenvector():
    rng = np.random.default_rng(6)
    counts = rng.integers(1, 200, (6, 6)).astype(float)
    counts[-1, -1] = 0
    rows = counts[:-1] / counts[:-1].sum(axis=1, keepdims=True)
    closed = rows[:, :5] + np.outer(rows[:, 5], counts[-1, :5] / counts[-1, :5].sum())
    values, vectors = np.linalg.eig(closed.T)
    first = np.real(vectors[:, np.argmax(np.real(values))])

    assert steady_state(counts) == pytest.approx(first / first.sum(), abs=1e-9)


def test_intervals_of_the_steady_state_cover():
    """400 samples of 2,000 customers from one chain."""
    rng = np.random.default_rng(7)
    truth = np.array([[0.7, 0.2, 0.1], [0.25, 0.65, 0.1], [0.8, 0.2, 0.0]])
    settled = steady_state(truth)
    covered = 0
    for _ in range(400):
        counts = np.array(
            [rng.multinomial(size, row) for size, row in zip((1_200, 800, 250), truth, strict=True)]
        )
        moves = pd.DataFrame(
            [
                (before, after, counts[at, to], 0.0)
                for at, before in enumerate((*TIERS, "joined"))
                for to, after in enumerate((*TIERS, "left"))
            ],
            columns=MOVES.columns,
        )
        found = measured(moves, draws=120, rng=rng)
        covered += found.steady_low[1] <= settled[1] <= found.steady_high[1]

    assert 0.86 <= covered / 400 <= 0.94


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

    assert table["low"].to_dict() == {"up": 20, "stayed": 70, "down": 0, "left": 10}
    assert table["high"].to_dict() == {"up": 0, "stayed": 35, "down": 10, "left": 5}


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
