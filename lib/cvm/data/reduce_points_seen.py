"""Everything a ledger tells of members' behaviour, collected for the fit."""

from __future__ import annotations

from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.data.engine import collect
from cvm.data.reduce_points import month_number, reduce_points_channels
from cvm.data.reduce_points_behaviour import reduce_points_behaviour
from cvm.data.reduce_points_pressure import reduce_points_pressure

PRESSURE_BELOW_POINTS = 600


def collect_points_behaviour(
    ledger: ir.Table,
    months: ir.Table,
    *,
    before: date | None = None,
    mix_months: int = 12,
    **terms: Any,
) -> dict[str, Any]:
    """Return what :func:`cvm.points.behaviour.fit_behaviour` takes of a ledger.

    Args:
        ledger: Contract table ``ledger``, with its opening rows.
        months: Contract table ``months``.
        before: Only what happened before this month; everything by default.
        mix_months: The last so many months tell the shares of the channels, which change.
        terms: Keywords of :func:`cvm.data.reduce_points_behaviour.reduce_points_behaviour`.

    Returns:
        ``cells``; ``channels`` (None where the ledger has no channel) and ``pressure`` with
        ``pressure_below_points`` (None where the months have no balance, or no threshold holds).
    """
    check_at_least(mix_months, "mix_months", 1)
    if before is not None:
        day = ibis.literal(before)
        ledger, months = ledger.filter(ledger.month < day), months.filter(months.month < day)
    channels = pressure = None
    below = PRESSURE_BELOW_POINTS
    if "channel" in ledger.columns:
        last = month_number(months.month).max()
        recent = ledger.filter(month_number(ledger.month) > last.as_scalar() - mix_months)
        channels = collect(reduce_points_channels(recent, months))
    threshold = terms["threshold_points"]
    if "points_balance" in months.columns and isinstance(threshold, int) and threshold > 0:
        below = min(below, threshold)
        pressure = collect(
            reduce_points_pressure(months, threshold_points=threshold, below_points=below)
        )
    return {
        "cells": collect(reduce_points_behaviour(ledger, months, **terms)),
        "channels": channels,
        "pressure": pressure,
        "pressure_below_points": below,
    }
