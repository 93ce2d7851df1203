"""The points budget: scenarios, the reduction, the levers; beside the full population."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
from harness import Measurement, Row, time_in_turns

sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "points"))

from budget_operator import members, one_cell_a_member, programme

from cvm.points.budget import simulate
from cvm.points.budget_full import run_members
from cvm.points.budget_grid import lever_table
from cvm.points.budget_kernel import REDEEMED
from cvm.points.budget_run import run
from cvm.points.population import reduce_members
from cvm.points.scenarios import draw_scenarios, one_scenario


def _scenarios(quick: bool) -> Measurement:
    """Ours: the reduced population; peer: every member by dice, one scenario, times the count."""
    count, size = (64, 2_000) if quick else (1_000, 20_000)
    made = programme(size, joiners=0.0)
    columns = members(size)
    whole = replace(made, population=one_cell_a_member(columns, made.population))
    draws = draw_scenarios(count=count, months=36, rng=np.random.default_rng(0))
    dice = np.random.default_rng(1)

    def full(at: int) -> float:
        flows, _ = run_members(
            whole,
            columns.lots_points,
            np.arange(size),
            draws,
            rng=dice,
            at=at,
            even_part=(0.4, 0.4),
        )
        return float(flows[:, REDEEMED].sum())

    ran = run(made, draws)
    tried = range(0, count, max(1, count // 32))
    gaps = np.array([ran.flow(REDEEMED)[at].sum() / full(at) - 1 for at in tried])
    allowed = 0.005 + 2 * gaps.std() / np.sqrt(len(gaps))
    assert abs(gaps.mean()) < allowed, gaps.mean()
    ours, one = time_in_turns(lambda: run(made, draws), lambda: full(0), repeats=3)
    assert one is not None
    note = f"redeemed points differ by {gaps.mean():+.2%} on average of {len(gaps)} scenarios"
    return Measurement(ours_seconds=ours, peer_seconds=one * count, work=count, note=note)


def _after_reduction(quick: bool) -> Measurement:
    """Ours: the population reduced from many members; peer: from few. The ratio is to be 1."""
    few, many = (10_000, 50_000) if quick else (100_000, 10_000_000)
    small = programme(few)
    columns = members(few)
    times = many // few
    start = time.perf_counter()
    big = reduce_members(
        replace(
            columns,
            lots_points=np.tile(columns.lots_points.astype(np.float32), times),
            bill_yuan=np.tile(columns.bill_yuan, times),
            churn=np.tile(columns.churn, times),
            tenure_months=np.tile(columns.tenure_months, times),
            tier=np.tile(columns.tier.astype("U6"), times),
            county=np.tile(columns.county.astype("U5"), times),
            on_time_share=0.8,
            data_reach_share=0.5,
        ),
        first_month="2008-12",
        cells=64,
    )
    took = time.perf_counter() - start
    large = replace(small, population=big)
    centre = one_scenario(months=36)
    one, other = (run(p, centre).flow(REDEEMED).sum() for p in (small, large))
    assert abs(other / one / times - 1) < 0.005
    draws = draw_scenarios(count=256, months=36, rng=np.random.default_rng(0))
    ours, peer = time_in_turns(lambda: run(large, draws), lambda: run(small, draws), repeats=3)
    note = f"{many:,} members reduced once in {took:.1f} s; 256 scenarios timed"
    return Measurement(ours_seconds=ours, peer_seconds=peer, note=note)


_FIRST_USE = """
import json, sys, time
start = time.perf_counter()
from cvm.points.budget_levers import evaluate_levers, exceedance
table = json.load(open(sys.argv[1]))
evaluate_levers(table, return_rate=0.021, threshold_points=2700, redemption=0.1)
exceedance(table, [0.01 + 0.001 * i for i in range(21)])
print(time.perf_counter() - start)
"""


def _levers(quick: bool) -> Measurement:
    """A lever moved: figures and a curve of 21 rates, in a new interpreter, imports included."""
    import json
    import statistics
    import tempfile

    made = simulate(programme(2_000, cells=16, months=24), count=64, rng=np.random.default_rng(0))
    small = {"tenure_times": (1.0,), "spend_growth": (0.0,)} if quick else {}
    table = lever_table(made, year=2010, count=16 if quick else 32, **small)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "levers.json"
        path.write_text(json.dumps(table))
        seconds = [
            float(
                subprocess.run(
                    [sys.executable, "-c", _FIRST_USE, str(path)],
                    capture_output=True,
                    text=True,
                    check=True,
                ).stdout
            )
            for _ in range(3)
        ]
        kilobytes = path.stat().st_size / 1024
    note = f"table of {len(table['log_cost'])} settings, {kilobytes:.0f} kB"
    return Measurement(ours_seconds=statistics.median(seconds), note=note)


ROWS = [
    Row(
        name="1,000 scenarios × 36 months, 20,000 members in 64 cells",
        peer="every member by dice (one scenario × 1,000)",
        target="≤ 5 s, within 0.5 %",
        measure=_scenarios,
    ),
    Row(
        name="256 scenarios after reducing 10 M members",
        peer="after reducing 100,000",
        target="1×",
        measure=_after_reduction,
    ),
    Row(name="a lever moved, first use in a new process", target="≤ 0.2 s", measure=_levers),
]
