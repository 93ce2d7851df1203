"""What a customer of a tier earns a month: margin with its error, less the cost to serve."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_columns, check_finite
from cvm.segments.lifetime_spans import tier_names

_SUMS = ("customers", "customer_months", "months_squared")


def earned_by_tier(
    margins: pd.DataFrame,
    *,
    tier: str | Sequence[str] | None = None,
    margin_share: float | None = None,
    cost_to_serve_yuan: Mapping[str, float] | None = None,
) -> pd.DataFrame:
    """Return each tier's mean earned a customer and month, with its standard error.

    The mean is the tier's margin over its customer-months: a ratio of two sums over customers, so
    its error is that of a ratio estimator (Cochran 1977, ch. 6), customers being the sample.

    Args:
        margins: Of :func:`cvm.data.reduce_segments_lifetime.reduce_lifetime_margins`.
        tier: Column (or columns, joined by "·") that names the tier; None pools all.
        margin_share: Margin ÷ bill, stated; None takes the margin measured. May be negative.
        cost_to_serve_yuan: Cost of a tier's services a customer and month; 0 where not named.

    Returns:
        Columns tier, customers, customer_months, bill_yuan and margin_yuan (a customer and month),
        cost_to_serve_yuan, earned_yuan (margin less cost to serve) and error_yuan. Missing where a
        tier has no months, or the error where it has one customer.

    Raises:
        MissingDataError: A column is missing.
        ArgumentError: No costs are in the data and no share is stated; or a figure is not finite.
    """
    columns = [tier] if isinstance(tier, str) else list(tier or ())
    kind = "revenue" if margin_share is not None else "margin"
    amounts = [f"{kind}_yuan", f"{kind}_squared", f"{kind}_months"]
    check_columns(margins.columns, [*columns, *_SUMS, "revenue_yuan", *amounts], "margins")
    if margin_share is None and margins["margin_yuan"].isna().all():
        raise ArgumentError(
            "margin_share",
            None,
            "stated, as the months carry no variable cost",
            action="state margin ÷ bill, or deliver variable_cost_yuan",
        )
    share = 1.0 if margin_share is None else check_finite(margin_share, "margin_share")
    wanted = list(dict.fromkeys([*_SUMS, "revenue_yuan", *amounts]))
    named = margins[wanted].astype(float).assign(tier=tier_names(margins, columns))
    table = named.groupby("tier", sort=True).sum().reset_index()
    count, size = table["customer_months"], table["customers"]
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = table[f"{kind}_yuan"] / count.where(count > 0)
        spread = (
            table[f"{kind}_squared"]
            - 2 * mean * table[f"{kind}_months"]
            + mean**2 * table["months_squared"]
        ).clip(lower=0)
        error = np.sqrt(spread * size / (size - 1).where(size > 1)) / count
    serve = _serve(cost_to_serve_yuan or {}, table["tier"])
    return pd.DataFrame(
        {
            "tier": table["tier"],
            "customers": size.astype(int),
            "customer_months": count.astype(int),
            "bill_yuan": table["revenue_yuan"] / count.where(count > 0),
            "margin_yuan": share * mean,
            "cost_to_serve_yuan": serve,
            "earned_yuan": share * mean - serve,
            "error_yuan": abs(share) * error,
        }
    )


def _serve(stated: Mapping[str, float], tiers: pd.Series) -> pd.Series:
    for name, value in stated.items():
        check_at_least(value, f"cost_to_serve_yuan[{name}]", 0)
    return tiers.map(lambda name: float(stated.get(name, 0.0))).astype(float)
