"""Each disagreement planted by hand, and the sample operator's ledger, which other code wrote."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from cvm.core.checks import DataError, MissingDataError
from cvm.data.tables import LEDGER_ENTRIES, POINT_CLASSES, REDEMPTION_CHANNELS
from cvm.points.ledger_replay import ENTRIES
from cvm.points.replay import KINDS, earning_inputs, replay_ledger
from cvm.points.rulebook_read import parse_rulebook, shipped_rulebook
from cvm.points.rules import CHANNELS
from cvm.points.rules_earn import POINT_CLASSES as CLASSES

BOOK = parse_rulebook("""
en = "test"
zh = "测试"
[[rules]]
first_month = "2010-01"
qualification = { threshold_points = 3500 }
clearing = { kind = "months", months = 3 }
""")


def ledger(*rows: tuple[str, str, int], customer: str = "A", **columns: str) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["month", "entry", "points"])
    frame["month"] = pd.to_datetime(frame["month"]).dt.date
    return frame.assign(customer_id=customer, **columns)


def found(frame: pd.DataFrame, **options) -> list[tuple]:
    result = replay_ledger(BOOK, frame, **options)
    table = result.disagreements[["kind", "month", "recorded_points", "expected_points"]]
    return [
        (kind, month.month, got, due) for kind, month, got, due in table.itertuples(index=False)
    ]


def test_a_ledger_that_follows_the_rules_agrees() -> None:
    frame = ledger(
        ("2010-01", "earned", 4_000),
        ("2010-02", "redeemed", 1_500),
        ("2010-04", "expired", 2_500),
    )
    result = replay_ledger(BOOK, frame)
    assert result.agrees
    assert result.text("en").startswith("The ledger agrees with the rules")
    assert "未发现差异" in result.text("zh")
    assert (result.summary()["cases"] == 0).all()


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        # 100 points of January die at the end of April.
        ([("2010-01", "earned", 100), ("2010-05", "earned", 1)],
         [("expiry_missing", 4, 0, 100)]),
        ([("2010-01", "earned", 100), ("2010-05", "expired", 100)],
         [("expiry_late", 5, 100, 100)]),
        ([("2010-01", "earned", 100), ("2010-03", "expired", 100), ("2010-04", "earned", 1)],
         [("expiry_early", 3, 100, 100)]),
        ([("2010-01", "earned", 100), ("2010-04", "expired", 90)],
         [("expiry_amount", 4, 90, 100)]),
        ([("2010-01", "earned", 100), ("2010-02", "expired", 30), ("2010-03", "earned", 1)],
         [("expiry_not_due", 2, 30, 0)]),
        ([("2010-01", "earned", 3_500), ("2010-02", "redeemed", 3_500)],
         [("below_threshold", 2, 3_500, 0)]),
        ([("2010-01", "earned", 3_501), ("2010-02", "redeemed", 3_501)],
         []),
        ([("2010-01", "earned", 4_000), ("2010-02", "redeemed", 4_100)],
         [("negative_balance", 2, -100, 0)]),
        ([("2010-01", "earned", 100), ("2010-02", "forfeited", 60)],
         [("forfeit_amount", 2, 60, 100)]),
        ([("2010-01", "earned", 5_000), ("2010-05", "redeemed", 5_000)],
         [("expiry_missing", 4, 0, 5_000), ("redeemed_expired", 5, 5_000, 0)]),
        # Opening points are dated by the month they were earned in.
        ([("2009-12", "opening", 70), ("2010-02", "earned", 1), ("2010-03", "expired", 70)],
         []),
    ],
)  # fmt: skip
def test_each_disagreement_is_found_once(rows, expected) -> None:
    assert found(ledger(*rows)) == expected


def test_classes_are_followed_each_on_its_own() -> None:
    frame = pd.concat(
        [
            ledger(("2010-01", "earned", 100), ("2010-04", "expired", 60), point_class="data"),
            ledger(("2010-01", "earned", 50), ("2010-04", "expired", 90), point_class="credit"),
        ]
    )
    table = replay_ledger(BOOK, frame).disagreements
    assert sorted(zip(table["point_class"], table["expected_points"], strict=True)) == [
        ("credit", 50),
        ("data", 100),
    ]


def test_earning_is_checked_against_bills() -> None:
    frame = ledger(("2010-01", "earned", 100), ("2010-02", "earned", 120))
    bills = pd.DataFrame(
        {
            "customer_id": ["A", "A"],
            "month": [date(2010, 1, 1), date(2010, 2, 1)],
            "bill_yuan": [100.99, 119.00],
        }
    )
    assert found(frame, bills=bills) == [("earned_amount", 2, 120, 119)]


def test_the_summary_and_sentences_name_the_commonest() -> None:
    frames = [ledger(("2010-01", "earned", 9), customer=name) for name in "BCD"]
    frame = pd.concat([*frames, ledger(("2010-01", "earned", 1), ("2010-06", "earned", 1))])
    result = replay_ledger(BOOK, frame)
    assert result.text("en").startswith("The ledger disagrees with the rules in 4 cases at 4 of 4")
    assert "points that should have expired and did not (4 cases)" in result.text("en")
    assert "应清零而未清零（4处）" in result.text("zh")
    assert "未提供账单" in result.text("zh")
    row = result.summary().set_index("kind").loc["expiry_missing"]
    assert row["cases"] == row["customers"] == 4
    assert row["points_apart"] == 28
    assert row["examples"] == "B 2010-04; C 2010-04; D 2010-04"


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"entry": "spent"}, ValueError),
        ({"points": -1}, DataError),
        ({"points": 1.5}, DataError),
        ({"points": None}, DataError),
        ({"entry": "opening"}, DataError),
        ({"point_class": "airmiles"}, ValueError),
    ],
)
def test_bad_ledgers_are_refused(change, error) -> None:
    with pytest.raises(error):
        replay_ledger(BOOK, ledger(("2010-01", "earned", 1)).assign(**change))


def test_a_missing_column_is_named() -> None:
    with pytest.raises(MissingDataError, match="entry"):
        replay_ledger(BOOK, ledger(("2010-01", "earned", 1)).drop(columns="entry"))


def test_words_are_those_of_the_contract() -> None:
    assert set(ENTRIES) == set(LEDGER_ENTRIES)
    assert set(CLASSES) == set(POINT_CLASSES)
    assert set(CHANNELS) == set(REDEMPTION_CHANNELS)
    assert len(set(KINDS)) == 10


def test_the_sample_operator_s_ledger_agrees_to_the_point(tmp_path) -> None:
    """The sample generator has its own points accounts, written apart from this ledger."""
    sample = pytest.importorskip("cvm.data.sample")
    sample.make_sample(tmp_path, customers=600)
    tables = {
        name: pd.read_parquet(tmp_path / "tables" / name)
        for name in ("ledger", "months", "customers")
    }
    result = replay_ledger(
        shipped_rulebook("sample"),
        tables["ledger"],
        bills=earning_inputs(tables["months"], tables["customers"]),
    )
    assert result.movements == len(tables["ledger"])
    assert result.agrees, result.summary()
