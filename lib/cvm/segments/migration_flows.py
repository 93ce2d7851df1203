"""Migration period by period: by month or by year, with rates, errors and a test of sameness.

A steady state and a value from a chain suppose that one period is like the next. Whether they are
is tested as Anderson & Goodman (1957), "Statistical inference about Markov chains", do: for each
tier, a chi-square test of where its customers went against the period.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import chi2

from cvm.core.checks import DataError, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.months import format_month, month_from_index
from cvm.core.result import Result
from cvm.segments.measured import wilson
from cvm.segments.migration import CONFIDENCE, VIP_ORDER, Migration, measure_migration

FloatArray = npt.NDArray[np.float64]
WAYS = ("up", "down", "left")
LEAST_EXPECTED = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class MigrationFlows(Result):
    """Moves between tiers, period by period.

    Attributes:
        months: The later month of each period, in order.
        periods: The moves of each.
        months_apart: Length of every period (months).
        mean: The moves of all periods added up: tier × tier of a mean period. Its customers are
            counted once a period.
    """

    view: ClassVar[str] = "cvm.views.segments_migration_flows:plot_rates"

    months: tuple[date, ...]
    periods: tuple[Migration, ...]
    months_apart: int
    mean: Migration

    def summary(self) -> pd.DataFrame:
        """Return one row a period: stocks, flows and rates.

        ``before`` + ``joined`` − ``left`` = ``after``, and ``before`` is the sum of all directions.
        Shares are of ``before``, with Wilson's 90 % limits.
        """
        rows = []
        for month, period in zip(self.months, self.periods, strict=True):
            counts = period.counts
            before = float(counts[:-1].sum())
            row: dict[str, object] = {
                "month": month,
                "before": int(before),
                "joined": int(counts[-1].sum()),
            }
            row |= {name: int(found.sum()) for name, found in period.ways.items()}
            row["after"] = int(counts[:, :-1].sum())
            for name in WAYS:
                gone = float(period.ways[name].sum())
                low, high = wilson([gone], [before], CONFIDENCE)
                row |= {f"{name}_share": gone / before}
                row |= {f"{name}_low": float(low[0]), f"{name}_high": float(high[0])}
            rows.append(row)
        told = pd.DataFrame(rows)
        if "unknown" in told:
            told["unknown"] = told["unknown"].fillna(0).astype(int)
        return told

    def moves(self) -> pd.DataFrame:
        """Return tier × tier of every period: ``month`` and the columns of one migration's."""
        parts = [
            period.moves().assign(month=month)
            for month, period in zip(self.months, self.periods, strict=True)
        ]
        table = pd.concat(parts, ignore_index=True)
        return table[["month", *table.columns[:-1]]]

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the periods and every pair of tiers in each."""
        return {"summary": self.summary(), "moves": self.moves()}

    def alike_p(self) -> float:
        """Return the p-value of all periods having one chain; NaN of fewer than two periods."""
        tiers = range(len(self.periods[0].tiers))
        ways = [[[p.ways[way][at] for way in ("stayed", *WAYS)] for at in tiers]
                for p in self.periods]  # fmt: skip
        return alike_p(np.array(ways))

    def text(self, lang: str = "en") -> str:
        """Return how far the rates went up and down over the periods."""
        table = self.summary()
        told = say(
            f"segments_migration.flows.{'text' if len(table) > 1 else 'one'}",
            lang,
            periods=len(table),
            length=say(
                f"segments_migration.flows.{self._length()}", lang, months=self.months_apart
            ),
            first=format_month(self.months[0], lang),
            last=format_month(self.months[-1], lang),
            **{
                f"{name}_{end}": format_share(float(getattr(table[f"{name}_share"], end)()))
                for name in WAYS
                for end in ("min", "max")
            },
        )
        p_value = self.alike_p()
        if np.isnan(p_value):
            return told
        key = "differ" if p_value < 0.05 else "alike"
        return told + say(f"segments_migration.flows.{key}", lang)

    def _length(self) -> str:
        return {1: "month", 12: "year"}.get(self.months_apart, "months")


def alike_p(ways: FloatArray) -> float:
    """Return the p-value of all periods having one chain; NaN where it cannot be told.

    For each tier its customers by direction and period. A direction in which a period would have
    less than one is taken with the first (Cochran's 1954 rule of small cells).

    Args:
        ways: Customers [period, tier, direction], who stayed first.
    """
    statistic = freedom = 0.0
    for at in range(ways.shape[1]):
        table = ways[:, at].astype(float)
        table = table[table.sum(axis=1) > 0]
        if len(table) < 2:
            continue
        rare = _expected(table).min(axis=0) < LEAST_EXPECTED
        rare[0] = False
        table[:, 0] += table[:, rare].sum(axis=1)
        table = table[:, ~rare]
        expected = _expected(table)
        if table.shape[1] < 2 or expected.min() < LEAST_EXPECTED:
            continue
        statistic += ((table - expected) ** 2 / expected).sum()
        freedom += (table.shape[0] - 1) * (table.shape[1] - 1)
    return float(chi2.sf(statistic, freedom)) if freedom else float("nan")


def _expected(table: FloatArray) -> FloatArray:
    return np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()


def measure_flows(
    moves: pd.DataFrame, *, tiers: Sequence[str] = VIP_ORDER, months_apart: int = 1
) -> MigrationFlows:
    """Return migration period by period.

    Args:
        moves: Of ``reduce_tier_flows``: ``month_index`` and the columns of ``reduce_tier_moves``.
        tiers: Names of tiers from the lowest to the highest.
        months_apart: Length of every period (months).

    Raises:
        DataError: No period; a period with nobody in service before, or with an unknown tier's
            name; or customers after one period who are not there before the next.
    """
    check_columns(moves.columns, ["month_index"], "moves")
    if moves.empty:
        raise DataError("moves", "without rows", "the moves of one period or more")
    periods, indices = [], []
    # No draws are made: a period's steady state is not told here.
    rng = np.random.default_rng(0)
    options: dict[str, Any] = {
        "tiers": tiers, "months_apart": months_apart, "draws": 0, "rng": rng,
    }  # fmt: skip
    for index, part in moves.groupby("month_index", sort=True):
        periods.append(measure_migration(part, **options))
        indices.append(int(str(index)))
    found = MigrationFlows(
        months=tuple(month_from_index(index) for index in indices),
        periods=tuple(periods),
        months_apart=months_apart,
        mean=measure_migration(moves, **options),
    )
    _check_stocks(found, indices)
    return found


def _check_stocks(flows: MigrationFlows, indices: Sequence[int]) -> None:
    """Check that whoever is there after a period is there before the one that follows it."""
    pairs = zip(flows.periods, flows.periods[1:], indices, indices[1:], strict=False)
    for period, following, ended, ends in pairs:
        if ends - ended != flows.months_apart:
            continue
        after = dict(zip(period.states, period.counts[:, :-1].sum(axis=0), strict=True))
        before = dict(zip(following.states, following.counts[:-1].sum(axis=1), strict=True))
        for tier in {**after, **before}:
            if after.get(tier, 0) != before.get(tier, 0):
                raise DataError(
                    f"moves of {month_from_index(ends)}",
                    f"{before.get(tier, 0):g} customers of {tier} before",
                    f"the {after.get(tier, 0):g} after the period before it",
                    action="reduce all periods from one extract",
                )
