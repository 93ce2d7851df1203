"""Checks of keys: rows delivered twice, and rows that contradict each other.

A row that repeats another in every column carries no information: the first stays, the others are
set aside. Rows that share a key and differ are another matter: which one is right cannot be known
from the data, so none is chosen; all of them are set aside while they are few, and many stop
the run, because then the table's grain is not the contract's.
"""

from __future__ import annotations

import ibis
import ibis.expr.types as ir

from cvm.data.quality_rules import (
    CONFLICT_SHARE,
    EXAMPLES,
    ROW,
    UnderCheck,
    held,
    one_row,
    records,
    repeated_rows,
    tell,
)

_DIGEST = "_digest"


def check_keys(table: UnderCheck) -> None:
    """Note rows that repeat or contradict another, and remember which are to be set aside."""
    key = [name for name in table.contract.key if table.has(name)]
    required = [name for name in table.contract.key if name in table.contract.required]
    if not key or not all(name in key for name in required):
        return
    spoiled = [rule.broken for rule in table.fired if rule.column in required]
    sound = table.stage.filter([~broken for broken in spoiled]) if spoiled else table.stage
    suspects = _suspects(sound, key)
    if suspects is None:
        return
    repeated = suspects.group_by(key).having(suspects.count() > 1).agg(rows=suspects.count())
    if not one_row(repeated.aggregate(keys=repeated.count()))["keys"]:
        return
    _note_repeats(table, held(_versions(suspects, repeated, key)), key)


def _suspects(sound: ir.Table, key: list[str]) -> ir.Table | None:
    """Return the rows that may share a key with another, or None if no two do.

    Equal keys have equal digests. Counting one number a row instead of several texts takes half the
    time and a quarter of the memory, and most tables have no repeated key.
    """
    digest = ibis.struct({name: sound[name] for name in key}).hash()
    digested = sound.mutate(**{_DIGEST: digest})
    digests = digested[_DIGEST].nunique()
    found = one_row(digested.aggregate(rows=digested.count(), digests=digests))
    if found["rows"] == found["digests"]:
        return None
    repeated = digested.group_by(_DIGEST).having(digested.count() > 1).agg(rows=digested.count())
    return digested.semi_join(held(repeated), _DIGEST).drop(_DIGEST)


def _versions(sound: ir.Table, repeated: ir.Table, key: list[str]) -> ir.Table:
    """Return the rows under repeated keys: which repeat an earlier row, and how many versions."""
    same_key = [sound[name].identical_to(repeated[name]) for name in key]
    suspects = sound.semi_join(repeated, same_key)
    content = [name for name in sound.columns if name != ROW]
    numbered = suspects.mutate(
        copy=ibis.row_number().over(ibis.window(group_by=content, order_by=ROW)) > 0
    )
    originals = (~numbered["copy"]).cast("int64").sum()
    counted = numbered.mutate(versions=originals.over(ibis.window(group_by=key)))
    return counted.select(ROW, *key, "copy", "versions")


def _note_repeats(table: UnderCheck, suspects: ir.Table, key: list[str]) -> None:
    copies = suspects.filter(suspects["copy"])
    conflicts = suspects.filter(~suspects["copy"] & (suspects.versions > 1))
    found = one_row(
        suspects.aggregate(
            copies=suspects["copy"].cast("int64").sum(),
            conflicts=(~suspects["copy"] & (suspects.versions > 1)).cast("int64").sum(),
            rows=suspects.count(),
            numbers=suspects[ROW].nunique(),
        )
    )
    if found["numbers"] != found["rows"]:
        raise repeated_rows(table.name, f"{found['numbers']} numbers for {found['rows']} rows")
    if found["copies"]:
        table.note(
            "duplicate_row", found["copies"], fate="set_aside", examples=_examples(copies, key)
        )
    if found["conflicts"]:
        table.note(
            "conflicting_rows",
            found["conflicts"],
            fate="set_aside",
            hard=found["conflicts"] > CONFLICT_SHARE * table.rows,
            examples=_examples(conflicts, key),
            keys=", ".join(key),
        )
    table.duplicates = held(
        ibis.union(
            copies.select(ROW, check=ibis.literal("duplicate_row")),
            conflicts.select(ROW, check=ibis.literal("conflicting_rows")),
        )
    )


def _examples(rows: ir.Table, key: list[str]) -> tuple[str, ...]:
    first = rows.order_by(ROW).limit(EXAMPLES).select(ROW, *key)
    return tuple(tell(record) for record in records(first))
