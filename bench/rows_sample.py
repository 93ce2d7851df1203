"""Making the sample operator: customer-months a second, Parquet included, on one core."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

from harness import Measurement, Row

from cvm.data.sample import make_sample


def make_customers(customers: int) -> Measurement:
    """Make an operator once and report its rows; there is no peer to set beside it."""
    folder = Path(tempfile.mkdtemp(prefix="cvm-bench-"))
    try:
        make_sample(folder / "warm", customers=100, months=4)
        start, core = time.perf_counter(), time.process_time()
        truth = make_sample(folder / "sample", customers=customers)
        seconds, core = time.perf_counter() - start, time.process_time() - core
        size = sum(file.stat().st_size for file in (folder / "sample").rglob("*.parquet"))
    finally:
        shutil.rmtree(folder)
    rows = truth.operator["customer_months"]
    return Measurement(
        ours_seconds=seconds,
        work=rows,
        note=f"{rows:,} customer-months with ledger, contacts and survey, {size / 1e6:,.0f} MB; "
        f"{core:.1f} s of one core",
    )


ROWS = [
    Row(
        name="sample operator, 200,000 customers × 36 months",
        measure=lambda quick: make_customers(10_000 if quick else 200_000),
        target="bounded memory",
    )
]
