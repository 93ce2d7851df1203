"""Campaigns: a scorecard of outcomes × counties beside tea-tasting, both from the same file."""

from pathlib import Path
from typing import Any

import ibis.expr.types as ir
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import tea_tasting as tt
from harness import BENCH, Measurement, Row, peak_gb, time_in_turns
from numpy.testing import assert_allclose

from cvm.campaigns.effect import Outcome
from cvm.campaigns.scorecard import Metric, Scorecard, score
from cvm.data.engine import connect
from cvm.data.reduce_campaigns_scorecard import collect_scorecard

COUNTIES = 11
PART = 1_000_000
METRICS = (
    Metric(outcome=Outcome(name="churned", better="lower"), covariates=("tenure_months",)),
    Metric(outcome=Outcome(name="revenue_yuan"), covariates=("bill_before_yuan",)),
    Metric(
        outcome=Outcome(name="revenue_yuan", per="months"),
        covariates=(("bill_before_yuan", "months_before"),),
    ),
    Metric(outcome=Outcome(name="data_gb"), covariates=("data_before_gb",)),
    Metric(outcome=Outcome(name="complaints"), covariates=("complaints_before",)),
)
TOGETHER = [one.columns for one in METRICS]
EXPERIMENT = tt.Experiment(
    variant="arm",
    churned=tt.Mean("churned", "tenure_months"),
    revenue_yuan=tt.Mean("revenue_yuan", "bill_before_yuan"),
    revenue_a_month=tt.RatioOfMeans("revenue_yuan", "months", "bill_before_yuan", "months_before"),
    data_gb=tt.Mean("data_gb", "data_before_gb"),
    complaints=tt.Mean("complaints", "complaints_before"),
    sizes=tt.SampleRatio(method="norm", correction=False),
)


def make_customers(customers: int) -> Path:
    """Make one row a customer, in float64 where a figure has a fraction."""
    path = BENCH.parent / "build" / "bench" / f"scorecard-{customers}.parquet"
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    names = np.array([f"county-{number:02d}" for number in range(COUNTIES)])
    unfinished, writer = path.with_suffix(".part"), None
    for start in range(0, customers, PART):
        size, rng = min(PART, customers - start), np.random.default_rng(start)
        treated = rng.random(size) < 0.5
        tenure = rng.integers(1, 120, size)
        months, bill = rng.integers(4, 7, size), np.round(rng.lognormal(4.3, 0.6, size), 1)
        data, complaints = np.round(rng.gamma(2, 3, size), 2), rng.poisson(0.1, size)
        table = pa.table(
            {
                "arm": np.where(treated, "treated", "control"),
                "county": names[rng.integers(0, COUNTIES, size)],
                "churned": (rng.random(size) < 0.1 - 5e-4 * tenure - 2e-3 * treated).astype("i8"),
                "revenue_yuan": np.round(bill * rng.lognormal(0, 0.2, size) * months, 1),
                "months": months,
                "data_gb": np.round(6 * data * rng.lognormal(0, 0.3, size), 2),
                "complaints": rng.poisson(0.05 + 0.1 * complaints),
                "bill_before_yuan": bill,
                "months_before": 3 - (rng.random(size) < 0.1),
                "data_before_gb": data,
                "complaints_before": complaints,
                "tenure_months": tenure,
            }
        )
        writer = writer or pq.ParquetWriter(unfinished, table.schema)
        writer.write_table(table)
    assert writer is not None
    writer.close()
    return unfinished.rename(path)


def open_customers(path: Path) -> ir.Table:
    """Open the file; nothing is read yet."""
    return connect("duckdb").read_parquet(path)


def ours(table: ir.Table) -> Scorecard:
    """Score every outcome over all customers and in every county."""
    return score(collect_scorecard(table, TOGETHER), METRICS, treated_share=0.5)


def theirs(table: ir.Table) -> dict[str, Any]:
    """Ask the same of tea-tasting, which takes one population at a time."""
    groups = {"all": table} | {
        f"county-{number:02d}": table.filter(table.county == f"county-{number:02d}")
        for number in range(COUNTIES)
    }
    return {name: EXPERIMENT.analyze(part, control="control") for name, part in groups.items()}


def measure_scorecard(quick: bool) -> Measurement:
    """Time the scorecard from the file to the corrected p-values."""
    customers = 50_000 if quick else 10_000_000
    path = make_customers(customers)
    table = open_customers(path)
    found, peer = ours(table), theirs(table)
    every = [*found.overall.estimates, *found.segments.estimates]
    for place, (group, known) in enumerate(peer.items()):
        mine = every[len(METRICS) * place : len(METRICS) * (place + 1)]
        metrics = list(EXPERIMENT.metrics)[: len(METRICS)]
        assert {one.group for one in mine} == {group}
        assert_allclose(
            [one.p_value for one in mine], [known[name].pvalue for name in metrics], rtol=1e-9
        )
        assert_allclose(found.sizes["p_value"][place], known["sizes"].pvalue, rtol=1e-9)
    ours_seconds, peer_seconds = time_in_turns(
        lambda: ours(table), lambda: theirs(table), repeats=3, warm=False
    )
    peak = peak_gb(f"import rows_campaigns_scorecard as r; r.ours(r.open_customers({str(path)!r}))")
    return Measurement(
        ours_seconds=ours_seconds,
        peer_seconds=peer_seconds,
        work=customers,
        note=f"{customers:,} customers × {len(METRICS)} outcomes with CUPED × {COUNTIES} counties "
        f"from Parquet; p-values equal to 1e-9; peak of ours alone {peak:.2f} GB",
    )


ROWS = [
    Row(
        name="scorecard of a campaign, 10 M customers × 5 outcomes × 11 counties",
        peer="tea-tasting on DuckDB",
        target="≤ 1.0 s; ≤ 0.5 GB",
        measure=measure_scorecard,
    ),
]
