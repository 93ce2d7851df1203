"""Cox's regression fitted by Newton's method over months, not over customers.

Customers at risk in a month are those of the months after it and its own, so sums over risk sets
are sums by month, added up from the last month back. Customers who leave in the same month share
it as Efron (1977) has it: the one after *l* of *d* meets a risk set without *l* ÷ *d* of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cvm.campaigns.moments import FloatArray

IntArray = npt.NDArray[np.intp]
_STEPS, _SETTLED = 40, 1e-9


class DivergedError(ArithmeticError):
    """No finite coefficients make what was seen likeliest."""


@dataclass(frozen=True, kw_only=True)
class HazardFit:
    """Coefficients where the partial likelihood is highest.

    Attributes:
        coefficients: Of each covariate (logarithm of the ratio).
        covariance: Of the coefficients: the inverse of the information.
        log_likelihood: Of the fit (partial).
    """

    coefficients: FloatArray
    covariance: FloatArray
    log_likelihood: float


def fit_hazards(months: FloatArray, gone: FloatArray, table: FloatArray) -> HazardFit:
    """Fit Cox's regression with Efron's ties.

    Args:
        months: Until each customer left or was last seen.
        gone: 1 if the customer left then.
        table: Covariates [customer, covariate], of like size: best with a deviation of 1.

    Raises:
        DivergedError: Covariates decide without exception who leaves first, or determine each
            other.
    """
    # Where no finite fit exists, steps grow until figures overflow: that is found out below.
    with np.errstate(all="ignore"):
        return _climb(_Likelihood.of(months, gone, table))


def _climb(likelihood: _Likelihood) -> HazardFit:
    beta = np.zeros(likelihood.table.shape[1])
    value, slope, curve = likelihood.at(beta)
    for _ in range(_STEPS):
        try:
            covariance = np.asarray(np.linalg.inv(curve), dtype=np.float64)
        except np.linalg.LinAlgError:
            break
        step = covariance @ slope
        if not np.isfinite(step).all():
            break
        if float(np.abs(step).max()) < _SETTLED:
            return HazardFit(coefficients=beta, covariance=covariance, log_likelihood=float(value))
        further = likelihood.at(beta + step)
        for _ in range(_STEPS):
            if further[0] >= value - _SETTLED:
                break
            step = step / 2
            further = likelihood.at(beta + step)
        beta, (value, slope, curve) = beta + step, further
    raise DivergedError("coefficients without a finite fit")


@dataclass(frozen=True, kw_only=True)
class _Likelihood:
    """Customers from the last month to the first, cut where one month's leavers end.

    Attributes:
        table: Covariates, of those last seen first.
        starts: Where each month's block of customers begins; the last with leavers ends it.
        left: Covariates of leavers alone.
        left_at: Their places in ``table``.
        left_starts: Where each month's leavers begin.
        month: Month of each leaver.
        before: Share of that month's leavers gone before: *l* ÷ *d*.
    """

    table: FloatArray
    starts: IntArray
    left: FloatArray
    left_at: IntArray
    left_starts: IntArray
    month: IntArray
    before: FloatArray

    @classmethod
    def of(cls, months: FloatArray, gone: FloatArray, table: FloatArray) -> _Likelihood:
        order = np.argsort(-months, kind="stable")
        late, left = -months[order], gone[order] == 1
        left_at = np.flatnonzero(left)
        _, left_starts, month, many = np.unique(
            late[left], return_index=True, return_inverse=True, return_counts=True
        )
        ends = np.searchsorted(late, late[left_at][left_starts], side="right")
        rows = table[order[: ends[-1]]]
        return cls(
            table=rows,
            starts=np.append(0, ends[:-1]),
            left=rows[left_at],
            left_at=left_at,
            left_starts=left_starts,
            month=month,
            before=(np.arange(len(left_at)) - left_starts[month]) / many[month],
        )

    def at(self, beta: FloatArray) -> tuple[float, FloatArray, FloatArray]:
        """Return the log-likelihood, its slope and its curvature (information)."""
        score = self.table @ beta
        highest = score.max()
        risk = np.exp(score - highest)
        mine = risk[self.left_at]
        at_risk = [np.cumsum(sums, axis=0) for sums in _sums(self.table, risk, self.starts)]
        leaving = _sums(self.left, mine, self.left_starts)
        share = at_risk[0][self.month] - self.before * leaving[0][self.month]
        one, part, square, cross, both = (
            np.add.reduceat(values, self.left_starts)
            for values in (
                1 / share,
                self.before / share,
                1 / share**2,
                self.before / share**2,
                (self.before / share) ** 2,
            )
        )
        value = score[self.left_at].sum() - np.log(share).sum() - highest * len(share)
        slope = self.left.sum(axis=0) - one @ at_risk[1] + part @ leaving[1]
        apart = (at_risk[1] * cross[:, None]).T @ leaving[1]
        curve = (
            np.tensordot(one, at_risk[2], 1)
            - np.tensordot(part, leaving[2], 1)
            - (at_risk[1] * square[:, None]).T @ at_risk[1]
            + apart
            + apart.T
            - (leaving[1] * both[:, None]).T @ leaving[1]
        )
        return float(value), slope, curve


def _sums(
    table: FloatArray, risk: FloatArray, starts: IntArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return sums by month of risks, of risks × covariates, and of risks × their products."""
    weighted = table * risk[:, None]
    # One covariate at a time: products of all pairs of all customers would fill the memory.
    products = [np.add.reduceat(weighted * one[:, None], starts) for one in table.T]
    return (
        np.add.reduceat(risk, starts),
        np.add.reduceat(weighted, starts),
        np.stack(products, axis=1),
    )
