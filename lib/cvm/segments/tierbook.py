"""A tier book: the ladders of cards, stars and grades, in editions by effective month.

What the engine must add up to rate everybody in a month is :meth:`TierBook.terms`: plain values,
so that the reduction knows nothing of rule books.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from cvm.core.editions import check_editions, edition_in
from cvm.core.months import add_months, parse_month
from cvm.core.rule_checks import Checker
from cvm.segments.tiers_rules import Ladder

LADDERS = ("cards", "stars", "corporate")
"""VIP cards, stars, corporate grades."""


@dataclass(frozen=True, kw_only=True)
class TierEdition:
    """The ladders in force from a month on.

    Attributes:
        first_month: First month they hold in.
        cards: VIP cards, or none.
        stars: Stars, or none.
        corporate: Grades of corporate accounts, or none.
    """

    first_month: date
    cards: Ladder | None = field(default=None, metadata={"item": Ladder})
    stars: Ladder | None = field(default=None, metadata={"item": Ladder})
    corporate: Ladder | None = field(default=None, metadata={"item": Ladder})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.month("first_month")
        for name in LADDERS:
            check.record_of(name, Ladder, needed=False)
        check.finish()

    @property
    def ladders(self) -> dict[str, Ladder]:
        """The ladders there are, by name."""
        found = {name: getattr(self, name) for name in LADDERS}
        return {name: ladder for name, ladder in found.items() if ladder is not None}


@dataclass(frozen=True, kw_only=True)
class TierBook:
    """The rules of tiers over time.

    Attributes:
        name: Short name, the stem of its file.
        en: Title in English.
        zh: Title in Chinese.
        source: Where the rules come from.
        editions: By rising first month.
    """

    name: str
    en: str
    zh: str
    source: str = ""
    editions: tuple[TierEdition, ...] = field(metadata={"item": TierEdition, "many": True})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        check_editions(check, "editions", TierEdition)
        check.finish()

    def edition_in(self, month: date | str) -> TierEdition:
        """Return the edition in force in a month.

        Raises:
            ArgumentError: There was none yet.
        """
        return edition_in(self.editions, month, book=f"tier book {self.name!r}")

    def with_ladder(self, name: str, **changes: Any) -> TierBook:
        """Return the book with fields of one ladder changed in every edition that has it."""
        editions = tuple(_changed(edition, name, changes) for edition in self.editions)
        return replace(self, editions=editions)

    def terms(self, month: date | str) -> dict[str, dict[str, Any]]:
        """Return what the engine must add up to rate everybody in a month.

        Args:
            month: The month to rate in.

        Returns:
            Ladder → ``cap_levels`` (arrears stops, level), ``brands``, ``customer_types`` and
            ``assessments``: the latest first, each with ``month`` (tenure counts to it),
            ``first_month`` and ``last_month`` of its window, ``steps`` (levels lost on it by now),
            ``cuts``, ``least_months`` and the weights of the score. Earlier assessments rate by
            the edition of their own month; where that had no such ladder they are left out.
        """
        when = parse_month(month)
        edition = self.edition_in(when)
        return {
            name: {
                "cap_levels": [
                    (cap.stops, 1 + ladder.names.index(cap.tier)) for cap in ladder.caps
                ],
                "brands": list(ladder.brands),
                "customer_types": list(ladder.customer_types),
                "assessments": self._assessments(name, ladder, when),
            }
            for name, ladder in edition.ladders.items()
        }

    def _assessments(self, name: str, ladder: Ladder, when: date) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for back, at in enumerate(_settings(ladder, when)):
            steps = _steps_lost(ladder, back, at, when)
            if steps >= len(ladder.tiers) or at < self.editions[0].first_month:
                continue
            then = self.edition_in(at).ladders.get(name)
            if then is not None:
                found.append(_assessment(then, at) | {"steps": steps})
        return found


def _changed(edition: TierEdition, name: str, changes: dict[str, Any]) -> TierEdition:
    if name not in edition.ladders:
        return edition
    changed: dict[str, Any] = {name: replace(edition.ladders[name], **changes)}
    return replace(edition, **changed)


def _settings(ladder: Ladder, when: date) -> list[date]:
    """Return the months in which tiers that may still count were set, the latest first."""
    step = 1 if ladder.set_month is None else 12
    latest = (
        when
        if ladder.set_month is None
        else add_months(when, -((when.month - ladder.set_month) % 12))
    )
    protected = 0
    if ladder.most_steps_down is not None:
        protected = -(-len(ladder.tiers) // ladder.most_steps_down)
    graced = -(-ladder.grace_months // step)
    return [add_months(latest, -step * back) for back in range(1 + graced + protected)]


def _steps_lost(ladder: Ladder, back: int, at: date, when: date) -> int:
    """Return how many levels a tier set ``back`` assessments ago has lost by now."""
    if back == 0:
        return 0
    # A tier set yearly holds until the next setting; grace counts from there.
    step = 1 if ladder.set_month is None else 12
    superseded = add_months(at, step)
    since = (when.year - superseded.year) * 12 + when.month - superseded.month
    if since < ladder.grace_months:
        return 0
    if ladder.most_steps_down is None:
        return len(ladder.tiers)
    return (back - ladder.grace_months // step) * ladder.most_steps_down


def _assessment(ladder: Ladder, at: date) -> dict[str, Any]:
    last = at if ladder.set_month is None else add_months(at, -1)
    score = ladder.score
    return {
        "month": at,
        "first_month": add_months(last, 1 - ladder.window_months),
        "last_month": last,
        "cuts": [tier.from_score for tier in ladder.tiers],
        "least_months": ladder.least_months,
        "point": score.point,
        "average_bill_yuan": score.average_bill_yuan,
        "tenure_month": score.tenure_month,
        "account_member": score.account_member,
        "account_bill_yuan": score.account_bill_yuan,
        "shared_bonus": score.shared_bonus,
        "on_time_bonus": score.on_time_bonus,
        "on_time_months": score.on_time_months,
        "most_bonus": score.most_bonus,
        "stop_penalty": score.stop_penalty,
    }
