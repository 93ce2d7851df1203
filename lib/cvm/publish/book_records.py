"""What a notebook records: headline figures and small tables, and how they travel.

A record is a display output with a MIME type of its own. An executed notebook is therefore the one
place a run is read from: no side file, no state between processes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from numbers import Integral
from typing import Any

from cvm.core.checks import ArgumentError, check_at_least, check_between
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_points, format_share, format_yuan

FIGURE_MIME = "application/vnd.cvm.figure+json"
TABLE_MIME = "application/vnd.cvm.table+json"
ANSWER_MIME = "application/vnd.cvm.answer+json"


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One headline figure of a notebook.

    Attributes:
        name: Its name in the notebook; its words stand in the catalogue as ``figures.<name>``.
        value: The figure, finite; a whole number stays whole.
        unit: What it counts, such as ``yuan``, ``customers`` or ``share`` (0–1).
        tolerance: Change that is not news, as a share of the figure's size (0–1).
        absolute: The same in the figure's own unit; the larger of the two counts.
    """

    name: str
    value: int | float
    unit: str
    tolerance: float
    absolute: float = 0.0

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name.isidentifier():
            raise ArgumentError(
                "figure name", self.name, "one word such as churn_share (letters, digits, _)"
            )
        if not isinstance(self.unit, str) or not self.unit.strip():
            raise ArgumentError(f"figure {self.name} unit", self.unit, "given", available=units())
        object.__setattr__(self, "value", plain_number(self.value, f"figure {self.name}"))
        check_between(self.tolerance, f"figure {self.name} tolerance", low=0, high=1)
        check_at_least(self.absolute, f"figure {self.name} absolute", 0)

    @property
    def allowed_change(self) -> float:
        """Largest change, in the figure's unit, that counts as the same figure."""
        return max(self.tolerance * abs(self.value), self.absolute)

    def label(self, lang: str) -> str:
        """Return the figure's name in words."""
        return label(self.name, lang)

    def text(self, lang: str) -> str:
        """Return the value with its unit, as people read it."""
        return value_text(self.value, self.unit, lang)

    def to_dict(self) -> dict[str, Any]:
        """Return the figure as it is stored."""
        return asdict(self)

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> Figure:
        """Return the figure that :meth:`to_dict` stored; other entries are left aside."""
        return cls(**{key: stored[key] for key in cls.__dataclass_fields__ if key in stored})


def plain_number(value: Any, name: str) -> int | float:
    """Return ``value`` as a plain finite number.

    Args:
        value: A number of Python, NumPy, pandas or Arrow, or an Ibis scalar (then computed).
        name: What it is, for the error.

    Raises:
        ArgumentError: It is no number, missing, or not finite.
    """
    if hasattr(value, "to_pyarrow"):
        value = value.to_pyarrow()
    for convert in ("as_py", "item"):
        if hasattr(value, convert):
            value = getattr(value, convert)()
    action = "compute it from data that are there, or guard the cell with book.can(…)"
    if isinstance(value, bool | str | bytes):
        raise ArgumentError(name, value, "a finite number", action=action)
    if isinstance(value, Integral):
        return int(value)
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise ArgumentError(name, value, "a finite number", action=action) from None
    if not math.isfinite(number):
        raise ArgumentError(name, number, "a finite number", action=action)
    return number


def units() -> list[str]:
    """Return the units that have words in both languages."""
    return sorted(key.removeprefix("book.unit.") for key in catalogue() if _is_unit(key))


def _is_unit(key: str) -> bool:
    return key.startswith("book.unit.")


def label(name: str, lang: str) -> str:
    """Return the words of a figure's name; the name itself where the catalogue has none."""
    key = f"figures.{name}"
    return say(key, lang) if key in catalogue() else name.replace("_", " ")


def value_text(value: float, unit: str, lang: str) -> str:
    """Return a value with its unit, as people read it.

    Example:
        >>> value_text(0.0231, "share", "en"), value_text(20_000, "customers", "zh")
        ('2.3%', '2万户')
    """
    if unit == "share":
        return format_share(value, decimals=1 if abs(value) >= 0.01 else 2)
    if unit == "yuan":
        return format_yuan(value, lang)
    if unit == "percentage_points":
        number = format_points(value)
    else:
        number = format_number(value, lang, digits=5)
    key = f"book.unit.{unit}"
    words = say(key, lang) if key in catalogue() else unit
    return (number + words) if lang == "zh" else f"{number} {words}".rstrip()


def figures_in(notebook: Mapping[str, Any]) -> tuple[Figure, ...]:
    """Return the headline figures of an executed notebook, in its order.

    Raises:
        ArgumentError: A name was recorded twice.
    """
    found: dict[str, Figure] = {}
    for payload in _payloads(notebook, FIGURE_MIME):
        figure = Figure.from_dict(payload)
        if figure.name in found:
            raise ArgumentError(
                "figure name", figure.name, "unique in its notebook", action="rename one of the two"
            )
        found[figure.name] = figure
    return tuple(found.values())


def tables_in(notebook: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the recorded tables of an executed notebook by name.

    Raises:
        ArgumentError: A name was recorded twice.
    """
    found: dict[str, dict[str, Any]] = {}
    for payload in _payloads(notebook, TABLE_MIME):
        if payload["name"] in found:
            raise ArgumentError(
                "table name", payload["name"], "unique in its notebook", action="rename one"
            )
        found[payload["name"]] = dict(payload)
    return found


def answer_in(notebook: Mapping[str, Any]) -> dict[str, str]:
    """Return the answer an executed notebook recorded, by language; empty if it recorded none."""
    answers = [dict(payload) for payload in _payloads(notebook, ANSWER_MIME)]
    return answers[-1] if answers else {}


def _payloads(notebook: Mapping[str, Any], mime: str) -> Iterator[Mapping[str, Any]]:
    for cell in notebook["cells"]:
        for output in cell.get("outputs", ()):
            payload = output.get("data", {}).get(mime)
            if payload is not None:
                yield payload
