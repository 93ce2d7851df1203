"""What a campaign cannot show itself: the value of a kept customer after its window."""

from __future__ import annotations

from dataclasses import dataclass

from cvm.campaigns.profit_measured import Measured
from cvm.core.checks import check_at_least, check_between, check_finite

MONTHS_IN_YEAR = 12


@dataclass(frozen=True, kw_only=True)
class Assumptions:
    """What the campaign itself cannot show.

    Attributes:
        horizon_months: Months from assignment over which margin counts.
        discount_yearly: Yearly rate at which later margin counts less.
        kept_churn_times: How many times as fast as others the customers kept leave afterwards:
            whoever could just be kept is likelier to go.
        margin_times: Later monthly margin ÷ that measured.
        cost_times: Cost ÷ that booked.
        kept_value_yuan: Value of a kept customer from the end of the window on, as of then; for
            instance the residual lifetime value of customers at risk. It replaces horizon, churn
            and margin of the months after the window.
        kept_value_se_yuan: Standard error of it.
    """

    horizon_months: int = 24
    discount_yearly: float = 0.1
    kept_churn_times: float = 1.5
    margin_times: float = 1.0
    cost_times: float = 1.0
    kept_value_yuan: float | None = None
    kept_value_se_yuan: float = 0.0

    def __post_init__(self) -> None:
        check_at_least(self.horizon_months, "horizon_months", 1)
        check_between(self.discount_yearly, "discount_yearly", low=0, high=1)
        for name in ("kept_churn_times", "margin_times", "cost_times", "kept_value_se_yuan"):
            check_at_least(getattr(self, name), name, 0)
        if self.kept_value_yuan is not None:
            check_finite(self.kept_value_yuan, "kept_value_yuan")


def kept_value(measured: Measured, assumptions: Assumptions) -> float:
    """Return what one customer kept is worth after the window, as of assignment (yuan).

    Σ over months j = 1 … horizon − window of margin × (1 − churn)^j ÷ (1 + rate)^((window + j)/12),
    which is a geometric series.
    """
    later = (1 + assumptions.discount_yearly) ** (-measured.window_months / MONTHS_IN_YEAR)
    if assumptions.kept_value_yuan is not None:
        return assumptions.kept_value_yuan * later
    margin = measured.monthly_margin_yuan * assumptions.margin_times
    return margin * later_months(measured, assumptions) * later


def later_months(measured: Measured, assumptions: Assumptions, *, discounted: bool = True) -> float:
    """Return the months a customer kept still serves between the window's end and the horizon.

    Args:
        measured: Tells the window and the monthly churn.
        assumptions: Horizon, discount and how much faster those kept leave.
        discounted: Whether later months count less, as of the window's end.
    """
    months = max(assumptions.horizon_months - measured.window_months, 0)
    churn = min(measured.monthly_churn_share * assumptions.kept_churn_times, 1.0)
    yearly = 1 + assumptions.discount_yearly if discounted else 1.0
    ratio = (1 - churn) * yearly ** (-1 / MONTHS_IN_YEAR)
    return float(months) if ratio == 1 else ratio * (1 - ratio**months) / (1 - ratio)
