"""Small groups cannot be seen, nor worked out from what is shown.

The attacker below is written apart from the policy: he gets the published frames, sets up every
total he can see, and solves for what is missing with his own linear programme.
"""

import itertools
from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from cvm.core.checks import ArgumentError, DataError
from cvm.publish.disclosure import (
    TOTAL,
    CellTable,
    Policy,
    Withheld,
    find_withheld,
    protect,
    summarise,
)

MINIMUM = 10


def one_way(counts, total=True, name="tiers", group="tier", **more):
    labels = [f"{group}{number}" for number in range(len(counts))]
    frame = pd.DataFrame({group: labels, "customers": counts})
    if total:
        frame.loc[len(frame)] = [TOTAL, sum(counts)]
    frame["revenue_yuan"] = frame["customers"] * 80.5
    return CellTable(name=name, frame=frame, groups=(group,), counts=("customers",), **more)


def two_way(counts, name="grid", groups=("tier", "county")):
    array = np.asarray(counts)
    whole = np.block([[array, array.sum(1)[:, None]], [array.sum(0), array.sum()]])
    rows = [
        (
            f"{groups[0]}{r}" if r < array.shape[0] else TOTAL,
            f"{groups[1]}{c}" if c < array.shape[1] else TOTAL,
            whole[r, c],
        )
        for r, c in itertools.product(*map(range, whole.shape))
    ]
    frame = pd.DataFrame(rows, columns=[*groups, "customers"])
    frame["bill_yuan"] = 60.0 * frame["customers"]
    return CellTable(name=name, frame=frame, groups=groups, counts=("customers",))


class Attacker:
    """Solves the published tables for what is withheld; empty groups are shown, so floor 1."""

    def __init__(self, tables, published):
        self.known, self.truth, self.cells = {}, {}, []
        for table in tables:
            frame = published[table.name]
            for row, shown in enumerate(frame["customers"]):
                labels = frame.iloc[row][list(table.groups)]
                cell = tuple(sorted((g, v) for g, v in labels.items() if v != TOTAL))
                self.truth[cell] = float(table.frame["customers"].iloc[row])
                if not np.isnan(shown):
                    self.known[cell] = float(shown)
        self.cells = list(self.truth)
        self.missing = [cell for cell in self.cells if cell not in self.known]
        rows, values = [], []
        for total in self.cells:
            names = {name for cell in self.cells for name, _ in cell} - {name for name, _ in total}
            for name in names:
                parts = [
                    c
                    for c in self.cells
                    if len(c) == len(total) + 1 and set(total) < set(c) and name in dict(c)
                ]
                if parts:
                    row = np.zeros(len(self.missing))
                    value = 0.0
                    for sign, cell in [(1, total), *((-1, part) for part in parts)]:
                        if cell in self.known:
                            value -= sign * self.known[cell]
                        else:
                            row[self.missing.index(cell)] += sign
                    rows.append(row)
                    values.append(value)
        self.matrix, self.values = np.array(rows), np.array(values)

    def interval(self, cell):
        aim = np.zeros(len(self.missing))
        aim[self.missing.index(cell)] = 1.0
        ends = []
        for sign in (1, -1):
            found = linprog(
                sign * aim, A_eq=self.matrix, b_eq=self.values, bounds=(1, None), method="highs"
            )
            ends.append(found.fun * sign if found.status == 0 else sign * -np.inf)
        return ends

    def solved(self):
        """Cells whose value linear algebra alone gives away."""
        if not self.missing:
            return []
        rank = np.linalg.matrix_rank(self.matrix)
        return [
            cell
            for place, cell in enumerate(self.missing)
            if np.linalg.matrix_rank(np.vstack([self.matrix, np.eye(len(self.missing))[place]]))
            == rank
        ]


def check_safe(tables):
    published = protect(tables)
    attacker = Attacker(tables, published)
    assert attacker.solved() == []
    for cell in attacker.missing:
        low, high = attacker.interval(cell)
        truth = attacker.truth[cell]
        assert low - 1e-6 <= truth <= high + 1e-6
        if 0 < truth < MINIMUM:
            assert high - low >= MINIMUM - 1e-6, (cell, truth, low, high)
        else:
            assert high - low >= 1 - 1e-6, (cell, truth, low, high)
    for table in tables:
        shown, whole = published[table.name], table.frame
        kept = shown["customers"].notna()
        # Small groups are not shown; whatever is shown is what was counted; figures go together.
        assert not whole.loc[kept, "customers"].between(1, MINIMUM - 1).any()
        for column in whole.columns:
            assert (shown.loc[kept, column] == whole.loc[kept, column]).all()
            if column not in table.groups:
                assert shown.loc[~kept, column].isna().all()
        if not attacker.missing:
            pd.testing.assert_frame_equal(shown, whole)
    return published


# Worked by hand ---------------------------------------------------------------------------------


def test_a_small_cell_takes_the_next_smallest_with_it():
    published = check_safe([one_way([500, 7, 40, 90])])["tiers"]
    assert published["customers"].isna().tolist() == [False, True, True, False, False]
    assert published["tier"].tolist() == ["tier0", "tier1", "tier2", "tier3", TOTAL]


def test_two_small_cells_that_are_few_together_need_a_third():
    # 3 + 4 = 7 customers: their sum follows from the total, and it is a small group too.
    published = check_safe([one_way([500, 3, 4, 90])])["tiers"]
    assert published["customers"].isna().tolist() == [False, True, True, True, False]


def test_a_grid_withholds_a_rectangle():
    published = check_safe([two_way([[60, 70, 80], [5, 90, 40], [100, 30, 20]])])["grid"]
    hidden = published.loc[published["customers"].isna(), ["tier", "county"]]
    assert len(hidden) == 4
    assert hidden["tier"].nunique() == hidden["county"].nunique() == 2
    assert TOTAL not in set(hidden.to_numpy().ravel())


def test_a_large_table_without_small_cells_is_untouched():
    tables = [one_way([10, 11, 12]), two_way([[10, 0], [0, 25]])]
    for table in tables:
        pd.testing.assert_frame_equal(protect([table])[table.name], table.frame)
        assert find_withheld([table])[table.name] == Withheld()


def test_empty_cells_are_shown():
    published = check_safe([one_way([0, 400, 6, 30])])["tiers"]
    assert published["customers"].iloc[0] == 0


def test_an_empty_group_with_money_left_in_it_is_withheld():
    # Nobody is in the tier now, but the year's revenue of the one who was would be shown.
    table = one_way([0, 400, 60])
    table.frame.loc[0, "revenue_yuan"] = 1_234.0
    published = protect([table])["tiers"]
    assert published["revenue_yuan"].isna().tolist() == [True, False, True, False]


def test_a_small_total_is_withheld_with_its_parts():
    published = check_safe([one_way([4, 3])])["tiers"]
    assert published["customers"].isna().all()


def test_a_county_with_one_tier_only_hides_its_total_and_another_county():
    published = check_safe([two_way([[5, 0, 0], [0, 50, 60], [0, 70, 80]])])["grid"]
    total = published[(published["tier"] == "tier0") & (published["county"] == TOTAL)]
    assert total["customers"].isna().all()
    grand = published[(published["tier"] == TOTAL) & (published["county"] == TOTAL)]
    assert grand["customers"].item() == 265


def test_totals_that_no_table_shows_are_known_all_the_same():
    # The base of the province stands in every annual report.
    without = protect([one_way([500, 7, 40, 90], total=False)])["tiers"]
    assert without["customers"].isna().tolist() == [False, True, True, False]


def test_one_table_does_not_give_away_what_another_withholds():
    grid = two_way([[6, 60, 70], [80, 90, 100], [55, 65, 75]])
    tiers = one_way([136, 270, 195])
    counties = one_way([141, 215, 245], group="county", name="counties")
    check_safe([grid, tiers, counties])


def test_a_total_withheld_in_one_table_is_withheld_in_the_other():
    tiers = one_way([5, 300, 400])
    grid = two_way([[2, 3], [140, 160], [180, 220]])
    published = check_safe([tiers, grid])
    hidden = published["tiers"]["customers"].isna()
    assert hidden.tolist() == [True, True, False, False]
    rows = published["grid"]
    in_grid = rows[(rows["tier"] == "tier1") & (rows["county"] == TOTAL)]
    assert in_grid["customers"].isna().all()


TIERS = [("diamond", 7), ("gold", 46), ("silver", 91), ("vip", 88), ("none", 956)]
LADDER = [*TIERS[:4], ("cards_none", 20), ("cards_unrated", 936)]


def of_tiers(rows, name, column="vip_tier", count="customers"):
    frame = pd.DataFrame(rows, columns=[column, count])
    return CellTable(name=name, frame=frame, groups=(column,), counts=(count,))


def of_ladders(rows, name):
    stars = [("5", 400), ("stars_none", sum(customers for _, customers in rows) - 400)]
    frame = pd.DataFrame(
        [("cards", *row) for row in rows] + [("stars", *row) for row in stars],
        columns=["ladder", "tier", "customers"],
    )
    return CellTable(name=name, frame=frame, groups=("ladder", "tier"), counts=("customers",))


def test_a_tier_under_another_name_gives_nothing_away():
    tables = [of_tiers(TIERS, "held"), of_ladders(LADDER, "ladder"),
              of_tiers(TIERS, "rules", column="tier", count="members")]  # fmt: skip
    published = protect(tables)
    ladder = published["ladder"]
    # Brought to one name by hand: who has no card is either below the first cut or unrated.
    whole = ladder[ladder["ladder"] == "cards"].set_index("tier")["customers"]
    shown = [
        published["held"].set_index("vip_tier")["customers"],
        published["rules"].set_index("tier")["members"],
        whole,
    ]
    for tier, customers in TIERS[:4]:
        seen = [frame[tier] for frame in shown]
        assert all(np.isnan(seen)) or seen == [customers] * 3
    hidden = [tier for tier, _ in TIERS[:4] if np.isnan(whole[tier])]
    assert "diamond" in hidden
    assert len(hidden) == 2
    # The other ladder stays whole: no group of it is small.
    assert ladder.loc[ladder["ladder"] == "stars", "customers"].tolist() == [400, 788]


def test_the_parts_of_those_without_a_card_are_protected_with_their_total():
    tiers = [("diamond", 17), *TIERS[1:4]]
    parts = [("cards_none", 948), ("cards_unrated", 8)]
    published = protect(
        [of_tiers([*tiers, TIERS[4]], "held"), of_ladders([*tiers, *parts], "ladder")]
    )
    ladder = published["ladder"].set_index("tier")["customers"]
    held = published["held"].set_index("vip_tier")["customers"]
    assert np.isnan(ladder["cards_unrated"])
    # 956 - 948 would be the eight.
    assert np.isnan(held["none"]) or np.isnan(ladder["cards_none"])
    assert held.isna().sum() != 1
    assert ladder.isna().sum() != 1


def test_tiers_that_are_not_the_same_people_stay_apart():
    moved = [("diamond", 20), ("gold", 33), *LADDER[2:]]
    published = protect([of_tiers(TIERS, "held"), of_ladders(moved, "ladder")])
    assert published["held"]["customers"].isna().sum() == 2
    assert published["ladder"]["customers"].notna().all()


def test_months_are_not_added_up():
    months = pd.to_datetime(["2026-01-01", "2026-02-01"]).date
    frame = pd.DataFrame(
        {
            "month": np.repeat(months, 3),
            "tier": ["gold", "silver", "none"] * 2,
            "customers": [8, 30, 400, 12, 31, 410],
        }
    )
    table = CellTable(name="t", frame=frame, groups=("month", "tier"), counts=("customers",))
    # January's small cell takes one other of January; nothing of February.
    assert find_withheld([table])["t"] == Withheld(primary=(0,), secondary=(1,))


def test_tables_of_other_things_do_not_touch_each_other():
    small = one_way([500, 7, 40])
    other = one_way([12, 30, 90], name="other", group="offer")
    assert find_withheld([small, other])["other"] == Withheld()
    parameters = CellTable(
        name="p", frame=pd.DataFrame({"cap_share": [0.023], "tiers": [5]}), groups=(), counts=()
    )
    pd.testing.assert_frame_equal(protect([small, parameters])["p"], parameters.frame)


def test_every_column_that_counts_customers_is_protected():
    frame = pd.DataFrame(
        {
            "county": ["a", "b", "c", TOTAL],
            "customers": [300, 200, 100, 600],
            "left": [4, 20, 15, 39],
            "churn_share": [4 / 300, 0.1, 0.15, 39 / 600],
        }
    )
    table = CellTable(name="t", frame=frame, groups=("county",), counts=("customers", "left"))
    published = protect([table])["t"]
    assert published["left"].isna().tolist() == [True, False, True, False]
    assert published["churn_share"].isna().tolist() == [True, False, True, False]


def test_a_total_that_does_not_add_up_is_no_equation():
    # The three largest counties and the province: the rest is not listed, so nothing follows.
    frame = pd.DataFrame({"county": ["a", "b", "c", TOTAL], "customers": [9, 80, 70, 900]})
    table = CellTable(name="t", frame=frame, groups=("county",), counts=("customers",))
    assert find_withheld([table])["t"] == Withheld(primary=(0,))


def test_the_answer_does_not_depend_on_the_order_of_rows():
    table = two_way([[60, 7, 80], [5, 90, 40], [100, 30, 20]])
    mixed = table.frame.sample(frac=1, random_state=3)
    other = CellTable(name="grid", frame=mixed, groups=table.groups, counts=table.counts)
    first, second = protect([table])["grid"], protect([other])["grid"]
    pd.testing.assert_frame_equal(first, second.sort_index())


def test_the_manifest_counts_what_is_withheld():
    found = find_withheld([one_way([500, 7, 40, 90])])
    assert summarise(found) == [{"table": "tiers", "primary": 1, "secondary": 1}]
    assert summarise({"none": Withheld()}) == []


def test_the_minimum_is_a_setting():
    table = one_way([500, 7, 40, 90])
    assert find_withheld([table], Policy(minimum_customers=5))["tiers"] == Withheld()
    with pytest.raises(ArgumentError, match="at least 2"):
        Policy(minimum_customers=1)


# What no snapshot takes -------------------------------------------------------------------------


def test_customer_rows_are_refused():
    frame = pd.DataFrame({"customer_id": ["a", "b"], "customers": [1, 1]})
    with pytest.raises(DataError, match="never one row a customer"):
        CellTable(name="list", frame=frame, groups=("customer_id",), counts=())
    long = pd.DataFrame({"row": range(6_000)})
    with pytest.raises(DataError, match="6,000 rows"):
        CellTable(name="long", frame=long, groups=(), counts=())


@pytest.mark.parametrize("count", [-1, 2.5, None])
def test_a_count_that_is_none_is_refused(count):
    frame = pd.DataFrame({"tier": ["gold", "silver"], "customers": [20, count]})
    with pytest.raises(DataError, match="a count of customers"):
        CellTable(name="t", frame=frame, groups=("tier",), counts=("customers",))


def test_a_group_named_twice_is_refused():
    frame = pd.DataFrame({"tier": ["gold", "gold"], "customers": [20, 30]})
    with pytest.raises(DataError, match="one row each"):
        CellTable(name="t", frame=frame, groups=("tier",), counts=("customers",))


# Properties -------------------------------------------------------------------------------------

CELL = st.one_of(st.integers(0, 14), st.integers(0, 400))


@settings(max_examples=60, deadline=None)
@given(st.lists(CELL, min_size=1, max_size=7))
def test_no_list_gives_a_small_group_away(counts):
    check_safe([one_way(counts)])


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_no_grid_gives_a_small_group_away(data):
    rows, columns = data.draw(st.integers(1, 5)), data.draw(st.integers(1, 5))
    cells = st.lists(CELL, min_size=columns, max_size=columns)
    check_safe([two_way(data.draw(st.lists(cells, min_size=rows, max_size=rows)))])


@settings(max_examples=25, deadline=None)
@given(st.lists(CELL, min_size=12, max_size=12))
def test_no_set_of_linked_tables_gives_a_small_group_away(counts):
    cube = np.array(counts).reshape(3, 2, 2)
    by_county = two_way(cube.sum(2), name="by_county", groups=("tier", "county"))
    by_brand = two_way(cube.sum(1), name="by_brand", groups=("tier", "brand"))
    tiers = one_way(cube.sum((1, 2)).tolist())
    check_safe([by_county, by_brand, tiers])


def test_a_year_by_tier_and_county_takes_few_further_cells():
    rng = np.random.default_rng(7)
    rows = [
        (date(2023 + m // 12, m % 12 + 1, 1), f"tier{t}", f"county{c}", int(rng.lognormal(4, 1.2)))
        for m in range(12)
        for t in range(5)
        for c in range(11)
    ]
    frame = pd.DataFrame(rows, columns=["month", "tier", "county", "customers"])
    table = CellTable(
        name="t", frame=frame, groups=("month", "tier", "county"), counts=("customers",)
    )
    found = find_withheld([table])["t"]
    small = int(frame["customers"].between(1, 9).sum())
    assert len(found.primary) == small > 0
    assert len(found.secondary) < 3 * small
