"""Columns of a customer's month that follow from the bill and that nothing else depends on."""

from __future__ import annotations

import numpy as np

from cvm.data.sample.people import People
from cvm.data.sample.settings import SampleSettings

_TRAVEL = 1
_TRAVELS_SHARE = 0.15
_COST_OF_BILL = 0.20
_SETTLEMENT_YUAN_A_MINUTE = 0.03
_COST_YUAN_A_GB = 0.60
_LONGEST_MINUTES = 44_640


def usage_columns(
    settings: SampleSettings,
    people: People,
    rng: np.random.Generator,
    who: np.ndarray,
    month: np.ndarray,
    bill: np.ndarray,
    data: np.ndarray,
    off_net: np.ndarray,
) -> dict[str, object]:
    """Return spend, volumes and cost of each row.

    Args:
        settings: The operator.
        people: Customers of the block.
        rng: Generator of the block.
        who: Customer of the row.
        month: Month of the row (offset).
        bill: Bill (jiao).
        data: Data spend (jiao).
        off_net: Off-net share (per cent).
    """
    bills, size = settings.bills, len(who)
    brand, scene = people.brand[who], people.scene[who]
    voice = bill - data - (bills.other_share * bill).astype(np.int32)
    price = np.array(bills.yuan_a_minute)[brand]
    minutes = voice / 10.0 / price * (0.75 + 0.5 * rng.random(size))
    minutes = np.minimum(minutes, _LONGEST_MINUTES).astype(np.int32)
    draw = rng.random(size)
    roams = (scene == _TRAVEL) | (draw < _TRAVELS_SHARE)
    share = np.array(bills.scene_roaming_share)[scene] * (0.4 + 1.2 * rng.random(size))
    roaming = (minutes * np.minimum(share * (1 + 2 * (scene != _TRAVEL)), 0.9)).astype(np.int32)
    start, change = bills.yuan_a_gb
    yuan_a_gb = start * np.exp(change * np.arange(settings.months))
    volume = data * 10.0 / yuan_a_gb[month] * (0.7 + 0.6 * rng.random(size))
    volume = volume.astype(np.int32)
    cost = _COST_OF_BILL * bill + _SETTLEMENT_YUAN_A_MINUTE / 10 * minutes * off_net
    cost += _COST_YUAN_A_GB / 10 * volume
    return {
        "bill_yuan": bill / 10.0,
        "variable_cost_yuan": np.minimum(cost, 0.8 * bill).astype(np.int32) / 10.0,
        "voice_yuan": voice / 10.0,
        "data_yuan": data / 10.0,
        "voice_minutes": minutes.astype(np.float64),
        "roaming_minutes": np.where(roams, roaming, 0).astype(np.float64),
        "data_gb": volume / 100.0,
    }
