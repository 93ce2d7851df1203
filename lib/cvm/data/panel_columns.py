"""Columns of a panel while it is filled: identifiers, whole numbers as small as they fit, words."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from cvm.core.checks import DataError
from cvm.data.panel_kernels import add_floats, add_whole, code_ids, fill_slots, largest

_GROWTH = 1.5


class IdCodes:
    """Identifiers as whole numbers, in the order they are met first.

    Args:
        expected: How many there will be, more or less.
    """

    def __init__(self, expected: int) -> None:
        self.count = 0
        # Pages that are not written to take no memory, so a generous guess costs nothing.
        self._ends = np.zeros(expected + 1, np.int64)
        self._store = np.empty(16 * expected + 1, np.uint8)
        self._slots = np.full(_slots_for(expected), -1, np.int32)

    def codes(self, ids: pa.Array, *, adding: bool = False) -> npt.NDArray[np.int32]:
        """Return the code of each identifier; of an unknown one −1, or a new code."""
        wide = pa.types.is_large_string(ids.type)
        _, ends, data = ids.buffers()
        offsets = np.frombuffer(ends, np.int64 if wide else np.int32)[ids.offset :][: len(ids) + 1]
        bytes_ = np.frombuffer(data, np.uint8) if data is not None else np.empty(0, np.uint8)
        if adding:
            self._make_room(len(ids), int(offsets[-1] - offsets[0]))
        found = np.empty(len(ids), np.int32)
        self.count = code_ids(
            offsets, bytes_, found, self._ends, self._store, self._slots, self.count, adding
        )
        return found

    def ids(self) -> pa.Array:
        """Return the identifiers in the order of their codes."""
        ends = self._ends[: self.count + 1].copy()
        store = self._store[: int(ends[-1])].copy()
        buffers = [None, pa.py_buffer(ends), pa.py_buffer(store)]
        return pa.Array.from_buffers(pa.large_string(), self.count, buffers)

    def _make_room(self, more: int, more_bytes: int) -> None:
        self._ends = _grown(self._ends, self.count + more + 1)
        self._store = _grown(self._store, int(self._ends[self.count]) + more_bytes)
        if self.count + more > len(self._slots) // 2:
            self._slots = np.full(_slots_for(self.count + more), -1, np.int32)
            fill_slots(self._ends, self._store, self._slots, self.count)


def _slots_for(count: int) -> int:
    return int(2 ** np.ceil(np.log2(2 * count + 16)))


def _grown(values: npt.NDArray[Any], size: int, axis: int = 0) -> npt.NDArray[Any]:
    """Return the array with room for so many, zero where new."""
    if size <= values.shape[axis]:
        return values
    shape = list(values.shape)
    shape[axis] = max(size, int(_GROWTH * values.shape[axis]))
    found = np.zeros(shape, values.dtype)
    found[tuple(slice(0, length) for length in values.shape)] = values
    return found


def grown(values: npt.NDArray[Any], customers: int) -> npt.NDArray[Any]:
    """Return an array by customer, or by month and customer, with room for so many."""
    return _grown(values, customers, values.ndim - 1)


class Amounts:
    """Numbers by month and customer: whole as long as they are whole, then as they come.

    Args:
        name: The column, for errors.
        months: How many months.
        customers: Room for so many.
        scale: What a number is multiplied by to be whole: 100 for yuan, 1 for counts.

    Attributes:
        values: (months, customers); × ``scale`` where whole.
    """

    def __init__(self, name: str, months: int, customers: int, *, scale: int) -> None:
        self.name, self.scale = name, scale
        first = np.int32 if scale > 1 else np.int8
        self.values: npt.NDArray[Any] = np.zeros((months, customers), first)

    @property
    def whole(self) -> bool:
        """Whether all numbers are whole at this scale."""
        return self.values.dtype.kind == "i"

    def add(
        self,
        places: npt.NDArray[np.int32],
        codes: npt.NDArray[np.int32],
        numbers: npt.NDArray[np.float64],
    ) -> None:
        """Add numbers to what customers (code −1: nobody) have in months.

        Raises:
            DataError: One is no finite number.
        """
        done = 0
        while done < len(codes):
            if not self.whole:
                done = add_floats(self.values, places, codes, numbers, done)
                if done < len(codes):
                    raise DataError(self.name, numbers[done], "a finite number in every row")
                continue
            bounds = np.iinfo(self.values.dtype)
            done = add_whole(
                self.values, places, codes, numbers, done, self.scale, bounds.min, bounds.max
            )
            if done < len(codes):
                self._widen(abs(numbers[done]))

    def _widen(self, number: float) -> None:
        fits = number * self.scale <= np.iinfo(np.int32).max and float(number).is_integer()
        if self.values.dtype == np.int8 and fits:
            self.values = self.values.astype(np.int32)
        else:
            self.values = self.values / self.scale

    def most(self, customers: int) -> int:
        """Return the largest absolute whole number of the first customers."""
        return int(largest(self.values, customers))


class Words:
    """Texts as small whole numbers: 0 for none, then in the order they are met first."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}

    def numbers(self, texts: pa.Array) -> npt.NDArray[np.int32]:
        """Return the number of each text."""
        coded = pc.dictionary_encode(texts)
        known = [
            self._numbers.setdefault(word, len(self._numbers) + 1)
            for word in coded.dictionary.to_pylist()
        ]
        indices = pc.fill_null(coded.indices, len(known)).to_numpy(zero_copy_only=False)
        return np.array([*known, 0], np.int32)[indices]

    def column(self, numbers: npt.NDArray[Any]) -> pa.DictionaryArray:
        """Return the texts of these numbers, coded."""
        size = np.int8 if len(self._numbers) < 127 else np.int32
        indices = pa.array((numbers - 1).astype(size), mask=numbers == 0)
        return pa.DictionaryArray.from_arrays(indices, pa.array(list(self._numbers), pa.string()))
