"""Checks of the points ledger: every balance must follow from its movements.

For a customer, the balance at a month's end is opening + earned + transferred in − redeemed −
expired − forfeited − transferred out, summed to that month. Where the panel gives a balance, the
two are compared; one wrong movement shifts every later balance, so only the month in which they
part is told.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.data.quality_links import CleanTables, Tables, service
from cvm.data.quality_rules import EXAMPLES, UnderCheck, held, one_row, records, tell

INFLOWS = ("opening", "earned", "transferred_in")
TRANSFERS = ("transferred_in", "transferred_out")


def check_ledger(tables: Tables, clean: CleanTables) -> None:
    """Check balances, that none falls below zero, and that transfers net out."""
    ledger = tables.get("ledger")
    if ledger is None or not ledger.has("customer_id", "month", "entry", "points"):
        return
    moves = clean["ledger"]
    spoiled = _spoiled(ledger)
    _check_transfers(ledger, moves, spoiled)
    if spoiled is not None:  # with rows set aside these customers cannot balance: told already
        moves = moves.anti_join(spoiled.select("customer_id").distinct(), "customer_id")
    facts = one_row(
        moves.aggregate(first=moves.month.min(), opened=(moves.entry == "opening").any())
    )
    if facts["first"] is None:
        return
    opened = bool(facts["opened"])
    balances = _balances(tables, clean, spoiled)
    if balances is not None:
        balances = balances.filter(balances.month >= facts["first"])
    monthly = _monthly(moves, balances)
    suspects = _suspects(monthly, opened)
    if balances is not None:
        _note_unbalanced(ledger, monthly, suspects, opened)
    low = suspects.filter(suspects.lowest < 0)
    if not opened:
        customers = service(tables, clean)
        if customers is None:
            return
        newcomers = customers.filter(customers.joined_month >= facts["first"])
        low = low.semi_join(newcomers, "customer_id")
    _note_below_zero(ledger, low)


def _spoiled(ledger: UnderCheck) -> ir.Table | None:
    """Return the rows taken out of the ledger but for repetitions, or None if there are none."""
    parts = []
    broken = [rule.broken for rule in ledger.fired if rule.fate == "set_aside"]
    if broken:
        parts.append(ledger.stage.filter(ibis.or_(*broken)))
    if ledger.duplicates is not None:
        conflicts = ledger.duplicates.filter(ledger.duplicates.check == "conflicting_rows")
        parts.append(ledger.stage.semi_join(conflicts, "_row"))
    wanted = [part.select("customer_id", "month") for part in parts]
    return (ibis.union(*wanted) if len(wanted) > 1 else wanted[0]) if wanted else None


def _signed(moves: ir.Table) -> ir.IntegerValue:
    return moves.entry.isin(INFLOWS).ifelse(moves.points, -moves.points)


def _by_customer() -> ir.WindowBuilder:
    return ibis.window(group_by="customer_id", order_by="month")


def _to_date() -> ir.WindowBuilder:
    return ibis.cumulative_window(group_by="customer_id", order_by="month")


def _balances(tables: Tables, clean: CleanTables, spoiled: ir.Table | None) -> ir.Table | None:
    """Return the balances the panel tells, or None if it has no such column."""
    months = tables.get("months")
    if months is None or not months.has("customer_id", "month", "points_balance"):
        return None
    rows = clean["months"]
    if spoiled is not None:
        rows = rows.anti_join(spoiled.select("customer_id").distinct(), "customer_id")
    return rows.filter(rows.points_balance.notnull())


def _monthly(moves: ir.Table, balances: ir.Table | None) -> ir.Table:
    """Return one row a customer-month: points moved, and the balance where one is told."""
    rows = moves.select("customer_id", "month", points=_signed(moves), balance=ibis.null("int64"))
    if balances is not None:
        told = balances.select(
            "customer_id",
            "month",
            points=ibis.literal(0, "int64"),
            balance=balances.points_balance,
        )
        rows = ibis.union(rows, told)
    return rows.group_by("customer_id", "month").agg(
        points=rows.points.sum(), balance=rows.balance.max()
    )


def _compared(monthly: ir.Table) -> ir.Table:
    """Add the ledger's sum to date, and how far the balance, where one is told, lies from it."""
    running = monthly.mutate(by_ledger=monthly.points.sum().over(_to_date()))
    return running.mutate(apart=running.balance - running.by_ledger)


def _suspects(monthly: ir.Table, opened: bool) -> ir.Table:
    """Return the customers with whom something is wrong: usually none, in one pass.

    Returns:
        ``customer_id``, ``parted`` (balance and ledger part somewhere) and ``lowest`` (points). A
        customer without any movement is not in the ledger, which is told elsewhere.
    """
    rows = _compared(monthly)
    spread = rows.group_by("customer_id").agg(
        low=rows.apart.min(),
        high=rows.apart.max(),
        moved=(rows.balance.notnull() & (rows.by_ledger != 0)).any(),
        lowest=rows.by_ledger.min(),
    )
    apart = (spread.low != 0) | (spread.high != 0) if opened else spread.low != spread.high
    marked = spread.select("customer_id", "lowest", parted=(apart & spread.moved).fill_null(False))
    return held(marked.filter(marked.parted | (marked.lowest < 0)))


def _note_unbalanced(
    ledger: UnderCheck, monthly: ir.Table, suspects: ir.Table, opened: bool
) -> None:
    """Note the customer-months in which the panel's balance and the ledger part.

    Without opening entries the level is unknown and only changes are compared.
    """
    suspects = suspects.filter(suspects.parted)
    if not one_row(suspects.aggregate(customers=suspects.count()))["customers"]:
        return
    known = _compared(monthly.semi_join(suspects, "customer_id"))
    known = known.filter(known.balance.notnull())
    known = known.mutate(apart_before=known.apart.lag().over(_by_customer()))
    if opened:
        parted = (known.apart != known.apart_before.fill_null(0)) & (known.apart != 0)
    else:
        parted = (known.apart != known.apart_before).fill_null(False)
    found = known.filter(parted)
    rows = one_row(found.aggregate(rows=found.count(), customers=found.customer_id.nunique()))
    if rows["rows"]:
        first = found.order_by(["customer_id", "month"]).limit(EXAMPLES)
        first = first.select(
            "customer_id", "month", points_balance=first.balance, ledger=first.by_ledger
        )
        ledger.note(
            "ledger_unbalanced",
            rows["rows"],
            column="points",
            examples=[tell(record) for record in records(first)],
            customers=f"{rows['customers']:,}",
        )


def _note_below_zero(ledger: UnderCheck, low: ir.Table) -> None:
    """Note the customers whose ledger falls below zero at some month's end."""
    rows = one_row(low.aggregate(rows=low.count()))["rows"]
    if rows:
        first = low.order_by("customer_id").limit(EXAMPLES)
        ledger.note(
            "ledger_below_zero",
            rows,
            column="points",
            examples=[
                tell({"customer_id": r["customer_id"], "points": r["lowest"]})
                for r in records(first)
            ],
        )


def _check_transfers(ledger: UnderCheck, moves: ir.Table, spoiled: ir.Table | None) -> None:
    """Note months in which points transferred in are not those transferred out."""
    rows = moves.filter(moves.entry.isin(TRANSFERS))
    if spoiled is not None:
        rows = rows.anti_join(spoiled.select("month").distinct(), "month")
    received = rows.entry == "transferred_in"
    by_month = rows.group_by("month").agg(
        rows=rows.count(),
        transferred_in=rows.points.sum(where=received).fill_null(0),
        transferred_out=rows.points.sum(where=~received).fill_null(0),
    )
    apart = records(
        by_month.filter(by_month.transferred_in != by_month.transferred_out).order_by("month")
    )
    if apart:
        ledger.note(
            "transfers_unbalanced",
            sum(record["rows"] for record in apart),
            column="points",
            examples=[
                f"month {r['month']:%Y-%m}, transferred_in {r['transferred_in']}, "
                f"transferred_out {r['transferred_out']}"
                for r in apart[:EXAMPLES]
            ],
            months=len(apart),
        )
