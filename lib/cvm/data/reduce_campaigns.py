"""From contacts and months to what a campaign is judged by: sums and products by arm and cell.

A customer enters with the month of assignment (month 0). Offers act from the month after it, so
outcomes are counted over months 1 … ``window_months`` and everything from before ends with month 0.
Who cannot be judged is counted with the reason and never left out in silence.
"""

from __future__ import annotations

from collections.abc import Sequence

import ibis
import ibis.expr.types as ir

from cvm.core.checks import check_at_least, check_columns
from cvm.data.reduce_points import UNKNOWN, month_number, tier_of

WINDOW_MONTHS, BEFORE_MONTHS = 6, 3
STATUSES = (
    "both_arms",
    "unknown_customer",
    "not_in_service",
    "window_open",
    "missing_months",
    "followed",
)
"""Why a customer cannot be judged, the first that applies; ``followed`` are those who can."""

_FINITE = 1e12
_WINDOW = {
    "bill_yuan": "revenue_yuan",
    "margin_yuan": "margin_yuan",
    "complaints": "complaints",
    "arrears_stops": "arrears_stops",
}
_BEFORE = {
    "bill_yuan": "bill_before_yuan",
    "margin_yuan": "margin_before_yuan",
    "complaints": "complaints_before",
    "arrears_stops": "arrears_before",
}


def reduce_campaign_cells(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
    before_months: int = BEFORE_MONTHS,
) -> ir.Table:
    """Reduce campaigns to sums and products of what happened, by arm, tier, county and reached.

    Args:
        months: Contract table ``months``, up to the month reported on.
        customers: Contract table ``customers``; ``left_month`` tells who left, or, without it, the
            last month seen.
        contacts: Contract table ``contacts``.
        window_months: Months after assignment over which outcomes are counted.
        before_months: Months up to assignment over which covariates are taken.

    Returns:
        Expression by ``campaign_id``, ``arm``, ``vip_tier`` and ``county`` (of month 0) and
        ``reached`` (null where the contacts do not tell), over the followed: ``customers``, and for
        each measure ``sum_…`` and for each pair ``product_…__…``. Measures are ``churned``,
        ``months`` (in service), ``revenue_yuan``, ``margin_yuan``, ``complaints``,
        ``arrears_stops`` over the window; ``bill_yuan`` of month 0, ``bill_before_yuan``,
        ``margin_before_yuan`` (a month), ``complaints_before``, ``arrears_before``,
        ``tenure_months``; ``elsewhere`` (in another campaign within the window), ``accepted``,
        ``cost_yuan``. Those whose columns the tables lack are left out.
    """
    rows = entrants(
        months, customers, contacts, window_months=window_months, before_months=before_months
    )
    rows = rows.filter(rows.status == "followed")
    keys = ("campaign_id", "arm", "vip_tier", "county", "reached")
    measures = [name for name in rows.columns if name not in (*keys, *_ASIDE)]
    return _sums(rows, keys, measures)


def reduce_campaign_left_out(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
) -> ir.Table:
    """Reduce campaigns to how many customers can be judged, and why others cannot.

    Returns:
        Expression by ``campaign_id``, ``arm`` and ``status`` (see :data:`STATUSES`) with
        ``customers``, ``repeated`` (assigned more than once) and ``after_leaving`` (contacted in
        or after the month of leaving; null where the contacts carry no dates).
    """
    rows = entrants(months, customers, contacts, window_months=window_months)
    return (
        rows.group_by("campaign_id", "arm", "status")
        .agg(
            customers=rows.count(),
            repeated=(rows.assignments > 1).cast("int64").sum(),
            after_leaving=rows.after_leaving.cast("int64").sum(),
        )
        .order_by("campaign_id", "arm", "status")
    )


def reduce_campaign_before(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
    placebo_months: int = 6,
) -> ir.Table:
    """Reduce the months before each campaign, where nothing can have happened yet.

    Args:
        months: Contract table ``months``.
        customers: Contract table ``customers``.
        contacts: Contract table ``contacts``.
        window_months: As in :func:`reduce_campaign_cells`, so that the customers are the same.
        placebo_months: Months before assignment, the month of assignment left out.

    Returns:
        Expression by ``campaign_id``, ``arm`` and ``since`` (−1 is the month before assignment)
        with ``customers``, ``sum_…`` and ``product_…`` of ``bill_yuan``, ``complaints`` and
        ``arrears_stops`` as far as the months have them.
    """
    check_at_least(placebo_months, "placebo_months", 1)
    rows = entrants(months, customers, contacts, window_months=window_months)
    rows = rows.filter(rows.status == "followed").select(
        "campaign_id", "arm", "customer_id", "assigned"
    )
    panel = _panel(months)
    joined = _right_dropped(rows.left_join(panel, "customer_id"))
    joined = joined.mutate(since=joined.index - joined.assigned)
    joined = joined.filter(joined.since.between(-placebo_months, -1), joined.complete)
    measures = [name for name in _WINDOW if name in joined.columns and name != "margin_yuan"]
    return _sums(joined, ("campaign_id", "arm", "since"), measures)


_ASIDE = ("customer_id", "status", "assigned", "until", "last", "assignments", "after_leaving")


def entrants(
    months: ir.Table,
    customers: ir.Table,
    contacts: ir.Table,
    *,
    window_months: int = WINDOW_MONTHS,
    before_months: int = BEFORE_MONTHS,
) -> ir.Table:
    """Return one row a campaign and customer, with status, cell, outcomes and covariates.

    Not a reduction: it has as many rows as there are assignments, for further expressions.
    """
    check_at_least(window_months, "window_months", 1)
    check_at_least(before_months, "before_months", 1)
    check_columns(contacts.columns, ("campaign_id", "customer_id", "arm"), "contacts")
    panel = _panel(months)
    rows = assigned(contacts, window_months)
    rows = with_leaving(rows, customers, panel)
    rows = _measured(rows, panel, window_months, before_months)
    expected = ibis.greatest(ibis.least(rows.until - 1, window_months), 0)
    status = ibis.cases(
        (rows.arms > 1, "both_arms"),
        (~rows.known, "unknown_customer"),
        ((rows.until <= 0) | ~rows.here, "not_in_service"),
        (rows.assigned + window_months > rows.last, "window_open"),
        ((rows.months < expected) | rows.incomplete, "missing_months"),
        else_="followed",
    )
    gone = (rows.until >= 1) & (rows.until <= window_months)
    rows = rows.mutate(
        status=status,
        churned=gone.cast("float64"),
        after_leaving=rows.contact_index - rows.assigned >= rows.until,
    )
    return rows.drop("arms", "known", "here", "incomplete", "contact_index", "attempted")


def assigned(contacts: ir.Table, window_months: int) -> ir.Table:
    """Return one row a campaign and customer: first assignment, arms, contact, other campaigns."""
    has = set(contacts.columns).__contains__
    index = month_number(contacts.assigned_month)
    rows = contacts.mutate(
        assigned=index,
        attempted=attempted(contacts),
        contact_index=month_number(contacts.contacted_on)
        if has("contacted_on")
        else ibis.null("int64"),
    )
    flags = {
        name: rows[name].cast("int64").max().fill_null(0) == 1
        if has(name)
        else ibis.null("boolean")
        for name in ("reached", "accepted")
    }
    each = rows.group_by("campaign_id", "customer_id").agg(
        assigned=rows.assigned.min(),
        arm=rows.arm.min(),
        arms=rows.arm.nunique(),
        assignments=rows.count(),
        attempted=rows.attempted.cast("int64").max() == 1,
        contact_index=rows.contact_index.min(),
        **flags,
        **({"cost_yuan": rows.cost_yuan.sum().fill_null(0.0)} if has("cost_yuan") else {}),
    )
    each = each.mutate(accepted=each.accepted.cast("float64"))
    if not has("accepted"):
        each = each.drop("accepted")
    others = each.select("customer_id", other=each.campaign_id, other_at=each.assigned)
    pairs = each.select("campaign_id", "customer_id", "assigned").join(others, "customer_id")
    pairs = pairs.filter(
        pairs.campaign_id != pairs.other,
        (pairs.other_at - pairs.assigned).abs() <= window_months,
    )
    both = pairs.select("campaign_id", "customer_id").distinct().mutate(elsewhere=ibis.literal(1.0))
    joined = _right_dropped(each.left_join(both, ["campaign_id", "customer_id"]))
    return joined.mutate(elsewhere=joined.elsewhere.fill_null(0.0))


def attempted(contacts: ir.Table) -> ir.BooleanValue:
    """Return whether a contact was attempted, from the best column the contacts have."""
    for name in ("contacted_on", "channel"):
        if name in contacts.columns:
            return contacts[name].notnull()
    if "reached" in contacts.columns:
        return contacts.reached.fill_null(False)
    return ibis.null("boolean")


def with_leaving(rows: ir.Table, customers: ir.Table, panel: ir.Table) -> ir.Table:
    """Add county, tenure, ``until`` (months from assignment to leaving; large if kept) and last."""
    seen = panel.group_by("customer_id").agg(first_seen=panel.index.min(), seen=panel.index.max())
    last = panel.agg(last=panel.index.max())
    has = set(customers.columns).__contains__
    who = customers.select(
        "customer_id",
        known=ibis.literal(True),
        county=customers.county.fill_null(UNKNOWN) if has("county") else ibis.literal(UNKNOWN),
        joined=month_number(customers.joined_month) if has("joined_month") else ibis.null("int64"),
        left_index=month_number(customers.left_month) if has("left_month") else ibis.null("int64"),
    )
    rows = _right_dropped(rows.left_join(who, "customer_id"))
    rows = _right_dropped(rows.left_join(seen, "customer_id")).cross_join(last)
    left = rows.left_index
    if not has("left_month"):
        left = (rows.seen < rows.last).ifelse(rows.seen + 1, ibis.null("int64"))
    joined = ibis.coalesce(rows.joined, rows.first_seen, rows.assigned)
    return rows.mutate(
        known=rows.known.fill_null(False),
        county=rows.county.fill_null(UNKNOWN),
        until=ibis.coalesce(left, rows.last + 1_000) - rows.assigned,
        tenure_months=ibis.greatest(rows.assigned - joined, 0).cast("float64"),
    ).drop("joined", "left_index", "first_seen", "seen")


def _panel(months: ir.Table) -> ir.Table:
    """Return customer-months: number, tier, measures, and whether all of them are known."""
    measures = {"bill_yuan": months.bill_yuan.cast("float64")}
    if "variable_cost_yuan" in months.columns:
        measures["margin_yuan"] = measures["bill_yuan"] - months.variable_cost_yuan
    for name in ("complaints", "arrears_stops"):
        if name in months.columns:
            measures[name] = months[name].cast("float64")
    rows = tier_of(months.mutate(**measures), *measures)
    # Not a number and infinity lie outside on every engine, as a missing value does.
    known = [rows[name].between(-_FINITE, _FINITE).fill_null(False) for name in measures]
    complete = known[0]
    for one in known[1:]:
        complete = complete & one
    return rows.mutate(index=month_number(rows.month), complete=complete).drop("month")


def _measured(rows: ir.Table, panel: ir.Table, window: int, before: int) -> ir.Table:
    """Add what each customer did: over the window, in the months before, and in month 0."""
    names = [name for name in _WINDOW if name in panel.columns]
    spans = rows.select("campaign_id", "customer_id", "assigned", "until")
    each = spans.join(panel, "customer_id")
    each = each.mutate(since=each.index - each.assigned)
    each = each.filter(each.since.between(1 - before, window), each.since < each.until)
    in_window, first = each.since >= 1, each.since == 0
    usable = each.complete

    def total(name: str, where: ir.BooleanValue) -> ir.Value:
        return (where & usable).ifelse(each[name], 0.0).sum()

    earlier = (~in_window & usable).cast("float64").sum()
    measured = each.group_by("campaign_id", "customer_id").agg(
        months=(in_window & usable).cast("float64").sum(),
        here=first.cast("int64").max() == 1,
        incomplete=(~usable).cast("int64").max() == 1,
        vip_tier=first.ifelse(each.vip_tier, ibis.null("string")).max(),
        earlier=earlier,
        first_bill=total("bill_yuan", first),
        **{_WINDOW[name]: total(name, in_window) for name in names},
        **{_BEFORE[name]: total(name, ~in_window) for name in names},
    )
    joined = _right_dropped(rows.left_join(measured, ["campaign_id", "customer_id"]))
    # Means a month, since who joined lately was seen for fewer months.
    means = {
        _BEFORE[name]: joined[_BEFORE[name]] / ibis.greatest(joined.earlier, 1.0) for name in names
    }
    return joined.mutate(
        **means,
        months=joined.months.fill_null(0.0),
        here=joined.here.fill_null(False),
        incomplete=joined.incomplete.fill_null(False),
        vip_tier=joined.vip_tier.fill_null("none"),
        bill_yuan=joined.first_bill,
    ).drop("earlier", "first_bill")


def _sums(rows: ir.Table, keys: Sequence[str], measures: Sequence[str]) -> ir.Table:
    sums = {f"sum_{name}": rows[name].sum() for name in measures}
    products = {
        f"product_{one}__{other}": (rows[one] * rows[other]).sum()
        for place, one in enumerate(measures)
        for other in measures[place:]
    }
    return rows.group_by(*keys).agg(customers=rows.count(), **sums, **products).order_by(*keys)


def _right_dropped(joined: ir.Table) -> ir.Table:
    return joined.drop(*[name for name in joined.columns if name.endswith("_right")])
