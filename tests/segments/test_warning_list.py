"""The warning list worked by hand: signs, clashes, capacity, windows, words, and nobody lost."""

from datetime import date

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, MissingDataError
from cvm.core.rule_files import RuleBookError
from cvm.segments.warning import make_warning_list
from cvm.segments.warning_book import CallPlan, open_warning_book, parse_warning_book
from cvm.segments.warning_reach import evaluate_reach
from cvm.segments.warning_triggers import fire
from warning_book import CALL, HEAD, plan

TRIGGERS_AND_ACTS = """
[[triggers]]
name = "bill_fall"
en = "down {bill_fall_share}"
zh = "降{bill_fall_share}"
when = { bill_fall_share = 0.5, bill_before_yuan = 20 }
week = { bill_fall_share = 0.7 }
window_days = [1, 10]
[[triggers]]
name = "forwarding"
en = "{forwarding_minutes} minutes forwarded"
zh = "呼转{forwarding_minutes}分钟"
when = { forwarding_minutes = 25, forwarding_rise_minutes = 20 }
window_days = [2, 5]
[[acts]]
reasons = ["forwarding"]
tiers = ["gold"]
en = "handset"
zh = "终端"
cost_yuan = 60
[[acts]]
reasons = ["bill_fall"]
en = "tariff"
zh = "资费"
cost_yuan = 10
"""
BOOK = HEAD + TRIGGERS_AND_ACTS + CALL + plan(called_share=0.2)
ON = date(2025, 12, 1)
# id, risk, value, fall, before, forwarded, forwarded before, tier, family, account
PEOPLE = [
    ("A", 0.40, 1_000, 0.6, 100, 0, 0, "gold", "F1", None),
    ("B", 0.50, 600, 0.0, 100, 100, 0, "gold", "F1", None),
    ("C", 0.30, 500, 0.0, 100, 100, 90, "none", None, None),
    ("D", 0.05, 9_000, 0.0, 100, 0, 0, "none", None, None),
    ("E", 0.20, 400, 0.9, 10, 0, 0, "none", None, None),
    ("F", 0.20, 2_000, 0.7, 50, 40, 10, "none", None, "G1"),
    ("G", 0.20, 1_500, 0.7, 50, 0, 0, "none", None, "G1"),
    ("H", 0.20, 1_400, 0.7, 50, 0, 0, "none", None, None),
    ("I", 0.20, 1_300, 0.7, 50, 0, 0, "none", None, None),
    ("J", 0.20, 1_200, 0.7, 50, 0, 0, "none", None, None),
    ("K", 0.20, 1_100, 0.7, 50, 0, 0, "none", "F2", None),
    ("L", 0.10, 150, 0.7, 50, 0, 0, "none", None, None),
    ("M", np.nan, 900, 0.7, 50, 0, 0, "none", None, None),
    ("N", 0.10, -80, 0.7, 50, 0, 0, "none", None, None),
    ("O", 0.02, 100, 0.0, 100, 0, 0, "none", "F2", None),
]
COLUMNS = ["customer_id", "chance", "value", "bill_fall_share", "bill_before_yuan",
           "forwarding_minutes", "forwarding_before_minutes", "vip_tier", "family_id",
           "account_id"]  # fmt: skip
CONTACTS = pd.DataFrame(
    {
        "customer_id": ["H", "I", "J", "O", "A"],
        "arm": ["treated", "control", "treated", "treated", "treated"],
        "assigned_month": pd.to_datetime(
            ["2025-10-01", "2025-10-01", "2025-12-02", "2025-06-01", "2025-01-01"]
        ),
        # J's contact lies after the list's day: it is not known yet. O's touches K's family.
        "contacted_on": pd.to_datetime(
            ["2025-10-03", None, "2025-12-02", "2025-11-20", "2025-01-05"]
        ),
    }
)


def people():
    return pd.DataFrame(PEOPLE, columns=COLUMNS)


def listed(rows=None, **options):
    rows = people() if rows is None else rows
    settings_ = {"contacts": CONTACTS, "calls": 2, "listed_on": ON} | options
    return make_warning_list(
        rows.drop(columns=["chance", "value"]), parse_warning_book(BOOK),
        chance_share=rows["chance"], value_yuan=rows["value"], **settings_,
    )  # fmt: skip


def test_the_list_of_fifteen_by_hand():
    made = listed()
    got = made.table.set_index("customer_id")
    # Mean risk 0.205; from 0.41 on risk alone warns, which is B's case, who also has a trigger.
    # Gains: A .4×1000×.5−10 = 190, B .5×600×.5−60 = 90, F .2×2000×.5−10 = 190, G 140, J 110, L −2.5
    expected = {
        "A": "called", "F": "called", "G": "account", "J": "over_capacity", "B": "family",
        "H": "campaign", "I": "control", "K": "quiet", "L": "not_worth", "N": "not_worth",
        "M": "unknown", "C": "no_sign", "D": "no_sign", "E": "no_sign", "O": "no_sign",
    }  # fmt: skip
    assert got["fate"].to_dict() == expected
    assert got.loc[["A", "F", "J"], "rank"].tolist() == [1, 2, 3]
    assert got.loc["A", "gain_yuan"] == pytest.approx(190)
    assert got.loc["F", "reasons"] == ("bill_fall", "forwarding")
    assert got.loc["F", "reasons_en"] == "down 70%; 40 minutes forwarded"
    assert got.loc["F", "reasons_zh"] == "降70%；呼转40分钟"
    # F has both: handset needs gold, so the tariff; the window ends with the nearer reason's.
    assert (got.loc["F", "act_zh"], got.loc["B", "act_en"]) == ("资费", "handset")
    window = [got.loc["F", name] for name in ("window_from", "window_to")]
    assert window == [date(2025, 12, 2), date(2025, 12, 6)]
    assert (got.loc["F", "contact_by"], got.loc["A", "contact_by"]) == (
        "account_manager", "phone_manager",
    )  # fmt: skip
    facts = made.summary().set_index("key")["value"]
    assert facts["called_expected_leavers"] == pytest.approx(0.6)
    assert facts["called_value_at_risk_yuan"] == pytest.approx(800)


def test_everybody_is_accounted_for():
    fates = listed().fates()
    assert fates["customers"].sum() == len(PEOPLE)
    at_risk = sum(p[1] * p[2] for p in PEOPLE if np.isfinite(p[1]))
    assert fates["value_at_risk_yuan"].sum() == pytest.approx(at_risk)
    for column in ("reason", "vip_tier"):
        assert listed().cells(column)["customers"].sum() == 3


def test_the_sentence_and_the_list_to_call_say_what_stands_there():
    made = listed()
    assert "2 calls can be made, to 0.6 expected leavers and ¥800" in made.text("en")
    assert "安排2户" in made.text("zh")
    zh, en = made.to_call("zh"), made.to_call("en")
    assert zh["客户编号"].tolist() == en["customer"].tolist() == ["A", "F"]
    assert zh["外呼人"].tolist() == ["电话经理", "集团客户经理"]
    assert zh["贵宾卡级别"].tolist() == ["金卡", "无卡"]
    assert en.loc[0, "call until"] == date(2025, 12, 11)


def test_without_contacts_or_capacity_nothing_forbids_or_everything_does():
    free = listed(contacts=None, calls=100).table.set_index("customer_id")["fate"]
    assert set(free[["H", "I", "J", "K"]]) == {"called"}
    none = listed(calls=0)
    assert not len(none.called)
    assert (none.table["fate"] == "over_capacity").sum() == 3


def test_a_column_that_is_missing_silences_its_trigger_and_is_said():
    made = listed(people().drop(columns=["forwarding_before_minutes"]))
    assert made.untold == ("forwarding",)
    assert "forwarding" in made.text("en")
    # B is still warned of, for his risk alone.
    assert made.table.set_index("customer_id").loc["B", "reasons"] == ("risk",)


def test_periods_have_their_own_least_values_and_capacity():
    rows, book = people(), parse_warning_book(BOOK)
    month, week, day = (fire(rows, book, period=one).flags["bill_fall"] for one in
                        ("month", "week", "day"))  # fmt: skip
    assert month.sum() == 10
    assert week.sum() == 10  # E's small bill counts by week, A's fall of 0.6 does not
    assert (week != month).sum() == 2
    assert day.equals(month)
    plan = CallPlan(called_share=0.3)
    assert [plan.calls(10_000, one) for one in ("month", "week", "day")] == [3_000, 700, 100]
    # Four managers of 250 look after 1,000 of them; of a small base nobody is called twice.
    few = CallPlan(called_share=0.3, managers=4, customers_a_manager=250)
    assert (few.calls(10_000), few.calls(600)) == (300, 180)
    with pytest.raises(ArgumentError, match="fortnight"):
        fire(rows, book, period="fortnight")


def test_held_out_customers_are_drawn_from_the_list_and_not_called():
    rows = (
        people()
        .iloc[[7] * 1_000]
        .assign(customer_id=[f"C{at:04d}" for at in range(1_000)], family_id=None, account_id=None)
    )
    made = [
        listed(rows, calls=800, control_share=0.25, rng=np.random.default_rng(4), contacts=None)
        for _ in range(2)
    ]
    fates = made[0].fates().set_index("fate")["customers"]
    assert fates["called"] + fates["held_out"] == 800
    assert 160 < fates["held_out"] < 240
    pd.testing.assert_frame_equal(made[0].table, made[1].table)
    assert len(made[0].to_call()) == fates["called"]
    with pytest.raises(ArgumentError, match="generator"):
        listed(control_share=0.1)


def test_groups_of_rank_hold_all_candidates_and_never_a_few():
    rows = people().iloc[[7] * 137].assign(
        customer_id=[f"C{at:04d}" for at in range(137)],
        value=np.linspace(500, 3_000, 137), family_id=None,
    )  # fmt: skip
    made = listed(rows, calls=50, contacts=None)
    ranks = made.ranks(bins=20, least=10)
    assert ranks["customers"].sum() == len(made.candidates) == 137
    assert ranks["customers"].min() >= 10
    assert (ranks["value_at_risk_yuan"] / ranks["customers"]).is_monotonic_decreasing
    assert made.ranks(least=200).empty
    # Read at a whole group, the table says what the list says.
    table = {name: ranks[name].tolist() for name in ranks}
    calls = int(ranks["customers"].iloc[:4].sum())
    got = evaluate_reach(table, calls=calls, saved_share=0.5)
    best = made.candidates.sort_values("rank").head(calls)
    assert got["value_yuan"] == pytest.approx(best["value_at_risk_yuan"].sum())
    assert got["gain_yuan"] == pytest.approx(best["gain_yuan"].sum())
    assert evaluate_reach(table, calls=9_999, saved_share=0)["value_share"] == pytest.approx(1)


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_no_call_is_given_twice_and_none_is_lost(data):
    size = data.draw(st.integers(1, 40))
    seed = data.draw(st.integers(0, 999))
    rng = np.random.default_rng(seed)
    rows = pd.DataFrame(
        {
            "customer_id": [f"C{at}" for at in rng.permutation(size)],
            "chance": np.where(rng.random(size) < 0.1, np.nan, rng.random(size)),
            "value": rng.normal(300, 400, size),
            "bill_fall_share": rng.random(size),
            "bill_before_yuan": 50.0,
            "forwarding_minutes": rng.choice([0, 60], size),
            "forwarding_before_minutes": 0.0,
            "vip_tier": rng.choice(["gold", "none", None], size),
            "family_id": rng.choice(["F1", "F2", None], size),
            "account_id": rng.choice(["G1", None], size),
        }
    )
    calls = data.draw(st.integers(0, 12))
    made = listed(rows, calls=calls, contacts=None)
    called = rows.set_index("customer_id").loc[made.called["customer_id"]]
    assert made.fates()["customers"].sum() == size
    assert len(called) <= calls
    for group in ("family_id", "account_id"):
        assert not called[group].dropna().duplicated().any()
    assert (made.called["gain_yuan"] > 0).all()
    waiting = made.table[made.table["fate"] == "over_capacity"]
    assert not len(waiting) or len(called) == calls
    if len(waiting) and len(called):
        assert made.called["gain_yuan"].min() >= waiting["gain_yuan"].max() - 1e-9


def test_bad_input_is_refused_in_words():
    rows = people()
    with pytest.raises(ArgumentError, match="within 0 and 1"):
        listed(rows.assign(chance=1.2))
    with pytest.raises(ArgumentError, match="one row a customer"):
        listed(pd.concat([rows, rows]))
    with pytest.raises(MissingDataError, match="arm"):
        listed(contacts=CONTACTS.drop(columns="arm"))
    with pytest.raises(ArgumentError, match="one a row, 15"):
        make_warning_list(rows, parse_warning_book(BOOK), chance_share=[0.1], value_yuan=[1.0],
                          listed_on=ON)  # fmt: skip
    empty = listed(rows.iloc[:0])
    assert empty.fates()["customers"].sum() == 0
    assert "Nobody" in empty.text("en")


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("saved_share = 0.5", "saved_share = 1.5", "in [0, 1]"),
        ("window_days = [2, 5]", "window_days = [5, 2]", "first and last day"),
        ('reasons = ["forwarding"]', 'reasons = ["forwardig"]', "a trigger"),
        ('zh = "降{bill_fall_share}"', 'zh = "降{bill_yuan}"', "same {columns}"),
        ("quiet_days = 30", "quite_days = 30", "write quiet_days"),
    ],
)
def test_a_book_that_cannot_be_carried_out_names_its_lines(old, new, told):
    text = BOOK.replace(old, new)
    line = next(at for at, one in enumerate(text.splitlines(), start=1) if new in one)
    with pytest.raises(RuleBookError) as error:
        parse_warning_book(text, file="book.toml")
    assert told in str(error.value)
    if "quite" not in new:  # an unknown setting is told at its table
        assert f"book.toml:{line}:" in str(error.value)


def test_a_book_must_have_an_act_for_everybody():
    with pytest.raises(RuleBookError, match="closed by an act without reasons"):
        parse_warning_book(BOOK.replace('en = "call"', 'en = "call"\nreasons = ["bill_fall"]'))


def test_the_shipped_book_can_be_carried_out():
    book = open_warning_book("sample")
    assert {part.health for part in book.parts} == {"brand_tariff", "business", "service", "circle"}
    assert [one.name for one in book.triggers] == [
        "bill_fall",
        "forwarding",
        "complaints",
        "off_net",
    ]
    with pytest.raises(ArgumentError, match="sample"):
        open_warning_book("nowhere")
