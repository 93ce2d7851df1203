"""Compiled loops of matching: greedy nearest neighbours on one score, within strata.

Candidates are sorted by stratum and score, and equal scores stand in order of the data, so "the
nearest, and of equally near ones the first in the data" is found without looking at all of them:
used ones are skipped by two forests of links (union-find), to the left and to the right, whose
paths shorten as they are walked. The cost is that of sorting, n log n, plus nearly n.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np

part = numba.njit(nogil=True, error_model="numpy")
"""A piece of a loop: compiled into it, and kept on disk with it."""


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile on first use and keep the code on disk, or in memory where no disk can be written."""
    try:
        return numba.njit(nogil=True, error_model="numpy", cache=True)(function)
    except RuntimeError:  # numba: "cannot cache function: no locator available"
        return part(function)


@compiled
def order_ties(values, places):  # type: ignore[no-untyped-def]
    """Put places of equal values in rising order, in place; values are sorted along places."""
    n = len(places)
    start = 0
    while start < n:
        end = start + 1
        while end < n and values[places[end]] == values[places[start]]:
            end += 1
        if end - start > 1:
            places[start:end] = np.sort(places[start:end])
        start = end


@compiled
def runs_of(score, places, begins):  # type: ignore[no-untyped-def]
    """Write where each run of equal scores begins to ``begins``; return how many runs."""
    count = 0
    for k in range(len(places)):
        if k == 0 or score[places[k]] != score[places[k - 1]]:
            begins[count] = k
            count += 1
    begins[count] = len(places)
    return count


@part
def _find(link, k):  # type: ignore[no-untyped-def]
    """Return the first run at or beyond k that is still open, shortening the path (halving)."""
    while link[k] != k:
        link[k] = link[link[k]]
        k = link[k]
    return k


@compiled
def match_greedy(  # type: ignore[no-untyped-def]
    treated, where, ratio, caliper, values, begins, controls, left, right, used, out, out_place
):
    """Match treated in the order given, nearest first, without replacement, in ``ratio`` rounds.

    Runs are numbered from 1; 0 and count + 1 stand for "none" at either end.

    Args:
        treated: Scores of the treated in the order in which they choose.
        where: Run (from 1) at or above each treated's score, count + 1 if none.
        ratio: Controls each may choose, one a round.
        caliper: Largest distance allowed.
        values: Score of each run.
        begins: Where each run begins in ``controls``.
        controls: Places of the controls in the data, sorted by score and place.
        left: Links to the left (runs + 2), each to itself at first.
        right: Links to the right.
        used: Controls taken of each run.
        out: Place of the control chosen by each treated in each round, −1 if none.
        out_place: Row of ``out`` of each treated.
    """
    last = len(values)
    for round_ in range(ratio):
        for k in range(len(treated)):
            score = treated[k]
            up = _find(right, where[k])
            down = _find(left, where[k] - 1)
            far_up, far_down = np.inf, np.inf
            if up <= last:
                far_up = abs(values[up - 1] - score)
            if down >= 1:
                far_down = abs(values[down - 1] - score)
            if min(far_up, far_down) > caliper or (up > last and down < 1):
                continue
            take = up
            if far_down < far_up:
                take = down
            elif far_down == far_up and down >= 1:
                first_down = controls[begins[down - 1] + used[down - 1]]
                if up > last or first_down < controls[begins[up - 1] + used[up - 1]]:
                    take = down
            run = take - 1
            out[out_place[k], round_] = controls[begins[run] + used[run]]
            used[run] += 1
            if begins[run] + used[run] == begins[run + 1]:
                left[take] = take - 1
                right[take] = take + 1


@compiled
def match_again(  # type: ignore[no-untyped-def]
    treated, where, ratio, caliper, values, begins, controls, out, out_place
):
    """Match each treated with its ``ratio`` nearest, whoever else chose them.

    Arguments as in :func:`match_greedy`.
    """
    last = len(values)
    for k in range(len(treated)):
        score = treated[k]
        up, down, used_up, used_down = where[k], where[k] - 1, 0, 0
        for round_ in range(ratio):
            far_up, far_down = np.inf, np.inf
            if up <= last:
                far_up = abs(values[up - 1] - score)
            if down >= 1:
                far_down = abs(values[down - 1] - score)
            if min(far_up, far_down) > caliper or (up > last and down < 1):
                break
            below = far_down < far_up
            if far_down == far_up:
                below = controls[begins[down - 1] + used_down] < controls[begins[up - 1] + used_up]
            if below:
                out[out_place[k], round_] = controls[begins[down - 1] + used_down]
                used_down += 1
                if begins[down - 1] + used_down == begins[down]:
                    down, used_down = down - 1, 0
            else:
                out[out_place[k], round_] = controls[begins[up - 1] + used_up]
                used_up += 1
                if begins[up - 1] + used_up == begins[up]:
                    up, used_up = up + 1, 0


@compiled
def first_at_or_above(values, sorted_scores, out):  # type: ignore[no-untyped-def]
    """Write the first run (from 1) at or above each of the rising scores, by one walk."""
    run = 0
    for k in range(len(sorted_scores)):
        while run < len(values) and values[run] < sorted_scores[k]:
            run += 1
        out[k] = run + 1
