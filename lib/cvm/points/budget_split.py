"""Where the uncertainty of a budget comes from."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from cvm.points.budget_run import run

if TYPE_CHECKING:
    from cvm.points.budget import Budget

SPLIT_SCENARIOS = 256


def variance_split(budget: Budget, at: int) -> pd.DataFrame:
    """Return the variance of a points year's cost by source.

    ``systematic`` is the variance over scenarios with the best estimate of behaviour, ``parameter``
    that over draws of the behaviour at the centre of the factors, ``member`` the mean variance of
    members' own luck. What they have together beyond their sum is ``joint``.

    Returns:
        ``source``, ``variance_yuan2``, ``sd_yuan``, ``share`` of the total.
    """
    ran = budget.ran
    scenarios = ran.scenarios.first(SPLIT_SCENARIOS)
    names = {}
    for source, kept in (
        ("systematic", scenarios.at(parameter=False)),
        ("parameter", scenarios.at(systematic=False)),
        ("both", scenarios),
    ):
        part = run(ran.programme, kept, plan=ran.plan)
        names[source] = float(part.by_year(part.cost_yuan)[:, at].var())
    member = float((ran.year_spread_yuan()[:, at] ** 2).mean())
    if not ran.scenarios.member_noise.any():
        member = 0.0
    joint = names["both"] - names["systematic"] - names["parameter"]
    total = names["both"] + member
    parts = {
        "member": member,
        "parameter": names["parameter"],
        "systematic": names["systematic"],
        "joint": joint,
    }
    return pd.DataFrame(
        [
            (name, value, max(value, 0.0) ** 0.5, value / total if total else 0.0)
            for name, value in parts.items()
        ],
        columns=["source", "variance_yuan2", "sd_yuan", "share"],
    )
