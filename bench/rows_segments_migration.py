"""Migration between tiers beside pandas' crosstab, both from customer-months loaded before."""

from datetime import date
from pathlib import Path

import ibis.expr.types as ir
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from harness import BENCH, Measurement, Row, time_in_turns

from cvm.data.engine import collect, connect
from cvm.data.reduce_segments_migration import JOINED, LEFT, reduce_tier_moves

EARLY, LATE = date(2024, 12, 1), date(2025, 12, 1)
TIERS = ("none", "vip", "silver", "gold", "diamond")
PART = 1_000_000


def make_months(customers: int) -> Path:
    """Make two months a year apart: two in a hundred join, as many leave, one in five moves."""
    path = BENCH.parent / "build" / "bench" / f"migration-{customers}.parquet"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished, writer = path.with_suffix(".part"), None
    for start in range(0, customers, PART):
        size, rng = min(PART, customers - start), np.random.default_rng(start)
        ids = pa.array([f"C{number:09d}" for number in range(start, start + size)])
        tier = rng.choice(len(TIERS), size, p=[0.6, 0.2, 0.1, 0.07, 0.03])
        seen = rng.choice(3, size, p=[0.96, 0.02, 0.02])
        step = rng.choice([-1, 0, 1], size, p=[0.1, 0.8, 0.1])
        moved = np.clip(tier + step, 0, len(TIERS) - 1)
        for month, level, kept in ((EARLY, tier, seen != 1), (LATE, moved, seen != 2)):
            table = pa.table(
                {
                    "customer_id": ids,
                    "month": pa.array([month] * size),
                    "vip_tier": pa.array(TIERS).take(pa.array(level)),
                    "bill_yuan": np.round(rng.lognormal(4.3, 0.6, size), 2),
                }
            ).filter(pa.array(kept))
            writer = writer or pq.ParquetWriter(unfinished, table.schema)
            writer.write_table(table)
    assert writer is not None
    writer.close()
    return unfinished.rename(path)


def ours(months: ir.Table) -> pd.DataFrame:
    """Count who went from which tier to which, with their bills."""
    return collect(reduce_tier_moves(months, month=LATE))


def by_crosstab(months: pd.DataFrame) -> pd.DataFrame:
    """Count the same in pandas, without the bills."""
    tier = months.set_index("customer_id")["vip_tier"]
    month = months["month"].to_numpy()
    before, after = (tier[month == np.datetime64(one)] for one in (EARLY, LATE))
    both = pd.concat([before.rename("from_tier"), after.rename("to_tier")], axis=1)
    return pd.crosstab(both["from_tier"].fillna(JOINED), both["to_tier"].fillna(LEFT))


def measure_migration(quick: bool, *, peer: bool, size: int) -> Measurement:
    """Time the moves; customers are matched between the months by both."""
    path = make_months(50_000 if quick else size)
    engine = connect("duckdb")
    months = engine.create_table("months", engine.read_parquet(path))
    found = ours(months).pivot_table("customers", "from_tier", "to_tier", fill_value=0)
    frame = pd.DataFrame()
    if peer:
        frame = pd.read_parquet(path)
        frame["month"] = pd.to_datetime(frame["month"])
        pd.testing.assert_frame_equal(
            found, by_crosstab(frame).loc[found.index, found.columns], check_dtype=False
        )
    customers = int(found.to_numpy().sum())
    seconds, other = time_in_turns(
        lambda: ours(months), (lambda: by_crosstab(frame)) if peer else None, repeats=3, warm=False
    )
    engine.disconnect()
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=other,
        work=customers,
        note=f"{customers:,} customers in two months, loaded before the clock; ours with bills"
        + (", the peer without; counts equal" if peer else ""),
    )


ROWS = [
    Row(
        name="migration between tiers, 10 M customers",
        peer="pandas, concat and crosstab",
        target="≥ 15×",
        measure=lambda quick: measure_migration(quick, peer=True, size=10_000_000),
    )
]
