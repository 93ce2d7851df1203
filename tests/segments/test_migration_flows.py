"""Migration by period, its flow picture, and the chain's value beside that of sBG."""

from datetime import date
from pathlib import Path

import ibis
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2, chi2_contingency

import cvm
from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.core.months import add_months
from cvm.data import collect
from cvm.data.reduce_segments_migration import (
    reduce_tier_ages,
    reduce_tier_flows,
    reduce_tier_moves,
)
from cvm.segments.migration import STAR_ORDER, VIP_ORDER, measure_migration, tier_name
from cvm.segments.migration_flows import measure_flows
from cvm.segments.migration_sbg import PARTS, reconcile_values
from cvm.views.segments_migration_flows import plot_flow, plot_rates, plot_values

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
LATE = date(2025, 11, 1)
TIERS = ("low", "high")
COLUMNS = ["month_index", "from_tier", "to_tier", "customers"]


def flows(rows, **options):
    frame = pd.DataFrame(rows, columns=COLUMNS).assign(bill_yuan=0.0, bill_squared=0.0)
    return measure_flows(frame, **({"tiers": TIERS, "months_apart": 1} | options))


TWO = [
    (24_000, "low", "low", 80), (24_000, "low", "high", 10), (24_000, "low", "left", 10),
    (24_000, "high", "high", 45), (24_000, "high", "low", 5), (24_000, "joined", "low", 15),
    (24_001, "low", "low", 70), (24_001, "low", "high", 20), (24_001, "low", "left", 10),
    (24_001, "high", "high", 50), (24_001, "high", "low", 5),
]  # fmt: skip


def test_periods_by_hand():
    table = flows(TWO).summary()

    assert table["month"].tolist() == [date(2000, 1, 1), date(2000, 2, 1)]
    counted = table[["before", "joined", "up", "stayed", "down", "left", "after"]]
    assert counted.to_numpy().tolist() == [
        [150, 15, 10, 125, 5, 10, 155], [155, 0, 20, 120, 5, 10, 145],
    ]  # fmt: skip
    assert table["up_share"].tolist() == pytest.approx([10 / 150, 20 / 155])
    # Low: 80 and 70 of 200 stayed, 10 and 20 rose, 10 and 10 left.
    assert flows(TWO).mean.matrix().loc["low"].tolist() == pytest.approx([0.75, 0.15, 0.1])
    assert flows(TWO).mean.errors[0, 1] == pytest.approx(np.sqrt(0.15 * 0.85 / 200))
    assert "2 months to Feb 2000" in flows(TWO).text("en")
    assert "2个月" in flows(TWO).text("zh")


def test_one_period_is_said_as_one():
    told = flows(TWO[:6])

    assert "one period alone, that to Jan 2000: 6.7% rose, 3.3% fell and 6.7% left" in told.text(
        "en"
    )
    assert "截至2000年1月的一期" in told.text("zh")


def test_sameness_is_the_chi_square_of_every_tier_added_up():
    low = chi2_contingency([[80, 10, 10], [70, 20, 10]], correction=False)
    high = chi2_contingency([[45, 5], [50, 5]], correction=False)
    told = chi2.sf(low.statistic + high.statistic, low.dof + high.dof)
    assert flows(TWO).alike_p() == pytest.approx(told)
    # One of 106 left "high": less than one is expected in a period, so it counts as staying.
    rare = [*TWO, (24_001, "high", "left", 1)]
    high = chi2_contingency([[45, 5], [51, 5]], correction=False)
    told = chi2.sf(low.statistic + high.statistic, low.dof + high.dof)
    assert flows(rare, months_apart=3).alike_p() == pytest.approx(told)
    assert np.isnan(flows(TWO[:6]).alike_p())


def test_one_month_a_year_in_which_cards_are_set_is_not_like_the_others():
    months = cvm.open_data(SAMPLE).table("months")
    ends = [add_months(LATE, -back) for back in range(24)]
    found = measure_flows(collect(reduce_tier_flows(months, months_to=ends)))

    assert found.alike_p() < 1e-6
    assert "more than chance, so" in found.text("en")


def test_customers_who_vanish_between_periods_are_an_error():
    lost = [*TWO[:9], (24_001, "high", "high", 49), TWO[10]]

    with pytest.raises(DataError, match="54 customers of high before"):
        flows(lost)
    with pytest.raises(DataError, match="one period"):
        flows([])
    # Months that do not follow one another need not agree.
    assert len(flows(lost, months_apart=3).periods) == 2


def test_flows_of_the_sample_are_its_moves_month_by_month_and_stocks_follow():
    months = cvm.open_data(SAMPLE).table("months")
    ends = [add_months(LATE, -back) for back in range(24)]
    for column, tiers in (("vip_tier", None), ("star", STAR_ORDER)):
        given = {} if tiers is None else {"tiers": tiers}
        reduced = collect(reduce_tier_flows(months, months_to=ends, column=column))
        table = measure_flows(reduced, **given).summary()

        assert len(table) == 24
        ways = table[["up", "stayed", "down", "left"]].sum(axis=1)
        assert (ways == table["before"]).all()
        assert (table["before"] + table["joined"] - table["left"] == table["after"]).all()
        assert (table["after"][:-1].to_numpy() == table["before"][1:].to_numpy()).all()
        alone = collect(reduce_tier_moves(months, month=ends[5], months_apart=1, column=column))
        index = ends[5].year * 12 + ends[5].month - 1
        among = reduced[reduced["month_index"] == index].drop(columns="month_index")
        pd.testing.assert_frame_equal(alone, among.reset_index(drop=True))
    in_service = collect(months.group_by("month").agg(n=months.count()))
    counted = in_service.set_index("month")["n"]
    assert table["after"].tolist() == [counted[pd.Timestamp(month)] for month in table["month"]]


def test_periods_need_a_month_and_a_column():
    table = ibis.memtable(pd.DataFrame({"customer_id": ["a"], "month": [LATE], "bill_yuan": [1.0]}))
    with pytest.raises(ArgumentError, match="months_to"):
        reduce_tier_flows(table.mutate(vip_tier=ibis.literal("vip")), months_to=[])
    with pytest.raises(MissingDataError, match="star"):
        reduce_tier_flows(table, months_to=[LATE], column="star")


MOVES = pd.DataFrame(
    [
        ("low", "low", 700, 70_000.0), ("low", "high", 100, 10_000.0), ("low", "left", 200, 2e4),
        ("high", "high", 450, 225_000.0), ("high", "left", 50, 25_000.0),
        ("joined", "low", 250, 25_000.0),
    ],
    columns=["from_tier", "to_tier", "customers", "bill_yuan"],
).eval("bill_squared = bill_yuan**2 / customers")  # fmt: skip


def ages(rows):
    return pd.DataFrame(rows, columns=["years_ago", "tier", "age_years", "customers", "stayed"])


def measured(moves=MOVES, **options):
    given = {"tiers": TIERS, "draws": 0, "rng": np.random.default_rng(1)}
    return measure_migration(moves, **(given | options))


# Leaving 20 % of low and 10 % of high whatever the age, as in the year of the moves.
SAME = [
    (back, tier, age, size, size * keep // 10)
    for back in (1, 2)
    for tier, size, keep in (("low", 1_000, 8), ("high", 500, 9))
    for age in range(5)
] + [(0, tier, age, 100, np.nan) for tier in TIERS for age in range(5)]


def test_where_loyalty_does_not_grow_and_years_are_alike_only_moves_part_the_two():
    found = reconcile_values(measured(), ages(SAME), margin_share=0.5, yearly_discount=0.1)
    rows = found.rows.set_index("tier")

    # Without moves: 600 × 100 % ÷ (1 − 0.8 ÷ 1.1) and 3,000 ÷ (1 − 0.9 ÷ 1.1).
    assert rows["lifetime_yuan"].tolist() == pytest.approx([2_200, 16_500], rel=2e-3)
    assert rows.loc["low", "moves_yuan"] == pytest.approx(
        600 / (1 - 0.7 / 1.1) * (1 + 0.1 / 1.1 * 16_500 / 600) - 2_200, rel=1e-9
    )
    assert rows.loc["high", "moves_yuan"] == pytest.approx(0, abs=1e-6)
    assert rows["years_yuan"].abs().max() < 1e-6
    assert (rows["loyalty_yuan"].abs() < 0.01 * rows["lifetime_yuan"]).all()
    assert found.ageless == 0
    for lang in ("zh", "en"):
        assert "sBG" in found.text(lang)


def test_the_parts_add_up_and_loyalty_is_sbgs_own():
    """High's leaving falls with age as in Fader & Hardie's high-end table."""
    share = [100, 86.9, 74.3, 65.3, 59.3, 55.1, 51.7, 49.1, 46.8, 44.5, 42.7, 40.9, 39.4]
    kept = [round(1_000 * value) for value in share]
    rows = [row for row in SAME if row[1] == "low"]
    rows += [(1, "high", age, kept[age], kept[age + 1]) for age in range(12)]
    rows += [(0, "high", 0, 500, np.nan)]
    found = reconcile_values(measured(), ages(rows), margin_share=0.5, yearly_discount=0.1).rows
    high = found[found["tier"] == "high"].iloc[0]

    assert found[list(PARTS)].sum(axis=1).tolist() == pytest.approx(
        (found["chain_yuan"] - found["lifetime_yuan"]).tolist()
    )
    # An independent sum of the sBG curve fitted to the published table on 12 years.
    from scipy.optimize import minimize
    from scipy.special import betaln

    def survival(alpha, beta, ages):
        return np.exp(betaln(alpha, beta + ages) - betaln(alpha, beta))

    def misfit(logs):
        alpha, beta = np.exp(logs)
        curve = survival(alpha, beta, np.arange(13.0))
        lost = -np.diff(kept)
        return -(lost @ np.log(-np.diff(curve)) + kept[-1] * np.log(curve[-1]))

    fitted = minimize(misfit, [0.0, 1.0], method="Nelder-Mead", options={"xatol": 1e-8}).x
    years = np.arange(2_000.0)
    discounted = (survival(*np.exp(fitted), years) / 1.1**years).sum()
    assert high["lifetime_yuan"] == pytest.approx(3_000 * discounted, rel=1e-4)
    assert high["lifetime_low"] < high["lifetime_yuan"] < high["lifetime_high"]


def test_a_tier_that_nobody_holds_has_no_row():
    found = reconcile_values(
        measured(tiers=("low", "middle", "high")), ages(SAME), margin_share=0.5, yearly_discount=0.1
    )
    two = reconcile_values(measured(), ages(SAME), margin_share=0.5, yearly_discount=0.1)

    pd.testing.assert_frame_equal(found.rows, two.rows)


def test_a_tier_of_a_few_customers_is_named_and_not_valued():
    few = MOVES.assign(customers=MOVES["customers"].where(MOVES["from_tier"] != "high", 1))
    found = reconcile_values(measured(few), ages(SAME), margin_share=0.5, yearly_discount=0.1)

    assert found.rows["reason"].tolist() == ["", "few_customers"]
    assert found.rows.loc[1, ["chain_yuan", "chain_low", "moves_yuan"]].isna().all()
    assert "high" in found.text("en")
    assert found.mean()["chain_yuan"] == found.rows["chain_yuan"][0]
    for lang in ("zh", "en"):
        assert len(plot_values(found, lang=lang).get_yticklabels()) == 2


def test_what_sbg_cannot_tell_is_said_and_left_out():
    rows = [row if row[1] == "low" else (*row[:4], row[3] if row[0] else np.nan) for row in SAME]
    rows += [(0, "low", np.nan, 7, np.nan), (0, "unknown", 3, 2, np.nan)]
    found = reconcile_values(measured(), ages(rows), margin_share=0.5, yearly_discount=0.1)

    assert found.rows["reason"].tolist() == ["", "nobody_left"]
    assert np.isnan(found.rows["lifetime_yuan"][1])
    assert "high" in found.text("en")
    assert found.ageless == 9
    assert "9户" in found.text("zh")
    with pytest.raises(ArgumentError, match="months_apart"):
        reconcile_values(
            measured(months_apart=1), ages(SAME), margin_share=0.5, yearly_discount=0.1
        )
    with pytest.raises(DataError, match="joined_month"):
        reconcile_values(measured(), ages([SAME[-1]]), margin_share=0.5, yearly_discount=0.1)


def test_ages_of_the_sample_are_those_of_pandas():
    data = cvm.open_data(SAMPLE)
    months, customers = data.table("months"), data.table("customers")
    told = collect(reduce_tier_ages(months, customers, month=LATE, years=2))

    frame = collect(months.select("customer_id", "month", "vip_tier"))
    joined = collect(customers.select("customer_id", "joined_month")).set_index("customer_id")
    for back in (0, 1, 2):
        base = frame[frame["month"] == pd.Timestamp(2025 - back, 11, 1)]
        later = frame.loc[frame["month"] == pd.Timestamp(2026 - back, 11, 1), "customer_id"]
        since = pd.to_datetime(joined.loc[base["customer_id"], "joined_month"])
        age = 2025 - back - since.dt.year - (since.dt.month > 11)
        part = told[told["years_ago"] == back]
        sizes = base.groupby(["vip_tier", age.to_numpy()]).size()
        assert part.set_index(["tier", "age_years"])["customers"].to_dict() == sizes.to_dict()
        if back:
            assert part["stayed"].sum() == base["customer_id"].isin(later).sum()
        else:
            assert part["stayed"].isna().all()


def test_an_age_before_joining_or_without_it_is_unknown():
    months = ibis.memtable(
        pd.DataFrame({"customer_id": ["a", "b"], "month": [LATE] * 2, "star": [3, 3],
                      "bill_yuan": [1.0, 1.0]})
    )  # fmt: skip
    customers = ibis.memtable(
        pd.DataFrame({"customer_id": ["a", "c"], "joined_month": [date(2026, 1, 1)] * 2})
    )
    told = collect(reduce_tier_ages(months, customers, month=LATE, years=1, column="star"))

    assert told["customers"].tolist() == [2]
    assert told["age_years"].isna().all()


def bands(axes):
    return {patch.get_gid() for patch in axes.patches if patch.get_gid()}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_the_flow_picture_draws_what_is_not_withheld_and_labels_keep_apart(lang):
    months = cvm.open_data(SAMPLE).table("months")
    migration = measured(collect(reduce_tier_moves(months, month=LATE)), tiers=VIP_ORDER)
    axes = plot_flow(migration, lang=lang)
    drawn = bands(axes)

    assert {"none>none", "none>left", "joined>none"} <= drawn
    counts = migration.moves().set_index(["from_tier", "to_tier"])["customers"]
    assert all(counts[tuple(gid.split(">"))] >= 10 for gid in drawn)
    assert not any(gid.startswith("diamond>") for gid in drawn)
    figure = axes.figure
    figure.canvas.draw()
    boxes = [text.get_window_extent() for text in axes.texts]
    assert not any(one.overlaps(other) for at, one in enumerate(boxes) for other in boxes[at + 1 :])
    plt.close("all")


def test_bands_are_as_wide_as_their_customers():
    axes = plot_flow(measured(), lang="en")
    height = {}
    for patch in axes.patches:
        if patch.get_gid():
            corners = patch.get_path().vertices
            height[patch.get_gid()] = corners[-1][1] - corners[0][1]

    assert height["low>low"] / height["low>high"] == pytest.approx(7)
    assert height["high>left"] / height["joined>low"] == pytest.approx(50 / 250)
    texts = {text.get_text() for text in axes.texts}
    assert {"low", "high", "Joined", "Left"} <= texts


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_rates_and_values_are_drawn_as_they_are(lang):
    found = flows(TWO)
    axes = plot_rates(found, lang=lang)
    drawn = {container.get_label(): container.lines[0].get_ydata() for container in axes.containers}
    name = {"zh": "升级", "en": "Up"}[lang]
    assert drawn[name] == pytest.approx(found.summary()["up_share"].to_numpy())
    assert name in [text.get_text() for text in axes.texts]
    # Five who fell are too few to be shown.
    assert len(drawn[{"zh": "降级", "en": "Down"}[lang]]) == 0

    values = reconcile_values(measured(), ages(SAME), margin_share=0.5, yearly_discount=0.1)
    axes = plot_values(values, lang=lang)
    chain = axes.containers[0].lines[0].get_xdata()
    assert chain == pytest.approx(values.rows["chain_yuan"][::-1].to_numpy())


def test_stars_have_names():
    assert [tier_name(star, "en") for star in ("0", "1", "5")] == ["Unrated", "1 star", "5 stars"]
    assert tier_name("3", "zh") == "3星"
