"""What the chance to redeem depends on, the strongest first."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cvm.points.behaviour_design import term_values
from cvm.points.behaviour_odds import OVER, over_knot

if TYPE_CHECKING:
    from cvm.points.behaviour_model import Behaviour

DRIVERS = {
    "balance": ("log_ratio",),
    "just_qualified": ("just_qualified",),
    "rush": ("rush",),
    "season": ("month_", "festival"),
    "since_last": ("since_",),
    "waited": ("waited_",),
    "tier": ("tier_",),
    "value": ("value",),
}
"""Driver → how the names of its terms begin."""

_CLEAR = 0.01


def drivers(behaviour: Behaviour, cells: pd.DataFrame) -> pd.DataFrame:
    """Return what the chance depends on, the strongest first.

    Strength is how far a driver moves the log odds between member-months (standard deviation). It
    is clear if a Wald test of its terms together has p below 1 %.

    Args:
        behaviour: Fitted behaviour.
        cells: Cells of qualified members with their means.

    Returns:
        ``driver``, ``strength``, ``odds_ratio`` (of twice the balance at the threshold; of the
        first month above it; of a balance that expires wholly; of twice the value of a point; else
        between the levels furthest
        apart), ``p_value``, ``clear``.
    """
    terms, size = behaviour.chance, cells["at_risk"].to_numpy(dtype=float)
    edges = (behaviour.since_edges_months, behaviour.waited_edges_months)
    rows = []
    for driver, prefixes in DRIVERS.items():
        names = [name for name in terms.names if name.startswith(prefixes)]
        if not names:
            continue
        effect = np.zeros(len(cells))
        for name in names:
            effect += terms.value(name) * term_values(name, cells, *edges)
        mean = float(size @ effect / size.sum())
        p_value = terms.p_value(*prefixes)
        if driver == "balance":
            contrast = sum(terms.value(name) * _of_doubling(name) for name in names)
        elif driver in ("just_qualified", "rush"):
            contrast = terms.value(names[0])
        elif driver == "value":
            contrast = terms.value(names[0]) * float(np.log(2))
        else:
            contrast = float(np.ptp(effect))
        rows.append(
            {
                "driver": driver,
                "strength": float(np.sqrt(size @ (effect - mean) ** 2 / size.sum())),
                "odds_ratio": float(np.exp(contrast)),
                "p_value": p_value,
                "clear": p_value < _CLEAR,
            }
        )
    columns = ["driver", "strength", "odds_ratio", "p_value", "clear"]
    table = pd.DataFrame(rows, columns=columns)
    return table.sort_values(["clear", "strength"], ascending=False, ignore_index=True)


def _of_doubling(name: str) -> float:
    """Return how far a term of the balance moves when it goes from the threshold to twice it."""
    return max(0.0, float(np.log(2)) - (over_knot(name) if name.startswith(OVER) else 0.0))
