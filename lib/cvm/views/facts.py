"""Facts of a page: single figures that a notebook publishes as a table of keys and values."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import numpy as np
import pandas as pd

Facts = Mapping[str, float]


def read_facts(frame: pd.DataFrame | None) -> dict[str, float]:
    """Return the known facts by key; withheld and missing ones are left out."""
    if frame is None:
        return {}
    values = pd.to_numeric(frame["value"], errors="coerce")
    return {
        str(key): float(value)
        for key, value in zip(frame["key"], values, strict=True)
        if np.isfinite(value)
    }


def fact_month(facts: Facts) -> date | None:
    """Return the month the facts speak of."""
    if "year" not in facts or "month" not in facts:
        return None
    return date(int(facts["year"]), int(facts["month"]), 1)
