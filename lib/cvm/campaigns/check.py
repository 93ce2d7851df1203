"""What a check found, and all checks of a campaign as one result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import ClassVar

import pandas as pd

from cvm.campaigns import words
from cvm.core.checks import ArgumentError
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share
from cvm.core.naming import NAMED_TRAITS, NameOf
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Check:
    """One check.

    Attributes:
        name: ``sample_ratio``, ``balance``, ``contact``, ``leakage``, ``overlap`` or ``placebo``.
        status: ``ok``, ``watch``, ``failed`` or ``unknown``.
        value: What was found, in the unit of the limit.
        limit: Where it fails.
        facts: What the sentence of the check tells, by placeholder; shares and counts as numbers.
        table: The figures behind it.
    """

    name: str
    status: str
    value: float
    limit: float
    facts: Mapping[str, object] = field(default_factory=dict)
    table: pd.DataFrame = field(default_factory=pd.DataFrame)

    def text(self, lang: str = "en") -> str:
        """Return what was found."""
        return say(f"campaigns.check.{self.name}.detail", lang, **_written(self.facts, lang))


def _written(facts: Mapping[str, object], lang: str) -> dict[str, object]:
    written: dict[str, object] = {}
    for name, value in facts.items():
        if isinstance(value, float):
            small = name in ("p", "largest", "limit")
            written[name] = f"{value:.3g}" if small else format_share(value)
        elif isinstance(value, int):
            written[name] = format_number(value, lang)
        else:
            written[name] = words.outcome_name(str(value), lang)
    return written


def _named(check: Check, of: NameOf) -> Check:
    if "column" not in check.table:
        return check
    table = check.table.assign(
        column=[named_trait(str(name), of) for name in check.table["column"]]
    )
    facts = dict(check.facts)
    if "column" in facts:
        facts["column"] = named_trait(str(facts["column"]), of)
    return replace(check, table=table, facts=facts)


def named_trait(trait: str, of: NameOf) -> str:
    """Return a trait with the name of its county or tariff; any other trait as it is.

    Args:
        trait: A covariate's name; of a flag ``column=level``.
        of: Kind and value of the data → its name.

    Example:
        >>> named_trait("county=C1", lambda kind, value: "North"), named_trait("age", str)
        ('county=North', 'age')
    """
    column, equals, value = trait.partition("=")
    return f"{column}={of(column, value)}" if equals and column in NAMED_TRAITS else trait


@dataclass(frozen=True, kw_only=True)
class Checks(Result):
    """All checks of a campaign.

    Attributes:
        items: One each.
    """

    view: ClassVar[str] = "cvm.views.campaigns:plot_love"
    items: tuple[Check, ...]

    @property
    def failed(self) -> tuple[Check, ...]:
        """Return the checks that failed."""
        return tuple(item for item in self.items if item.status == "failed")

    def item(self, name: str) -> Check:
        """Return one check by name.

        Raises:
            ArgumentError: It was not made; the message lists those that were.
        """
        for one in self.items:
            if one.name == name:
                return one
        raise ArgumentError("name", name, "a check", available=[one.name for one in self.items])

    def summary(self) -> pd.DataFrame:
        """Return one row a check: name, status, what was found, the limit."""
        columns = ("name", "status", "value", "limit")
        return pd.DataFrame([{name: getattr(one, name) for name in columns} for one in self.items])

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and the figures behind each check."""
        return {"summary": self.summary(), **{one.name: one.table for one in self.items}}

    def named(self, of: NameOf) -> Checks:
        """Return the checks with the names of counties and tariffs among the compared traits."""
        return Checks(items=tuple(_named(one, of) for one in self.items))

    def text(self, lang: str = "en") -> str:
        """Return which checks failed or are to be watched, with what was found."""
        parts = []
        for status, key in (("failed", "failed"), ("watch", "watched")):
            found = [one for one in self.items if one.status == status]
            if found:
                names = say("campaigns.list", lang).join(
                    f"{words.check_name(one.name, lang)} ({one.text(lang)})"
                    if lang == "en"
                    else f"{words.check_name(one.name, lang)}（{one.text(lang)}）"
                    for one in found
                )
                parts.append(say(f"campaigns.check.{key}", lang, names=names))
        if not parts:
            return say("campaigns.check.passed", lang, count=len(self.items))
        return words.joined(parts, lang)
