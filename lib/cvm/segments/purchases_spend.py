"""How much a prepaid customer spends a purchase: the Gamma-Gamma model.

Purchases of a customer are gamma(p, ν) with ν drawn from a gamma(q, γ) (Colombo & Jiang 1999;
Fader & Hardie 2013, "The gamma-gamma model of monetary value"). It takes spend and frequency to be
unrelated, so the correlation is reported.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import gammaln, psi

from cvm.core.checks import DataError
from cvm.core.i18n import say
from cvm.core.money import format_number, format_yuan
from cvm.core.result import Result
from cvm.segments.lifetime_climb import climb, covariance
from cvm.segments.purchases_words import Of, nouns

FloatArray = npt.NDArray[np.float64]
NAMES = ("p", "q", "gamma")
_LEAST_CUSTOMERS = 10
_BOUNDS = np.array([[-10.0, 10.0]] * 3)


@dataclass(frozen=True, kw_only=True, eq=False)
class SpendFit(Result):
    """A Gamma-Gamma model of spend a purchase.

    Attributes:
        p: Shape of a customer's purchases.
        q: Shape of differences between customers; the mean of all is finite for q > 1.
        gamma: Scale (yuan).
        errors: Standard errors of the three; NaN where the data leave one open.
        covariance: Of their logarithms [3, 3].
        log_likelihood: At the best fit.
        customers: Customers with a repeat purchase.
        correlation: Of the number of repeat purchases and mean spend.
        of: What was bought, for the words.
    """

    p: float
    q: float
    gamma: float
    errors: tuple[float, float, float]
    covariance: FloatArray
    log_likelihood: float
    customers: int
    correlation: float
    of: Of = "purchases"

    view: ClassVar[str] = ""

    @property
    def mean_yuan(self) -> float:
        """Return the mean spend a purchase over all customers; infinite for q ≤ 1."""
        return self.p * self.gamma / (self.q - 1) if self.q > 1 else float("inf")

    def expected_yuan(self, repeats: npt.ArrayLike, mean_yuan: npt.ArrayLike) -> FloatArray:
        """Return a customer's expected spend a purchase, given what was seen.

        Args:
            repeats: Repeat purchases; 0 gives the mean over all customers.
            mean_yuan: Their mean amount; not read where there is none.
        """
        x = np.asarray(repeats, float)
        spent = np.where(x > 0, x * np.nan_to_num(np.asarray(mean_yuan, float)), 0.0)
        weight = self.p * x + self.q - 1
        if self.q <= 1:
            weight = np.where(x > 0, weight, np.nan)
        return self.p * (self.gamma + spent) / weight

    def summary(self) -> pd.DataFrame:
        """Return a row a parameter: estimate and standard error."""
        return pd.DataFrame(
            {
                "parameter": NAMES,
                "estimate": (self.p, self.q, self.gamma),
                "error": self.errors,
            }
        )

    def text(self, lang: str = "en") -> str:
        """Return the mean spend, and whether spend goes with frequency."""
        if not np.isfinite(self.mean_yuan):
            return say("segments_lifetime.spend.no_mean", lang)
        key = "related" if abs(self.correlation) > 0.3 else "fit"
        words = nouns(self.of, lang)
        return say(
            f"segments_lifetime.spend.{key}",
            lang,
            mean=format_yuan(self.mean_yuan, lang),
            customers=format_number(self.customers, lang),
            correlation=f"{self.correlation:.2f}",
            purchase=words["purchase"],
            again=words["again"],
        )


def fit_spend(
    repeats: npt.ArrayLike,
    mean_yuan: npt.ArrayLike,
    customers: npt.ArrayLike | None = None,
    *,
    of: Of = "purchases",
) -> SpendFit:
    """Fit the Gamma-Gamma model by maximum likelihood.

    Args:
        repeats: Repeat purchases a customer; customers without any are left out.
        mean_yuan: Their mean amount (yuan), above 0 where there are repeat purchases.
        customers: Customers a row; 1 each if left out.
        of: What was bought, for the words.

    Raises:
        DataError: An amount is missing, zero or negative, a row counts no customer, fewer than ten
            customers came back, or all spend the same (there is no difference to fit).
    """
    x, mean = np.asarray(repeats, float), np.asarray(mean_yuan, float)
    many = np.ones_like(x) if customers is None else np.asarray(customers, float)
    mean, many, x = mean[x > 0], many[x > 0], x[x > 0]
    _check_spend(mean, many)
    scale = float(np.average(mean, weights=many))
    z, log_z = mean / scale, np.log(mean / scale)

    likelihood = partial(_log_likelihood, x=x, z=z, log_z=log_z, many=many)
    point = climb(likelihood, np.zeros(3), _BOUNDS)
    p, q, gamma = np.exp(point)
    spread = covariance(likelihood, point, _BOUNDS)
    errors = np.exp(point) * np.sqrt(np.diag(spread))
    total = float(many.sum())
    both = np.cov(x, mean, aweights=many)
    correlation = both[0, 1] / np.sqrt(both[0, 0] * both[1, 1]) if np.ptp(x) else 0.0
    return SpendFit(
        p=float(p),
        q=float(q),
        gamma=float(gamma) * scale,
        errors=(float(errors[0]), float(errors[1]), float(errors[2]) * scale),
        covariance=spread,
        log_likelihood=likelihood(point)[0] - total * float(np.log(scale)),
        customers=int(total),
        correlation=float(correlation),
        of=of,
    )


def _check_spend(mean: FloatArray, many: FloatArray) -> None:
    wrong = ~(np.isfinite(mean) & (mean > 0))
    if wrong.any():
        raise DataError(
            "purchases.mean_yuan",
            f"{int(wrong.sum())} of {len(mean)} missing, zero or negative",
            "above 0 for every customer with repeat purchases",
            action="take refunds out of purchases, or leave these customers out",
        )
    if not np.all(many > 0):
        raise DataError("purchases.customers", many[~(many > 0)][0], "above 0 in every row")
    if many.sum() < _LEAST_CUSTOMERS:
        raise DataError(
            "purchases",
            f"{many.sum():g} customers with repeat purchases",
            f"{_LEAST_CUSTOMERS} or more",
        )
    if np.ptp(mean) <= 1e-9 * mean.max():
        raise DataError("purchases.mean_yuan", "the same for all", "different between customers")


def _log_likelihood(
    point: FloatArray, x: FloatArray, z: FloatArray, log_z: FloatArray, many: FloatArray
) -> tuple[float, FloatArray]:
    """Return the log-likelihood of mean amounts and its gradient in log p, log q, log γ."""
    p, q, gamma = np.exp(point)
    shape = p * x
    both = np.log(gamma + x * z)
    value = (
        gammaln(shape + q)
        - gammaln(shape)
        - gammaln(q)
        + q * np.log(gamma)
        + (shape - 1) * log_z
        + shape * np.log(x)
        - (shape + q) * both
    )
    together = psi(shape + q)
    by_p = float(many @ (x * (together - psi(shape) + log_z + np.log(x) - both)))
    by_q = float(many @ (together - psi(q) + np.log(gamma) - both))
    by_gamma = float(many @ (q / gamma - (shape + q) / (gamma + x * z)))
    return float(many @ value), np.array([by_p * p, by_q * q, by_gamma * gamma])
