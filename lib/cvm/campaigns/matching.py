"""Matching on one score: nearest, with and without replacement, within a caliper and strata.

Triggered contacts are matched in time: a control is somebody who, in the month of the contact, was
still a customer and had not yet been contacted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.campaigns import matching_kernels as kernels
from cvm.campaigns.moments import FloatArray
from cvm.core.checks import ArgumentError, DataError, check_at_least, check_one_of

IntArray = npt.NDArray[np.int64]
ORDERS = ("largest", "smallest", "data", "random")


@dataclass(frozen=True, kw_only=True)
class Matches:
    """Who was compared with whom.

    Attributes:
        treated: Places of the treated in the data, in the order of the data.
        controls: Places of the controls of each (treated × ratio), −1 where none was left.
        size: Customers in the data.
        replace: Whether a control may stand for several treated.
    """

    treated: IntArray
    controls: IntArray
    size: int
    replace: bool = False

    @property
    def matched(self) -> npt.NDArray[np.bool_]:
        """Return which of the treated have a control."""
        return self.controls[:, 0] >= 0

    @property
    def unmatched_count(self) -> int:
        """Return how many treated have nobody to be compared with."""
        return int((~self.matched).sum())

    @property
    def control_count(self) -> int:
        """Return how many customers serve as controls."""
        return len(np.unique(self.controls[self.controls >= 0]))

    def weights(self) -> FloatArray:
        """Return each customer's weight: 1 for a matched treated, shares of sets for a control."""
        weights = np.zeros(self.size)
        weights[self.treated[self.matched]] = 1.0
        share = 1.0 / np.maximum((self.controls >= 0).sum(axis=1), 1)
        taken = self.controls >= 0
        np.add.at(
            weights, self.controls[taken], np.broadcast_to(share[:, None], taken.shape)[taken]
        )
        return weights

    def differences(self, values: npt.ArrayLike) -> FloatArray:
        """Return, for each matched treated, its value minus the mean of its controls' values."""
        y = np.asarray(values, dtype=np.float64)
        kept = self.controls[self.matched]
        there = kept >= 0
        means = np.where(there, y[kept], 0.0).sum(axis=1) / there.sum(axis=1)
        found: FloatArray = y[self.treated[self.matched]] - means
        return found

    def sets(self) -> IntArray:
        """Return each customer's matched set, −1 for none; only without replacement.

        Raises:
            ArgumentError: A control may stand in several sets.
        """
        if self.replace:
            raise ArgumentError("replace", True, "False, for sets that share nobody")
        found = np.full(self.size, -1)
        kept = np.flatnonzero(self.matched)
        found[self.treated[kept]] = kept
        rows, columns = np.nonzero(self.controls >= 0)
        found[self.controls[rows, columns]] = rows
        return found


def match_nearest(
    treated: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    ratio: int = 1,
    replace: bool = False,
    caliper: float | None = None,
    strata: npt.ArrayLike | None = None,
    order: str = "largest",
    rng: np.random.Generator | None = None,
) -> Matches:
    """Match each treated customer with those whose score is nearest.

    Greedy: treated choose in turn, and among equally near controls the first in the data is taken.
    With ``ratio`` above one, every treated chooses once before anybody chooses again. Time is that
    of sorting, memory some 60 bytes a customer.

    Args:
        treated: 0 or 1 for each customer.
        score: What is matched on: the propensity score or its logit.
        ratio: Controls for each treated.
        replace: Whether a control may be chosen again.
        caliper: Largest distance allowed, in the score's unit; see :func:`caliper_of`.
        strata: Group within which alone matches are made, for each customer (exact matching).
        order: Who chooses first: ``largest`` score (the hardest to match), ``smallest``, ``data``
            or ``random``.
        rng: Randomness of ``order="random"``.

    Raises:
        ArgumentError: Unknown order, ratio below 1, or ``random`` without ``rng``.
        DataError: Lengths differ or a score is missing or infinite.

    Sources:
        Rosenbaum & Rubin (1985), The American Statistician 39; Ho, Imai, King & Stuart (2011),
        Journal of Statistical Software 42 (the order, and the rounds).
    """
    check_one_of(order, "order", ORDERS)
    check_at_least(ratio, "ratio", 1)
    if caliper is not None:
        check_at_least(caliper, "caliper", 0)
    if order == "random" and rng is None:
        raise ArgumentError("rng", None, "a generator for a random order")
    arm, values = _checked(treated, score)
    chosen = np.flatnonzero(arm)
    out = np.full((len(chosen), int(ratio)), -1)
    reach = np.inf if caliper is None else float(caliper)
    pool = np.flatnonzero(~arm)
    for of_treated, of_controls in _strata(chosen, pool, strata):
        places = _in_order(values[chosen[of_treated]], order, rng)
        rows = of_treated[places]
        _match(values, chosen[rows], rows, pool[of_controls], out, reach, order, replace)
    return Matches(treated=chosen, controls=out, size=len(arm), replace=replace)


def match_risk_sets(
    treated: npt.ArrayLike,
    score: npt.ArrayLike,
    *,
    period: npt.ArrayLike,
    customer: npt.ArrayLike,
    ratio: int = 1,
    caliper: float | None = None,
    strata: npt.ArrayLike | None = None,
    order: str = "largest",
    rng: np.random.Generator | None = None,
) -> Matches:
    """Match in time: each contacted customer with customers at risk in the month of the contact.

    A row is a customer and month: contacted in it, or still a customer and not yet contacted.
    Months are matched one after another; nobody serves as a control twice, in whatever months.

    Args:
        treated: 1 where the customer is contacted in the row's month.
        score: Chance of being contacted in the month.
        period: Month of the row.
        customer: Customer of the row.
        ratio: Controls for each treated.
        caliper: Largest distance allowed.
        strata: Groups within which alone matches are made, besides the month.
        order: As in :func:`match_nearest`.
        rng: Randomness of ``order="random"``.

    Raises:
        DataError: A customer is contacted twice, stands twice in a month, or is still at risk
            in or after the month of its contact.

    Sources:
        Li, Propert & Rosenbaum (2001), JASA 96; Lu (2005), Biometrics 61.
    """
    arm, values = _checked(treated, score)
    months = np.asarray(period)
    codes = np.unique(np.asarray(customer), return_inverse=True)[1]
    _check_risk_sets(arm, months, codes)
    groups = None if strata is None else np.asarray(strata)
    used = np.zeros(int(codes.max(initial=-1)) + 1, dtype=np.bool_)
    chosen = np.flatnonzero(arm)
    out = np.full((len(chosen), int(ratio)), -1)
    for month in np.unique(months[arm]):
        rows = np.flatnonzero((months == month) & (arm | ~used[codes]))
        part = match_nearest(
            arm[rows],
            values[rows],
            ratio=ratio,
            caliper=caliper,
            strata=None if groups is None else groups[rows],
            order=order,
            rng=rng,
        )
        found = np.where(part.controls >= 0, rows[part.controls], -1)
        out[np.searchsorted(chosen, rows[part.treated])] = found
        used[codes[found[found >= 0]]] = True
    return Matches(treated=chosen, controls=out, size=len(arm))


def caliper_of(treated: npt.ArrayLike, score: npt.ArrayLike, *, deviations: float = 0.2) -> float:
    """Return a caliper in standard deviations of the score, pooled over both arms.

    Sources:
        Austin (2011), Pharmaceutical Statistics 10: 0.2 of the logit of the propensity score.
    """
    check_at_least(deviations, "deviations", 0)
    arm, values = _checked(treated, score)
    variances = [values[side].var(ddof=1) if side.sum() > 1 else 0.0 for side in (arm, ~arm)]
    return deviations * float(np.sqrt(np.mean(variances)))


def _checked(
    treated: npt.ArrayLike, score: npt.ArrayLike
) -> tuple[npt.NDArray[np.bool_], FloatArray]:
    given, values = np.asarray(treated), np.asarray(score, dtype=np.float64)
    if given.ndim != 1 or given.shape != values.shape:
        raise DataError("score", values.shape, f"one for each of {len(given)} customers")
    if given.dtype != np.bool_:
        if not np.isin(given, (0, 1)).all():
            raise DataError("treated", "other values", "0 or 1 for every customer")
        given = given == 1
    if not np.isfinite(values).all():
        raise DataError("score", "missing or infinite", "finite for every customer")
    return given, values


def _strata(
    chosen: IntArray, pool: IntArray, strata: npt.ArrayLike | None
) -> list[tuple[IntArray, IntArray]]:
    """Return, for each stratum with both, the places of its treated and controls in their lists."""
    if strata is None:
        return [(np.arange(len(chosen)), np.arange(len(pool)))]
    codes = np.unique(np.asarray(strata), return_inverse=True)[1].reshape(-1)
    count = int(codes.max(initial=-1)) + 1
    parts = []
    for side in (chosen, pool):
        own = codes[side]
        by_code = np.argsort(own, kind="stable")
        parts.append(np.split(by_code, np.cumsum(np.bincount(own, minlength=count))[:-1]))
    return [pair for pair in zip(*parts, strict=True) if len(pair[0]) and len(pair[1])]


def _in_order(score: FloatArray, order: str, rng: np.random.Generator | None) -> IntArray:
    if order == "data":
        return np.arange(len(score))
    if order == "random":
        assert rng is not None
        return rng.permutation(len(score))
    return _sorted(-score if order == "largest" else score)


def _sorted(values: FloatArray) -> IntArray:
    """Return places by rising value, equal ones in order; faster than a stable sort."""
    places = np.argsort(values)
    kernels.order_ties(values, places)
    return places


def _match(
    values: FloatArray,
    rows: IntArray,
    out_rows: IntArray,
    pool: IntArray,
    out: IntArray,
    caliper: float,
    order: str,
    replace: bool,
) -> None:
    own = values[pool]
    by_score = _sorted(own)
    begins = np.empty(len(pool) + 1, dtype=np.int64)
    runs = int(kernels.runs_of(own, by_score, begins))
    begins = begins[: runs + 1]
    levels = own[by_score[begins[:-1]]]
    controls = pool[by_score]
    score = values[rows]
    where = np.empty(len(rows), dtype=np.int64)
    if order in ("largest", "smallest"):
        rising = slice(None, None, -1) if order == "largest" else slice(None)
        kernels.first_at_or_above(levels, score[rising], where[rising])
    else:
        where[:] = np.searchsorted(levels, score) + 1
    ratio = out.shape[1]
    if replace:
        kernels.match_again(score, where, ratio, caliper, levels, begins, controls, out, out_rows)
        return
    left, right = np.arange(runs + 2), np.arange(runs + 2)
    used = np.zeros(runs, dtype=np.int64)
    kernels.match_greedy(
        score, where, ratio, caliper, levels, begins, controls, left, right, used, out, out_rows
    )


def _check_risk_sets(
    arm: npt.NDArray[np.bool_], months: npt.NDArray[np.generic], codes: IntArray
) -> None:
    order = np.unique(months, return_inverse=True)[1]
    pairs = codes * (int(order.max(initial=0)) + 1) + order
    if len(np.unique(pairs)) < len(pairs):
        raise DataError("customer", "twice in a month", "once in each month")
    of = codes[arm]
    if len(np.unique(of)) < len(of):
        raise DataError("treated", "a customer contacted twice", "one contact a customer")
    contacted = np.full(int(codes.max(initial=-1)) + 1, np.iinfo(np.int64).max)
    contacted[of] = order[arm]
    late = int((~arm & (order >= contacted[codes])).sum())
    if late:
        raise DataError(
            "treated",
            f"0 in {late} rows in or after the month of the contact",
            "at risk only before the contact",
            action="leave customers out of the risk sets once they are contacted",
        )
