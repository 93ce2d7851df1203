"""Each planted fault is found exactly once, with its count and an example; nothing else is."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from clean_operator import TODAY, Rows, as_tables, clean_rows

import cvm.data
from cvm.core.i18n import catalogue
from cvm.data.quality import Checked, check_tables
from cvm.data.report import QualityReport

Tables = dict[str, Rows]
DATA = Path(cvm.data.__file__).parent


def check(rows: Tables) -> Checked:
    return check_tables(as_tables(rows), today=TODAY)


def found(checked: Checked) -> dict[tuple[str, str, str], int]:
    return {(f.table, f.column, f.check): f.rows for f in checked.findings}


def test_a_clean_operator_has_no_finding() -> None:
    checked = check(clean_rows())
    assert [*checked.findings] == []
    assert checked.ok
    assert not checked.set_aside
    assert checked.rows["months"] == 10 * 9 + 5 * 9 + 25 * 12


def row(rows: Tables, table: str, **where: Any) -> dict[str, Any]:
    return next(r for r in rows[table] if all(r[k] == v for k, v in where.items()))


def change(table: str, where: dict[str, Any], **values: Any) -> Callable[[Tables], None]:
    return lambda rows: row(rows, table, **where).update(values)


def drop(table: str, unwanted: Callable[[dict[str, Any]], bool]) -> Callable[[Tables], None]:
    def plant(rows: Tables) -> None:
        rows[table] = [r for r in rows[table] if not unwanted(r)]

    return plant


def add(table: str, **values: Any) -> Callable[[Tables], None]:
    return lambda rows: rows[table].append({**dict.fromkeys(rows[table][0]), **values})


def repeat(table: str, position: int, **changed: Any) -> Callable[[Tables], None]:
    return lambda rows: rows[table].append({**rows[table][position], **changed})


def both(*plants: Callable[[Tables], None]) -> Callable[[Tables], None]:
    def plant(rows: Tables) -> None:
        for each in plants:
            each(rows)

    return plant


def fill(table: str, **values: Any) -> Callable[[Tables], None]:
    return lambda rows: rows.update({table: [{**r, **values} for r in rows[table]]})


def without(table: str, column: str) -> Callable[[Tables], None]:
    def plant(rows: Tables) -> None:
        for each in rows[table]:
            del each[column]

    return plant


def rename_customer(table: str, old: str, new: str) -> Callable[[Tables], None]:
    def plant(rows: Tables) -> None:
        for each in rows[table]:
            if each["customer_id"] == old:
                each["customer_id"] = new

    return plant


C5_MAY = {"customer_id": "C005", "month": date(2024, 5, 1)}
C25 = {"customer_id": "C025"}
C16_MAY = {"customer_id": "C016", "recharged_on": date(2024, 5, 22)}
MAY, JUNE = date(2024, 5, 1), date(2024, 6, 1)
K0_25 = {"campaign_id": "K0", "customer_id": "C025"}  # treated: 25 % 3 == 1; not reached
K0_24 = {"campaign_id": "K0", "customer_id": "C024"}  # control
EARNED = {**C5_MAY, "entry": "earned"}


def _recharge(check: str, rows: int, example: str, column: str = "recharged_on") -> tuple[Any, ...]:
    spoils = check in ("too_low", "missing_value")
    return "recharges", column, check, rows, "set_aside" if spoils else "kept", example


# plant, table, column, check, rows, fate, what an example says
FAULTS = {
    "required column missing": (
        without("months", "bill_yuan"),
        ("months", "bill_yuan", "missing_column", 0, "stops", None),
    ),
    "surplus column": (
        fill("customers", shoe_size=42),
        ("customers", "shoe_size", "surplus_column", 0, "kept", None),
    ),
    "negative bill": (
        change("months", C5_MAY, bill_yuan=-12.5, voice_yuan=0.0, data_yuan=0.0),
        (
            "months",
            "bill_yuan",
            "negative",
            1,
            "set_aside",
            "row 47: customer_id C005, month 2024-05-01, bill_yuan -12.5",
        ),
    ),
    "bill of a thousandfold": (
        change("months", C5_MAY, bill_yuan=5e6),
        ("months", "bill_yuan", "too_high", 1, "set_aside", "bill_yuan 5000000"),
    ),
    "infinite bill": (
        change("months", C5_MAY, bill_yuan=float("inf")),
        ("months", "bill_yuan", "too_high", 1, "set_aside", "bill_yuan inf"),
    ),
    "bill not a number": (
        change("months", C5_MAY, bill_yuan=float("nan")),
        ("months", "bill_yuan", "missing_value", 1, "set_aside", "bill_yuan (empty)"),
    ),
    "bill missing": (
        change("months", C5_MAY, bill_yuan=None),
        ("months", "bill_yuan", "missing_value", 1, "set_aside", "customer_id C005"),
    ),
    "share in per cent": (
        change("months", C5_MAY, off_net_share=31.0),
        ("months", "off_net_share", "too_high", 1, "emptied", "off_net_share 31"),
    ),
    "star six": (
        change("months", C5_MAY, star=6),
        ("months", "star", "too_high", 1, "emptied", "star 6"),
    ),
    "negative minutes": (
        change("months", C5_MAY, voice_minutes=-1.0),
        ("months", "voice_minutes", "negative", 1, "emptied", "voice_minutes -1"),
    ),
    "survey score zero": (
        change("survey", C25, overall_score=0.0),
        ("survey", "overall_score", "too_low", 1, "set_aside", "overall_score 0"),
    ),
    "negative points": (
        change("ledger", EARNED, points=-30),
        ("ledger", "points", "negative", 1, "set_aside", "points -30"),
    ),
    "unknown brand": (
        change("customers", C25, brand="5G"),
        ("customers", "brand", "not_allowed", 1, "emptied", "row 26: customer_id C025, brand 5G"),
    ),
    "unknown entry": (
        change("ledger", EARNED, entry="gift"),
        ("ledger", "entry", "not_allowed", 1, "set_aside", "entry gift"),
    ),
    "never leaves, told as 2099": (
        change("customers", C25, left_month=date(2099, 12, 1)),
        ("customers", "left_month", "future", 1, "emptied", "left_month 2099-12-01"),
    ),
    "month in the future": (
        change("months", C5_MAY, month=date(2042, 5, 1)),
        ("months", "month", "future", 1, "set_aside", "month 2042-05-01"),
    ),
    "joined in 1900": (
        change("customers", C25, joined_month=date(1900, 1, 1)),
        ("customers", "joined_month", "too_early", 1, "emptied", "joined_month 1900-01-01"),
    ),
    "contact tomorrow": (
        change("contacts", K0_25, contacted_on=date(2025, 1, 16)),
        ("contacts", "contacted_on", "future", 1, "emptied", "contacted_on 2025-01-16"),
    ),
    "left before joined": (
        change("customers", {"customer_id": "C003"}, left_month=date(2024, 3, 1)),
        (
            "customers",
            "left_month",
            "left_before_joined",
            1,
            "set_aside",
            "joined_month 2024-04-01",
        ),
    ),
    "same row twice": (
        repeat("months", 46),
        ("months", "", "duplicate_row", 1, "set_aside", "row 436: customer_id C005"),
    ),
    "same row three times": (
        both(repeat("customers", 25), repeat("customers", 25)),
        ("customers", "", "duplicate_row", 2, "set_aside", "row 41: customer_id C025"),
    ),
    "same ledger row twice, keys half empty": (
        repeat("ledger", 0),
        ("ledger", "", "duplicate_row", 1, "set_aside", "customer_id C000"),
    ),
    "same key, other bill": (
        repeat("months", 46, bill_yuan=99.0),
        ("months", "", "conflicting_rows", 2, "set_aside", "row 47: customer_id C005"),
    ),
    "voice and data above the bill": (
        change("months", C5_MAY, voice_yuan=60.0),
        ("months", "bill_yuan", "parts_above_bill", 1, "kept", "voice_yuan 60, data_yuan 26.25"),
    ),
    "large bill without use": (
        change("months", C5_MAY, bill_yuan=2000.0, voice_minutes=0.0, data_gb=0.0),
        ("months", "bill_yuan", "bill_without_usage", 1, "kept", "bill_yuan 2000"),
    ),
    "campaign ends before it starts": (
        change("campaigns", {"campaign_id": "K1"}, end_month=date(2024, 4, 1)),
        ("campaigns", "end_month", "end_before_start", 1, "kept", "start_month 2024-06-01"),
    ),
    "control contacted": (
        change("contacts", K0_24, contacted_on=date(2024, 5, 20)),
        ("contacts", "arm", "control_contacted", 1, "kept", "customer_id C024, arm control"),
    ),
    "reached without contact": (
        change("contacts", K0_24, reached=True),
        ("contacts", "reached", "reached_without_contact", 1, "kept", "customer_id C024"),
    ),
    "accepted though not reached": (
        change("contacts", K0_25, accepted=True),
        ("contacts", "accepted", "accepted_without_reach", 1, "kept", "customer_id C025"),
    ),
    "contact after leaving": (
        change("customers", C25, left_month=date(2025, 1, 1)),
        None,  # leaving after the panel's end is no fault
    ),
    "contacted after leaving": (
        add(
            "contacts",
            campaign_id="K0",
            customer_id="C012",
            assigned_month=MAY,
            arm="treated",
            contacted_on=date(2024, 10, 2),
            reached=False,
            accepted=False,
        ),
        ("contacts", "contacted_on", "contact_after_leaving", 1, "kept", "left_month 2024-10-01"),
    ),
    "assigned after the campaign": (
        change("contacts", K0_25, assigned_month=date(2024, 8, 1)),
        ("contacts", "assigned_month", "outside_campaign", 1, "kept", "assigned_month 2024-08-01"),
    ),
    "assigned before the campaign": (
        change("contacts", K0_25, assigned_month=date(2024, 4, 1)),
        ("contacts", "assigned_month", "outside_campaign", 1, "kept", "start_month 2024-05-01"),
    ),
    "a month missing in the middle": (
        drop("months", lambda r: r["customer_id"] == "C025" and r["month"] in (MAY, JUNE)),
        ("months", "month", "gap_inside", 2, "kept", "customer_id C025, month 2024-05, 2024-06"),
    ),
    "months missing after joining": (
        drop("months", lambda r: r["customer_id"] == "C005" and r["month"] <= MAY),
        ("months", "month", "gap_at_start", 2, "kept", "customer_id C005, month 2024-04, 2024-05"),
    ),
    "months missing before leaving": (
        drop("months", lambda r: r["customer_id"] == "C013" and r["month"] > date(2024, 7, 1)),
        ("months", "month", "gap_at_end", 2, "kept", "customer_id C013, month 2024-08, 2024-09"),
    ),
    "no row in the last month, yet not left": (
        drop("months", lambda r: r["customer_id"] == "C035" and r["month"] == date(2024, 12, 1)),
        ("months", "month", "gap_at_end", 1, "kept", "customer_id C035, month 2024-12"),
    ),
    "billed before joining": (
        change("customers", {"customer_id": "C005"}, joined_month=JUNE),
        (
            "months",
            "month",
            "before_joining",
            2,
            "kept",
            "row 46: customer_id C005, month 2024-04-01, joined_month 2024-06-01",
        ),
    ),
    "billed after leaving": (
        change("customers", {"customer_id": "C035"}, left_month=date(2024, 11, 1)),
        ("months", "month", "after_leaving", 2, "kept", "customer_id C035, month 2024-11-01"),
    ),
    "a month absent for everybody": (
        drop("months", lambda r: r["month"] == MAY),
        ("months", "month", "month_absent", 0, "kept", "2024-05"),
    ),
    "a month of long ago": (
        add("months", customer_id="C025", month=date(1999, 1, 1), bill_yuan=1.0),
        ("months", "month", "month_stray", 1, "kept", "month 1999-01"),
    ),
    "a month half exported": (
        drop("months", lambda r: r["month"] == MAY and r["customer_id"] > "C019"),
        [
            ("months", "month", "month_drop", 20, "kept", "month 2024-05: 20 < 40"),
            ("months", "month", "gap_inside", 20, "kept", "customer_id C020, month 2024-05"),
        ],
    ),
    "file cut off in the last month": (
        drop("months", lambda r: r["month"] == date(2024, 12, 1) and r["customer_id"] > "C025"),
        ("months", "month", "month_cut_off", 21, "stops", "month 2024-12: 21 < 35"),
    ),
    "file cut off after customer C027": (
        drop("months", lambda r: r["customer_id"] > "C027"),
        ("months", "customer_id", "cut_off_customers", 12, "stops", "row 29: customer_id C028"),
    ),
    "customer without months": (
        drop("months", lambda r: r["customer_id"] == "C025"),
        ("months", "customer_id", "customers_without_rows", 1, "kept", "customer_id C025"),
    ),
    "months of an unknown customer": (
        rename_customer("months", "C025", "X001"),
        [
            ("months", "customer_id", "unknown_reference", 12, "kept", "customer_id X001"),
            ("months", "customer_id", "customers_without_rows", 1, "kept", "customer_id C025"),
        ],
    ),
    "contact of an unknown customer": (
        change("contacts", K0_25, customer_id="X001"),
        ("contacts", "customer_id", "unknown_reference", 1, "kept", "customer_id X001"),
    ),
    "contact of an unknown campaign": (
        change("contacts", K0_25, campaign_id="K9"),
        ("contacts", "campaign_id", "unknown_reference", 1, "kept", "campaign_id K9"),
    ),
    "unknown corporate account": (
        change("customers", {"customer_id": "C003"}, account_id="A9"),
        ("customers", "account_id", "unknown_reference", 1, "kept", "account_id A9"),
    ),
    "campaign without contacts": (
        add(
            "campaigns",
            campaign_id="K7",
            name="unused",
            design="holdout",
            start_month=MAY,
            end_month=JUNE,
        ),
        ("campaigns", "campaign_id", "unused", 1, "kept", "row 3: campaign_id K7"),
    ),
    "balance that does not follow": (
        change("months", C5_MAY, points_balance=61),
        (
            "ledger",
            "points",
            "ledger_unbalanced",
            1,
            "kept",
            "C005, month 2024-05-01, points_balance 61, ledger 60",
        ),
    ),
    "movement lost": (
        drop("ledger", lambda r: r["customer_id"] == "C025" and r["month"] == MAY),
        (
            "ledger",
            "points",
            "ledger_unbalanced",
            1,
            "kept",
            "C025, month 2024-05-01, points_balance 250, ledger 220",
        ),
    ),
    "redeemed more than there was": (
        both(
            without("months", "points_balance"),
            add(
                "ledger",
                customer_id="C025",
                month=MAY,
                entry="redeemed",
                points=251,
                point_class="consumption",
                channel="services",
            ),
        ),
        ("ledger", "points", "ledger_below_zero", 1, "kept", "customer_id C025, points -1"),
    ),
    "transfer with one side": (
        both(
            without("months", "points_balance"),
            add(
                "ledger",
                customer_id="C025",
                month=MAY,
                entry="transferred_out",
                points=50,
                point_class="consumption",
            ),
        ),
        (
            "ledger",
            "points",
            "transfers_unbalanced",
            1,
            "kept",
            "month 2024-05, transferred_in 0, transferred_out 50",
        ),
    ),
    "ledger and recharges longer than the panel": (
        drop("months", lambda r: r["month"] == date(2024, 12, 1)),
        [
            ("months", "month", "ends_early", 400, "kept", None),
            ("recharges", "recharged_on", "recharge_outside_months", 9, "kept", "2024-12"),
        ],
    ),
    "recharges shorter than the panel": (
        drop("recharges", lambda r: r["recharged_on"] >= date(2024, 11, 1)),
        ("recharges", "recharged_on", "ends_early", 90, "kept", None),
    ),
    "recharges of every faulty kind, each told once": (
        both(
            change("recharges", C16_MAY, amount_yuan=0.0),
            change("recharges", {"customer_id": "C020"}, amount_yuan=-50.0),
            change("recharges", {"customer_id": "C024"}, recharged_on=None),
            change("recharges", {"customer_id": "C028"}, recharged_on=date(2023, 12, 31)),
            change("recharges", {"customer_id": "C004"}, recharged_on=date(2024, 3, 31)),
            add("recharges", customer_id="C012", recharged_on=date(2024, 10, 1), amount_yuan=5.0),
            add("recharges", customer_id="C025", recharged_on=MAY, amount_yuan=50.0),
            add("recharges", customer_id="X001", recharged_on=MAY, amount_yuan=50.0),
            repeat("recharges", 0),
            repeat("recharges", 1, amount_yuan=30.0),  # two amounts on one day are no fault
        ),
        [
            _recharge("too_low", 2, "customer_id C016, amount_yuan 0", "amount_yuan"),
            _recharge("missing_value", 1, "customer_id C024, recharged_on (empty)"),
            _recharge("recharge_outside_months", 1, "customer_id C028, recharged_on 2023-12-31"),
            _recharge(
                "recharge_before_joining", 1, "customer_id C004, recharged_on 2024-03-31, joined"
            ),
            _recharge("recharge_after_leaving", 1, "left_month 2024-10-01"),
            _recharge("recharge_of_contract", 1, "customer_id C025"),
            _recharge("unknown_reference", 1, "customer_id X001", "customer_id"),
            _recharge("recharge_repeated", 1, "C000, recharged_on 2024-04-05, amount_yuan 50"),
        ],
    ),
    "column wholly empty": (
        fill("customers", brand=None),
        ("customers", "brand", "empty_column", 40, "kept", None),
    ),
    "column that always says the same": (
        fill("customers", brand="gotone"),
        ("customers", "brand", "constant_column", 40, "kept", None),
    ),
    "one row": (
        lambda rows: rows.update(survey=rows["survey"][:1]),
        ("survey", "", "one_row", 1, "kept", None),
    ),
}


TOGETHER = {  # checks that look at several tables
    "month_drop": ("customers",),
    "ends_early": ("ledger", "months"),
    "recharge_outside_months": ("customers", "months"),
    "gap_inside": (),
    "unknown_reference": ("customers", "campaigns", "accounts", "months", "ledger"),
    "customers_without_rows": ("customers", "ledger"),
    "cut_off_customers": ("customers",),
    "contact_after_leaving": ("customers", "campaigns"),
    "outside_campaign": ("campaigns",),
    "unused": ("contacts",),
    "ledger_unbalanced": ("months", "customers"),
    "negative": ("ledger", "customers", "months"),
    "before_joining": ("customers",),
    "after_leaving": ("customers",),
    "gap_at_start": ("customers",),
    "gap_at_end": ("customers",),
    "future": ("customers", "months"),
    "left_before_joined": ("customers", "months", "ledger"),
}


def _needed(expected: Any) -> set[str]:
    """Return the tables to check: the fault's own, and those it touches."""
    if expected is None:
        return set(clean_rows())
    wanted = [expected] if isinstance(expected, tuple) else expected
    return {t for table, _, code, *_ in wanted for t in (table, *TOGETHER.get(code, ()))}


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found_once(name: str) -> None:
    plant, expected = FAULTS[name]
    rows = clean_rows()
    plant(rows)
    checked = check({table: rows[table] for table in rows if table in _needed(expected)})
    wanted = [expected] if isinstance(expected, tuple) else expected or []
    assert found(checked) == {(t, c, code): n for t, c, code, n, _, _ in wanted}
    assert len(checked.findings) == len(wanted)
    for table, column, code, _, fate, example in wanted:
        finding = next(
            f for f in checked.findings if (f.table, f.column, f.check) == (table, column, code)
        )
        assert finding.fate == fate
        assert (finding.severity == "hard") == (fate == "stops")
        if example:
            assert any(example in shown for shown in finding.examples), finding.examples
        for lang in ("zh", "en"):
            line = QualityReport.of(checked).lines(lang)[checked.findings.index(finding)]
            assert "{" not in line


def test_the_faults_cover_every_check_and_every_check_has_its_words() -> None:
    planted = set()
    for _, expected in FAULTS.values():
        for each in [expected] if isinstance(expected, tuple) else expected or []:
            planted.add(each[2])
    planted |= {"no_data", "wrong_type", "empty_table"}  # test_quality.py
    told = {key.split(".")[1] for key in catalogue() if key.endswith((".problem", ".action"))}
    told = {check for check in told if f"quality.{check}.problem" in catalogue()}
    code = "".join(path.read_text(encoding="utf-8") for path in DATA.glob("*.py"))
    while_reading = set(re.findall(r'check="(\w+)"', code)) - planted
    assert planted <= told
    assert while_reading <= told
    assert told <= planted | set(re.findall(r'"(\w+)"', code))
