"""The chart of what came in shows the months there are and leaves gaps for those missing."""

import pandas as pd
import pytest
from matplotlib.dates import num2date

from cvm.core.checks import MissingDataError
from cvm.views.data import plot_coverage


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_one_bar_a_month_and_none_for_a_month_left_out(lang):
    coverage = pd.DataFrame(
        {
            "month": pd.to_datetime(["2025-01-01", "2025-02-01", "2025-04-01"]),
            "customers": [3, 5, 4],
        }
    )

    axes = plot_coverage(coverage, lang=lang)

    bars = {
        num2date(bar.get_x() + bar.get_width() / 2).month: bar.get_height() for bar in axes.patches
    }
    assert bars == {1: 3, 2: 5, 4: 4}


def test_a_missing_column_is_named():
    with pytest.raises(MissingDataError, match="customers"):
        plot_coverage(pd.DataFrame({"month": []}))
