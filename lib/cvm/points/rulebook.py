"""A rule book: what never changes in a programme, and its editions by effective month."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

from cvm.core.editions import check_editions, edition_in
from cvm.core.months import month_index, parse_month, points_year
from cvm.core.rule_checks import Checker
from cvm.points.rules import Clearing, RedemptionValue, Rules
from cvm.points.rules_clearing import lot_expiry_index
from cvm.points.rules_earn import POINT_CLASSES


@dataclass(frozen=True, kw_only=True)
class RuleBook:
    """The rules of a points programme over time.

    Attributes:
        name: Short name, the stem of its file.
        en: Title in English.
        zh: Title in Chinese.
        source: Where the rules come from.
        points_year_first_month: Month the points year begins with; 12 is December–November.
        redemption_order: Which points go first: ``oldest_first`` by month of earning,
            ``soonest_expiry_first`` by month of dying, or ``class_order`` class after class, the
            oldest first within each. Ties follow ``class_order``.
        class_order: All point classes, the first to go first.
        earned_usable: Whether a month's points may be redeemed in the ``same_month`` or from the
            ``next_month`` on.
        over_redemption: What becomes of a redemption above the usable balance: ``truncate`` to it
            or ``refuse`` it whole. It is counted either way; a balance is never negative.
        forfeit_on_leaving: Whether a leaving member's points are forfeited (作废) or kept.
        transferred_in_class: The class transferred points arrive in, as points of that month.
        rules: The editions, by rising first month.
    """

    name: str
    en: str
    zh: str
    source: str = ""
    points_year_first_month: int = 12
    redemption_order: Literal["oldest_first", "soonest_expiry_first", "class_order"] = (
        "oldest_first"
    )
    class_order: tuple[str, ...] = POINT_CLASSES
    earned_usable: Literal["same_month", "next_month"] = "same_month"
    over_redemption: Literal["truncate", "refuse"] = "truncate"
    forfeit_on_leaving: bool = True
    transferred_in_class: str = "bonus"
    rules: tuple[Rules, ...] = field(metadata={"item": Rules, "many": True})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        check.whole("points_year_first_month", 1, 12)
        check.one_of("redemption_order", ("oldest_first", "soonest_expiry_first", "class_order"))
        check.one_of("earned_usable", ("same_month", "next_month"))
        check.one_of("over_redemption", ("truncate", "refuse"))
        check.one_of("transferred_in_class", POINT_CLASSES)
        check.flag("forfeit_on_leaving")
        if isinstance(self.class_order, list):
            object.__setattr__(self, "class_order", tuple(self.class_order))
        if sorted(map(str, self.class_order or ())) != sorted(POINT_CLASSES):
            check.refuse(
                "class_order",
                value=self.class_order,
                expected="every point class once",
                available=POINT_CLASSES,
            )
        check_editions(check, "rules", Rules)
        check.finish()

    def rules_in(self, month: date | str) -> Rules:
        """Return the edition in force in a month.

        Raises:
            ArgumentError: The programme had not begun.
        """
        return edition_in(self.rules, month, book=f"rule book {self.name!r}")

    def points_year_of(self, month: date | str) -> int:
        """Return the points year a month belongs to, named by the calendar year it ends in."""
        return points_year(parse_month(month), self.points_year_first_month)

    def expiry_index(self, point_class: str, earned_index: int) -> int:
        """Return the index of the month at whose end a class's points of a month die.

        Every edition they live to see has its say; see :class:`cvm.points.rules.Clearing`.
        """
        editions = tuple((month_index(item.first_month), item.clearing) for item in self.rules)
        return lot_expiry_index(editions, point_class, earned_index)

    def with_rules(self, *, since: date | str | None = None, **changes: Any) -> RuleBook:
        """Return the book with settings of its editions replaced.

        Args:
            since: Only in editions from this month on; the edition in force then is split so that
                the past stays as it was. Without it, in all.
            changes: Fields of :class:`cvm.points.rules.Rules`.
        """
        if since is None:
            return replace(self, rules=tuple(replace(item, **changes) for item in self.rules))
        start = parse_month(since, "since")
        held = self.rules_in(start)
        split = held
        if held.first_month < start:
            split = replace(held, first_month=start, clearing=held.clearing.carried_on())
        kept = tuple(item for item in self.rules if item.first_month < start)
        later = tuple(item for item in self.rules if item.first_month > start)
        return replace(
            self, rules=kept + tuple(replace(item, **changes) for item in (split, *later))
        )

    def with_threshold(self, points: int, *, since: date | str | None = None) -> RuleBook:
        """Return the book with another qualification threshold (points)."""
        changed = replace(self.rules[-1].qualification, threshold_points=points)
        return self.with_rules(since=since, qualification=changed)

    def with_value(self, yuan_per_point: float, *, since: date | str | None = None) -> RuleBook:
        """Return the book with a linear redemption value (yuan a point)."""
        linear = RedemptionValue(yuan_per_point=yuan_per_point)
        return self.with_rules(since=since, redemption=linear)

    def with_clearing(self, clearing: Clearing, *, since: date | str | None = None) -> RuleBook:
        """Return the book with another clearing rule."""
        return self.with_rules(since=since, clearing=clearing)
