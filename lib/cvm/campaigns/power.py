"""Sample size, power and detectable effect: shares, means, time to churn, branches as clusters.

All tests are two-sided, and power counts both tails, so that it is the level where there is no
effect.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize, stats

from cvm.core.checks import ArgumentError, check_at_least, check_between

MOST_CUSTOMERS = 1e12


def power_of_shares(
    control_share: float,
    treated_share: float,
    *,
    control_count: float,
    treated_count: float | None = None,
    level: float = 0.05,
    strict: bool = True,
) -> float:
    """Return the power of comparing two shares (churn) by the pooled test.

    Args:
        control_share: Share without the offer.
        treated_share: Share with it.
        control_count: Customers held out.
        treated_count: Customers treated; as many as held out if not given.
        level: Of the test.
        strict: Count a finding in the wrong direction too, as the test does; R and printed tables
            leave it out.

    Sources:
        Fleiss, Levin & Paik (2003), chapter 4; R's ``power.prop.test``.

    Example:
        >>> round(power_of_shares(0.5, 0.75, control_count=50, strict=False), 7)
        0.7401659
    """
    for value, name in ((control_share, "control_share"), (treated_share, "treated_share")):
        check_between(value, name, low=0, high=1, include_low=False, include_high=False)
    _check_level(level)
    sizes = _sizes(control_count, treated_count)
    pooled = (control_share * sizes[0] + treated_share * sizes[1]) / sum(sizes)
    at_none = math.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
    spread = math.sqrt(
        control_share * (1 - control_share) / sizes[0]
        + treated_share * (1 - treated_share) / sizes[1]
    )
    reach, gap = stats.norm.isf(level / 2) * at_none, abs(treated_share - control_share)
    wrong = stats.norm.cdf((-reach - gap) / spread) if strict else 0.0
    return float(stats.norm.sf((reach - gap) / spread) + wrong)


def power_of_means(
    effect: float,
    deviation: float,
    *,
    control_count: float,
    treated_count: float | None = None,
    level: float = 0.05,
    explained_share: float = 0.0,
) -> float:
    """Return the power of comparing two means (revenue) by the t-test.

    Args:
        effect: Difference of the means, in the outcome's unit.
        deviation: Standard deviation between customers, in the same unit.
        control_count: Customers held out.
        treated_count: Customers treated; as many as held out if not given.
        level: Of the test.
        explained_share: Share of the variance that months before explain (CUPED), R².

    Example:
        >>> round(power_of_means(1, 1, control_count=20), 6)
        0.868953
    """
    check_at_least(deviation, "deviation", 1e-300)
    check_between(explained_share, "explained_share", low=0, high=1, include_high=False)
    sizes = _sizes(control_count, treated_count)
    se = deviation * math.sqrt((1 - explained_share) * (1 / sizes[0] + 1 / sizes[1]))
    return _t_power(abs(effect) / se, sum(sizes) - 2, level)


def power_of_clusters(
    effect: float,
    deviation: float,
    *,
    control_clusters: float,
    treated_clusters: float,
    cluster_customers: float,
    correlation: float,
    level: float = 0.05,
) -> float:
    """Return the power when whole branches are assigned, by a t-test on the branches' means.

    Customers of a branch are alike, so many customers of few branches know little: the variance
    of a branch's mean does not fall below ``correlation × deviation²``.

    Args:
        effect: Difference of the means.
        deviation: Standard deviation between customers, over all branches.
        control_clusters: Branches held out.
        treated_clusters: Branches treated.
        cluster_customers: Customers a branch.
        correlation: Share of the variance that lies between branches (intraclass correlation).
        level: Of the test.

    Sources:
        Donner & Klar (2000), chapter 5; degrees of freedom: branches − 2.
    """
    check_between(correlation, "correlation", low=0, high=1)
    for value, name in (
        (control_clusters, "control_clusters"),
        (treated_clusters, "treated_clusters"),
        (cluster_customers, "cluster_customers"),
    ):
        check_at_least(value, name, 1)
    freedom = control_clusters + treated_clusters - 2
    if freedom < 1:
        raise ArgumentError(
            "treated_clusters", treated_clusters, "with control at least 3 branches"
        )
    variance = deviation**2 * (correlation + (1 - correlation) / cluster_customers)
    se = math.sqrt(variance * (1 / control_clusters + 1 / treated_clusters))
    return _t_power(abs(effect) / se, freedom, level)


def events_needed(
    hazard_ratio: float, *, power: float = 0.8, treated_share: float = 0.5, level: float = 0.05
) -> float:
    """Return how many customers must leave, in both arms, to see a hazard ratio by the log-rank.

    Args:
        hazard_ratio: Monthly churn with the offer ÷ without.
        power: Sought.
        treated_share: Share of the customers treated.
        level: Of the test.

    Sources:
        Schoenfeld (1983), Biometrics 39.

    Example:
        >>> round(events_needed(0.5), 4)
        65.3457
    """
    check_at_least(hazard_ratio, "hazard_ratio", 1e-12)
    if hazard_ratio == 1:
        raise ArgumentError("hazard_ratio", 1, "other than 1: no effect is never seen")
    for value, name in ((power, "power"), (treated_share, "treated_share")):
        check_between(value, name, low=0, high=1, include_low=False, include_high=False)
    _check_level(level)
    reach = stats.norm.isf(level / 2) + stats.norm.ppf(power)
    return float(reach**2 / (treated_share * (1 - treated_share) * math.log(hazard_ratio) ** 2))


def power_of_events(
    events: float, hazard_ratio: float, *, treated_share: float = 0.5, level: float = 0.05
) -> float:
    """Return the power of the log-rank test for a number of customers who leave, in both arms.

    Args:
        events: Customers who leave within the time followed.
        hazard_ratio: Monthly churn with the offer ÷ without.
        treated_share: Share of the customers treated.
        level: Of the test.

    Sources:
        Schoenfeld (1983), Biometrics 39; the inverse of :func:`events_needed`.

    Example:
        >>> round(power_of_events(65.3457, 0.5), 3)
        0.8
    """
    check_at_least(events, "events", 0)
    check_at_least(hazard_ratio, "hazard_ratio", 1e-12)
    check_between(
        treated_share, "treated_share", low=0, high=1, include_low=False, include_high=False
    )
    _check_level(level)
    reach = stats.norm.isf(level / 2)
    shift = math.sqrt(events * treated_share * (1 - treated_share)) * abs(math.log(hazard_ratio))
    return float(stats.norm.sf(reach - shift) + stats.norm.cdf(-reach - shift))


def customers_needed(
    power_at: Callable[[float], float], *, power: float = 0.8, least: float = 2.0
) -> float:
    """Return the customers at which a power function reaches the power sought.

    Args:
        power_at: Customers → power, rising.
        power: Sought.
        least: Smallest number to try.

    Raises:
        ArgumentError: The power is not reached below a million million customers.

    Example:
        >>> need = customers_needed(lambda n: power_of_shares(0.03, 0.027, control_count=n))
        >>> round(need, -1)
        48290.0
    """
    check_between(power, "power", low=0, high=1, include_low=False, include_high=False)
    high = least
    while power_at(high) < power:
        high *= 2
        if high > MOST_CUSTOMERS:
            raise ArgumentError("power", power, "within reach: the effect is too small to be seen")
    if high == least:
        return least
    return float(optimize.brentq(lambda n: power_at(n) - power, high / 2, high, xtol=1e-9))


def effect_detectable(
    power_at: Callable[[float], float], *, power: float = 0.8, most: float
) -> float:
    """Return the smallest effect a power function sees with the power sought.

    Args:
        power_at: Size of effect (0 … most) → power, rising.
        power: Sought.
        most: Largest effect to try; NaN is returned if even that is not seen.
    """
    check_between(power, "power", low=0, high=1, include_low=False, include_high=False)
    if power_at(most) < power:
        return math.nan
    return float(optimize.brentq(lambda size: power_at(size) - power, most * 1e-12, most))


def _t_power(shift: float, freedom: float, level: float) -> float:
    _check_level(level)
    reach = stats.t.isf(level / 2, freedom)
    if shift == 0:
        return level
    if freedom > 1e5 or shift > 30:
        return float(stats.norm.sf(reach - shift) + stats.norm.cdf(-reach - shift))
    right = float(stats.nct.sf(reach, freedom, shift))
    wrong = float(stats.nct.cdf(-reach, freedom, shift))
    # SciPy's series breaks down far out in the tails, where the normal is exact to all digits.
    right = float(stats.norm.sf(reach - shift)) if math.isnan(right) else right
    return right + (0.0 if math.isnan(wrong) else wrong)


def _sizes(control_count: float, treated_count: float | None) -> tuple[float, float]:
    control = check_at_least(control_count, "control_count", 2)
    treated = control if treated_count is None else treated_count
    return control, check_at_least(treated, "treated_count", 2)


def _check_level(level: float) -> None:
    check_between(level, "level", low=0, high=1, include_low=False, include_high=False)
