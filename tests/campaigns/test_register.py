"""The register tells of each campaign what its figures allow, whatever notebook recorded it."""

import math
from datetime import date

import pandas as pd
import pytest

from cvm.campaigns.effect import CHURN, REVENUE, Estimate, cannot_tell
from cvm.campaigns.register import Entry, Register, entry_of, register_from
from cvm.core.checks import ArgumentError, MissingDataError

CAMPAIGN = {
    "campaign_id": "H",
    "name": "定制终端保有",
    "offer": "handset",
    "design": "holdout",
    "start_month": pd.Timestamp(date(2024, 3, 1)),
}


def churn(effect=-0.03, p_value=0.001):
    return Estimate(
        outcome=CHURN,
        effect=effect,
        se=0.009,
        low=effect - 0.018,
        high=effect + 0.018,
        p_value=p_value,
        treated_count=1000,
        control_count=400,
    )


def test_kept_is_churn_turned_round():
    entry = entry_of(CAMPAIGN, churn(), evidence="A", cost_yuan=5e4, roi=0.4, positive_share=0.9)

    assert (entry.kept_share, entry.kept_low, entry.kept_high) == pytest.approx(
        (0.03, 0.012, 0.048)
    )
    assert (entry.worked, entry.paid) == ("yes", "yes")
    assert entry.start_month == "2024-03-01"
    assert "30 customers kept per 1,000" in Register(entries=(entry,)).text("en")
    assert "有效且值得投入：定制终端保有（每千户多保有30户" in Register(entries=(entry,)).text("zh")
    harm = Register(entries=(entry_of(CAMPAIGN, churn(0.03, 0.01), evidence="A"),))
    assert "（每千户多流失30户）" in harm.text("zh")
    assert "(30 customers lost per 1,000 treated)" in harm.text("en")


@pytest.mark.parametrize(
    ("effect", "p_value", "worked"),
    [(-0.03, 0.01, "yes"), (0.03, 0.01, "harmed"), (-0.03, 0.2, "none")],
)
def test_what_a_campaign_did_follows_its_p_value(effect, p_value, worked):
    assert entry_of(CAMPAIGN, churn(effect, p_value), evidence="A").worked == worked


@pytest.mark.parametrize(
    ("chance", "paid"), [(0.95, "yes"), (0.5, "open"), (0.1, "no"), (math.nan, "unknown")]
)
def test_what_it_was_worth_follows_the_chance(chance, paid):
    assert entry_of(CAMPAIGN, churn(), evidence="A", positive_share=chance).paid == paid


def test_one_that_cannot_be_told_has_a_reason_and_no_figures():
    entry = entry_of(
        CAMPAIGN, cannot_tell(CHURN, "no_control"), evidence="A", cost_yuan=100.0, roi=3.0
    )

    assert (entry.evidence, entry.reason, entry.worked) == ("D", "no_control", "unknown")
    assert math.isnan(entry.roi)
    assert entry.cost_yuan == 100
    assert "Nobody can tell: 定制终端保有" in Register(entries=(entry,)).text("en")


def test_rows_survive_being_published_and_joined():
    first = entry_of(CAMPAIGN, churn(), evidence="A", roi=0.2, positive_share=0.7)
    other = entry_of(
        CAMPAIGN | {"campaign_id": "C", "start_month": None},
        cannot_tell(CHURN, "few_events"),
        evidence="A",
    )
    published = Register(entries=(first, other)).summary().astype(object)
    published = published.where(published.notna(), None)

    joined = register_from(published.iloc[:1], published.iloc[1:])

    assert [one.campaign_id for one in joined.entries] == ["C", "H"]
    assert joined.entries[1] == first or joined.entries[1].kept_share == first.kept_share
    assert joined.entries[0].reason == "few_events"
    with pytest.raises(MissingDataError, match="kept_share"):
        register_from(published.drop(columns="kept_share"))


def test_nonsense_is_refused():
    with pytest.raises(ArgumentError, match="share that leaves"):
        entry_of(CAMPAIGN, cannot_tell(REVENUE, "no_control"), evidence="A")
    with pytest.raises(ArgumentError, match="D exactly"):
        Entry(campaign_id="x", evidence="A")
    with pytest.raises(ArgumentError, match="one a campaign"):
        Register(entries=(Entry(campaign_id="x"), Entry(campaign_id="x")))


def test_campaigns_are_told_by_their_names():
    register = Register(entries=(Entry(campaign_id="C", name="关怀"), Entry(campaign_id="N")))

    told = register.named(lambda kind, value: {("campaign", "关怀"): "Care call"}[kind, value])

    assert [one.name for one in told.entries] == ["Care call", ""]
    assert [one.campaign_id for one in told.entries] == ["C", "N"]
    assert "Care call" in told.text("en")


def test_no_campaign_is_said():
    assert Register(entries=()).text("zh") == "没有活动记录。"


@pytest.mark.parametrize(
    ("evidence", "designs", "zh", "en"),
    [
        ("B", "agree", "多种方法一致", "designs agree"),
        ("B", "none", "均未检测到影响", "no design detects"),
        ("B", "", "多种方法一致", "designs agree"),
        ("C", "none", "单一方法", "one design"),
    ],
)
def test_designs_that_detect_nothing_are_not_said_to_agree(evidence, designs, zh, en):
    entry = entry_of(CAMPAIGN, churn(-0.01, 0.4), evidence=evidence, designs=designs)
    assert zh in entry.evidence_words("zh")
    assert en in entry.evidence_words("en")
    again = register_from(Register(entries=(entry,)).summary()).entries[0]
    assert again == entry or again.evidence_words("zh") == entry.evidence_words("zh")
    assert again.designs == designs
