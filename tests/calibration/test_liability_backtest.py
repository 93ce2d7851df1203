"""Liabilities held against what was redeemed afterwards, on sample operators with a future."""

from datetime import date

import ibis
import pytest

from cvm.core.months import month_from_index, month_index
from cvm.data import collect
from cvm.data.reduce_points_vintages import reduce_points_vintages
from cvm.data.sample import make_sample
from cvm.points.liability_close import close_points
from cvm.points.liability_lots import with_expiry
from cvm.points.rulebook_read import shipped_rulebook

pytestmark = pytest.mark.calibration

BOOK = shipped_rulebook("sample")
FIRST = date(2019, 12, 1)
TWO_YEARS, THREE_YEARS = date(2021, 11, 1), date(2022, 11, 1)


@pytest.fixture(scope="module", params=[11, 12, 13])
def ledger(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("operator")
    make_sample(folder, customers=6_000, months=72, seed=request.param)
    return ibis.duckdb.connect().read_parquet(str(folder / "tables" / "ledger" / "*.parquet"))


def errors(ledger, month):
    """Return how far triangle and life table missed what members redeemed later (shares)."""
    whole = with_expiry(collect(reduce_points_vintages(ledger)), BOOK)
    end = month_index(month)
    later = (whole["index"] <= end) & (whole["index"] + whole["age_months"] > end)
    came = float(whole.loc[later, "redeemed_points"].sum())
    cells = collect(reduce_points_vintages(ledger.filter(ledger.month <= month_from_index(end))))
    close = close_points(cells, BOOK, month=month, first_month=FIRST, cpp_yuan=1.0)
    return close.liability_yuan / came - 1, close.life_yuan / came - 1, close


def test_three_years_of_ledger_are_enough_for_the_triangle(ledger):
    triangle, life, close = errors(ledger, THREE_YEARS)
    assert abs(triangle) < 0.06
    assert -0.09 < life < 0
    assert not close.is_short


def test_two_years_are_not_and_the_close_says_so(ledger):
    triangle, life, close = errors(ledger, TWO_YEARS)
    assert triangle > 0.10
    assert abs(life) < 0.06
    assert close.is_short
