"""What a panel holds of customers whatever the month: texts as codes, the rest as numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ibis.expr.types as ir
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from cvm.core.checks import DataError
from cvm.data.panel_columns import IdCodes, Words
from cvm.data.panel_stream import check_known, stream, to_numpy
from cvm.data.reduce_points import month_number


class People:
    """What is known of each customer, in the order of their codes.

    Args:
        ids: Codes of the customers with a month; others are left out.

    Attributes:
        numbers: Column → number of each customer's text; of ``account_id`` among others.
        accounts: Whether accounts are known, and their words.
    """

    def __init__(self, ids: IdCodes) -> None:
        self.ids = ids
        self.words: dict[str, Words] = {}
        self.numbers: dict[str, npt.NDArray[Any]] = {}
        self.values: dict[str, npt.NDArray[np.float64]] = {}
        self.accounts: Words | None = None

    def read(self, customers: ir.Table, amounts: Sequence[str], by: Sequence[str]) -> None:
        """Fill in what scores read, and these columns."""
        always = [name for name in ("brand", "customer_type") if name in customers.columns]
        count = self.ids.count
        self.words = {name: Words() for name in dict.fromkeys([*always, *by])}
        if "account_id" in customers.columns:
            self.accounts = self.words.setdefault("account_id", Words())
        self.numbers = {name: np.zeros(count, np.int32) for name in self.words}
        wanted = {f"text_{name}": customers[name].cast("string") for name in self.words}
        if "joined_month" in customers.columns:
            wanted["joined_month"] = month_number(customers.joined_month).cast("float64")
        wanted |= {name: customers[name].cast("float64") for name in amounts}
        values = [name for name in wanted if not name.startswith("text_")]
        self.values = {name: np.full(count, np.nan) for name in values}
        table = customers.select(customer_id=customers.customer_id.cast("string"), **wanted)
        told = np.zeros(count, bool)
        rows = sum(self._fill(batch, told) for batch in stream(table))
        if rows > told.sum():
            raise DataError("customers.customer_id", "a customer twice", "one row a customer")

    def _fill(self, batch: pa.RecordBatch, told: npt.NDArray[np.bool_]) -> int:
        check_known(batch["customer_id"], "customers.customer_id")
        codes = self.ids.codes(batch["customer_id"])
        known = codes >= 0
        at = codes[known]
        told[at] = True
        for name, words in self.words.items():
            self.numbers[name][at] = words.numbers(batch[f"text_{name}"])[known]
        for name, values in self.values.items():
            values[at] = to_numpy(batch[name])[known]
        return int(known.sum())

    def read_members(self, accounts: ir.Table) -> None:
        """Fill in how many members each customer's account has."""
        assert self.accounts is not None
        if "members" not in accounts.columns:
            return
        rows = accounts.select(
            account_id=accounts.account_id.cast("string"), members=accounts.members.cast("float64")
        ).to_pyarrow()
        numbers = self.accounts.numbers(rows["account_id"].combine_chunks())
        if len(np.unique(numbers)) < len(numbers):
            raise DataError("accounts.account_id", "an account twice", "one row an account")
        own = self.numbers["account_id"]
        members = np.full(max(numbers.max(initial=0), own.max(initial=0)) + 1, np.nan)
        members[numbers] = rows["members"].to_numpy()
        members[0] = np.nan
        self.values["members"] = members[own]

    def columns(self) -> dict[str, pa.Array]:
        """Return the columns, null for who is not in the table."""
        found: dict[str, pa.Array] = {
            name: words.column(self.numbers[name]) for name, words in self.words.items()
        }
        for name, values in self.values.items():
            absent = np.isnan(values)
            if name == "joined_month":
                months = np.where(absent, 0, values).astype(np.int32)
                found[name] = pa.array(months, mask=absent)
            else:
                found[name] = pa.array(values, mask=absent)
        return found
