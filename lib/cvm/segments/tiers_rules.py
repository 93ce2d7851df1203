"""What a ladder of tiers says: who is rated on what score, and what each tier is given.

VIP cards (贵宾卡), stars (星级) and corporate grades (集团 A/B/C) are all ladders: a score, cuts in
rising order, and rules around them. Records are frozen, checked when made, changed with
``dataclasses.replace``, and read from TOML by :mod:`cvm.segments.tierbook_read`.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from cvm.core.rule_checks import Checker

NONE, UNRATED = "none", "unrated"
"""Below the lowest tier, and not rated at all: both are shown, so that nobody is lost."""

KINDS = ("network", "customer", "extra")
"""The 3A services: A-level network, A-level customer service, A-level extras."""

_MOST = 1e9


@dataclass(frozen=True, kw_only=True)
class Tier:
    """One rung of a ladder and what it gives.

    Attributes:
        name: The tier's code (``diamond``, ``5``, ``A``).
        en: Name in English.
        zh: Name in Chinese.
        from_score: Lowest score of the tier; the cut itself belongs to it.
        points_multiplier: Points earned ÷ points of an ordinary customer.
        rebate_share: Share of the bill given back (0–1).
        overdraft_yuan: Credit before service is stopped for arrears (yuan a customer).
    """

    name: str
    en: str
    zh: str
    from_score: float
    points_multiplier: float = 1.0
    rebate_share: float = 0.0
    overdraft_yuan: float = 0.0

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        if self.name in (NONE, UNRATED):
            check.refuse("name", value=self.name, expected="another word: it is kept for no tier")
        check.between("from_score", -_MOST, _MOST, decimals=4)
        check.between("points_multiplier", 0, 100)
        check.between("rebate_share", 0, 1)
        check.between("overdraft_yuan", 0, 1_000_000)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Service:
    """A service that some tiers may use (3A 服务), and what a use costs.

    Attributes:
        name: Short name.
        en: Name in English.
        zh: Name in Chinese.
        kind: ``network``, ``customer`` or ``extra``.
        cost_yuan: Cost of one use (yuan).
        uses_a_year: Tier → expected uses of a customer a year; tiers left out have none.
    """

    name: str
    en: str
    zh: str
    kind: Literal["network", "customer", "extra"]
    cost_yuan: float
    uses_a_year: dict[str, float]

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        check.one_of("kind", KINDS)
        check.between("cost_yuan", 0, 100_000)
        if not isinstance(self.uses_a_year, dict):
            check.refuse("uses_a_year", value=self.uses_a_year, expected="a table: tier = uses")
        else:
            for tier, uses in self.uses_a_year.items():
                sound = isinstance(uses, int | float) and not isinstance(uses, bool)
                if not sound or not 0 <= uses <= 10_000:
                    check.refuse("uses_a_year", tier, value=uses, expected="a number in [0, 10000]")
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Score:
    """What a customer is rated on: a weighted sum, over the ladder's window of months.

    Attributes:
        point: A consumption point earned in the window.
        average_bill_yuan: A yuan of the average monthly bill of the window's months in service.
        tenure_month: A month since joining.
        account_member: A subscription in the customer's corporate account.
        account_bill_yuan: A yuan that the account's subscriptions, those that have left since too,
            were billed a month of the window: all bills ÷ the window's months.
        shared_bonus: Of a family plan or a corporate account.
        on_time_bonus: Of having paid on time in each of the last ``on_time_months``.
        on_time_months: Those months.
        most_bonus: Most that the bonuses count together; no limit if left out.
        stop_penalty: Lost for each arrears stop in the window.
    """

    point: float = 0.0
    average_bill_yuan: float = 0.0
    tenure_month: float = 0.0
    account_member: float = 0.0
    account_bill_yuan: float = 0.0
    shared_bonus: float = 0.0
    on_time_bonus: float = 0.0
    on_time_months: int = 12
    most_bonus: float | None = None
    stop_penalty: float = 0.0

    def __post_init__(self) -> None:
        check = Checker(self)
        weights = (
            "point", "average_bill_yuan", "tenure_month", "account_member", "account_bill_yuan",
        )  # fmt: skip
        for name in (*weights, "shared_bonus", "on_time_bonus", "stop_penalty"):
            check.between(name, 0, 1_000_000, decimals=4)
        check.whole("on_time_months", 1, 36)
        if self.most_bonus is not None:
            check.between("most_bonus", 0, 1_000_000)
        if not check.problems and not any(getattr(self, name) for name in weights):
            check.refuse(
                "point",
                value="no weight above 0",
                expected="a score that tells customers apart",
                available=weights,
                action="give at least one of them a weight",
            )
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Cap:
    """From so many arrears stops in the window, a customer gets at most this tier.

    Attributes:
        stops: Arrears stops in the window.
        tier: The highest tier then.
    """

    stops: int
    tier: str

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("stops", 1, 1_000)
        check.texts("tier")
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Ladder:
    """Tiers, the score they are given on, and the rules around it.

    The tier in a month is the highest of: the tier of the score now; with ``grace_months``, the
    tiers of assessments superseded in those months; with ``most_steps_down``, the tier of each
    earlier assessment less so many steps for every assessment since its grace. Caps bind whatever
    grace and protection give.

    Attributes:
        tiers: By rising score.
        score: What is added up.
        window_months: Months the score looks back on.
        set_month: Calendar month in which tiers are set for a year, on the window that ends the
            month before; every month, on the window that ends with it, if left out.
        brands: Brands that are rated; all if empty.
        customer_types: Types of customer that are rated; all if empty.
        least_months: Months since joining before a customer is rated.
        grace_months: Months a tier is kept after the score has fallen under it.
        most_steps_down: Most tiers lost at one assessment; no limit if left out.
        caps: Highest tiers by arrears stops.
        services: What tiers may use.
    """

    tiers: tuple[Tier, ...] = field(metadata={"item": Tier, "many": True})
    score: Score = field(metadata={"item": Score})
    window_months: int = 12
    set_month: int | None = None
    brands: tuple[str, ...] = ()
    customer_types: tuple[str, ...] = ()
    least_months: int = 0
    grace_months: int = 0
    most_steps_down: int | None = None
    caps: tuple[Cap, ...] = field(default=(), metadata={"item": Cap, "many": True})
    services: tuple[Service, ...] = field(default=(), metadata={"item": Service, "many": True})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.record_of("score", Score)
        check.whole("window_months", 1, 36)
        if self.set_month is not None:
            check.whole("set_month", 1, 12)
        for name in ("brands", "customer_types"):
            value = getattr(self, name)
            if isinstance(value, list | tuple) and all(isinstance(word, str) for word in value):
                object.__setattr__(self, name, tuple(value))
            else:
                check.refuse(name, value=value, expected="a list of words")
        check.whole("least_months", 0, 600)
        check.whole("grace_months", 0, 24)
        if self.most_steps_down is not None:
            check.whole("most_steps_down", 1, 20)
        if check.records("tiers", Tier):
            _check_rungs(check, self.tiers)
            names = [tier.name for tier in self.tiers]
            if check.records("caps", Cap):
                for at, cap in enumerate(self.caps):
                    if cap.tier not in names:
                        check.refuse(
                            "caps",
                            at,
                            "tier",
                            value=cap.tier,
                            expected="a tier of this ladder",
                            available=names,
                        )
            if check.records("services", Service):
                _check_services(check, self.services, names)
        check.finish()

    @property
    def names(self) -> tuple[str, ...]:
        """The tiers' codes, lowest first."""
        return tuple(tier.name for tier in self.tiers)

    def level_name(self, level: int) -> str:
        """Return the code of a level: −1 is unrated, 0 below the lowest tier, 1 the lowest."""
        return UNRATED if level < 0 else NONE if level == 0 else self.tiers[level - 1].name

    def serve_yuan(self, tier: str) -> float:
        """Return the cost to serve one customer of a tier for a year (yuan)."""
        return sum(
            service.cost_yuan * service.uses_a_year.get(tier, 0.0) for service in self.services
        )

    def with_cuts(self, **cuts: float) -> Ladder:
        """Return the ladder with other lowest scores, by tier's code (``T`` before a digit).

        Raises:
            RuleError: The cuts no longer rise, or there is no such tier.
        """
        named = {name.removeprefix("T"): value for name, value in cuts.items()}
        unknown = sorted(set(named) - set(self.names))
        if unknown:
            check = Checker(self)
            check.refuse(
                "tiers", value=unknown[0], expected="a tier of this ladder", available=self.names
            )
            check.finish()
        return replace(
            self,
            tiers=tuple(
                replace(tier, from_score=named.get(tier.name, tier.from_score))
                for tier in self.tiers
            ),
        )


def _check_rungs(check: Checker, tiers: tuple[Tier, ...]) -> None:
    if not tiers:
        check.refuse("tiers", value="empty", expected="at least one tier")
    seen: set[str] = set()
    for at, tier in enumerate(tiers):
        if tier.name in seen:
            check.refuse("tiers", at, "name", value=tier.name, expected="a name not used above")
        seen.add(tier.name)
        if at and tier.from_score <= tiers[at - 1].from_score:
            check.refuse(
                "tiers",
                at,
                "from_score",
                value=tier.from_score,
                expected=f"above the tier before ({tiers[at - 1].from_score:g})",
                action="list the tiers by rising from_score",
            )


def _check_services(check: Checker, services: tuple[Service, ...], names: list[str]) -> None:
    seen: set[str] = set()
    for at, service in enumerate(services):
        if service.name in seen:
            check.refuse(
                "services", at, "name", value=service.name, expected="a name not used above"
            )
        seen.add(service.name)
        for tier in service.uses_a_year:
            if tier not in names:
                check.refuse(
                    "services",
                    at,
                    "uses_a_year",
                    tier,
                    value=tier,
                    expected="a tier of this ladder",
                    available=names,
                )
