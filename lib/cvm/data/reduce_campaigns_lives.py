"""Which cards a campaign's customers hold, for what a customer kept is worth over a lifetime."""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.data.reduce_campaigns import WINDOW_MONTHS, entrants
from cvm.data.reduce_points import UNKNOWN


def reduce_campaign_cards(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
) -> ir.Table:
    """Reduce campaigns to customers in service when assigned, and who of them left, by card.

    Args:
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers``.
        contacts: Contract table ``contacts``.
        window_months: Months after the assignment in which leaving counts.

    Returns:
        Expression by ``campaign_id``, ``arm``, ``vip_tier`` (of the month of assignment; ``none``
        without a card) and ``contract`` (whether a customer pays after use; null where customers
        carry no ``payment``) with ``customers`` and ``left`` (of these, within the window).
    """
    rows = entrants(months, customers, contacts, window_months=window_months)
    rows = rows.filter(~rows.status.isin(["both_arms", "unknown_customer", "not_in_service"]))
    if "payment" in customers.columns:
        paid = customers.payment.fill_null(UNKNOWN) == "postpaid"
        rows = rows.join(customers.select("customer_id", contract=paid), "customer_id")
    else:
        rows = rows.mutate(contract=ibis.null("boolean"))
    keys = ("campaign_id", "arm", "vip_tier", "contract")
    return (
        rows.group_by(*keys)
        .agg(customers=rows.count(), left=rows.churned.cast("int64").sum())
        .order_by(*keys)
    )
