"""The sample operator's planted churn by tier is foretold: 36 months seen, 24 months to come.

Nothing but the future of the same operator is asked. Its churn is planted customer by customer
(bill, tenure, brand …, see truth.json), not as an sBG model, so this is also a test of the model.
Of its campaigns only the one without an effect is run: the others all fall into the months to come,
and a forecast made before them cannot know them.

One large operator says whether the model is off; its customers dealt into lots, each foretold by
itself, say whether intervals hold what came.
"""

from datetime import date

import ibis
import pandas as pd
import pytest

from cvm.data import collect
from cvm.data.reduce_segments_lifetime import reduce_lifetime_margins, reduce_lifetime_spans
from cvm.data.sample import campaigns as planted_campaigns
from cvm.data.sample import make_sample
from cvm.segments.lifetime import fit_lifetime
from cvm.segments.lifetime_ahead import project_tiers
from cvm.segments.lifetime_earned import earned_by_tier
from cvm.segments.lifetime_spans import read_spans
from cvm.segments.lifetime_tiers import value_tiers

FIRST, NOW, LAST = date(2020, 12, 1), date(2023, 11, 1), date(2025, 11, 1)
CARDS = ["diamond", "gold", "silver", "vip", "none"]
CUSTOMERS = 120_000
LOTS = "0123456789"
"""Last digit of a customer's number: ten operators of 12,000, dealt as cards are."""


@pytest.fixture(scope="module")
def operator(tmp_path_factory):
    """What was seen of one operator's contract customers, by card and lot, and what came."""
    folder = tmp_path_factory.mktemp("planted")
    idle = tuple(one for one in planted_campaigns.CAMPAIGNS if one.campaign_id == "SMS-NULL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planted_campaigns, "CAMPAIGNS", idle)
        make_sample(folder, customers=CUSTOMERS, months=60, seed=21)
    engine = ibis.duckdb.connect(threads=1)
    months, customers = (
        engine.read_parquet(folder / "tables" / name / "*.parquet")
        for name in ("months", "customers")
    )
    months = months.mutate(lot=months.customer_id.right(1))
    by = {"by": ("vip_tier", "lot"), "month": NOW}
    seen, today = (
        collect(reduce_lifetime_spans(months, customers, start=start, **by))
        for start in (FIRST, NOW)
    )
    margins = collect(reduce_lifetime_margins(months, customers, start=FIRST, **by))
    return seen, today, margins, followed(months, customers)


def followed(months, customers):
    """Return months to come of the customers of then, with the card they held."""
    rows = collect(
        months.filter(months.month >= NOW, months.month <= LAST)
        .semi_join(customers.filter(customers.payment == "postpaid"), "customer_id")
        .select("customer_id", "lot", "month", "vip_tier", "bill_yuan", "variable_cost_yuan")
    )
    month = pd.to_datetime(rows["month"]).dt
    rows["ahead"] = (month.year - NOW.year) * 12 + month.month - NOW.month
    then = rows[rows["ahead"] == 0].set_index("customer_id")["vip_tier"]
    return rows.assign(tier=rows["customer_id"].map(then)).dropna(subset="tier")


def fitted(seen, today):
    """Return the fit to the months seen, and the customers it is asked about."""
    fit = fit_lifetime(read_spans(seen, NOW, tier="vip_tier").cohorts(), by_tier=True)
    return fit, read_spans(today, NOW, tier="vip_tier").today()


def test_customers_of_each_tier_one_and_two_years_on(operator):
    seen, today, _, rows = operator
    inside, asked = 0, [(tier, ahead) for tier in CARDS for ahead in (12, 24)]
    for lot in LOTS:
        table = project_tiers(*fitted(seen[seen["lot"] == lot], today[today["lot"] == lot]), 24)
        table = table.set_index(["tier", "ahead_periods"]).loc[asked]
        counted = rows[rows["lot"] == lot].groupby(["tier", "ahead"]).size()[asked].to_numpy()
        inside += ((table["low"] <= counted) & (counted <= table["high"])).sum()

    # A hundred 90 % intervals; a tier's two of one lot hang together, as they share its chance.
    assert 0.82 <= inside / (len(LOTS) * len(asked)) <= 0.97


def test_the_model_is_hardly_off(operator):
    seen, today, _, rows = operator
    fit, here = fitted(seen, today)
    counted = rows.groupby(["tier", "ahead"]).size()
    assert here.groupby("tier")["customers"].sum().to_dict() == counted[:, 0].to_dict()
    told = project_tiers(fit, here, 24).set_index(["tier", "ahead_periods"])["expected_customers"]
    for ahead in (12, 24):
        assert told[:, ahead].sum() / counted[:, ahead].sum() == pytest.approx(1, abs=0.015)
        # Some 300 hold the highest card: chance alone moves those who stay by two per cent.
        assert (told[:, ahead] / counted[:, ahead] - 1)[CARDS].abs().max() < 0.05


def test_who_is_worth_what(operator):
    seen, today, margins, rows = operator
    fit, here = fitted(seen, today)
    found = value_tiers(fit, here, earned_by_tier(margins, tier="vip_tier"), horizon_months=24)
    then = rows[rows["ahead"] == 0]["tier"].value_counts()
    later = rows[rows["ahead"] > 0]
    yuan = (later["bill_yuan"] - later["variable_cost_yuan"]) / 1.1 ** ((later["ahead"] - 1) / 12)
    came = yuan.groupby(later["tier"]).sum()
    lived = later.groupby("tier").size() / then

    # A tier's mean margin falls by about one per cent a year, which no mean of past years knows.
    assert found.total["value_yuan"] == pytest.approx(came.sum(), rel=0.035)
    table = found.table.set_index("tier").loc[CARDS]
    assert table["value_yuan"].is_monotonic_decreasing
    assert (came / then).loc[CARDS].is_monotonic_decreasing
    assert (table["further_months"] / lived[CARDS] - 1).abs().max() < 0.03
    assert (table["value_yuan"] * then[CARDS] / came[CARDS] - 1).abs().max() < 0.06
