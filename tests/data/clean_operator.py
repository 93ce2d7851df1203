"""A small operator without a fault, written by hand rules, for planting faults into.

Forty customers over twelve months (2024-01 … 2024-12); ten of them join in 2024-04, five leave in
2024-10. Points: 100 carried over from before for old customers, then 10 a month more than spent.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir
import pyarrow as pa

from cvm.data.quality_columns import TYPES
from cvm.data.tables import CONTRACT

Rows = list[dict[str, Any]]
TODAY = date(2025, 1, 15)
BRANDS = ("gotone", "easyown", "mzone")
ARROW = {
    "string": pa.string(),
    "int64": pa.int64(),
    "float64": pa.float64(),
    "boolean": pa.bool_(),
    "date": pa.date32(),
}


def _customers() -> Rows:
    return [
        {
            "customer_id": f"C{i:03d}",
            "joined_month": date(2024, 4, 1) if i < 10 else date(2020 + i % 3, 5, 1),
            "left_month": date(2024, 10, 1) if 10 <= i < 15 else None,
            "brand": BRANDS[i % 3],
            "payment": "prepaid" if i % 4 == 0 else "postpaid",
            "account_id": f"A{i % 2}" if i < 8 else None,
            "age_years": 20 + i,
        }
        for i in range(40)
    ]


def months_of(customer: int) -> range:
    """Return the calendar months of 2024 in which a customer is in service."""
    return range(4 if customer < 10 else 1, 10 if 10 <= customer < 15 else 13)


def _months() -> Rows:
    rows = []
    for i in range(40):
        balance = 0 if i < 10 else 100
        for m in months_of(i):
            balance += 30 - 20 * (m % 6 == 0)
            rows.append(
                {
                    "customer_id": f"C{i:03d}",
                    "month": date(2024, m, 1),
                    "bill_yuan": 50.0 + i + m / 4,
                    "voice_yuan": 20.0 + m / 4,
                    "data_yuan": 25.0 + i / 4,
                    "voice_minutes": 100.0 + i + m,
                    "data_gb": 1.0 + m / 8,
                    "off_net_share": 0.25 + m / 100,
                    "star": i % 6,
                    "paid_on_time": (i + m) % 7 > 0,
                    "points_balance": balance,
                }
            )
    return rows


def _ledger() -> Rows:
    rows = []
    for i in range(40):
        for m in months_of(i):
            moves = [("earned", 30, "consumption", None)]
            if m == 1 and i >= 10:
                moves.append(("opening", 100, "consumption", None))
            if m % 6 == 0:
                channel = "services" if i % 2 else "merchants"
                moves.append(("redeemed", 20, "consumption", channel))
            rows += [
                {
                    "customer_id": f"C{i:03d}",
                    "month": date(2024, m, 1),
                    "point_class": point_class,
                    "entry": entry,
                    "points": points,
                    "channel": channel,
                    "cost_yuan": points * 0.02 if channel else None,
                }
                for entry, points, point_class, channel in moves
            ]
    return rows


def _recharges() -> Rows:
    return [
        {
            "customer_id": f"C{i:03d}",
            "recharged_on": date(2024, m, 1 + (i + m) % 28),
            "amount_yuan": (30.0, 50.0, 100.0)[(i // 4 + m) % 3],
        }
        for i in range(0, 40, 4)
        for m in months_of(i)
    ]


def _campaigns() -> Rows:
    return [
        {
            "campaign_id": f"K{k}",
            "name": f"campaign {k}",
            "design": "holdout",
            "start_month": date(2024, 5 + k, 1),
            "end_month": date(2024, 6 + k, 1),
        }
        for k in range(2)
    ]


def _contacts() -> Rows:
    rows = []
    for k in range(2):
        for i in range(20, 40):
            treated = i % 3 > 0
            rows.append(
                {
                    "campaign_id": f"K{k}",
                    "customer_id": f"C{i:03d}",
                    "assigned_month": date(2024, 5 + k, 1),
                    "arm": "treated" if treated else "control",
                    "channel": ("call", "sms")[i % 2] if treated else None,
                    "contacted_on": date(2024, 5 + k, 10 + i % 9) if treated else None,
                    "reached": treated and i % 2 == 0,
                    "accepted": treated and i % 4 == 0,
                    "cost_yuan": 2.0 if treated else 0.0,
                }
            )
    return rows


def _survey() -> Rows:
    return [
        {
            "customer_id": f"C{i:03d}",
            "surveyed_month": date(2024, 6 + i % 2, 1),
            "overall_score": 5.0 + i % 5,
            "network_score": 4.0 + i % 6,
        }
        for i in range(35)
    ]


def _accounts() -> Rows:
    return [{"account_id": f"A{i}", "grade": "AB"[i], "members": 4 + i} for i in range(2)]


def clean_rows() -> dict[str, Rows]:
    """Return the rows of all tables; a test changes them and checks."""
    return {
        "customers": _customers(),
        "months": _months(),
        "ledger": _ledger(),
        "recharges": _recharges(),
        "campaigns": _campaigns(),
        "contacts": _contacts(),
        "survey": _survey(),
        "accounts": _accounts(),
        "names": [
            {"kind": "county", "value": value, "name_en": name}
            for value, name in (("安宁", "Anning"), ("红古", "Honggu"))
        ],
    }


def as_arrow(name: str, rows: Rows, columns: tuple[str, ...] | None = None) -> pa.Table:
    """Return rows as an Arrow table in contract types, numbered from 1 in ``_row``."""
    contract = CONTRACT[name]
    given = columns or tuple(dict.fromkeys(key for row in rows for key in row))
    data: dict[str, pa.Array] = {
        "_row": pa.array(range(1, len(rows) + 1), pa.int64()),
    }
    for column in given:
        known = column in contract.column_names
        kind = ARROW[TYPES[contract[column].kind]] if known else None
        data[column] = pa.array([row.get(column) for row in rows], kind)
    return pa.table(data)


def as_tables(rows: dict[str, Rows]) -> dict[str, ir.Table]:
    """Return rows as Ibis tables."""
    return {name: ibis.memtable(as_arrow(name, table)) for name, table in rows.items()}
