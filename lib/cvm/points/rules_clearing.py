"""Clearing rules (清零): when points die, also where the rule changed in their lifetime."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Literal

from cvm.core.months import month_from_index, month_index, points_year
from cvm.core.rule_checks import Checker
from cvm.points.rules_earn import POINT_CLASSES

NEVER = 2**31 - 1
"""Month index of points that never expire."""


@dataclass(frozen=True, kw_only=True)
class ClearingRule:
    """How long points live.

    Attributes:
        kind: ``none``, ``months`` (to the end of a month so many months later) or
            ``calendar_years`` (all points of a year die together).
        months: For ``months``: life in months.
        counts_earning_month: For ``months``: whether the month of earning is the first of them.
            With 36, points of May 2021 die at the end of April 2024 if it is, of May 2024 if not.
        years: For ``calendar_years``: points of year T die in year T + ``years``.
        month: For ``calendar_years``: at the end of which month (1–12).
        year_first_month: For ``calendar_years``: the month years begin with; 1 is the calendar
            year, 12 a points year from December to November named by the year it ends in.
    """

    kind: Literal["none", "months", "calendar_years"] = "none"
    months: int = 0
    counts_earning_month: bool = False
    years: int = 0
    month: int = 12
    year_first_month: int = 1

    def __post_init__(self) -> None:
        check = Checker(self)
        self._check(check)
        check.finish()

    def _check(self, check: Checker) -> None:
        check.one_of("kind", ("none", "months", "calendar_years"))
        check.flag("counts_earning_month")
        in_months, in_years = self.kind == "months", self.kind == "calendar_years"
        check.whole("months", 1 if in_months else 0, 600 if in_months else 0)
        years = check.whole("years", 0, 50 if in_years else 0)
        month = check.whole("month", 1, 12)
        begins = check.whole("year_first_month", 1, 12)
        if in_years and years and month and begins:
            year_ends = (self.year_first_month - 2) % 12 + 1
            if self.years == 0 and self.month < year_ends:
                check.refuse(
                    "years",
                    value=0,
                    expected="1 or more",
                    action=f"or clear in month {year_ends}, when the last of the year are earned",
                )

    def expiry_index(self, earned_index: int) -> int:
        """Return the index of the month at whose end points earned in a month die.

        Args:
            earned_index: Month of earning, as :func:`cvm.core.months.month_index` counts.

        Example:
            >>> rule = ClearingRule(kind="calendar_years", years=3)
            >>> month_from_index(rule.expiry_index(month_index(date(2012, 5, 1))))
            datetime.date(2015, 12, 1)
        """
        if self.kind == "months":
            return earned_index + self.months - self.counts_earning_month
        if self.kind == "calendar_years":
            year = points_year(month_from_index(earned_index), self.year_first_month)
            return (year + self.years) * 12 + self.month - 1
        return NEVER


@dataclass(frozen=True, kw_only=True)
class Clearing(ClearingRule):
    """The clearing rules of an edition: one for all classes, exceptions by class.

    Attributes:
        classes: Point class → its own rule, where it differs.
        already_earned: What points outstanding when the edition begins follow: ``old_rule`` (the
            rule they were earned under) or ``new_rule`` (this one).
        not_before: For ``new_rule``: points already earned die no sooner than this
            month's end.
    """

    classes: Mapping[str, ClearingRule] = field(
        default_factory=dict, metadata={"item": ClearingRule, "named": True}
    )
    already_earned: Literal["old_rule", "new_rule"] = "new_rule"
    not_before: date | None = None

    def _check(self, check: Checker) -> None:
        super()._check(check)
        check.one_of("already_earned", ("old_rule", "new_rule"))
        if (
            check.month("not_before", needed=False)
            and self.not_before
            and self.already_earned == "old_rule"
        ):
            check.refuse(
                "not_before",
                value=self.not_before,
                expected='absent where already_earned is "old_rule"',
            )
        if not isinstance(self.classes, Mapping):
            check.refuse("classes", value=self.classes, expected="rules by point class")
            return
        for name, rule in self.classes.items():
            if name not in POINT_CLASSES:
                check.refuse(
                    "classes", name, value=name, expected="a point class", available=POINT_CLASSES
                )
            if not isinstance(rule, ClearingRule):
                check.refuse("classes", name, value=rule, expected="a ClearingRule")

    def carried_on(self) -> Clearing:
        """Return the rule as a later edition keeps it: what it decided once stays decided."""
        return replace(self, already_earned="old_rule", not_before=None)

    def of_class(self, point_class: str) -> ClearingRule:
        """Return the rule of a point class."""
        return self.classes.get(point_class, self)


def lot_expiry_index(
    editions: tuple[tuple[int, Clearing], ...], point_class: str, earned_index: int
) -> int:
    """Return when points of a class die, followed through every edition they live to see.

    Args:
        editions: (month index from which it holds, clearing), by rising month. The first also
            governs points from before it.
        point_class: The class of the points.
        earned_index: The month they were earned in.

    Returns:
        The index of the month at whose end they die, :data:`NEVER` if they do not.
    """
    earned_under = max(
        (at for at, (since, _) in enumerate(editions) if since <= earned_index), default=0
    )
    expiry = editions[earned_under][1].of_class(point_class).expiry_index(earned_index)
    for since, clearing in editions[earned_under + 1 :]:
        if expiry < since:
            break
        if clearing.already_earned == "new_rule":
            expiry = max(clearing.of_class(point_class).expiry_index(earned_index), since)
            if clearing.not_before is not None:
                expiry = max(expiry, month_index(clearing.not_before))
    return expiry
