"""Published tiers tell what few of them were stopped for arrears only together with others."""

import numpy as np
import pandas as pd
import pytest

from cvm.segments.tiers_shown import shown_bands, shown_moves, shown_pyramid

TERMS = pd.DataFrame({"ladder": ["stars"] * 3, "tier": ["none", "3", "4"], "loss_share": 0.1})


def pyramid():
    rows = pd.DataFrame(
        {
            "ladder": "stars",
            "tier": ["4", "3", "none"],
            "customers": [50, 150, 800],
            "stopped_customers": [4, 16, 90],
            "overdraft_limit_yuan": [50 * 200.0, 150 * 100.0, 0.0],
        }
    )
    limit = np.array([200.0, 100.0, 0.0])
    rows["exposure_yuan"] = limit * rows["stopped_customers"]
    rows["loss_yuan"] = 0.1 * rows["exposure_yuan"]
    rows["net_yuan"] = 1_000.0 - rows["loss_yuan"]
    return rows


def test_a_tier_with_few_stopped_shares_its_neighbours_rate_in_every_unit():
    found = shown_pyramid(pyramid(), TERMS).set_index("tier")

    # 20 of 200 were stopped: 5 of 50, 15 of 150.
    assert found["stopped_customers"].tolist() == [5, 15, 90]
    assert found["exposure_yuan"].tolist() == [1_000, 1_500, 0]
    assert found["loss_yuan"].tolist() == [100, 150, 0]
    assert found["net_yuan"].tolist() == pytest.approx([900, 850, 1_000])


def test_bands_of_the_score_add_up_to_what_the_pyramid_shows():
    bands = pd.DataFrame(
        {
            "ladder": "stars",
            "tier": ["none", "none", "none", "3", "3", "4"],
            "customers": [300, 400, 100, 100, 50, 50],
            "stopped_customers": [40, 48, 2, 9, 7, 4],
        },
        index=[3, 4, 5, 6, 7, 8],
    )
    found = shown_bands(bands, pyramid())

    assert found.index.tolist() == bands.index.tolist()
    # The last band of none has too few and takes the rate of the one before it: 50 of 500.
    assert found["stopped_customers"].tolist() == pytest.approx([40, 40, 10, 10, 5, 5])
    sums = found.groupby("tier")["stopped_customers"].sum()
    shown = shown_pyramid(pyramid(), TERMS).set_index("tier")["stopped_customers"]
    pd.testing.assert_series_equal(sums, shown.sort_index(), check_names=False)


def test_moves_of_a_tier_with_few_stopped_share_its_rate():
    rows = pd.DataFrame(
        {
            "ladder": "stars",
            "tier": ["4", "4", "none"],
            "tier_after": ["4", "3", "none"],
            "customers": [150, 50, 800],
            "stopped_customers": [16, 4, 90],
            "overdraft_limit_change_yuan": [0.0, -50 * 100.0, 0.0],
            "exposure_change_yuan": [0.0, -400.0, 0.0],
            "loss_change_yuan": [0.0, -40.0, 0.0],
        }
    )
    found = shown_moves(rows, 0.1)

    assert found["stopped_customers"].tolist() == [15, 5, 90]
    assert found["exposure_change_yuan"].tolist() == [0, -500, 0]
    assert found["loss_change_yuan"].tolist() == [0, -50, 0]
