"""Who the customers of a block are: what is fixed when they join, seen and unseen."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from cvm.data.sample.settings import NUMBER_RANGES, SCENES, TARIFFS, SampleSettings

NONE = -9_999
"""No family, account or handset contract."""

_GRADE_C_BELOW, _GRADE_B_BELOW = 15, 40
_INDUSTRIES = 8


@dataclass(frozen=True)
class Accounts:
    """Corporate accounts of a block, one element an account."""

    county: np.ndarray
    industry: np.ndarray
    members: np.ndarray
    manager: np.ndarray
    contract_until: np.ndarray

    @property
    def grade(self) -> np.ndarray:
        """0 for A, 1 for B, 2 for C, by members."""
        return np.where(
            self.members < _GRADE_C_BELOW, 2, np.where(self.members < _GRADE_B_BELOW, 1, 0)
        )


@dataclass(frozen=True)
class People:
    """Customers of a block, one element a customer, in order of joining.

    Months are offsets from the panel's first month. Categories are codes. The last group of
    attributes is planted and never published in the operator's tables.
    """

    joined: np.ndarray
    brand: np.ndarray
    kind: np.ndarray
    county: np.ndarray
    tariff: np.ndarray
    postpaid: np.ndarray
    number_range: np.ndarray
    age: np.ndarray
    female: np.ndarray
    family: np.ndarray
    account: np.ndarray
    handset_until: np.ndarray
    next_in_family: np.ndarray
    scene: np.ndarray
    log_level: np.ndarray
    slope: np.ndarray
    data_logit: np.ndarray
    log_circle: np.ndarray
    off_net_logit: np.ndarray
    late_share: np.ndarray
    saver: np.ndarray
    saver_target: np.ndarray
    accounts: Accounts

    def __len__(self) -> int:
        return len(self.joined)

    @property
    def outdated_tariff(self) -> np.ndarray:
        """On the outdated tariff of GoTone or easyown."""
        last = np.array([len(TARIFFS[0]) - 1, len(TARIFFS[1]) - 1, NONE])
        return self.tariff == last[self.brand]

    @property
    def new_number_range(self) -> np.ndarray:
        """On one of the two newest number ranges."""
        return self.number_range >= len(NUMBER_RANGES) - 2

    def locked(self, month: int) -> np.ndarray:
        """Whether a handset contract is in force in the month."""
        return (month <= self.handset_until) & (month > self.handset_until - 24)


def draw_people(settings: SampleSettings, count: int, rng: np.random.Generator) -> People:
    """Draw the customers of one block.

    Args:
        settings: The operator.
        count: Customers.
        rng: The block's generator.
    """
    population = settings.population
    brand = pick(rng, population.brand_shares, count)
    joined = _joining(settings, brand, rng)
    order = np.argsort(joined, kind="stable")
    joined, brand = joined[order], brand[order]
    kind = pick_by(rng, population.type_shares, brand)
    county = pick(rng, population.county_shares, count)
    family, next_in_family, county = _families(kind == 1, county, rng)
    account, accounts, county = _corporate(kind == 2, county, settings.months, rng)
    scene = pick_by(rng, population.scene_shares, brand)
    spread = rng.standard_normal(count)
    bills = settings.bills
    log_level = (
        np.log(np.array(bills.median_yuan))[brand]
        + np.array(bills.scene_log_level)[scene]
        + np.array(bills.sigma)[brand] * spread
    )
    locked = rng.random(count) < population.handset_lock_share
    until = np.maximum(joined, -18) + rng.integers(6, 24, count)
    late = rng.beta(0.6, 6.0, count)
    low, high = settings.points.saver_target
    return People(
        joined=joined,
        brand=brand,
        kind=kind,
        county=county,
        tariff=_tariff(brand, spread, rng),
        postpaid=rng.random(count) < np.array(population.postpaid_shares)[brand],
        number_range=_number_range(joined, rng),
        age=_age(brand, rng),
        female=rng.random(count) < 0.46,
        family=family,
        account=account,
        handset_until=np.where(locked, until, NONE),
        next_in_family=next_in_family,
        scene=scene,
        log_level=log_level,
        slope=bills.slope_sigma * rng.standard_normal(count),
        data_logit=np.array(bills.scene_data_logit)[scene] + 0.45 * rng.standard_normal(count),
        log_circle=np.log(38.0) + 0.25 * spread + 0.5 * rng.standard_normal(count),
        off_net_logit=-0.65 + 0.6 * rng.standard_normal(count),
        late_share=late,
        saver=rng.random(count) < population.saver_share,
        saver_target=rng.integers(low, high + 1, count),
        accounts=accounts,
    )


def pick(rng: np.random.Generator, shares: tuple[float, ...], count: int) -> np.ndarray:
    """Draw ``count`` codes with these shares."""
    bounds = np.cumsum(shares)[:-1] / np.sum(shares)
    return np.searchsorted(bounds, rng.random(count), side="right")


def pick_by(
    rng: np.random.Generator, shares: tuple[tuple[float, ...], ...], group: np.ndarray
) -> np.ndarray:
    """Draw one code a customer with the shares of the customer's group."""
    bounds = np.cumsum(np.array(shares), axis=1)[:, :-1]
    return (rng.random(len(group))[:, None] >= bounds[group]).sum(axis=1)


def _joining(settings: SampleSettings, brand: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Draw joining months: before the panel by tenure, or in it; both for every customer."""
    count, months = len(brand), settings.months
    joiners = settings.population.acquisition_share * (months - 1)
    weight = np.array([1.35 if settings.calendar(t)[1] == 9 else 1.0 for t in range(1, months)])
    in_panel = 1 + pick(rng, tuple(weight), count)
    tenure = rng.exponential(np.array(settings.population.tenure_mean_months)[brand])
    before = -1 - np.minimum(tenure, 239).astype(np.int64)
    return np.where(rng.random(count) < joiners / (1 + joiners), in_panel, before)


def _families(
    member: np.ndarray, county: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Group family customers by twos to fours; a family lives in one county."""
    family = np.full(len(member), NONE)
    following = np.full(len(member), NONE)
    who = rng.permutation(np.flatnonzero(member))
    sizes = rng.integers(2, 5, max(len(who), 1))
    group = np.repeat(np.arange(len(sizes)), sizes)[: len(who)]
    if len(who) == 0:
        return family, following, county
    family[who] = group
    first = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    last = np.r_[first[1:], len(who)] - 1
    after = np.r_[who[1:], who[:1]]
    after[last] = who[first]
    following[who] = np.where(after == who, NONE, after)
    county = county.copy()
    county[who] = county[who[first]][group]
    return family, following, county


def _corporate(
    member: np.ndarray, county: np.ndarray, months: int, rng: np.random.Generator
) -> tuple[np.ndarray, Accounts, np.ndarray]:
    """Spread corporate customers over accounts of very different size."""
    who = np.flatnonzero(member)
    number = max(1, len(who) // 16) if len(who) else 0
    weight = rng.lognormal(0.0, 1.0, number)
    account = np.full(len(member), NONE)
    county = county.copy()
    home = rng.permutation(county)[:number] if number else np.zeros(0, dtype=county.dtype)
    if number:
        account[who] = pick(rng, tuple(weight), len(who))
        county[who] = home[account[who]]
    accounts = Accounts(
        county=home,
        industry=rng.integers(0, _INDUSTRIES, number),
        members=np.bincount(account[who], minlength=number).astype(np.int64),
        manager=home * 100 + rng.integers(0, 6, number),
        contract_until=months - 1 + rng.integers(-3, 24, number),
    )
    return account, accounts, county


def _tariff(brand: np.ndarray, spread: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give the plan that fits the bill, roughly, or now and then the outdated one."""
    plans = np.array([len(TARIFFS[0]) - 1, len(TARIFFS[1]) - 1, len(TARIFFS[2])])[brand]
    rank = (spread + 0.7 * rng.standard_normal(len(brand))) / 1.22
    fitting = np.clip(((rank + 1.4) / 2.8 * plans).astype(np.int64), 0, plans - 1)
    outdated = (rng.random(len(brand)) < 0.14) & (brand < 2)
    return np.where(outdated, plans, fitting)


def _number_range(joined: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Older customers have older ranges."""
    top = len(NUMBER_RANGES) - 1
    centre = top + 0.5 + joined / 14.0 - 3.0 * rng.random(len(joined)) ** 2
    return np.clip(np.round(centre + 1.2 * rng.standard_normal(len(joined))), 0, top).astype(
        np.int64
    )


def _age(brand: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    mean = np.array([43.0, 46.0, 24.0])[brand]
    spread = np.array([11.0, 14.0, 5.0])[brand]
    return np.clip(mean + spread * rng.standard_normal(len(brand)), 16, 90).astype(np.int64)


def scene_names(codes: np.ndarray) -> np.ndarray:
    """Return the names of scene codes."""
    return np.array(SCENES, dtype=object)[codes]


PEOPLE_FIELDS = tuple(item.name for item in fields(People))
