"""Migration between tiers (级别迁移): shares with errors, up and down, where it would settle.

Joining and leaving are states of their own. In the long run whoever leaves is replaced by somebody
who joins, in the tiers that joiners are seen in a period later; the chain then has one steady
state (Kemeny & Snell, Finite Markov Chains, 1960). A customer in service whose tier is not on
record is in a state of its own too: counted, never dropped, neither above nor below a tier.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_columns
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.measured import wilson
from cvm.segments.migration_chain import (
    LEAST_CUSTOMERS,
    DrawnChains,
    draw_chains,
    draw_steady_states,
    held_tiers,
    period_rate,
    steady_state,
    tier_values,
    with_ends,
)

FloatArray = npt.NDArray[np.float64]
JOINED, LEFT, UNKNOWN = "joined", "left", "unknown"
VIP_ORDER = ("none", "vip", "silver", "gold", "diamond")
STAR_ORDER = ("0", "1", "2", "3", "4", "5")
CONFIDENCE = 0.9
_SUMS = ["customers", "bill_yuan", "bill_squared"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Migration(Result):
    """Moves between tiers over one period.

    Attributes:
        tiers: From the lowest to the highest.
        states: The tiers, then ``unknown`` if a customer's tier was not on record.
        counts: Customers by state before (rows, ``joined`` last) and after (columns, ``left``
            last).
        bills: Sums of their monthly bills (yuan), of the same shape.
        bills_squared: Sums of the squares of those bills.
        months_apart: Length of the period (months).
        steady: Share of the base in each tier in the long run, of customers whose tier is known;
            NaN where it cannot be told.
        steady_low: Lower end of its 90 % interval.
        steady_high: Upper end.
        drawn: Moves and bills of held tiers as they may truly be, for the interval of values;
            None where none were drawn.
    """

    view: ClassVar[str] = "cvm.views.segments_migration:plot_migration"

    tiers: tuple[str, ...]
    states: tuple[str, ...]
    counts: FloatArray
    bills: FloatArray
    bills_squared: FloatArray
    months_apart: int
    steady: FloatArray
    steady_low: FloatArray
    steady_high: FloatArray
    drawn: DrawnChains | None = None

    @cached_property
    def shares(self) -> FloatArray:
        """Return the share of each state's customers that went where [state, state or left]."""
        rows = self.counts[:-1]
        total = rows.sum(axis=1, keepdims=True)
        return np.divide(rows, total, out=np.full_like(rows, np.nan), where=total > 0)

    @cached_property
    def errors(self) -> FloatArray:
        """Return standard errors of the shares (multinomial).

        Where all or none went the error is not zero but that of half a customer: Jeffreys' share
        (customers + ½) ÷ (total + 1).
        """
        rows = self.counts[:-1]
        total = rows.sum(axis=1, keepdims=True)
        ends = (rows == 0) | (rows == total)
        share = np.where(ends, (rows + 0.5) / (total + 1), self.shares)
        variance = share * (1 - share)
        return np.sqrt(
            np.divide(variance, total, out=np.full_like(variance, np.nan), where=total > 0)
        )

    def matrix(self) -> pd.DataFrame:
        """Return the shares as a table: rows from, columns to."""
        return pd.DataFrame(self.shares, index=self.states, columns=[*self.states, LEFT])

    def moves(self) -> pd.DataFrame:
        """Return one row a pair: ``from_tier``, ``to_tier``, ``customers``, ``share``, its ``se``.

        ``low`` and ``high`` are Wilson's 90 % limits; of who joined there is no share.
        """
        after = [*self.states, LEFT]
        before = [*self.states, JOINED]
        blank = np.full((1, len(after)), np.nan)
        total = self.counts[:-1].sum(axis=1, keepdims=True)
        low, high = wilson(self.counts[:-1], np.broadcast_to(total, self.shares.shape), CONFIDENCE)
        low, high = (np.where(total > 0, limit, np.nan) for limit in (low, high))
        return pd.DataFrame(
            {
                "from_tier": np.repeat(before, len(after)),
                "to_tier": np.tile(after, len(before)),
                "customers": self.counts.astype(int).ravel(),
                "share": np.vstack([self.shares, blank]).ravel(),
                "se": np.vstack([self.errors, blank]).ravel(),
                "low": np.vstack([low, blank]).ravel(),
                "high": np.vstack([high, blank]).ravel(),
            }
        )

    @cached_property
    def ways(self) -> dict[str, FloatArray]:
        """Return customers of each state by direction: they add up to its customers before.

        ``unknown`` (a tier not on record before or after) is there only if somebody went that way.
        """
        ranked, size = len(self.tiers), len(self.states)
        inside = np.zeros((size, size))
        inside[:ranked, :ranked] = self.counts[:ranked, :ranked]
        found = {
            "up": np.triu(inside, 1).sum(axis=1),
            "stayed": np.diag(inside),
            "down": np.tril(inside, -1).sum(axis=1),
            "left": self.counts[:size, size],
        }
        if size > ranked:
            found["unknown"] = self.counts[:size].sum(axis=1) - sum(found.values())
        return found

    def directions(self) -> pd.DataFrame:
        """Return customers by tier and direction: ``up``, ``stayed``, ``down``, ``left``, ``all``.

        Counts of their own, so that what is published can be withheld group by group: shares beside
        a tier's size would give small groups away.
        """
        found = self.ways | {"all": self.counts[: len(self.states)].sum(axis=1)}
        rows = [
            (tier, direction, int(counts[at]))
            for at, tier in enumerate(self.states)
            for direction, counts in found.items()
        ]
        return pd.DataFrame(rows, columns=["tier", "direction", "customers"])

    def summary(self) -> pd.DataFrame:
        """Return one row a state: customers, shares up, down, staying, leaving, steady state."""
        total = self.counts[:-1].sum(axis=1)
        told = pd.DataFrame({"tier": self.states, "customers": total.astype(int)})
        for name, counts in self.ways.items():
            told[f"{name}_share"] = np.divide(
                counts, total, out=np.full_like(total, np.nan), where=total > 0
            )
        now = self.counts[:, : len(self.states)].sum(axis=0)
        told["now_share"] = now / max(now.sum(), 1.0)
        for name in ("steady", "steady_low", "steady_high"):
            column = name if name != "steady" else "steady_share"
            told[column] = np.append(
                getattr(self, name), np.full(len(self.states) - len(self.tiers), np.nan)
            )
        return told

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and every pair of tiers."""
        return {"summary": self.summary(), "moves": self.moves()}

    def value_yuan(self, margin_share: float, yearly_discount: float) -> pd.DataFrame:
        """Return what a customer of each tier is worth, tier changes and leaving included.

        Args:
            margin_share: Margin ÷ bill; it may be negative.
            yearly_discount: Discount rate a year.

        Returns:
            ``tier``, ``value_yuan`` (from now on, this period's margin first), ``se_yuan`` by the
            delta method, ``low_yuan`` and ``high_yuan`` (90 %, of chains as they may truly be; NaN
            where none were drawn). Of customers whose tier is known before and after; NaN of a tier
            that nobody holds, and of one with fewer than ``LEAST_CUSTOMERS`` before (``few``).

        Raises:
            DataError: A tier had no customer before but has now, so where they go is not known.
        """
        if self.empty:
            raise DataError(
                "tiers", f"without customers before: {', '.join(self.empty)}", "with customers"
            )
        held = held_tiers(self._known())
        margin = margin_share * self.months_apart
        rate = period_rate(yearly_discount, self.months_apart)
        told = np.full((4, len(self.tiers)), np.nan)
        told[:2, held] = tier_values(*self._sums(held), margin=margin, rate=rate)
        if self.drawn is not None:
            low, high = self.drawn.limits(CONFIDENCE, margin=margin, rate=rate)
            # Where nobody of a tier has left yet, no drawn chain keeps them all for ever.
            told[2:, held] = np.fmin(low, told[0, held]), np.fmax(high, told[0, held])
        told[:, np.isin(self.tiers, self.few)] = np.nan
        names = ("value_yuan", "se_yuan", "low_yuan", "high_yuan")
        return pd.DataFrame({"tier": self.tiers} | dict(zip(names, told, strict=True)))

    @cached_property
    def empty(self) -> tuple[str, ...]:
        """Return the tiers that customers moved to and none was in: where they lead is unknown."""
        known = self._known()
        return tuple(self.tiers[at] for at in held_tiers(known) if not known[at].sum())

    @cached_property
    def few(self) -> tuple[str, ...]:
        """Return the tiers held by too few customers to say what one of them is worth."""
        known = self._known()
        before = known[:-1].sum(axis=1)
        return tuple(self.tiers[at] for at in held_tiers(known) if before[at] < LEAST_CUSTOMERS)

    def _sums(self, held: npt.NDArray[np.intp]) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return customers, bills and their squares of held tiers, without who joined."""
        counts, bills, squares = (
            with_ends(table, held)[:-1] for table in (self.counts, self.bills, self.bills_squared)
        )
        return counts, bills, squares

    def _known(self) -> FloatArray:
        """Return the customers whose tier is on record before and after."""
        return with_ends(self.counts, range(len(self.tiers)))

    def unknown(self) -> float:
        """Return how many customers had no tier on record before or after."""
        return float(self.counts.sum() - self._known().sum())

    def text(self, lang: str = "en") -> str:
        """Return how many moved, and where the highest tier would settle."""
        unit = {"zh": "户"}.get(lang, "")
        total = float(self.counts[:-1].sum())
        share = {name: format_share(float(n.sum()) / total) for name, n in self.ways.items()}
        told = say(
            "segments_migration.text",
            lang,
            customers=format_number(total, lang) + unit,
            up=share["up"],
            down=share["down"],
            left=share["left"],
            joined=format_number(float(self.counts[-1].sum()), lang) + unit,
        )
        if self.unknown():
            count = format_number(self.unknown(), lang) + unit
            told += say("segments_migration.text_unknown", lang, customers=count)
        if np.isnan(self.steady).any():
            return told + say("segments_migration.text_unsteady", lang)
        now = self._known()[:, :-1].sum(axis=0)
        return told + say(
            "segments_migration.text_steady",
            lang,
            tier=tier_name(self.tiers[-1], lang),
            share=format_share(float(self.steady[-1]), decimals=2),
            low=format_share(float(self.steady_low[-1]), decimals=2),
            high=format_share(float(self.steady_high[-1]), decimals=2),
            now=format_share(float(now[-1] / max(now.sum(), 1.0)), decimals=2),
        )


def tier_name(tier: str, lang: str) -> str:
    """Return a tier's name for people; its own where the catalogue has none."""
    for area in ("segments_migration.state", "segments_migration.star", "overview.tier"):
        if f"{area}.{tier}" in catalogue():
            return say(f"{area}.{tier}", lang)
    return tier


def measure_migration(
    moves: pd.DataFrame,
    *,
    tiers: Sequence[str] = VIP_ORDER,
    months_apart: int = 12,
    draws: int = 400,
    rng: np.random.Generator,
) -> Migration:
    """Return the migration between tiers.

    Args:
        moves: Of ``reduce_tier_moves``: ``from_tier``, ``to_tier``, ``customers``, ``bill_yuan``,
            ``bill_squared``.
        tiers: Names of tiers from the lowest to the highest; ``STAR_ORDER`` for stars.
        months_apart: Length of the period (months).
        draws: Draws for the intervals of the steady state and of values; 0 leaves them out.
        rng: Source of the draws.

    Raises:
        DataError: A tier that is not among ``tiers``, or nobody in service before.
    """
    check_columns(moves.columns, ["from_tier", "to_tier", *_SUMS], "moves")
    check_at_least(months_apart, "months_apart", 1)
    if len(tiers) < 2:
        raise ArgumentError("tiers", list(tiers), "two or more, from the lowest to the highest")
    seen = set(moves["from_tier"]) | set(moves["to_tier"])
    strange = sorted(seen - {JOINED, LEFT, UNKNOWN, *tiers})
    if strange:
        raise DataError("tier", strange[0], "a known tier", available=list(tiers))
    states = (*tiers, UNKNOWN) if UNKNOWN in seen else tuple(tiers)
    rows = pd.Index([*states, JOINED]).get_indexer(pd.Index(moves["from_tier"]))
    columns = pd.Index([*states, LEFT]).get_indexer(pd.Index(moves["to_tier"]))
    size = len(states) + 1
    counts, bills, squares = np.zeros((3, size, size))
    for table, name in zip((counts, bills, squares), _SUMS, strict=True):
        np.add.at(table, (rows, columns), moves[name].to_numpy(float))
    if not counts[:-1].sum():
        raise DataError("moves", "without customers before", "two months with customers in service")
    known = with_ends(counts, range(len(tiers)))
    steady = steady_state(known)
    low = high = np.full(len(tiers), np.nan)
    if draws and np.isfinite(steady).all():
        edges = [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2]
        low, high = np.quantile(draw_steady_states(known, draws, rng), edges, axis=0)
    found = Migration(
        tiers=tuple(tiers),
        states=states,
        counts=counts,
        bills=bills,
        bills_squared=squares,
        months_apart=months_apart,
        steady=steady,
        steady_low=low,
        steady_high=high,
    )
    if not draws or found.empty:
        return found
    # A stream of their own: how many are drawn here moves no other figure.
    own = rng.spawn(1)[0]
    return replace(found, drawn=draw_chains(*found._sums(held_tiers(known)), draws, own))
