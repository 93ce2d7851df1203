"""The compiled loops of a panel: coding identifiers, filling in months, adding up windows.

They stand in one file because compiled code cached on disk does not notice a change in another.
Arrays of months are (months, customers): within a block of customers every month is one pass, which
the compiler turns into vector instructions. The kernels release the interpreter's lock. ``c`` is a
customer's place, ``t`` a month's.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

_WHOLE = 1e-4
"""How far from a whole number of fen a yuan amount may be held (fen)."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first use and keep the code on disk, or in memory where no disk can be written."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return numba.njit(nogil=True, error_model="numpy")(function)


_part = numba.njit(nogil=True, error_model="numpy")


@_part
def _same(data, a, b, store, at, end):  # type: ignore[no-untyped-def]
    k, length = 0, b - a
    if length != end - at:
        return False
    while k < length and data[a + k] == store[at + k]:
        k += 1
    return k == length


@_part
def _slot(data, a, b, mask):  # type: ignore[no-untyped-def]
    """Return where to look first: FNV-1a, its high bits folded in."""
    h = np.uint64(14695981039346656037)
    for k in range(a, b):
        h = (h ^ np.uint64(data[k])) * np.uint64(1099511628211)
    return np.int64((h ^ (h >> np.uint64(29))) & np.uint64(mask))


@compiled
def code_ids(offsets, data, codes, ends, store, slots, count, adding):  # type: ignore[no-untyped-def]
    """Write each identifier's code; return how many codes there are then.

    Rows mostly come customer by customer, or month by month in the same order: so the code of the
    row before and the one after that are tried before the table of slots.

    Args:
        offsets: Where each identifier begins in ``data``, and the last one ends.
        data: Bytes of the identifiers.
        codes: Written; −1 for an unknown one, where none are added.
        ends: ``ends[c]`` and ``ends[c + 1]`` bound a known identifier in ``store``.
        store: Bytes of the known identifiers.
        slots: Codes by hash, −1 where free; a power of two of them.
        count: Known identifiers.
        adding: Give unknown ones the next code.
    """
    mask, last = slots.shape[0] - 1, -1
    for i in range(codes.shape[0]):
        a, b, code = offsets[i], offsets[i + 1], -1
        for guess in range(max(last, 0), min(last + 2, count)):
            if code < 0 and _same(data, a, b, store, ends[guess], ends[guess + 1]):
                code = guess
        if code < 0:
            at = _slot(data, a, b, mask)
            code = slots[at]
            while code >= 0 and not _same(data, a, b, store, ends[code], ends[code + 1]):
                at = (at + 1) & mask
                code = slots[at]
            if code < 0 and adding:
                code = count
                slots[at] = code
                for k in range(b - a):
                    store[ends[code] + k] = data[a + k]
                ends[code + 1] = ends[code] + b - a
                count += 1
        codes[i] = code
        if code >= 0:
            last = code
    return count


@compiled
def fill_slots(ends, store, slots, count):  # type: ignore[no-untyped-def]
    """Put the known identifiers into a new table of slots."""
    mask = slots.shape[0] - 1
    for code in range(count):
        at = _slot(store, ends[code], ends[code + 1], mask)
        while slots[at] >= 0:
            at = (at + 1) & mask
        slots[at] = code


@compiled
def mark_months(bits, places, codes):  # type: ignore[no-untyped-def]
    """Set a bit a customer and month; return the first row whose bit was set before, or −1."""
    for i in range(codes.shape[0]):
        bit = np.uint64(1) << np.uint64(places[i])
        if bits[codes[i]] & bit:
            return i
        bits[codes[i]] |= bit
    return -1


@compiled
def mark_flags(bits, places, codes, flags):  # type: ignore[no-untyped-def]
    """Set the bits of the rows whose flag is set."""
    for i in range(codes.shape[0]):
        bits[codes[i]] |= np.uint64(flags[i]) << np.uint64(places[i])


@compiled
def add_whole(target, places, codes, values, start, scale, low, high):  # type: ignore[no-untyped-def]
    """Add values × scale as whole numbers; return the first row that is none, or does not fit."""
    for i in range(start, codes.shape[0]):
        if codes[i] < 0:
            continue
        value = values[i] * scale
        whole = np.rint(value)
        if not (np.abs(value - whole) <= _WHOLE and np.abs(whole) <= high):
            return i
        total = np.int64(target[places[i], codes[i]]) + np.int64(whole)
        if total < low or total > high:
            return i
        target[places[i], codes[i]] = total
    return codes.shape[0]


@compiled
def add_floats(target, places, codes, values, start):  # type: ignore[no-untyped-def]
    """Add values as they are; return the first row that is no finite number."""
    for i in range(start, codes.shape[0]):
        if codes[i] < 0:
            continue
        if not np.isfinite(values[i]):
            return i
        target[places[i], codes[i]] += values[i]
    return codes.shape[0]


@compiled
def put(target, places, codes, values):  # type: ignore[no-untyped-def]
    """Write a value a customer and month."""
    for i in range(codes.shape[0]):
        target[places[i], codes[i]] = values[i]


@compiled
def largest(values, n):  # type: ignore[no-untyped-def]
    """Return the largest absolute value of the first n customers."""
    found = np.int64(0)
    for t in range(values.shape[0]):
        for c in range(n):
            size = abs(np.int64(values[t, c]))
            found = size if size > found else found
    return found


@compiled
def sum_months(values, start, stop, b, out):  # type: ignore[no-untyped-def]
    """Write the sum over months start to stop of each customer from b on."""
    out[:] = 0
    for t in range(start, stop):
        row = values[t, b : b + out.shape[0]]
        for j in range(out.shape[0]):
            out[j] += row[j]


@compiled
def sum_whole_yuan(values, start, stop, b, out):  # type: ignore[no-untyped-def]
    """Write the sum of whole yuan of each customer from b on, months being held in fen."""
    out[:] = 0
    for t in range(start, stop):
        row = values[t, b : b + out.shape[0]]
        for j in range(out.shape[0]):
            # Half a fen keeps the quotient off whole numbers, by more than a float's error.
            out[j] += np.int32(np.floor((row[j] + 0.5) * 0.01))


@compiled
def sum_floors(values, start, stop, b, out):  # type: ignore[no-untyped-def]
    """Write the sum of whole yuan of each customer from b on, months being held in yuan."""
    out[:] = 0
    for t in range(start, stop):
        row = values[t, b : b + out.shape[0]]
        for j in range(out.shape[0]):
            out[j] += np.floor(row[j] + 0.005)


@compiled
def count_bits(bits, window, b, out):  # type: ignore[no-untyped-def]
    """Write how many months of the window are set for each customer from b on."""
    pairs, fours = np.uint64(0x5555555555555555), np.uint64(0x3333333333333333)
    eights, ones = np.uint64(0x0F0F0F0F0F0F0F0F), np.uint64(0x0101010101010101)
    row = bits[b : b + out.shape[0]]
    for j in range(out.shape[0]):
        x = row[j] & window
        x = x - ((x >> np.uint64(1)) & pairs)
        x = (x & fours) + ((x >> np.uint64(2)) & fours)
        x = (x + (x >> np.uint64(4))) & eights
        out[j] = np.int8((x * ones) >> np.uint64(56))


@compiled
def sort_by_code(codes, starts, months, amounts, months_out, amounts_out):  # type: ignore[no-untyped-def]
    """Put purchases in the order of customers; within one in the order they came.

    ``starts[c]`` is where a customer's begin; it is where they end afterwards.
    """
    for i in range(codes.shape[0]):
        at = starts[codes[i]]
        months_out[at] = months[i]
        amounts_out[at] = amounts[i]
        starts[codes[i]] = at + 1


@compiled
def sum_purchases(ends, months, amounts, b, first, last, latest, frequency, total):  # type: ignore[no-untyped-def]
    """Write the latest month, number and total of the purchases in a window, from customer b on."""
    for j in range(latest.shape[0]):
        c = b + j
        start = ends[c - 1] if c > 0 else 0
        newest, count = -1, 0
        total[j] = 0
        for k in range(start, ends[c]):
            month = months[k]
            if first <= month <= last:
                newest = max(newest, month)
                count += 1
                total[j] += amounts[k]
        latest[j], frequency[j] = newest, count
