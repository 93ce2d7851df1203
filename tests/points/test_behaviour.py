"""The behaviour fit recovers what was planted, predicts months it has not seen, and says what it
cannot tell.

Planted (truth.json, planted.points) → fitted: ``hazard`` → intercept (balance at the threshold),
``hazard_log_balance`` → log_ratio, ``hazard_just_qualified`` → just_qualified,
``hazard_festival`` → festival, ``hazard_expiring`` × share of the balance that dies in December, in
October to December → rush (share that expires within three months), ``redeem_all_share`` and the
uniform part → take_all and part, ``channel_shares`` → mix, ``pressure_log_bill`` → pressure.
Nothing is planted on tiers, on calendar months, on the time since the last redemption or on
waiting. Members who stockpile (``hazard_saver``, until a target of their own) show to the operator
by nothing but their waiting.
"""

from dataclasses import replace
from datetime import date

import ibis
import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import DataError, MissingDataError
from cvm.core.months import add_months
from cvm.data import collect
from cvm.data.reduce_points import reduce_points_channels
from cvm.data.reduce_points_behaviour import reduce_points_behaviour
from cvm.data.reduce_points_pressure import reduce_points_pressure
from cvm.data.sample import make_sample
from cvm.data.sample.settings import PointsSettings, PopulationSettings, SampleSettings
from cvm.points.behaviour import fit_behaviour
from cvm.points.behaviour_estimate import channel_mix, spend_pressure
from cvm.points.behaviour_tables import calibration_line

PLANTED = PointsSettings()


def reduced(folder, settings, customers=12_000):
    make_sample(folder, customers=customers, seed=11, settings=settings)
    connection = ibis.duckdb.connect()
    ledger, months = (
        connection.read_parquet(f"{folder}/tables/{name}/*.parquet")
        for name in ("ledger", "months")
    )
    cells = reduce_points_behaviour(
        ledger, months, threshold_points=settings.points.threshold, clearing_years=2
    )
    return {
        "cells": collect(cells),
        "channels": collect(reduce_points_channels(ledger, months)),
        "pressure": collect(reduce_points_pressure(months, threshold_points=PLANTED.threshold)),
    }


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """An operator on which nobody stockpiles: the planted chance is the fitted form itself."""
    settings = SampleSettings(population=replace(PopulationSettings(), saver_share=0.0))
    return reduced(tmp_path_factory.mktemp("plain") / "operator", settings)


@pytest.fixture(scope="module")
def stockpiled(tmp_path_factory):
    """The sample operator as it is: 22 % of members stockpile, and no column tells who."""
    return reduced(tmp_path_factory.mktemp("default") / "operator", SampleSettings())


@pytest.fixture(scope="module")
def plain_fit(plain):
    return fit_behaviour(threshold_points=PLANTED.threshold, **plain)


@pytest.fixture(scope="module")
def stockpiled_fit(stockpiled):
    return fit_behaviour(threshold_points=PLANTED.threshold, **stockpiled)


def within(fit, model, planted, errors=3.0):
    table = fit.coefficients()
    table = table[table["model"] == model].set_index("term")
    for term, value in planted.items():
        row = table.loc[term]
        assert abs(row["log_odds"] - value) <= errors * row["standard_error"], term
    return table


def test_the_planted_chance_is_recovered(plain_fit):
    planted = {
        "intercept": PLANTED.hazard,
        "log_ratio": PLANTED.hazard_log_balance,
        "just_qualified": PLANTED.hazard_just_qualified,
        "festival": PLANTED.hazard_festival,
        "rush": PLANTED.hazard_expiring,
    }
    table = within(plain_fit, "chance", planted)
    # Tight enough to mean something.
    assert table.loc[list(planted), "standard_error"].max() < 0.2


def test_what_was_not_planted_is_not_found(plain_fit):
    table = within(
        plain_fit,
        "chance",
        {term: 0.0 for term in plain_fit.behaviour.chance.names if term.split("_")[0] in
         ("tier", "since", "month", "waited")},
        errors=3.5,
    )  # fmt: skip
    drivers = plain_fit.drivers().set_index("driver")
    assert not drivers.loc[["tier", "since_last", "waited"], "clear"].any()
    assert not any(term.startswith("log_ratio_over") for term in table.index)
    assert plain_fit.behaviour.month_spread < 0.06


def test_the_planted_size_is_recovered(plain_fit):
    behaviour = plain_fit.behaviour
    taken = plain_fit.observed_assumed().query("measure == 'share_taken'").iloc[0]

    # Everything, or an even share from 0.4 to 1: and down to whole hundreds of some 4,000 points.
    planted = (
        PLANTED.redeem_all_share + (1 - PLANTED.redeem_all_share) * (1 + PLANTED.least_part) / 2
    )
    assert planted - 0.02 < taken["fitted"] < planted
    assert taken["fitted"] == pytest.approx(taken["observed"], abs=0.001)
    spread = (1 - PLANTED.least_part) / np.sqrt(12)
    assert behaviour.part_spread == pytest.approx(spread, rel=0.05)
    whole = behaviour.redeemed_share_of_balance(5_000, moment=2)
    even = PLANTED.least_part + (1 - PLANTED.least_part) * (np.arange(1_000) + 0.5) / 1_000
    square = PLANTED.redeem_all_share + (1 - PLANTED.redeem_all_share) * np.mean(even**2)
    assert whole == pytest.approx(square, abs=0.03)


def test_planted_channels_and_pressure_are_recovered(plain_fit):
    mix = plain_fit.behaviour.mix
    planted = dict(
        zip(
            ("mobile_products", "services", "merchants", "applications"),
            PLANTED.channel_shares,
            strict=True,
        )
    )
    for at, channel in enumerate(mix.channels):
        error = np.sqrt(mix.covariance[0, at, at])
        assert abs(mix.shares[0, at] - planted[channel]) < 3 * error
        assert error < 0.012
    behaviour = plain_fit.behaviour
    rise = behaviour.pressure_log_spend - PLANTED.pressure_log_bill
    assert abs(rise) < 3 * behaviour.pressure_error < 0.008


def test_the_fit_is_calibrated(plain_fit, stockpiled_fit):
    for fit in (plain_fit, stockpiled_fit):
        table = fit.calibration()
        assert len(table) == 10
        assert table["redeemers"].sum() == fit.cells["redeemers"].sum()
        inside = table["expected_share"].between(table["low"], table["high"])
        assert inside.sum() >= 8
        gap = (table["expected_share"] - table["observed_share"]).abs()
        assert gap.max() < 0.02


def test_later_months_are_predicted(plain, stockpiled):
    for data in (plain, stockpiled):
        cells = data["cells"]
        earlier = cells["month"] < "2024-12-01"
        fit = fit_behaviour(cells[earlier], threshold_points=PLANTED.threshold)

        line = calibration_line(fit.behaviour, cells[~earlier], dispersion=fit.dispersion)

        assert line.months == 12
        assert abs(line.slope - 1) < 3 * line.slope_error < 0.2
        assert abs(line.level) < 0.06


def test_behaviour_under_another_threshold_is_predicted(plain_fit, tmp_path):
    """Fitted under 3,500 points, held against an operator that asks for 1,000 only."""
    settings = SampleSettings(
        population=replace(PopulationSettings(), saver_share=0.0),
        points=replace(PLANTED, threshold=1_000),
    )
    cells = reduced(tmp_path / "operator", settings, customers=4_000)["cells"]

    line = calibration_line(plain_fit.behaviour, cells)

    assert abs(line.slope - 1) < 3 * line.slope_error < 0.12
    assert abs(line.level) < 0.08


def test_stockpiling_is_seen_and_the_balance_is_still_recovered(stockpiled_fit):
    """Without the bands of waiting the slope of the balance comes out near 0, planted 0.9."""
    within(
        stockpiled_fit,
        "chance",
        {
            "log_ratio": PLANTED.hazard_log_balance,
            "just_qualified": PLANTED.hazard_just_qualified,
            "festival": PLANTED.hazard_festival,
        },
    )
    chance = stockpiled_fit.behaviour.chance
    waits = [chance.value(f"waited_{edge}") for edge in (5, 11, 17)]
    assert 0 > waits[0] > waits[1] > waits[2]
    # Blurred by those who save up and do not hurry, but seen.
    assert 0 < chance.value("rush") < PLANTED.hazard_expiring
    assert stockpiled_fit.drivers().set_index("driver").loc["waited", "clear"]


def cells_by_hand(**changes):
    """Two bands (ratio 1 and e), two tiers, one month; chances 1/5 and 1/2 in odds 1/4 and 1."""
    rows = pd.DataFrame(
        {
            "month": pd.Timestamp(2026, 3, 1),
            "vip_tier": "none",
            "qualified": True,
            "just_qualified": False,
            "ratio_band": [4, 11],
            "since_band": 2,
            "waited_band": 0,
            "rush_band": 0,
            "at_risk": [500, 200],
            "log_ratio_sum": [0.0, 200.0],
            "rush_share_sum": 0.0,
            "balance_points": [1_750_000, 1_902_797],
            "redeemers": [100, 100],
            "redeemed_points": [250_000, 900_000],
            "redeemed_points_squared": [1e9, 1e10],
            "available_points": [350_000, 1_000_000],
            "took_all": [40, 40],
            "part_sum": [36.0, 36.0],
            "part_squared_sum": [22.0, 22.0],
        }
    )
    return rows.assign(**changes)


def test_a_fit_by_hand():
    fit = fit_behaviour(cells_by_hand(), threshold_points=3_500)

    table = fit.coefficients().query("model == 'chance'").set_index("term")
    # log odds ln(1/4) at the threshold and ln 1 at e times it; errors of a two-group logit.
    assert table.loc["intercept", "log_odds"] == pytest.approx(np.log(0.25))
    assert table.loc["log_ratio", "log_odds"] == pytest.approx(-np.log(0.25))
    assert table.loc["intercept", "standard_error"] == pytest.approx(np.sqrt(1 / 100 + 1 / 400))
    assert table.loc["log_ratio", "standard_error"] == pytest.approx(
        np.sqrt(1 / 100 + 1 / 400 + 1 / 100 + 1 / 100)
    )
    assert fit.behaviour.monthly_chance(np.e * 3_500) == pytest.approx(0.5)
    assert fit.behaviour.redeemed_share_of_balance(3_600) == pytest.approx(0.4 + 0.6 * 0.6)
    assert fit.summary()["monthly_chance_share"].iloc[0] == pytest.approx(200 / 700)


def test_one_month_cannot_tell_a_season_and_says_so():
    fit = fit_behaviour(cells_by_hand(), threshold_points=3_500)

    assert {"month", "festival", "rush", "just_qualified"} <= {item.term for item in fit.thin}
    assert "too thin to tell" in fit.text("en")
    assert "无法判断" in fit.text("zh")
    assert "春节" in fit.text("zh")
    assert fit.behaviour.chance.value("festival") == 0


def test_the_sentence_names_the_strongest_driver(plain_fit):
    first = plain_fit.drivers().iloc[0]
    assert first["driver"] == "just_qualified"
    assert "first month above" in plain_fit.text("en")
    assert "达标后首月" in plain_fit.text("zh")
    assert f"{first['odds_ratio']:.1f} times" in plain_fit.text("en")
    assert "members spend" in plain_fit.text("en")


def test_a_tier_without_redemptions_is_named_not_guessed():
    gold = cells_by_hand(vip_tier="gold", at_risk=[30, 20], redeemers=0, took_all=0)
    gold = gold.assign(part_sum=0.0, part_squared_sum=0.0, redeemed_points=0, available_points=0)
    silver = gold.assign(vip_tier="silver", qualified=False)
    cells = pd.concat([cells_by_hand(), gold, silver])

    fit = fit_behaviour(cells, threshold_points=3_500)

    thin = {item.term: item.redeemers for item in fit.thin}
    assert thin["tier_gold"] == 0
    assert thin["tier_silver"] == 0
    assert fit.behaviour.tiers == ("gold", "silver", "none")
    alike = fit.behaviour.monthly_chance(5_000, tier=["gold", "silver", "none"])
    assert len(set(alike)) == 1
    assert np.isfinite(fit.coefficients()[["log_odds", "standard_error"]]).all().all()


def test_redemptions_below_the_threshold_are_counted_not_fitted():
    below = cells_by_hand(qualified=False, redeemers=[3, 0], took_all=0)
    fit = fit_behaviour(pd.concat([cells_by_hand(), below]), threshold_points=3_500)

    assert fit.below_threshold_redemptions == 3
    assert fit.summary()["redeemers"].iloc[0] == 200


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"redeemers": 0, "took_all": 0}, "stated_behaviour"),
        ({"redeemers": [500, 200]}, "fewer than"),
        ({"redeemers": [600, 100]}, "at most at_risk"),
        ({"part_sum": [np.nan, 1.0]}, "part_sum"),
        ({"log_ratio_sum": [np.inf, 1.0]}, "log_ratio_sum"),
        ({"at_risk": [-1, 200]}, "at_risk"),
        ({"qualified": False}, "redeemers"),
    ],
)
def test_cells_that_cannot_be_fitted_are_refused(changes, said):
    with pytest.raises(DataError, match=said):
        fit_behaviour(cells_by_hand(**changes), threshold_points=3_500)


def test_missing_columns_and_rows_are_told():
    with pytest.raises(MissingDataError, match="waited_band"):
        fit_behaviour(cells_by_hand().drop(columns="waited_band"), threshold_points=3_500)
    with pytest.raises(DataError, match="empty"):
        fit_behaviour(cells_by_hand().iloc[:0], threshold_points=3_500)


def test_everybody_who_redeems_takes_everything():
    cells = cells_by_hand(took_all=[100, 100], part_sum=0.0, part_squared_sum=0.0)
    behaviour = fit_behaviour(cells, threshold_points=3_500).behaviour
    # Jeffreys: (200 + ½) ÷ (200 + 1).
    whole = 200.5 / 201
    assert behaviour.redeemed_share_of_balance(4_000) == pytest.approx(whole + (1 - whole) / 2)


def test_observed_is_held_against_the_assumed(plain_fit):
    table = plain_fit.observed_assumed().query("measure == 'monthly_chance'")

    for _, part in table.groupby("by"):
        assert part["at_risk"].sum() == plain_fit.cells["at_risk"].sum()
        assert part["redeemers"].sum() == plain_fit.cells["redeemers"].sum()
    many = table[table["at_risk"] > 2_000]
    assert (many["fitted"] - many["observed"]).abs().max() < 0.02
    assert plain_fit.assumed.source == "stated"


def test_months_that_differ_for_no_reason_widen_the_errors(plain, plain_fit):
    """A common shock of 0.4 a month is found, and the season's errors hold it."""
    cells = plain["cells"].copy()
    months = sorted(cells["month"].unique())
    shock = dict(zip(months, np.random.default_rng(5).choice([0.7, 1.3], len(months)), strict=True))
    rng = np.random.default_rng(6)
    share = (cells["redeemers"] / cells["at_risk"] * cells["month"].map(shock)).clip(0, 1)
    moved = rng.binomial(cells["at_risk"], share)
    cells = cells.assign(
        redeemers=moved, took_all=0, part_sum=0.7 * moved, part_squared_sum=0.5 * moved
    )
    fit = fit_behaviour(cells, threshold_points=PLANTED.threshold)

    assert 0.25 < fit.behaviour.month_spread < 0.55
    errors = fit.coefficients().query("model == 'chance'").set_index("term")["standard_error"]
    calm = plain_fit.coefficients().query("model == 'chance'").set_index("term")["standard_error"]
    assert errors["festival"] > 3 * calm["festival"]
    assert errors["log_ratio"] < 2 * calm["log_ratio"]


def test_channel_shares_by_hand():
    frame = pd.DataFrame(
        {
            "vip_tier": "none",
            "channel": ["a", "b"],
            "redemptions": [3, 1],
            "points": [300, 100],
            "points_squared": [30_000.0, 10_000.0],
        }
    )
    mix = channel_mix(frame)
    assert mix.shares.tolist() == [[0.75, 0.25]]
    # Four redemptions of 100 points: a binomial share, √(¾ × ¼ ÷ 4).
    assert np.sqrt(mix.covariance[0, 0, 0]) == pytest.approx(np.sqrt(0.75 * 0.25 / 4))
    assert channel_mix(None).channels == ("all",)


def test_pressure_by_hand():
    first = date(2026, 1, 1)
    frame = pd.DataFrame(
        {
            "month": [first, first, add_months(first, 1)],
            "move": ["entered", "passed", "entered"],
            "members": [10, 10, 10],
            "log_change_sum": [0.3, -0.7, 5.0],
            "log_change_squared_sum": [0.3**2 / 10 + 0.9, 0.7**2 / 10 + 0.9, 9.0],
        }
    )
    # Half of 0.03 − (−0.07); variance 0.1 in both: √(0.1 × (1/10 + 1/10) ÷ 4).
    rise, error = spend_pressure(frame)
    assert rise == pytest.approx(0.05)
    assert error == pytest.approx(np.sqrt(0.1 * 0.2 / 4))
    assert spend_pressure(frame[frame["move"] == "entered"]) == (0.0, 0.0)
    assert spend_pressure(None) == (0.0, 0.0)


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_charts_show_the_figures(plain_fit, lang):
    import matplotlib.pyplot as plt

    from cvm.points.behaviour_stated import stated_behaviour
    from cvm.views.points_behaviour import plot_chance, plot_drivers

    axes = plain_fit.plot(lang=lang)
    drawn = axes.containers[0].lines[0].get_xydata()
    np.testing.assert_allclose(
        drawn, plain_fit.calibration()[["expected_share", "observed_share"]].to_numpy()
    )
    bars = plot_drivers(plain_fit, lang=lang).patches
    assert [bar.get_width() for bar in bars] == plain_fit.drivers()["strength"].tolist()
    chance = plot_chance(plain_fit, lang=lang)
    np.testing.assert_allclose(
        chance.lines[0].get_ydata(), plain_fit.by_ratio()["fitted"].to_numpy()
    )
    stated = stated_behaviour().plot(lang=lang)
    assert len(stated.lines) == 1
    plt.close("all")
