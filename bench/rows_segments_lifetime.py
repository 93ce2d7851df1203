"""BG/NBD beside the package `lifetimes`, or beside its method written plainly; sBG and BdW.

Where `lifetimes` (0.11) is not installed, the peer is the likelihood of every customer in NumPy,
maximised by SciPy's L-BFGS-B with a numeric gradient. All stop at the same likelihood. Arrays of x,
tx, T are in memory when the clock starts; counting distinct ones is timed as ours.
"""

from __future__ import annotations

import importlib.util
import statistics
import time

import numpy as np
from harness import Measurement, Row, time_in_turns
from scipy.optimize import minimize
from scipy.special import betaln, gammaln

from cvm.segments.lifetime_estimate import estimate
from cvm.segments.lifetime_models import Model
from cvm.segments.purchases import PurchaseFit, fit_purchases
from cvm.segments.purchases_counts import compress
from cvm.segments.survival_cohorts import cohorts_from_survivors

SURVIVORS = {
    "sbg": [1000, 869, 743, 653, 593, 551, 517, 491],
    "bdw": [1000, 869, 743, 653, 593, 551, 517, 491, 468, 445, 427, 409, 394],
}
Customers = tuple[np.ndarray, np.ndarray, np.ndarray]


def draw(customers: int, first_days: int, unit_days: int, seed: int = 5) -> Customers:
    """Draw x, tx, T of customers observed for up to a year, joined over ``first_days``."""
    rng = np.random.default_rng(seed)
    days = 365 - rng.integers(0, first_days, customers)
    end = (days // unit_days).astype(float)
    rate = rng.gamma(0.6, unit_days / 40, customers)
    leave = rng.beta(0.8, 2.4, customers)
    x, last = np.zeros(customers), np.zeros(customers)
    who = np.arange(customers)
    while len(who):
        at = last[who] + np.ceil(rng.exponential(1 / np.maximum(rate[who], 1e-9)))
        who, at = who[at <= end[who]], at[at <= end[who]]
        last[who] = at
        x[who] += 1
        who = who[rng.random(len(who)) >= leave[who]]
    return x, last, end


def ours(data: Customers) -> PurchaseFit:
    """Count and fit, errors included."""
    return fit_purchases(compress(*data))


def log_likelihood(logs: np.ndarray, data: Customers) -> float:
    """Return the log-likelihood, customer by customer."""
    x, last, end = data
    r, alpha, a, b = np.exp(logs)
    first = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    second = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    stayed = -(r + x) * np.log(alpha + end)
    gone = np.log(a) - np.log(b + np.maximum(x, 1) - 1) - (r + x) * np.log(alpha + last)
    return float(np.sum(first + second + np.logaddexp(stayed, np.where(x > 0, gone, -np.inf))))


def plain(data: Customers) -> np.ndarray:
    """Fit customer by customer with a numeric gradient."""
    found = minimize(
        lambda logs: -log_likelihood(logs, data) / len(data[0]),
        np.full(4, 0.1),
        method="L-BFGS-B",
        options={"ftol": 1e-12},
    )
    return np.exp(found.x)


def packaged(data: Customers) -> np.ndarray:
    """Fit with `lifetimes`."""
    from lifetimes import BetaGeoFitter

    found = BetaGeoFitter(penalizer_coef=0.0).fit(*data).params_
    return found[["r", "alpha", "a", "b"]].to_numpy(float)


def _bgnbd(quick: bool, first_days: int, unit_days: int) -> Measurement:
    customers = 20_000 if quick else 1_000_000
    data = draw(customers, first_days, unit_days)
    fit = ours(data)
    has_package = importlib.util.find_spec("lifetimes") is not None
    start = time.perf_counter()
    parameters = packaged(data) if has_package else plain(data)
    peer = time.perf_counter() - start
    value = log_likelihood(np.log(parameters), data)
    assert fit.log_likelihood >= value - 1e-7 * abs(value)
    assert abs(fit.log_likelihood - value) < 1e-7 * abs(value)
    np.testing.assert_allclose(parameters, fit.parameters, rtol=5e-3)
    seconds, _ = time_in_turns(lambda: ours(data), repeats=5)
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=peer,
        work=customers,
        note=f"{len(fit.purchases.customers):,} distinct (x, tx, T), counting timed; "
        f"peer is {'lifetimes' if has_package else 'the plain likelihood'}, once; "
        "log-likelihoods within 1e-7, ours not lower; ours with standard errors",
    )


def _cohort(quick: bool, model: Model) -> Measurement:
    risk = cohorts_from_survivors({"all": SURVIVORS[model]}).risk()
    counts = np.array(SURVIVORS[model], float)
    ages = np.arange(len(counts))

    def negative(logs: np.ndarray) -> float:
        alpha, beta, *rest = np.exp(logs)
        survival = np.exp(betaln(alpha, beta + ages ** (rest[0] if rest else 1.0)))
        survival /= survival[0]
        gone = np.maximum(-np.diff(survival), 1e-300)
        return float(np.diff(counts) @ np.log(gone) - counts[-1] * np.log(survival[-1]))

    def peer() -> float:
        start = np.zeros(3 if model == "bdw" else 2)
        return -minimize(negative, start, method="Nelder-Mead", options={"fatol": 1e-6}).fun

    item = estimate("all", risk, model)
    assert abs(item.log_likelihood - peer()) < 1e-3
    times = []
    for _ in range(5 if quick else 31):
        start = time.perf_counter()
        estimate("all", risk, model)
        times.append(time.perf_counter() - start)
    _, other = time_in_turns(lambda: None, peer)
    return Measurement(
        ours_seconds=statistics.median(times),
        peer_seconds=other,
        note=f"{len(counts) - 1} ages, log-likelihood equal to 1e-3; ours with standard errors",
    )


ROWS = [
    Row(
        name="BG/NBD, 1 M customers, weeks, joined over half a year",
        peer="lifetimes, or its method written plainly",
        target="≤ 0.3 s; ≥ 75×",
        measure=lambda quick: _bgnbd(quick, 182, 7),
    ),
    Row(
        name="BG/NBD, 1 M customers, days, joined over a quarter",
        peer="lifetimes, or its method written plainly",
        target="≤ 0.3 s; ≥ 75×",
        measure=lambda quick: _bgnbd(quick, 91, 1),
    ),
    Row(
        name="sBG from counts",
        peer="SciPy, Nelder-Mead",
        target="≤ 10 ms",
        measure=lambda quick: _cohort(quick, "sbg"),
    ),
    Row(
        name="BdW from counts",
        peer="SciPy, Nelder-Mead",
        target="≤ 10 ms",
        measure=lambda quick: _cohort(quick, "bdw"),
    ),
]
