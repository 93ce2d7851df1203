"""The churn model's pictures show its figures, in both languages."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from cvm.segments.churn import fit_churn
from cvm.segments.churn_study import study_churn
from cvm.views import segments_churn as draw
from segments.test_churn_model import rows_of


@pytest.fixture(scope="module")
def study():
    rows = rows_of(np.random.default_rng(7), 12_000, months=8)
    return study_churn(rows, test_months=2, choose_months=2, try_boosting=False)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_dots_bars_and_lines_are_the_figures(study, lang):
    dots = study.plot(lang=lang).lines[-1]
    curve = study.calibration()
    np.testing.assert_allclose(dots.get_xdata(), curve["expected_share"])
    np.testing.assert_allclose(dots.get_ydata(), curve["observed_share"])
    lift = draw.plot_lift(study, lang=lang)
    np.testing.assert_allclose(lift.lines[1].get_ydata()[1:], study.lift()["caught_share"])
    bars = draw.plot_drift(study, lang=lang).patches
    assert max(bar.get_width() for bar in bars) == pytest.approx(study.drift["psi"].max())
    axes = study.model.plot(lang=lang)
    top = study.model.summary().iloc[0]
    ends = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert ends[-1] == pytest.approx(top["per_deviation"])


def test_without_a_model_the_picture_says_so():
    rows = rows_of(np.random.default_rng(2)).assign(left=False)
    axes = fit_churn(rows).plot(lang="zh")
    assert "无法给出结论" in axes.texts[0].get_text()
