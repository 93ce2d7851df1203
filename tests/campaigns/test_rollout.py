"""Staggered starts: the R package's published numbers, a hand-worked panel, bad panels."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.propensity import SeparatedError
from cvm.campaigns.rollout import group_time_effects
from cvm.campaigns.rollout_averages import aggregate
from cvm.campaigns.rollout_covariates import adjusted_group_time_effects
from cvm.campaigns.rollout_panel import Panel, read_panel
from cvm.core.checks import DataError

MPDTA = Path(__file__).parents[3] / "shared" / "data" / "mpdta.csv"


@pytest.fixture(scope="module")
def mpdta():
    """Teen employment in 500 counties and the staggered minimum wage (R `did`, mpdta)."""
    if not MPDTA.is_file():
        pytest.skip("shared/data/mpdta.csv is not beside the checkout")
    return read_panel(
        pd.read_csv(MPDTA), unit="countyreal", period="year", outcome="lemp", start="first.treat"
    )


@pytest.fixture(scope="module")
def effects(mpdta):
    return group_time_effects(mpdta)


# Printed by R `did` 2.1 on mpdta: never-treated controls, no covariates, analytic errors.
@pytest.mark.parametrize(
    ("kind", "effect", "se"),
    [
        ("simple", -0.0399513, 0.0120340),
        ("group", -0.0310183, 0.0124461),
        ("dynamic", -0.0772398, 0.0199650),
        ("calendar", -0.0417004, 0.0159719),
    ],
)
def test_averages_are_those_of_the_r_package(effects, kind, effect, se):
    found = aggregate(effects, kind)

    assert found.overall == pytest.approx(effect, abs=6e-8)
    assert found.overall_se == pytest.approx(se, abs=6e-8)


def test_the_event_study_is_that_of_the_r_package(effects):
    published = {
        -3: (0.0305067, 0.0150336), -2: (-0.0005631, 0.0132916), -1: (-0.0244587, 0.0142364),
        0: (-0.0199318, 0.0118264), 1: (-0.0509574, 0.0168935), 2: (-0.1372587, 0.0364357),
        3: (-0.1008114, 0.0343592),
    }  # fmt: skip

    table = aggregate(effects, "dynamic").table().set_index("at")

    assert list(table.index) == list(published)
    for since, (effect, se) in published.items():
        assert table.loc[since, "effect"] == pytest.approx(effect, abs=6e-8)
        assert table.loc[since, "se"] == pytest.approx(se, abs=6e-8)


def test_the_pre_test_is_that_of_the_r_package(effects):
    wald, p_value = effects.pre_test()

    assert wald == pytest.approx(7.79124, abs=5e-6)
    assert p_value == pytest.approx(0.16812, abs=5e-6)


def test_a_universal_base_changes_what_is_before_and_nothing_after(mpdta, effects):
    table = group_time_effects(mpdta, base="universal").table().set_index(["group", "period"])
    varying = effects.table().set_index(["group", "period"])
    after = [key for key in varying.index if key[1] >= key[0]]

    pd.testing.assert_frame_equal(table.loc[after], varying.loc[after])
    # 2007 starters, 2004 against 2006: by hand from the means of the two kinds of counties.
    panel, at = mpdta, {year: place for place, year in enumerate(mpdta.periods)}
    change = panel.outcome[:, at[2004]] - panel.outcome[:, at[2006]]
    by_hand = change[panel.start == 2007].mean() - change[np.isnan(panel.start)].mean()
    assert table.loc[(2007, 2004), "effect"] == pytest.approx(by_hand, abs=1e-12)
    assert table.loc[(2007, 2006), "effect"] == 0


def small(**changes):
    """Four branches, four months; A starts in month 2 with −2, B in month 3 with −1."""
    given = {
        "outcome": np.array(
            [[5.0, 5, 3, 3], [6, 6, 6, 5], [4, 4, 4, 4], [8, 8, 8, 8]],
        ),
        "periods": np.arange(4.0),
        "start": np.array([2.0, 3, np.nan, np.nan]),
    }
    return Panel(**given | changes)


def test_a_panel_worked_by_hand():
    effects = group_time_effects(small(), controls="not_yet")
    table = effects.table().set_index(["group", "period"])["effect"]

    assert table[(2, 2)] == -2
    assert table[(2, 3)] == -2
    assert table[(3, 3)] == -1
    assert aggregate(effects).overall == pytest.approx((-2 - 2 - 1) / 3)
    assert aggregate(effects, "dynamic").table()["effect"].iloc[-2:].tolist() == [-1.5, -2]
    # Sizes count: B three times as large as A.
    larger = group_time_effects(small(weight=np.array([1.0, 3, 1, 1])), controls="not_yet")
    assert aggregate(larger).overall == pytest.approx((-2 - 2 - 3) / 5)


def test_weights_that_are_alike_change_nothing(mpdta, effects):
    same = Panel(
        outcome=mpdta.outcome,
        periods=mpdta.periods,
        start=mpdta.start,
        weight=np.full(len(mpdta.start), 7.0),
    )

    assert group_time_effects(same).effect == pytest.approx(effects.effect, abs=1e-12)


@pytest.mark.parametrize("controls", ["never", "not_yet"])
@pytest.mark.parametrize("kind", ["simple", "group", "dynamic", "calendar"])
def test_errors_from_cohorts_are_those_of_units_left_out_one_by_one(controls, kind):
    """The infinitesimal jackknife: errors are sums of squared derivatives by a unit's weight."""
    rng = np.random.default_rng(2)
    panel = Panel(
        outcome=rng.normal(0, 1, (40, 6)).cumsum(axis=1) + 100,
        periods=np.arange(6.0),
        start=rng.choice([2.0, 3, 5, np.nan], 40),
    )

    def average(weight):
        moved = Panel(
            outcome=panel.outcome, periods=panel.periods, start=panel.start, weight=weight
        )
        return aggregate(group_time_effects(moved, controls=controls), kind)

    step, derivatives, parts = 1e-4, [], []
    for one in np.eye(40):
        more, less = average(1 + step * one), average(1 - step * one)
        derivatives.append((more.overall - less.overall) / (2 * step))
        parts.append((more.effect - less.effect) / (2 * step))
    got = average(None)

    assert got.overall_se == pytest.approx(np.sqrt(np.square(derivatives).sum()), rel=1e-6)
    expected = np.sqrt(np.square(parts).sum(axis=0))
    np.testing.assert_allclose(got.influence.errors(), expected, rtol=1e-6, atol=1e-9)
    contributed = got.influence.by_unit() / 40
    np.testing.assert_allclose(contributed, parts, rtol=1e-6, atol=1e-8)


def test_a_panel_in_any_order_is_read_alike(mpdta):
    frame = pd.read_csv(MPDTA).sample(frac=1, random_state=1)

    read = read_panel(frame, unit="countyreal", period="year", outcome="lemp", start="first.treat")

    np.testing.assert_array_equal(read.outcome, mpdta.outcome)
    np.testing.assert_array_equal(read.start, mpdta.start)
    assert read.unit == mpdta.unit


def test_the_band_for_all_parts_is_wider_than_each_interval(effects):
    dynamic = aggregate(effects, "dynamic")
    low, high = dynamic.band(rng=np.random.default_rng(1))
    table = dynamic.table()

    assert (low < table["low"]).all()
    assert (high > table["high"]).all()
    # Seven normal parts, nearly independent: 2.69 by Šidák; the band may be a little narrower.
    reach = (high - dynamic.effect) / dynamic.influence.errors()
    assert 2.4 < reach[0] < 2.9


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"start": np.full(4, np.nan)}, "within the periods"),
        ({"start": np.full(4, 2.0)}, "never start"),
    ],
)
def test_nobody_to_compare_is_told(changes, told):
    with pytest.raises(DataError, match=told):
        group_time_effects(small(**changes))


def test_gaps_and_missing_outcomes_are_refused():
    frame = pd.DataFrame(
        {"unit": ["a", "a", "b"], "month": [1, 2, 1], "y": [1.0, 2, 3], "start": [2, 2, 0]}
    )
    with pytest.raises(DataError, match="one row in every period"):
        read_panel(frame, unit="unit", period="month", outcome="y", start="start")
    whole = pd.concat([frame, frame.iloc[2:].assign(month=2)])
    again = pd.concat([whole, whole.iloc[:1]])
    for wrong in (again, whole.assign(y=[1.0, 2, 3, np.nan]), whole.assign(month=[1, 1, 2, 2])):
        with pytest.raises(DataError, match="one row in every period"):
            read_panel(wrong, unit="unit", period="month", outcome="y", start="start")
    twice = whole.assign(start=[2, 1, 0, 0])
    with pytest.raises(DataError, match="one start a unit"):
        read_panel(twice, unit="unit", period="month", outcome="y", start="start")
    with pytest.raises(DataError, match="not finite"):
        small(outcome=np.full((4, 4), np.nan))


# Covariates


@pytest.fixture(scope="module")
def adjusted(mpdta):
    lpop = pd.read_csv(MPDTA).groupby("countyreal")["lpop"].first()
    return adjusted_group_time_effects(mpdta, lpop.loc[[int(one) for one in mpdta.unit]])


def test_doubly_robust_group_time_effects_are_the_published_ones(adjusted):
    """Printed by Stata's csdid (dripw, `lemp lpop`), whose author finds them those of R's did."""
    published = {
        (2004, 2004): (-0.0145297, 0.0221292), (2004, 2005): (-0.0764219, 0.0286713),
        (2004, 2006): (-0.1404483, 0.0353782), (2004, 2007): (-0.1069039, 0.0328865),
        (2006, 2004): (-0.0004721, 0.0222234), (2006, 2005): (-0.0062025, 0.0184957),
        (2006, 2006): (0.0009606, 0.0194002), (2006, 2007): (-0.0412939, 0.0197211),
        (2007, 2004): (0.0267278, 0.0140657), (2007, 2005): (-0.0045766, 0.0157178),
        (2007, 2006): (-0.0284475, 0.0181809), (2007, 2007): (-0.0287814, 0.016239),
    }  # fmt: skip
    table = adjusted.table().set_index(["group", "period"])

    assert sorted(table.index) == sorted(published)
    for place, (effect, se) in published.items():
        assert table.loc[place, "effect"] == pytest.approx(effect, abs=6e-8)
        assert table.loc[place, "se"] == pytest.approx(se, abs=6e-8)
    wald, p_value = adjusted.pre_test()
    assert wald == pytest.approx(6.84, abs=6e-3)
    assert p_value == pytest.approx(0.2327, abs=6e-5)


@pytest.mark.parametrize(
    ("kind", "published"),
    [
        ("simple", {0: (-0.0417518, 0.0115028)}),
        ("group", {2004: (-0.0845759, 0.0245649), 2006: (-0.0201666, 0.0174696),
                   2007: (-0.0287814, 0.016239)}),
        ("calendar", {2004: (-0.0145297, 0.0221292), 2005: (-0.0764219, 0.0286713),
                      2006: (-0.0461757, 0.0212107), 2007: (-0.0395822, 0.0129299)}),
        ("dynamic", {-3: (0.0267278, 0.0140657), -2: (-0.0036165, 0.0129283),
                     -1: (-0.023244, 0.0144851), 0: (-0.0210604, 0.0114942),
                     1: (-0.0530032, 0.0163465), 2: (-0.1404483, 0.0353782),
                     3: (-0.1069039, 0.0328865)}),
    ],
)  # fmt: skip
def test_doubly_robust_averages_are_the_published_ones(adjusted, kind, published):
    table = aggregate(adjusted, kind).table()

    assert len(table) == len(published)
    for row, (at, (effect, se)) in zip(table.itertuples(), published.items(), strict=True):
        assert kind == "simple" or row.at == at
        assert (row.effect, row.se) == pytest.approx((effect, se), abs=6e-8)


def test_covariates_that_say_nothing_change_nothing(mpdta, effects):
    constant = adjusted_group_time_effects(mpdta, np.full(len(mpdta.start), 3.0))

    assert constant.effect == pytest.approx(effects.effect, abs=1e-12)
    assert constant.influence.errors() == pytest.approx(effects.influence.errors(), rel=1e-9)


def test_a_trend_that_covariates_explain_is_no_effect():
    """Large units grow faster and start more often: without covariates that is an effect."""
    rng = np.random.default_rng(3)
    size = rng.normal(size=4_000)
    start = np.where(rng.random(4_000) < 1 / (1 + np.exp(1 - size)), 3.0, np.nan)
    periods = np.arange(6.0)
    outcome = size[:, None] * periods + rng.normal(0, 0.5, (4_000, 6))
    panel = Panel(outcome=outcome, periods=periods, start=start)

    plain = aggregate(group_time_effects(panel))
    adjusted = aggregate(adjusted_group_time_effects(panel, size))

    assert plain.overall > 0.5
    assert abs(adjusted.overall) < 2.5 * adjusted.overall_se < 0.1


def of_sites(rng, effect, *, told_apart):
    """Return 800 sites, with their sizes where larger ones grow faster and start more often."""
    x = rng.normal(size=800) * told_apart
    early = rng.random(800) < 1 / (1 + np.exp(1 - x))
    start = np.where(early, np.where(rng.random(800) < 0.5, 2.0, 3.0), np.nan)
    periods = np.arange(5.0)
    outcome = x[:, None] * periods + rng.normal(size=(800, 5))
    outcome += effect * (start[:, None] <= periods)
    return Panel(outcome=outcome, periods=periods, start=start), x


@pytest.mark.calibration
@pytest.mark.parametrize("told_apart", [True, False], ids=["covariates", "plain"])
def test_rollouts_over_sites_keep_their_level(told_apart):
    """Fewer sites are called a little too often: 5.2 % of 600 sites, 5.5 % of 300."""
    rng = np.random.default_rng(21)
    found, before = [], []
    for _ in range(4_000 if told_apart else 2_000):
        panel, x = of_sites(rng, 0.0, told_apart=told_apart)
        if told_apart:
            effects = adjusted_group_time_effects(panel, x, controls="not_yet")
        else:
            effects = group_time_effects(panel, controls="not_yet")
        one = aggregate(effects)
        found.append(abs(one.overall) / one.overall_se)
        before.append(effects.pre_test()[1])

    assert 0.04 <= (np.array(found) > 1.96).mean() <= 0.06
    # Wald's test of no effect in the periods before, of three effects.
    assert 0.04 <= (np.array(before) < 0.05).mean() <= 0.06


@pytest.mark.calibration
def test_rollouts_over_sites_cover_a_planted_effect():
    rng = np.random.default_rng(5)
    covered, detected = [], []
    for _ in range(500):
        panel, x = of_sites(rng, 0.3, told_apart=True)
        one = aggregate(adjusted_group_time_effects(panel, x, controls="not_yet"))
        covered.append(abs(one.overall - 0.3) <= 1.96 * one.overall_se)
        detected.append(abs(one.overall) > 1.96 * one.overall_se)

    assert 0.93 <= np.mean(covered) <= 0.97
    assert np.mean(detected) > 0.5


def test_covariates_without_sense_are_refused(mpdta):
    units = len(mpdta.start)
    with pytest.raises(DataError, match="covariates"):
        adjusted_group_time_effects(mpdta, np.full(units, np.nan))
    with pytest.raises(DataError, match="starters"):
        adjusted_group_time_effects(mpdta, np.random.default_rng(0).normal(size=(units, 25)))
    with pytest.raises(SeparatedError):
        adjusted_group_time_effects(mpdta, np.isfinite(mpdta.start))
