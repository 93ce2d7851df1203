"""What a campaign without a control is judged by: the contacted, and those at risk beside them.

A row is a customer in a month of the campaign: contacted in it, or in service and not yet
contacted. So a triggered contact is compared with customers who, that month, might have been
contacted too. Covariates end the month before the contact; outcomes begin the month after it.
Rows grow with customers × months of contact; the matching that follows needs them one by one.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least
from cvm.data.reduce_points import month_number

HABIT_MONTHS, RECENT_MONTHS, PLACEBO_MONTHS = 6, 3, 3
_LAST = ("bill_yuan", "calling_circle", "off_net_share", "forwarding_minutes", "star")
_COUNTED = ("complaints", "arrears_stops")
_GROUPS = ("county", "brand", "customer_type", "payment", "tariff", "number_range")


def reduce_campaign_rows(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    campaign_id: str,
    window_months: int,
) -> ir.Table:
    """Reduce the panel to one row a customer at risk and month of the campaign.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``; without ``left_month``, who has no row up to the
            last month of the panel has left.
        contacts: Contract table ``contacts``; customers assigned to the treated arm count as
            contacted, a control arm (if there is one) as not contacted.
        campaign_id: The campaign.
        window_months: Months after the contact over which outcomes are counted.

    Returns:
        Expression by ``period`` (month index of the contact) and ``customer_id`` with

        * ``treated``, ``contacted_later`` (within the window), ``held_out`` (assigned to a control
          arm that month), ``cost_yuan`` (booked for the contacted) and ``accepted`` (1 if they took
          the offer); null without them;
        * from before: ``before_…`` (last month's bill, fall against the three bills before, mean
          of six; circle, off-net share, forwarding, star; complaints and arrears of three months,
          complaints of the last; tenure, handset contract, other campaigns), the groups and
          ``vip_tier``; null where the tables lack them;
        * placebos: ``placebo_bill_yuan`` (mean bill of the months 7–9 before) and
          ``placebo_off_net_share`` (in the month of the contact, before an offer takes effect);
        * outcomes over the window: ``churned``, ``revenue_yuan``, ``margin_yuan``, ``months``,
          ``complaints``, ``arrears_stops``; ``kept_bill_yuan`` (mean bill of the months in
          service; null if none);
        * ``observed_months`` (months of the window in the panel) and ``missing_months`` (months
          in service without a row).
    """
    check_at_least(window_months, "window_months", 1)
    panel = _panel(months)
    customers = _with_leaving(customers, panel)
    contacted = _contacted(contacts, campaign_id)
    risk = _risk_sets(panel, contacted, window_months)
    rows = _with_months(risk, panel, window_months)
    rows = _with_customer(rows, customers, window_months)
    rows = _with_other_contacts(rows, contacts, campaign_id)
    rows = _with_assignment(rows, contacts, campaign_id)
    return rows.order_by("period", "customer_id")


def reduce_campaign_contacts(
    months: ir.Table, customers: ir.Table, contacts: ir.Table, *, campaign_id: str
) -> ir.Table:
    """Reduce a campaign's treated contacts to how many can be judged, and why others cannot.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        contacts: Contract table ``contacts``.
        campaign_id: The campaign.

    Returns:
        Expression by ``status`` with ``customers``: ``usable``, ``after_leaving`` (contacted in or
        after the month of leaving), ``unknown_customer``, ``no_month`` (no row in the month of the
        contact) and ``no_month_before`` (none in the month before it).
    """
    panel = _panel(months).select("customer_id", "index")
    customers = _with_leaving(customers, panel)
    sent = _contacted(contacts, campaign_id)
    known = customers.select(known_id="customer_id", left_index="left_index")
    rows = sent.left_join(known, sent.customer_id == known.known_id)
    now = panel.select(now_id="customer_id", now_index="index")
    rows = rows.left_join(now, [rows.customer_id == now.now_id, rows.assigned == now.now_index])
    before = panel.select(before_id="customer_id", before_index=panel.index + 1)
    rows = rows.left_join(
        before, [rows.customer_id == before.before_id, rows.assigned == before.before_index]
    )
    status = ibis.cases(
        (rows.known_id.isnull(), "unknown_customer"),
        ((rows.left_index <= rows.assigned).fill_null(False), "after_leaving"),
        (rows.now_id.isnull(), "no_month"),
        (rows.before_id.isnull(), "no_month_before"),
        else_="usable",
    )
    rows = rows.mutate(status=status)
    return rows.group_by("status").agg(customers=rows.count()).order_by("status")


def _panel(months: ir.Table) -> ir.Table:
    columns = {name: _float_or_null(months, name) for name in (*_LAST, *_COUNTED)}
    columns["margin_yuan"] = columns["bill_yuan"] - _float_or_null(months, "variable_cost_yuan")
    tier = months.vip_tier if "vip_tier" in months.columns else ibis.null("string")
    return months.select("customer_id", index=month_number(months.month), vip_tier=tier, **columns)


def _float_or_null(table: ir.Table, name: str) -> ir.Value:
    return table[name].cast("float64") if name in table.columns else ibis.null("float64")


def _index(table: ir.Table, name: str) -> ir.Value:
    return month_number(table[name]) if name in table.columns else ibis.null("int64")


def _with_leaving(customers: ir.Table, panel: ir.Table) -> ir.Table:
    """Add the month of leaving as a number; where it is not recorded, from the last month seen."""
    if "left_month" in customers.columns:
        return customers.mutate(left_index=month_number(customers.left_month))
    last = panel.index.max().as_scalar()
    seen = panel.group_by(seen_id="customer_id").agg(seen=panel.index.max())
    found = customers.left_join(seen, customers.customer_id == seen.seen_id)
    gone = (found.seen < last).ifelse(found.seen + 1, ibis.null("int64"))
    return found.mutate(left_index=gone).drop("seen_id", "seen")


def _contacted(contacts: ir.Table, campaign_id: str) -> ir.Table:
    own = contacts.filter(contacts.campaign_id == campaign_id, contacts.arm == "treated")
    return own.group_by("customer_id").agg(assigned=month_number(own.assigned_month).min())


def _risk_sets(panel: ir.Table, contacted: ir.Table, window_months: int) -> ir.Table:
    """Return who was in service in a month of contact and the month before, not yet contacted."""
    periods = contacted.select(period="assigned").distinct()
    now = panel.select("customer_id", period="index", placebo_off_net_share="off_net_share")
    rows = now.semi_join(periods, "period")
    before = panel.select(before_id="customer_id", before_index=panel.index + 1)
    rows = rows.semi_join(
        before, [rows.customer_id == before.before_id, rows.period == before.before_index]
    )
    sent = contacted.select(sent_id="customer_id", assigned="assigned")
    rows = rows.left_join(sent, rows.customer_id == sent.sent_id)
    rows = rows.filter((rows.assigned >= rows.period).fill_null(True))
    later = (rows.assigned > rows.period) & (rows.assigned <= rows.period + window_months)
    return rows.select(
        "customer_id",
        "period",
        "placebo_off_net_share",
        treated=(rows.assigned == rows.period).fill_null(False),
        contacted_later=later.fill_null(False),
    )


def _with_months(risk: ir.Table, panel: ir.Table, window_months: int) -> ir.Table:
    """Add what the months before and after say: one join, then sums by condition."""
    last_index = panel.index.max().as_scalar()
    months = panel.rename(month_id="customer_id")
    far = RECENT_MONTHS + HABIT_MONTHS + PLACEBO_MONTHS
    reach = [
        risk.customer_id == months.month_id,
        months.index >= risk.period - far,
        months.index <= risk.period + window_months,
    ]
    rows = risk.inner_join(months, reach)
    since = rows.index - rows.period
    rows = rows.mutate(since=since)
    keys = ("customer_id", "period", "treated", "contacted_later", "placebo_off_net_share")

    def over(value: ir.Value, first: int, last: int) -> ir.Value:
        inside = (rows.since >= first) & (rows.since <= last)
        return inside.ifelse(value, ibis.null("float64"))

    found = rows.group_by(*keys).agg(
        **{f"before_{name}": over(rows[name], -1, -1).max() for name in _LAST},
        before_bills_yuan=over(rows.bill_yuan, -1 - RECENT_MONTHS, -2).mean(),
        before_bill_mean_yuan=over(rows.bill_yuan, -HABIT_MONTHS, -1).mean(),
        before_complaints=over(rows.complaints, -1, -1).max(),
        before_complaints_recent=over(rows.complaints, -RECENT_MONTHS, -1).sum(),
        before_arrears_recent=over(rows.arrears_stops, -RECENT_MONTHS, -1).sum(),
        vip_tier=(rows.since == -1).ifelse(rows.vip_tier, ibis.null("string")).max(),
        placebo_bill_yuan=over(
            rows.bill_yuan, -HABIT_MONTHS - PLACEBO_MONTHS, -HABIT_MONTHS - 1
        ).mean(),
        revenue_yuan=over(rows.bill_yuan, 1, window_months).sum().fill_null(0.0),
        kept_bill_yuan=over(rows.bill_yuan, 1, window_months).mean(),
        margin_yuan=_after(rows, "margin_yuan", window_months),
        months=(rows.since >= 1).cast("int64").sum(),
        complaints=_after(rows, "complaints", window_months),
        arrears_stops=_after(rows, "arrears_stops", window_months),
    )
    fall = ibis.greatest(1 - found.before_bill_yuan / found.before_bills_yuan, 0.0)
    known = found.before_bills_yuan > 0
    found = found.mutate(
        before_bill_fall=known.ifelse(fall, ibis.null("float64")),
        observed_months=ibis.least(last_index - found.period, window_months),
    )
    return found.drop("before_bills_yuan")


def _after(rows: ir.Table, name: str, window_months: int) -> ir.Value:
    """Return the sum over the window, zero for who has left; null if the column is not known."""
    inside = (rows.since >= 1) & (rows.since <= window_months)
    known = rows[name].count() > 0
    total = inside.ifelse(rows[name], ibis.literal(0.0)).sum()
    return known.ifelse(total, ibis.null("float64"))


def _with_customer(rows: ir.Table, customers: ir.Table, window_months: int) -> ir.Table:
    groups = {
        name: customers[name] if name in customers.columns else ibis.null("string")
        for name in _GROUPS
    }
    own = customers.select(
        own_id="customer_id",
        joined=_index(customers, "joined_month"),
        left="left_index",
        locked=_index(customers, "handset_until_month"),
        before_age_years=_float_or_null(customers, "age_years"),
        **groups,
    )
    rows = rows.left_join(own, rows.customer_id == own.own_id)
    gone = (rows.left > rows.period) & (rows.left <= rows.period + window_months)
    served = ibis.least(rows.left - rows.period - 1, rows.observed_months)
    expected = served.fill_null(rows.observed_months)
    rows = rows.mutate(
        churned=gone.fill_null(False).cast("int64"),
        missing_months=ibis.greatest(expected - rows.months, 0),
        before_tenure_months=(rows.period - rows.joined).cast("float64"),
        before_handset_lock=(rows.locked >= rows.period).fill_null(False).cast("float64"),
    )
    return rows.drop("own_id", "joined", "left", "locked")


def _with_assignment(rows: ir.Table, contacts: ir.Table, campaign_id: str) -> ir.Table:
    """Add who was held out that month, what the contact cost, and who took the offer."""
    own = contacts.filter(contacts.campaign_id == campaign_id)
    own = own.select(
        assigned_id="customer_id",
        assigned_index=month_number(own.assigned_month),
        control=(own.arm == "control").cast("int64"),
        cost=_float_or_null(own, "cost_yuan"),
        took=_float_or_null(own, "accepted"),
    )
    own = own.group_by("assigned_id", "assigned_index").agg(
        control=own.control.max(), cost=own.cost.sum(), took=own.took.max()
    )
    rows = rows.left_join(
        own, [rows.customer_id == own.assigned_id, rows.period == own.assigned_index]
    )
    rows = rows.mutate(
        held_out=(rows.control == 1).fill_null(False) & ~rows.treated,
        cost_yuan=rows.treated.ifelse(rows.cost, ibis.null("float64")),
        accepted=rows.treated.ifelse(rows.took, ibis.null("float64")),
    )
    return rows.drop("assigned_id", "assigned_index", "control", "cost", "took")


def _with_other_contacts(rows: ir.Table, contacts: ir.Table, campaign_id: str) -> ir.Table:
    """Add how many other campaigns contacted the customer in the months before, or this month."""
    others = contacts.filter(contacts.campaign_id != campaign_id, contacts.arm == "treated")
    others = others.select(other_id="customer_id", other_index=month_number(others.assigned_month))
    keys = rows.select("customer_id", "period")
    joined = keys.inner_join(
        others,
        [
            keys.customer_id == others.other_id,
            others.other_index >= keys.period - HABIT_MONTHS,
            others.other_index <= keys.period,
        ],
    )
    counted = joined.group_by("customer_id", "period").agg(other_count=joined.count())
    counted = counted.rename(counted_id="customer_id", counted_period="period")
    rows = rows.left_join(
        counted,
        [rows.customer_id == counted.counted_id, rows.period == counted.counted_period],
    )
    found = rows.mutate(before_other_contacts=rows.other_count.fill_null(0).cast("float64"))
    return found.drop("counted_id", "counted_period", "other_count")
