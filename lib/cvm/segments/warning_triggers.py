"""Which triggers have fired for whom, and the reasons in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from cvm.core.checks import check_one_of
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.segments.churn_words import feature_name
from cvm.segments.warning_book import PERIODS, Trigger, WarningBook

RISK = "risk"
"""Reason code of a customer who is warned of for his risk alone."""
MOST_REASONS = 3
_RISES = ("forwarding_minutes", "off_net_share", "complaints")


@dataclass(frozen=True, kw_only=True, eq=False)
class Fired:
    """Triggers by customer.

    Attributes:
        flags: Row × trigger: whether it has fired.
        untold: Triggers that cannot be told, with the columns the rows lack.
        rows: The rows, with the rises the triggers read.
    """

    flags: pd.DataFrame
    untold: Mapping[str, tuple[str, ...]]
    rows: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return customers by trigger, and how many have several."""
        counts = {str(name): int(self.flags[name].sum()) for name in self.flags}
        several = int((self.flags.sum(axis=1) > 1).sum())
        return pd.DataFrame(
            {"trigger": [*counts, "several"], "customers": [*counts.values(), several]}
        )


def fire(rows: pd.DataFrame, book: WarningBook, *, period: str = "month") -> Fired:
    """Return which triggers have fired for each row.

    A value that is missing fires nothing; a trigger whose columns are missing is said to be untold.

    Args:
        rows: Of ``reduce_churn`` (months) or ``reduce_signals`` (any period).
        book: The triggers.
        period: ``"month"``, ``"week"`` or ``"day"``: whose least values hold.

    Raises:
        ArgumentError: An unknown period.
    """
    check_one_of(period, "period", PERIODS)
    known = with_rises(rows)
    flags = pd.DataFrame(index=rows.index)
    untold: dict[str, tuple[str, ...]] = {}
    for trigger in book.triggers:
        limits = trigger.limits(period)
        lacking = [column for column in limits if column not in known.columns]
        fired = np.full(len(rows), not lacking)
        if lacking:
            untold[trigger.name] = tuple(lacking)
        else:
            for column, least in limits.items():
                # A hair below counts, as a mean of decimals may end there.
                fired &= known[column].to_numpy(dtype=float, na_value=np.nan) >= least - 1e-9
        flags[trigger.name] = fired
    return Fired(flags=flags, untold=untold, rows=known)


def with_rises(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows with ``…_rise_…``: a value less its mean before, where both are known."""
    made = rows.copy()
    for name in _RISES:
        stem, _, unit = name.rpartition("_")
        before, rise = f"{stem}_before_{unit}", f"{stem}_rise_{unit}"
        if not stem:
            before, rise = f"{name}_before", f"{name}_rise"
        if name in rows and before in rows:
            made[rise] = rows[name].astype(float) - rows[before].astype(float).fillna(0.0)
            # Without a before there is no rise to speak of.
            made.loc[rows[before].isna(), rise] = np.nan
    return made


def reason_codes(fired: Fired) -> list[tuple[str, ...]]:
    """Return each row's triggers in the order of the book; ``("risk",)`` where none has fired."""
    names = list(map(str, fired.flags.columns))
    flags = fired.flags.to_numpy(dtype=bool)
    return [
        tuple(name for name, on in zip(names, row, strict=True) if on) or (RISK,) for row in flags
    ]


def reason_texts(
    fired: Fired,
    book: WarningBook,
    lang: str,
    *,
    codes: Sequence[tuple[str, ...]],
    contributions: pd.DataFrame | None = None,
) -> list[str]:
    """Return each row's reasons in words: its triggers, else what raises its risk most.

    A row without a reason has no words.

    Args:
        fired: The triggers.
        book: Their words.
        lang: ``"zh"`` or ``"en"``.
        codes: Each row's reasons.
        contributions: Of :meth:`cvm.segments.churn.ChurnModel.contributions`, row for row.
    """
    triggers = {trigger.name: trigger for trigger in book.triggers}
    needed = sorted({column for trigger in book.triggers for column in trigger.columns})
    shown = {
        name: fired.rows[name].to_numpy(object) if name in fired.rows else np.full(len(codes), None)
        for name in needed
    }
    raising = _raising(contributions, [own == (RISK,) for own in codes])
    found = [""] * len(fired.rows)
    for place, own in enumerate(codes):
        if own == (RISK,):
            found[place] = _risk_text(raising.get(place, ()), lang)
        elif own:
            row = {name: values[place] for name, values in shown.items()}
            words = [_filled(triggers[code], row, lang) for code in own[:MOST_REASONS]]
            found[place] = say("segments_warning.semicolon", lang).join(words)
    return found


def _raising(
    contributions: pd.DataFrame | None, wanted: Sequence[bool]
) -> dict[int, tuple[str, ...]]:
    """Return what raises the risk most, the most first, by the place of each row wanted."""
    if contributions is None:
        return {}
    names = list(map(str, contributions.columns))
    places = np.flatnonzero(wanted)
    parts = contributions.to_numpy(dtype=float)[places]
    order = np.argsort(-parts, axis=1, kind="stable")[:, :MOST_REASONS]
    return {
        int(place): tuple(names[at] for at in best if row[at] > 0)
        for place, row, best in zip(places, parts, order, strict=True)
    }


def _filled(trigger: Trigger, row: Mapping[str, Any], lang: str) -> str:
    values = {name: value_text(name, row[name], lang) for name in trigger.columns}
    return (trigger.zh if lang == "zh" else trigger.en).format(**values)


def value_text(column: str, value: Any, lang: str) -> str:
    """Return a value as its column's unit is written."""
    number = float("nan") if value is None or pd.isna(value) else float(value)
    if column.endswith("_share"):
        return format_share(number, decimals=0)
    if column.endswith("_yuan"):
        return format_yuan(number, lang)
    return format_number(number, lang)


def _risk_text(features: Sequence[str], lang: str) -> str:
    if not features:
        return say("segments_warning.reason.risk", lang)
    names = say("segments_churn.list", lang).join(feature_name(name, lang) for name in features)
    return say("segments_warning.reason.risk_from", lang, features=names)
