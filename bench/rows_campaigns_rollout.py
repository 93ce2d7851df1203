"""Campaigns by branch: staggered difference-in-differences beside csdid and differences."""

import contextlib
import io
import warnings

import differences
import numpy as np
import pandas as pd
from csdid.att_gt import ATTgt
from harness import Measurement, Row, time_in_turns
from numpy.testing import assert_allclose

from cvm.campaigns.rollout import group_time_effects
from cvm.campaigns.rollout_averages import KINDS, aggregate
from cvm.campaigns.rollout_panel import read_panel

COLUMNS = {"unit": "unit", "period": "month", "outcome": "bill_yuan", "start": "start"}


def draw_panel(units: int, periods: int, starts: int) -> pd.DataFrame:
    """Return one row a unit and month, with as many starts and some units that never start."""
    rng = np.random.default_rng(5)
    first = np.unique(np.linspace(3, periods - 1, starts).round().astype(int))
    start = rng.choice([0, *first.tolist()], units)
    month = np.arange(1, periods + 1)
    on = (start[:, None] > 0) & (month >= start[:, None])
    bill = 80 + rng.normal(0, 10, (units, 1)) + 0.1 * month + rng.normal(0, 4, (units, periods))
    return pd.DataFrame(
        {
            "unit": np.repeat(np.arange(units), periods),
            "month": np.tile(month, units),
            "bill_yuan": (bill + 0.5 * on).ravel(),
            "start": np.repeat(start, periods),
        }
    )


def ours(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """Return the four averages with their errors; every group-time effect has its error too."""
    effects = group_time_effects(read_panel(frame, **COLUMNS))
    effects.table()
    averages = [aggregate(effects, kind) for kind in KINDS]
    for one in averages:
        one.table()
    return [(one.overall, one.overall_se) for one in averages]


def by_csdid(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """Ask the same of csdid, in its faster mode, which is its default."""
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = ATTgt(
            yname="bill_yuan",
            gname="start",
            idname="unit",
            tname="month",
            data=frame,
            control_group=["nevertreated"],
        ).fit(est_method="reg", bstrap=False)
        found = []
        for kind in KINDS:
            told = fitted.aggte(typec=kind, bstrap=False, cband=False).atte
            found.append((float(told["overall_att"]), float(np.squeeze(told["overall_se"]))))
    return found


def by_differences(frame: pd.DataFrame) -> list[tuple[float, float]]:
    """Ask the same of differences."""
    rows = frame.assign(start=frame["start"].replace(0, np.nan)).set_index(["unit", "month"])
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted = differences.ATTgt(data=rows, cohort_column="start")
        fitted.fit("bill_yuan", est_method="reg", progress_bar=False)
        found = []
        for kind in ("simple", "cohort", "event", "time"):
            table = fitted.aggregate(kind, overall=kind != "simple")
            found.append((float(table.iloc[0, 0]), float(table.iloc[0, 1])))
    return found


def measure_staggered(quick: bool) -> Measurement:
    """Time group-time effects and their four averages, with analytic errors."""
    size = (300, 12, 4) if quick else (5_000, 24, 8)
    frame = draw_panel(*size)
    mine, theirs, others = ours(frame), by_csdid(frame), by_differences(frame)
    assert_allclose(mine, theirs, rtol=1e-7)
    assert_allclose(np.array(mine)[:, 0], np.array(others)[:, 0], rtol=1e-7)
    ours_seconds, peer_seconds = time_in_turns(
        lambda: ours(frame), lambda: by_csdid(frame), repeats=9
    )
    _, other = time_in_turns(lambda: None, lambda: by_differences(frame), repeats=1, warm=False)
    assert other is not None
    return Measurement(
        ours_seconds=ours_seconds,
        peer_seconds=peer_seconds,
        note="{:,} units × {} months, {} starts, four averages; equal to 1e-7 (csdid: effects and "
        "errors; differences: effects, {:.3g} s)".format(*size, other),
    )


ROWS = [
    Row(
        name="staggered difference-in-differences, 5,000 units × 24 months",
        peer="csdid, the fastest found",
        target="≥ 20×",
        measure=measure_staggered,
    )
]
