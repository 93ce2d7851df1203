"""Checking an extract: against pandera on the checks both can do, and on its own at size."""

from __future__ import annotations

import sys
import tempfile
from datetime import date
from pathlib import Path

import duckdb
import ibis
from harness import Measurement, Row, time_in_turns

from cvm.data.quality import Checked, check_tables
from cvm.data.tables import CONTRACT

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "data"))
TODAY = date(2026, 3, 1)
MONTHS = 36


def make_panel(path: Path, customer_months: int, *, faulty: bool) -> None:
    """Write a customer-month panel with all contract columns, sorted by customer and month.

    Faults: rows 101–107 a negative bill, 201–205 star six, 301–303 an unknown card, 401–402 twice.
    """
    customers = customer_months // MONTHS
    bad = "_row" if faulty else "0"
    duckdb.execute(
        f"""
        COPY (
        WITH panel AS (
            SELECT c * {MONTHS} + m + 1 AS _row, c, m
            FROM range({customers}) a(c), range({MONTHS}) b(m)
            ORDER BY c, m
        ), filled AS (
            SELECT _row, 'C' || lpad(c::VARCHAR, 9, '0') AS customer_id,
                (DATE '2023-01-01' + INTERVAL (m) MONTH)::DATE AS month,
                CASE WHEN {bad} BETWEEN 101 AND 107 THEN -1.0
                    ELSE 20 + hash(c * 37 + m) % 20000 / 100.0 END AS bill_yuan,
                5 + hash(c * 31 + m) % 500 / 100.0 AS variable_cost_yuan,
                hash(c * 7 + m) % 900 / 100.0 AS voice_yuan,
                hash(c * 3 + m) % 900 / 100.0 AS data_yuan,
                100.0 + hash(c + m) % 1000 AS voice_minutes,
                hash(c + m * 3) % 100 / 1.0 AS roaming_minutes,
                hash(c + m * 5) % 1000 / 100.0 AS data_gb,
                (hash(c + 5 * m) % 200)::BIGINT AS calling_circle,
                hash(c + 9 * m) % 1000 / 1000.0 AS off_net_share,
                hash(c + 11 * m) % 10 / 1.0 AS forwarding_minutes,
                (hash(c + m * 13) % 50 = 0)::BIGINT AS complaints,
                (hash(c + m * 17) % 60 = 0)::BIGINT AS arrears_stops,
                hash(c + m * 19) % 10 > 0 AS paid_on_time,
                CASE WHEN {bad} BETWEEN 301 AND 303 THEN 'platinum' ELSE
                    ['diamond', 'gold', 'silver', 'vip', 'none'][(1 + hash(c) % 5)::BIGINT]
                    END AS vip_tier,
                CASE WHEN {bad} BETWEEN 201 AND 205 THEN 6
                    ELSE (hash(c * 3) % 6)::BIGINT END AS star,
                (1000 * (m + 1))::BIGINT AS points_balance
            FROM panel
        )
        SELECT * FROM filled
        UNION ALL
        SELECT _row + {customers * MONTHS} AS _row, * EXCLUDE (_row) FROM filled
        WHERE {bad} BETWEEN 401 AND 402
        ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)
        """
    )


def check_panel(path: Path) -> Checked:
    """Check one panel in a fresh DuckDB, as a command would."""
    backend = ibis.duckdb.connect(threads=2)
    return check_tables({"months": backend.read_parquet(str(path))}, today=TODAY)


def beside_pandera(customer_months: int) -> Measurement:
    """Time both on the same file, after both have found the same planted rows.

    Pandera does cells, types and the key; ours does these, gaps, months that fall short, examples,
    and the split into clean rows and rows set aside.
    """
    import pandas as pd
    from pandera_schemas import DTYPES, failures, repeated_keys

    table = CONTRACT["months"]

    def by_pandera(path: Path) -> tuple[set[tuple[int, str]], set[int]]:
        frame = pd.read_parquet(path).drop(columns="_row")
        frame = frame.astype({name: DTYPES[table[name].kind] for name in frame.columns})
        return failures(table, frame, today=TODAY), repeated_keys(table, frame)

    with tempfile.TemporaryDirectory(prefix="cvm-bench-") as folder:
        path = Path(folder) / "months.parquet"
        make_panel(path, customer_months, faulty=True)
        cells, repeated = by_pandera(path)
        theirs = {column: sum(each == column for _, each in cells) for _, column in cells}
        found = {f.column: f.rows for f in check_panel(path).findings}
        assert theirs == {"bill_yuan": 7, "vip_tier": 3, "star": 5}, theirs
        assert found == {**theirs, "": 2}, found
        assert len(repeated) == 4  # both rows of each pair
        ours, peer = time_in_turns(
            lambda: check_panel(path), lambda: by_pandera(path), repeats=3, warm=False
        )
    return Measurement(
        ours_seconds=ours,
        peer_seconds=peer,
        work=customer_months,
        note="same 17 planted faults found by both; ours also checks gaps and short months",
    )


def at_size(customer_months: int) -> Measurement:
    """Time the check of a clean panel."""
    with tempfile.TemporaryDirectory(prefix="cvm-bench-") as folder:
        path = Path(folder) / "months.parquet"
        make_panel(path, customer_months, faulty=False)
        assert check_panel(path).findings == ()
        seconds, _ = time_in_turns(lambda: check_panel(path), repeats=3, warm=False)
    return Measurement(ours_seconds=seconds, work=customer_months, note="two threads, no fault")


ROWS = [
    Row(
        name="check 1 million customer-months",
        peer="pandera (pandas)",
        measure=lambda quick: beside_pandera(36_000 if quick else 1_000_000),
    ),
    Row(
        name="check 10 million customer-months",
        measure=lambda quick: at_size(36_000 if quick else 10_000_000),
        target="< 30 s on 2 cores",
    ),
]
