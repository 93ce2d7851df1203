"""What a number of calls reaches, read from candidates in groups of rank.

The dashboard's slider reads the same table in the browser; a test holds the two together. Between
the ends of groups everything runs straight, as within a group nobody is told apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cvm.core.checks import ArgumentError, check_between

Table = Mapping[str, Sequence[float]]
COLUMNS = ("customers", "expected_leavers", "value_at_risk_yuan", "act_cost_yuan")


def evaluate_reach(table: Table, *, calls: float, saved_share: float) -> dict[str, float]:
    """Return what so many calls reach, the best candidates first.

    Args:
        table: Column → one number a group of rank: customers, expected_leavers,
            value_at_risk_yuan, act_cost_yuan.
        calls: Calls made; more than there are candidates reach them all.
        saved_share: Share of those who would have left that a call keeps (0–1).

    Returns:
        ``calls`` (made), ``candidates``, ``leavers``, ``value_yuan`` and ``cost_yuan`` of those
        called, ``saved_yuan``, ``gain_yuan`` (saved − cost), ``value_share`` of all candidates',
        and ``best_calls``: calls beyond which a group costs more than it saves.

    Raises:
        ArgumentError: A negative number of calls, or a share outside 0–1.

    Example:
        >>> table = {"customers": [10, 10], "expected_leavers": [4, 2],
        ...          "value_at_risk_yuan": [1000, 300], "act_cost_yuan": [80, 80]}
        >>> got = evaluate_reach(table, calls=15, saved_share=0.2)
        >>> got["value_yuan"], got["gain_yuan"], got["best_calls"]
        (1150.0, 110.0, 10.0)
    """
    check_between(saved_share, "saved_share", low=0, high=1)
    if calls < 0:
        raise ArgumentError("calls", calls, "at least 0")
    left, sums = float(calls), dict.fromkeys(COLUMNS, 0.0)
    whole = {name: float(sum(table[name])) for name in COLUMNS}
    best, gain, most = 0.0, 0.0, 0.0
    reached = 0.0
    for place, size in enumerate(table["customers"]):
        part = min(max(left / size, 0.0), 1.0) if size else 0.0
        left -= size
        for name in COLUMNS:
            sums[name] += part * table[name][place]
        reached += size
        gain += saved_share * table["value_at_risk_yuan"][place] - table["act_cost_yuan"][place]
        if gain > most:
            best, most = reached, gain
    saved = saved_share * sums["value_at_risk_yuan"]
    value = whole["value_at_risk_yuan"]
    return {
        "calls": sums["customers"],
        "candidates": whole["customers"],
        "leavers": sums["expected_leavers"],
        "value_yuan": sums["value_at_risk_yuan"],
        "cost_yuan": sums["act_cost_yuan"],
        "saved_yuan": saved,
        "gain_yuan": saved - sums["act_cost_yuan"],
        "value_share": sums["value_at_risk_yuan"] / value if value else 0.0,
        "best_calls": best,
    }
