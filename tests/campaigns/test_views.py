"""Charts show the figures of the result and nothing else, in both languages."""

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from cvm.campaigns.check import Checks
from cvm.campaigns.checks import balance
from cvm.campaigns.design import Plan, design_campaign
from cvm.campaigns.effect import CHURN, Effect, Estimate, cannot_tell
from cvm.campaigns.moments import Moments
from cvm.campaigns.survival import Exposure, compare_retention
from cvm.core.checks import ArgumentError
from cvm.views.campaigns import plot_funnel

mpl.use("Agg")
LANGS = pytest.mark.parametrize("lang", ["zh", "en"])


def effect():
    found = Estimate(outcome=CHURN, effect=-0.02, se=0.005, low=-0.03, high=-0.01, p_value=1e-4)
    return Effect(estimates=(found, cannot_tell(CHURN, "no_control", group="gold")))


@LANGS
def test_the_forest_draws_the_estimates_in_points(lang):
    axes = effect().plot(lang=lang)

    drawn = [line.get_xdata() for line in axes.lines]
    assert any(np.allclose(x, [-3, -1]) for x in drawn if len(x) == 2)
    labels = [tick.get_text() for tick in axes.get_yticklabels()]
    assert labels == (["全部客户", "金卡"] if lang == "zh" else ["all customers", "gold"])
    assert len(axes.texts) == 1


def test_an_outcome_the_result_does_not_have_is_an_error():
    with pytest.raises(ArgumentError, match="available: churned"):
        effect().plot(outcome="bill_yuan")


@LANGS
def test_the_love_plot_draws_each_column(lang):
    rng = np.random.default_rng(1)
    arms = [
        Moments.from_columns({"bill_yuan": rng.normal(k, 1, 900), "age": rng.normal(0, 1, 900)})
        for k in (0, 1)
    ]
    checks = Checks(items=(balance(*arms, ["age", "bill_yuan"]),))

    axes = checks.plot(lang=lang)

    points = np.concatenate([line.get_xdata() for line in axes.lines if line.get_marker() == "o"])
    assert sorted(points) == pytest.approx(sorted(checks.item("balance").table["smd"]))


@LANGS
def test_retention_design_and_funnel_are_drawn(lang):
    arms = [
        Exposure(at_risk=np.array([100.0, 90.0]), left=np.array([10.0, float(lost)]))
        for lost in (20, 5)
    ]
    funnel = pd.DataFrame(
        {
            "arm": ["treated", "control"],
            "assigned": [100, 50],
            "attempted": [90, 1],
            "reached": [60, 0],
            "accepted": [20, 0],
        }
    )

    curves = compare_retention(*arms).plot(lang=lang)
    design = design_campaign(Plan(customers=9_000, baseline=0.1, effect=-0.02)).plot(lang=lang)
    steps = plot_funnel(funnel, lang=lang)

    assert curves.lines[1].get_ydata()[-1] == pytest.approx(0.9 * 85 / 90)
    assert len(design.lines) == 3
    assert [bar.get_width() for bar in steps.patches] == [100, 90, 60, 20]
