"""Charts of answers, worth and the register show their figures and nothing else."""

import matplotlib as mpl
import pandas as pd
import pytest

from campaigns_tables import WORTH, campaigns_tables, registers
from cvm.campaigns.answer import answer_holdout
from cvm.campaigns.cells import Tables
from cvm.campaigns.compare_designs import comparison_from
from cvm.campaigns.effect import CHURN, cannot_tell
from cvm.campaigns.hazard import HazardRatios
from cvm.campaigns.portfolio import GROUPS, answer_all, profit_of_row
from cvm.campaigns.register import register_from
from cvm.campaigns.rollout_branches import RolloutEffect
from cvm.core.checks import ArgumentError, DataError
from cvm.views.campaigns_register import plot_all_designs

mpl.use("Agg")
LANGS = pytest.mark.parametrize("lang", ["zh", "en"])


@LANGS
def test_the_register_draws_customers_kept_per_thousand(lang):
    register = register_from(*registers())

    axes = register.plot(lang=lang)

    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == pytest.approx([40.0, 30.0, 50.0, 1.0])
    assert len(axes.texts) == 1
    grades = [tick.get_text()[-1] for tick in axes.get_yticklabels()]
    assert grades == ["B", "A", "D", "B", "C"]


@LANGS
def test_all_designs_are_drawn_beside_naive_readings(lang):
    tables = campaigns_tables()
    rows = pd.concat([tables["campaign_without_control_designs"],
                      tables["campaign_by_branch_designs"]])  # fmt: skip
    compared = {
        name: comparison_from(rows[rows["campaign_id"] == name]) for name in ("RECHARGE", "FAMILY")
    }

    axes = plot_all_designs(compared, lang=lang)

    dots = [sorted(line.get_xdata()) for line in axes.lines if len(line.get_xdata())][1:]
    assert dots == [pytest.approx(one) for one in ([46, 50, 52], [-10], [35, 40], [70])]
    # Named where they lie farthest apart: at 49 and −10 customers of the first campaign.
    named = {text.get_text(): text.xy for text in axes.texts}
    designs, naive = ("各种方法", "直观读数") if lang == "zh" else ("designs", "naive readings")
    assert named == {
        designs: (pytest.approx(148 / 3), 0),
        naive: (pytest.approx(-10), 0),
    }


@LANGS
def test_readings_that_lie_close_are_named_in_a_legend(lang):
    rows = campaigns_tables()["campaign_by_branch_designs"]
    near = rows[rows["campaign_id"] == "FAMILY"].assign(effect=lambda r: r["effect"].iloc[0])

    axes = plot_all_designs({"FAMILY": comparison_from(near)}, lang=lang)

    assert [line.get_text() for line in axes.get_legend().get_texts()] == (
        ["各种方法", "直观读数"] if lang == "zh" else ["designs", "naive readings"]
    )


@LANGS
def test_the_tornado_draws_both_ends_of_each_assumption(lang):
    profit = profit_of_row(WORTH[0])
    table = profit.tornado()

    axes = profit.plot(lang=lang)

    widths = [bar.get_width() for bar in axes.patches]
    assert widths == pytest.approx(table["swing"].tolist())
    assert [bar.get_x() for bar in axes.patches] == pytest.approx(
        table[["roi_low_setting", "roi_high_setting"]].min(axis=1).tolist()
    )


def small_tables():
    """Return tables of one campaign without a control, as an operator without any would have."""
    names = ["churned", "months", "revenue_yuan"]
    cells = {"campaign_id": ["X"], "arm": ["treated"], "vip_tier": ["none"], "county": ["A"],
             "reached": [True], "customers": [100]}  # fmt: skip
    cells |= {f"sum_{name}": [50.0] for name in names}
    cells |= {f"product_{a}__{b}": [50.0] for place, a in enumerate(names) for b in names[place:]}
    left_out = {"campaign_id": ["X"], "arm": ["treated"], "status": ["followed"],
                "customers": [100]}  # fmt: skip
    return Tables(
        campaigns=pd.DataFrame({"campaign_id": ["X"], "start_month": [pd.Timestamp("2025-01-01")]}),
        cells=pd.DataFrame(cells),
        left_out=pd.DataFrame(left_out),
    )


@LANGS
def test_an_operator_without_any_control_is_told_so(lang):
    portfolio = answer_all(small_tables())
    answer = portfolio.pick()

    assert answer.entry.reason == "no_control"
    assert ("无法判断" if lang == "zh" else "Nobody can tell") in portfolio.text(lang)
    assert set(portfolio.frames()) == set(GROUPS)
    assert answer.plot(lang=lang) is not None
    with pytest.raises(ArgumentError, match="available: X"):
        portfolio.pick("Y")


def test_no_campaign_at_all_is_an_error():
    tables = small_tables()
    with pytest.raises(DataError, match="at least one campaign"):
        answer_all(
            Tables(
                campaigns=tables.campaigns.iloc[:0], cells=tables.cells, left_out=tables.left_out
            )
        )
    assert answer_holdout(tables, "X").funnel.empty


@LANGS
def test_months_around_the_start_are_drawn_with_their_mean(lang):
    silent = cannot_tell(CHURN, "few_clusters")
    events = pd.DataFrame({"at": [-2.0, -1, 0, 1], "effect": [0.001, 0.0, -0.004, -0.006]})
    events = events.assign(low=events["effect"] - 0.002, high=events["effect"] + 0.002)
    effect = RolloutEffect(estimates=(silent,), events=events, monthly_effect=-0.005)

    axes = effect.plot(lang=lang)

    dots = [line for line in axes.lines if line.get_marker() == "o"]
    assert [list(line.get_ydata()) for line in dots] == [
        pytest.approx([0.1, 0.0]),
        pytest.approx([-0.4, -0.6]),
    ]
    mean = axes.collections[-1].get_segments()[0]
    assert mean.tolist() == [pytest.approx([0, -0.5]), pytest.approx([1, -0.5])]
    words = [text.get_text() for text in axes.texts]
    assert words == (
        ["启动", "— 窗口期平均"] if lang == "zh" else ["start", "— mean of the window"]
    )
    nothing = RolloutEffect(estimates=(silent,)).plot(lang=lang)
    assert len(nothing.texts) == 1
    assert not nothing.lines


@LANGS
def test_paces_of_leaving_are_drawn_beside_one(lang):
    rows = pd.DataFrame(
        {"covariate": ["treated", "before_star"], "p_value": [0.01, 0.6], "step_ratio": [0.7, 1.1],
         "step_low": [0.5, 0.8], "step_high": [0.95, 1.5]}
    )  # fmt: skip

    axes = HazardRatios(rows=rows).plot(lang=lang)

    assert axes.get_xscale() == "log"
    assert [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"] == [0.7, 1.1]
    names = [tick.get_text() for tick in axes.get_yticklabels()]
    assert names == (["实验组", "星级"] if lang == "zh" else ["treated", "star"])
    assert len(HazardRatios(reason="few_events").plot(lang=lang).texts) == 1
