"""The sample operator's planted churn by tier is foretold: 36 months seen, 24 months to come.

Nothing but the future of the same operator is asked. Its churn is planted customer by customer
(bill, tenure, brand …, see truth.json), not as an sBG model, so this is also a test of the model.
Of its campaigns only the one without an effect is run: the others all fall into the months to come,
and a forecast made before them cannot know them.
"""

from datetime import date

import pandas as pd
import pytest

from cvm.data import collect, open_data
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


@pytest.fixture(scope="module", params=[21, 22, 23])
def operator(request, tmp_path_factory):
    """Tables of one operator, and the fit to its first 36 months with the customers of then."""
    folder = tmp_path_factory.mktemp("planted")
    idle = tuple(one for one in planted_campaigns.CAMPAIGNS if one.campaign_id == "SMS-NULL")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(planted_campaigns, "CAMPAIGNS", idle)
        make_sample(folder / "sample", customers=15_000, months=60, seed=request.param)
    tables = open_data(folder / "sample", work=folder / "work").tables
    months, customers = tables["months"], tables["customers"]
    seen = collect(reduce_lifetime_spans(months, customers, start=FIRST, month=NOW))
    here = collect(reduce_lifetime_spans(months, customers, start=NOW, month=NOW))
    fit = fit_lifetime(read_spans(seen, NOW, tier="vip_tier").cohorts(), by_tier=True)
    return tables, fit, read_spans(here, NOW, tier="vip_tier").today()


def followed(tables):
    """Return months to come of the customers of then, with the card they held."""
    months = tables["months"].filter(lambda t: (t.month >= NOW) & (t.month <= LAST))
    contract = tables["customers"].filter(lambda t: t.payment == "postpaid")
    rows = collect(
        months.semi_join(contract, "customer_id").select(
            "customer_id", "month", "vip_tier", "bill_yuan", "variable_cost_yuan"
        )
    )
    then = rows[rows["month"] == pd.Timestamp(NOW)].set_index("customer_id")["vip_tier"]
    rows = rows.assign(tier=rows["customer_id"].map(then)).dropna(subset="tier")
    month = rows["month"].dt
    return rows.assign(ahead=(month.year - NOW.year) * 12 + month.month - NOW.month), then


def test_customers_of_each_tier_one_and_two_years_on(operator):
    tables, fit, today = operator
    rows, then = followed(tables)
    counted = rows.groupby(["tier", "ahead"]).size()
    table = project_tiers(fit, today, 24).set_index(["tier", "ahead_periods"])

    assert today.groupby("tier")["customers"].sum().to_dict() == then.value_counts().to_dict()
    asked = [(tier, ahead) for tier in CARDS for ahead in (12, 24)]
    inside = [table.loc[at, "low"] <= counted[at] <= table.loc[at, "high"] for at in asked]
    # Ten 90 % intervals that hang together, as a tier's two share its chance: over the operators
    # of seeds 21 to 32, 86 % held, from five to ten of an operator's ten.
    assert sum(inside) >= 5
    for ahead in (12, 24):
        told = table.loc[("none", ahead), "expected_customers"]
        assert told / counted["none", ahead] == pytest.approx(1, abs=0.06)
    missed = sum(abs(table.loc[(t, 24), "expected_customers"] - counted[t, 24]) for t in CARDS)
    assert missed < 0.06 * sum(counted[t, 24] for t in CARDS)


def test_who_is_worth_what(operator):
    tables, fit, today = operator
    rows, then = followed(tables)
    months, customers = tables["months"], tables["customers"]
    margins = collect(reduce_lifetime_margins(months, customers, start=FIRST, month=NOW))
    found = value_tiers(fit, today, earned_by_tier(margins, tier="vip_tier"), horizon_months=24)
    later = rows[rows["ahead"] > 0]
    yuan = (later["bill_yuan"] - later["variable_cost_yuan"]) / 1.1 ** ((later["ahead"] - 1) / 12)
    came = yuan.groupby(later["tier"]).sum()
    lived = later.groupby("tier").size() / then.value_counts()

    # Few hold the highest cards: an operator's own chance moves their months by some per cent.
    assert found.total["value_yuan"] == pytest.approx(came.sum(), rel=0.08)
    table = found.table.set_index("tier").loc[CARDS]
    assert table["value_yuan"].is_monotonic_decreasing
    assert (came / then.value_counts()).loc[CARDS].is_monotonic_decreasing
    assert (table["further_months"] / lived[CARDS] - 1).abs().max() < 0.1
    assert (table["value_yuan"] * then.value_counts()[CARDS] / came[CARDS] - 1).abs().max() < 0.2
