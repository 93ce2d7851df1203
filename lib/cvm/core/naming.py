"""Names of values, as results take them: of a kind and a value, its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

NameOf = Callable[[str, str], str]
"""Kind (``"county"``, ``"campaign"``, ``"tariff"``) and value of the data → its name."""
NAMED_TRAITS = ("county", "tariff")
"""What customers have whose values have names."""


def names_of(kind: str, values: Iterable[str], of: NameOf) -> dict[str, str]:
    """Return each value's name; values that share one keep their own, so that they stay apart.

    Example:
        >>> names = {"C1": "North", "C2": "North", "C3": "South"}
        >>> names_of("county", names, lambda kind, value: names[value])
        {'C1': 'C1', 'C2': 'C2', 'C3': 'South'}
    """
    found = {value: of(kind, value) for value in values}
    shown = list(found.values())
    return {value: name if shown.count(name) == 1 else value for value, name in found.items()}
