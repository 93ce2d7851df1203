"""A warning book: parts of the score, triggers, acts and the plan of calls, from TOML.

Everything an operator sets for early warning stands here, none of it in code.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from cvm.core.rule_checks import Checker
from cvm.core.rule_files import open_rules, parse_rules, shipped_texts

HEALTHS = ("brand_tariff", "business", "service", "circle")
"""Brand and tariff, business, service, calling circle."""
PERIODS = ("month", "week", "day")
PERIOD_DAYS = {"month": 30, "week": 7, "day": 1}


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the composite score: the churn rate of a group the customer is in.

    Attributes:
        name: Its name.
        health: The health it counts in.
        column: Feature that tells the group.
        edges: Lower ends of bands for numbers, rising; none where each value is a group.
    """

    name: str
    health: str
    column: str
    edges: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "column")
        check.one_of("health", HEALTHS)
        _rising(check, "edges")
        check.finish()


@dataclass(frozen=True, kw_only=True)
class Trigger:
    """A sign that something has just changed.

    Attributes:
        name: Its name.
        en: What happened, with ``{columns}`` to fill.
        zh: The same in Chinese.
        when: Column → least value; all must be reached within a month.
        week: The same for weeks; ``when`` if empty.
        day: The same for days.
        window_days: First and last day after the list within which to call.
    """

    name: str
    en: str
    zh: str
    when: Mapping[str, float]
    week: Mapping[str, float] = field(default_factory=dict)
    day: Mapping[str, float] = field(default_factory=dict)
    window_days: tuple[int, int] = (1, 14)

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        for label in ("when", "week", "day"):
            _limits(check, label, needed=label == "when")
        if isinstance(self.en, str) and isinstance(self.zh, str):
            mine, theirs = (set(_places(text)) for text in (self.en, self.zh))
            if mine != theirs:
                check.refuse("zh", value=self.zh, expected="with the same {columns} as en")
        _window(check)
        check.finish()

    def limits(self, period: str) -> Mapping[str, float]:
        """Return column → least value for a period."""
        own = {"week": self.week, "day": self.day}.get(period, self.when)
        return own or self.when

    @property
    def columns(self) -> tuple[str, ...]:
        """Return the columns its words need."""
        return tuple(dict.fromkeys(_places(self.en)))


@dataclass(frozen=True, kw_only=True)
class Act:
    """What to do for a customer who is warned of.

    Attributes:
        en: In words.
        zh: The same in Chinese.
        cost_yuan: What the call and the offer cost, for one customer.
        reasons: Triggers it answers; any if empty.
        tiers: Cards it is for; any if empty.
    """

    en: str
    zh: str
    cost_yuan: float
    reasons: tuple[str, ...] = ()
    tiers: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("en", "zh")
        check.at_least("cost_yuan", 0)
        for label in ("reasons", "tiers"):
            _names(check, label)
        check.finish()


@dataclass(frozen=True, kw_only=True)
class CallPlan:
    """How many can be called, and who is left in peace.

    Attributes:
        customers_a_manager: Customers a phone manager looks after: 250 to 1,000.
        managers: Phone managers; as many as the base needs if 0.
        called_share: Share of them he can call on a warning in a month (0–1).
        risk_times: Without a trigger, a customer is warned of from so many times the mean risk.
        quiet_days: Days without a second contact.
        campaign_days: Days after entering a campaign, as treated or held out, without a call.
        saved_share: Share of those called who would have left that the call keeps (0–1): an
            assumption until lists with a control have told.
        window_days: First and last day after the list within which to call, without a trigger.
    """

    customers_a_manager: int = 500
    managers: int = 0
    called_share: float = 0.08
    risk_times: float = 2.0
    quiet_days: int = 60
    campaign_days: int = 90
    saved_share: float = 0.20
    window_days: tuple[int, int] = (3, 21)

    def __post_init__(self) -> None:
        check = Checker(self)
        check.whole("customers_a_manager", 1)
        check.whole("managers", 0)
        check.between("called_share", 0, 1)
        check.at_least("risk_times", 0)
        check.whole("quiet_days", 0)
        check.whole("campaign_days", 0)
        check.between("saved_share", 0, 1)
        _window(check)
        check.finish()

    def calls(self, customers: int, period: str = "month") -> int:
        """Return how many customers can be called in a period.

        Args:
            customers: Customers in service.
            period: ``"month"``, ``"week"`` or ``"day"``.
        """
        held = self.managers * self.customers_a_manager
        looked_after = min(customers, held) if self.managers else customers
        return round(looked_after * self.called_share * PERIOD_DAYS[period] / PERIOD_DAYS["month"])


@dataclass(frozen=True, kw_only=True)
class WarningBook:
    """The rules of early warning.

    Attributes:
        name: Short name, the stem of its file.
        en: Title in English.
        zh: Title in Chinese.
        source: Where the rules come from.
        parts: Parts of the composite score.
        triggers: In the order in which reasons are told.
        acts: The first that fits is suggested; the last must fit everybody.
        plan: Calls and quiet periods.
    """

    name: str
    en: str
    zh: str
    source: str = ""
    parts: tuple[Part, ...] = field(metadata={"item": Part, "many": True})
    triggers: tuple[Trigger, ...] = field(metadata={"item": Trigger, "many": True})
    acts: tuple[Act, ...] = field(metadata={"item": Act, "many": True})
    plan: CallPlan = field(default_factory=CallPlan, metadata={"item": CallPlan})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        sound = [check.records(label, kind) for label, kind in
                 (("parts", Part), ("triggers", Trigger), ("acts", Act))]  # fmt: skip
        check.record_of("plan", CallPlan)
        if all(sound):
            for label in ("parts", "triggers"):
                _unique(check, label, [one.name for one in getattr(self, label)])
            known = [one.name for one in self.triggers]
            for at, act in enumerate(self.acts):
                for reason in act.reasons:
                    if reason not in known:
                        check.refuse("acts", at, "reasons", value=reason, expected="a trigger",
                                     available=known)  # fmt: skip
            if not self.acts or self.acts[-1].reasons or self.acts[-1].tiers:
                check.refuse("acts", value="no act for everybody at the end",
                             expected="closed by an act without reasons and tiers")  # fmt: skip
        check.finish()

    def part_terms(self) -> list[tuple[str, str, tuple[float, ...]]]:
        """Return name, column and edges of each part, as the reductions take them."""
        return [(part.name, part.column, part.edges) for part in self.parts]


def open_warning_book(name: str) -> WarningBook:
    """Return a shipped warning book, or one from a file.

    Args:
        name: Of a shipped book (a file of ``data/warnings``), or a path that ends in ``.toml``.

    Raises:
        ArgumentError: There is no shipped book of that name; the message lists them.
        DataError: The file cannot be read.
        RuleBookError: It is no warning book; all problems, with their lines.
    """
    # In `data/warnings` of a checkout, and inside the package once installed.
    return open_rules(name, shipped_texts("cvm.segments", "warnings"), parse_warning_book)


def parse_warning_book(
    text: str, *, file: str = "warning book", name: str = "warning book"
) -> WarningBook:
    """Make a warning book of TOML text; errors as in :func:`open_warning_book`."""
    book: WarningBook = parse_rules(WarningBook, text, file=file, name=name)
    return book


def _places(text: str) -> list[str]:
    try:
        return [name for _, name, _, _ in string.Formatter().parse(text) if name]
    except ValueError:
        return ["{"]


def _names(check: Checker, label: str) -> None:
    value = getattr(check.record, label)
    if not isinstance(value, list | tuple) or not all(isinstance(one, str) for one in value):
        check.refuse(label, value=value, expected="a list of names")
        return
    object.__setattr__(check.record, label, tuple(value))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _rising(check: Checker, label: str) -> None:
    value = getattr(check.record, label)
    if not isinstance(value, list | tuple) or not all(map(_is_number, value)):
        check.refuse(label, value=value, expected="a list of numbers")
        return
    if any(after <= before for before, after in pairwise(value)):
        check.refuse(label, value=value, expected="rising")
    object.__setattr__(check.record, label, tuple(float(one) for one in value))


def _limits(check: Checker, label: str, *, needed: bool) -> None:
    value = getattr(check.record, label)
    if not isinstance(value, Mapping) or not all(map(_is_number, value.values())):
        check.refuse(label, value=value, expected="a table of columns with their least values")
    elif needed and not value:
        check.refuse(label, value="empty", expected="at least one column with its least value")


def _window(check: Checker) -> None:
    value = check.record.window_days
    whole = isinstance(value, list | tuple) and len(value) == 2
    whole = whole and all(isinstance(one, int) and not isinstance(one, bool) for one in value)
    if not whole or not 0 <= value[0] <= value[1]:
        check.refuse("window_days", value=value, expected="first and last day, from 0")
        return
    object.__setattr__(check.record, "window_days", tuple(value))


def _unique(check: Checker, label: str, names: list[str]) -> None:
    for at, name in enumerate(names):
        if name in names[:at]:
            check.refuse(label, at, "name", value=name, expected="a name of its own")
