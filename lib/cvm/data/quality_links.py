"""Checks of ids across tables: what one table names and another does not know."""

from __future__ import annotations

from collections.abc import Mapping

import ibis
import ibis.expr.types as ir

from cvm.data.quality_rules import (
    EXAMPLES,
    ROW,
    UNKNOWN_SHARE,
    UnderCheck,
    one_row,
    records,
    row_examples,
    tell,
)
from cvm.data.tables import CONTRACT

Tables = Mapping[str, UnderCheck]
CleanTables = Mapping[str, ir.Table]

FEW_IDS = 10
"""Fewer unknown ids than this never stop a run."""
EACH_IS_USED = {"campaigns": "contacts", "accounts": "customers"}
"""Tables whose every row should appear in the other."""


def check_links(tables: Tables, clean: CleanTables) -> None:
    """Check every reference of the contract between the tables that were delivered."""
    del clean  # ids are compared as delivered: a row set aside is still known
    for table in tables.values():
        for column, target in table.contract.references.items():
            key = CONTRACT[target].key[0]
            if target in tables and table.has(column) and tables[target].has(key):
                _check_known(table, column, tables[target].usable[key], target)
    for name, user in EACH_IS_USED.items():
        key = CONTRACT[name].key[0]
        if name in tables and user in tables and tables[user].has(key) and tables[name].has(key):
            _check_used(tables[name], key, tables[user])


def _check_known(table: UnderCheck, column: str, target: ir.StringColumn, of: str) -> None:
    named = table.usable.filter(table.usable[column].notnull())
    ids = named.group_by(column).agg(rows=named.count(), **{ROW: named[ROW].min()})
    known = target.as_table().distinct()
    known = known.select(known_id=known[0], is_known=ibis.literal(True))
    marked = ids.left_join(known, ids[column] == known.known_id)
    unknown = marked.is_known.isnull()
    found = one_row(
        marked.aggregate(
            ids=marked.count(),
            unknown_ids=unknown.sum(),
            rows=marked.rows.sum(where=unknown),
        )
    )
    if found["unknown_ids"]:
        first = marked.filter(unknown).order_by(ROW).limit(EXAMPLES).select(ROW, column)
        table.note(
            "unknown_reference",
            found["rows"],
            column=column,
            hard=found["unknown_ids"] >= FEW_IDS
            and found["unknown_ids"] > UNKNOWN_SHARE * found["ids"],
            examples=[tell(record) for record in records(first)],
            ids=found["unknown_ids"],
            of=of,
        )


def _check_used(table: UnderCheck, key: str, user: UnderCheck) -> None:
    used = user.usable.select(key).filter(lambda t: t[key].notnull()).distinct()
    unused = table.usable.filter(table.usable[key].notnull()).anti_join(used, key)
    rows = one_row(unused.aggregate(rows=unused.count()))["rows"]
    if rows:
        table.note(
            "unused",
            rows,
            column=key,
            examples=row_examples(unused, ibis.literal(True), [key]),
            by=user.name,
        )


def service(tables: Tables, clean: CleanTables) -> ir.Table | None:
    """Return customer, ``joined_month`` and ``left_month`` of the clean customers, with ``_row``.

    A month that was not delivered is null. None if no customers were delivered.
    """
    if "customers" not in clean or not tables["customers"].has("customer_id"):
        return None
    customers = clean["customers"]
    dates = {
        name: customers[name] if tables["customers"].has(name) else ibis.null("date")
        for name in ("joined_month", "left_month")
    }
    return customers.select(ROW, "customer_id", **dates)
