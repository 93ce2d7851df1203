"""The overview against a case worked by hand: 25 months of a base of a few customers."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.plan.overview import make_overview, overview_sentence


@pytest.fixture
def months() -> pd.DataFrame:
    """100 customers for a year, then 110; each month 2 leave; every bill is 50 yuan."""
    stamps = pd.date_range("2023-11-01", "2025-11-01", freq="MS")
    customers = np.where(stamps < "2024-12-01", 100, 110)
    return pd.DataFrame(
        {
            "month": stamps,
            "customers": customers,
            "revenue_yuan": 50.0 * customers,
            "margin_yuan": 20.0 * customers,
            "joined": 2,
            "left": 2,
        }
    )


@pytest.fixture
def points(months: pd.DataFrame) -> pd.DataFrame:
    """Points cost 1 yuan a customer and month: 2 % of a 50 yuan bill."""
    return pd.DataFrame(
        {
            "month": months["month"],
            "earned_points": 50 * months["customers"],
            "redeemed_points": 40 * months["customers"],
            "points_cost_yuan": 1.0 * months["customers"],
        }
    )


def test_facts_of_the_hand_worked_base(months, points):
    overview = make_overview(months, month=date(2025, 11, 1), points=points)

    assert overview.fact("customers") == 110
    assert overview.fact("customers_change_share") == pytest.approx(0.10)
    assert overview.fact("revenue_year_yuan") == pytest.approx(12 * 110 * 50)
    # The year before: November 2023 is outside; December 2023–November 2024 is 12 × 100.
    assert overview.fact("revenue_change_share") == pytest.approx(0.10)
    # December: 2 of the 100 of November; eleven further months 2 of 110.
    assert overview.fact("churn_share") == pytest.approx(24 / (100 + 11 * 110))
    assert overview.fact("points_cost_share") == pytest.approx(0.02)
    assert overview.fact("points_year") == 2025
    assert overview.fact("points_year_months") == 12


def test_points_years_begin_in_december(months, points):
    years = make_overview(months, month=date(2025, 10, 1), points=points).points_years

    assert years["points_year"].tolist() == [2023, 2024, 2025]
    assert years["months"].tolist() == [1, 12, 11]
    assert years["complete"].tolist() == [False, True, False]
    assert years["points_cost_yuan"].tolist() == [100, 1200, 1210]


def test_a_gap_in_the_months_leaves_churn_unknown(months):
    gappy = months.drop(index=23)

    series = make_overview(gappy, month=date(2025, 11, 1)).months

    assert np.isnan(series["churn_share"].iloc[-1])
    assert np.isnan(
        make_overview(gappy, month=date(2025, 11, 1)).fact("revenue_year_yuan") or np.nan
    )


def test_sentence_says_what_is_unknown(months):
    overview = make_overview(months.drop(columns=["left"]), month=date(2025, 11, 1))

    assert "churn is unknown" in overview.text("en")
    assert "what points cost is unknown" in overview.text("en")
    assert "离网率暂无数据" in overview.text("zh")


@pytest.mark.parametrize(
    ("cap", "english", "chinese"),
    [
        (0.023, "0.30 percentage points below", "比2.30%的上限低0.30个百分点"),
        (0.015, "above", "比1.50%的上限高"),
    ],
)
def test_sentence_names_the_side_of_the_cap(months, points, cap, english, chinese):
    overview = make_overview(months, month=date(2025, 11, 1), points=points, cap_share=cap)

    assert english in overview.text("en")
    assert chinese in overview.text("zh")


def test_a_running_points_year_is_called_running(months, points):
    overview = make_overview(months, month=date(2025, 10, 1), points=points)

    assert "first 11 months of points year 2025" in overview.text("en")
    assert "前11个月" in overview.text("zh")


def test_the_sentence_follows_from_the_facts_alone(months, points):
    overview = make_overview(months, month=date(2025, 11, 1), points=points)
    facts = dict(zip(overview.facts["key"], overview.facts["value"], strict=True))

    assert overview_sentence(facts, "zh") == overview.text("zh")
    assert "do not say" in overview_sentence({}, "en")


def test_group_shares_add_up_and_tiers_stand_in_their_order(months):
    tiers = pd.DataFrame(
        {
            "vip_tier": ["none", "gold", "diamond"],
            "customers": [80, 15, 10],
            "last_revenue_yuan": [2000.0, 1500.0, 1000.0],
            "revenue_yuan": [24_000.0, 18_000.0, 12_000.0],
            "margin_yuan": [1.0, 1.0, 1.0],
            "customer_months": [960, 180, 60],
            "months_at_risk": [880, 165, 0],
            "left": [22, 11, 0],
        }
    )

    frame = make_overview(months, month=date(2025, 11, 1), groups={"tiers": tiers}).groups["tiers"]

    assert frame["vip_tier"].tolist() == ["diamond", "gold", "none"]
    assert frame["revenue_share"].tolist() == pytest.approx([12 / 54, 18 / 54, 24 / 54])
    assert frame["arpu_yuan"].tolist() == pytest.approx([200, 100, 25])
    assert frame["churn_share"].iloc[2] == pytest.approx(22 / 880)
    assert np.isnan(frame["churn_share"].iloc[0])


def test_the_churn_of_a_group_that_few_left_is_not_told_nor_of_the_next(months):
    counties = pd.DataFrame(
        {
            "county": ["a", "b", "c", "d"],
            "customers": [900, 400, 300, 200],
            "revenue_yuan": 1.0,
            "margin_yuan": 1.0,
            "customer_months": 900,
            "months_at_risk": 900,
            "left": [60, 40, 25, 3],
        }
    )
    overview = make_overview(months, month=date(2025, 11, 1), groups={"counties": counties})

    told = overview.groups["counties"].set_index("county")["churn_share"]
    assert told.isna().to_dict() == {"a": False, "b": False, "c": True, "d": True}


def test_bad_arguments_name_themselves(months):
    with pytest.raises(MissingDataError, match="month == '2026-05'.*2023-11 … 2025-11"):
        make_overview(months, month=date(2026, 5, 1))
    with pytest.raises(ArgumentError, match="cap_share == 2.3"):
        make_overview(months, month=date(2025, 11, 1), cap_share=2.3)
