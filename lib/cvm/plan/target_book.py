"""Target books: what management asks of the figures on the dashboards, from TOML.

Targets are the operator's own, like its rule books and tier books. A target names a figure, a
bound, the month from which it holds, and who set it. The latest that holds in a month is in force.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from cvm.core.months import parse_month
from cvm.core.rule_checks import Checker
from cvm.core.rule_files import open_rules, parse_rules, shipped_texts

BOUNDS = ("at_most", "at_least")


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure that can be given a target.

    Attributes:
        unit: ``share`` (0–1), ``change`` (a share of the year before, signed), ``return`` (net ÷
            cost) or ``yuan``.
        bounds: The bounds that make sense: more customers leaving is never a target.
        decimals: Decimals it is shown with, of per cent or of yuan.
        low: Least value a target may have.
        high: Greatest value a target may have.
    """

    unit: str = "share"
    bounds: tuple[str, ...] = ("at_least",)
    decimals: int = 1
    low: float = 0.0
    high: float = 1.0


FIGURES: Mapping[str, Figure] = {
    # overview
    "churn_share": Figure(bounds=("at_most",), decimals=2),
    "customers_change_share": Figure(unit="change", low=-1.0),
    "revenue_change_share": Figure(unit="change", low=-1.0),
    "arpu_yuan": Figure(unit="yuan", high=1e6),
    # customer value
    "holders_share": Figure(bounds=BOUNDS),
    "holders_revenue_share": Figure(),
    "tier_cost_share": Figure(bounds=("at_most",), decimals=2),
    # campaigns
    "campaign_strong_share": Figure(decimals=0),
    "campaign_worked_share": Figure(decimals=0),
    "campaign_return": Figure(unit="return", decimals=0, low=-1.0, high=1e3),
    # early warning
    "warning_precision_share": Figure(),
    "warning_value_share": Figure(decimals=0),
    "warning_gain_yuan": Figure(unit="yuan", decimals=0, low=-1e12, high=1e12),
}
"""The figures that can be given a target, by name."""


@dataclass(frozen=True, kw_only=True)
class Target:
    """What a figure shall reach, or not pass.

    Attributes:
        figure: One of :data:`FIGURES`.
        at_most: Greatest value that meets the target; in the figure's unit.
        at_least: Least value that meets it; one of the two is given.
        first_month: First month it holds in, until a later one for the same figure.
        set_by_en: Who set it, in English.
        set_by_zh: The same in Chinese.
    """

    figure: str
    at_most: float | None = None
    at_least: float | None = None
    first_month: date
    set_by_en: str
    set_by_zh: str

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("set_by_en", "set_by_zh")
        check.month("first_month")
        if check.one_of("figure", FIGURES):
            self._check_bound(check, FIGURES[self.figure])
        check.finish()

    def _check_bound(self, check: Checker, figure: Figure) -> None:
        given = [bound for bound in BOUNDS if getattr(self, bound) is not None]
        if len(given) != 1:
            value = f"{self.figure} with {' and '.join(given) or 'no bound'}"
            check.refuse("figure", value=value, expected="with one bound", available=figure.bounds)
        elif given[0] not in figure.bounds:
            check.refuse(
                given[0],
                value=getattr(self, given[0]),
                expected=f"a bound that {self.figure} can have",
                available=figure.bounds,
            )
        else:
            check.between(given[0], figure.low, figure.high)

    @property
    def bound(self) -> str:
        """``at_most`` or ``at_least``."""
        return "at_least" if self.at_most is None else "at_most"

    @property
    def value(self) -> float:
        """The bound's value, in the figure's unit."""
        return float(getattr(self, self.bound))


@dataclass(frozen=True, kw_only=True)
class TargetBook:
    """The targets of one operator.

    Attributes:
        name: The book's name, that of its file.
        en: Whose targets these are, in English.
        zh: The same in Chinese.
        source: Where they were written down.
        targets: In any order; of those for one figure the latest that holds is in force.
    """

    name: str
    en: str
    zh: str
    source: str = ""
    targets: tuple[Target, ...] = field(metadata={"item": Target, "many": True})

    def __post_init__(self) -> None:
        check = Checker(self)
        check.texts("name", "en", "zh")
        if check.records("targets", Target):
            seen: set[tuple[str, date]] = set()
            for at, one in enumerate(self.targets):
                key = (one.figure, one.first_month)
                if key in seen:
                    check.refuse(
                        "targets", at, value=f"{one.figure} from {key[1]:%Y-%m}",
                        expected="a figure and first month not given above",
                        action="change first_month, or remove one of the two",
                    )  # fmt: skip
                seen.add(key)
        check.finish()

    def in_force(self, month: date | str) -> tuple[Target, ...]:
        """Return the targets in force in a month, one a figure, in the order of :data:`FIGURES`."""
        when = parse_month(month)
        latest: dict[str, Target] = {}
        for one in sorted(self.targets, key=lambda target: target.first_month):
            if one.first_month <= when:
                latest[one.figure] = one
        return tuple(latest[figure] for figure in FIGURES if figure in latest)

    def frame(self, month: date | str) -> pd.DataFrame:
        """Return the targets in force in a month as the published table ``targets``.

        One row a figure: ``figure``, ``bound``, ``value``, ``first_month``, ``set_by_en``,
        ``set_by_zh``.
        """
        columns = ["figure", "bound", "value", "first_month", "set_by_en", "set_by_zh"]
        rows = [[getattr(one, column) for column in columns] for one in self.in_force(month)]
        return pd.DataFrame(rows, columns=columns)


def open_target_book(name: str) -> TargetBook:
    """Return a target book of ``data/targets`` by name, or one from a file ending in ``.toml``.

    Raises:
        ArgumentError: There is no book of that name; the message lists them.
        DataError: The file cannot be read.
        RuleBookError: It is no target book or an impossible one; all problems, with their lines.
    """
    return open_rules(name, shipped_target_books(), parse_target_book)


def find_target_book(name: str | None, data_name: str) -> TargetBook | None:
    """Return the target book asked for, or else the one named after the data, if there is one.

    No operator's figures are held against another's targets: without a name, data for which nobody
    wrote a book have none.

    Args:
        name: As :func:`open_target_book` takes it; ``None`` for the book named after the data.
        data_name: Name of the folder, file or mapping the data came from.

    Raises:
        CvmError: As :func:`open_target_book`.
    """
    if name is None and data_name not in shipped_target_books():
        return None
    return open_target_book(data_name if name is None else name)


def parse_target_book(
    text: str, *, file: str = "target book", name: str = "target book"
) -> TargetBook:
    """Make a target book of TOML text; errors as in :func:`open_target_book`."""
    book: TargetBook = parse_rules(TargetBook, text, file=file, name=name)
    return book


def shipped_target_books() -> dict[str, str]:
    """Return the books of ``data/targets`` (inside the package once installed): name → TOML."""
    return shipped_texts("cvm.plan", "targets")
