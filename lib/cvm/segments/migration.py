"""Migration between tiers (级别迁移): shares with errors, up and down, where it would settle.

Joining and leaving are states of their own. In the long run whoever leaves is replaced by somebody
who joins, in the tiers that joiners are seen in a period later; the chain then has one steady
state (Kemeny & Snell, Finite Markov Chains, 1960).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_columns
from cvm.core.i18n import catalogue, say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.markov_value import chain_value

FloatArray = npt.NDArray[np.float64]
JOINED, LEFT = "joined", "left"
_RANK_ERROR = 1e-9
VIP_ORDER = ("none", "vip", "silver", "gold", "diamond")


@dataclass(frozen=True, kw_only=True, eq=False)
class Migration(Result):
    """Moves between tiers over one period.

    Attributes:
        tiers: From the lowest to the highest.
        counts: Customers by tier before (rows, ``joined`` last) and after (columns, ``left`` last).
        bill_yuan: Mean monthly bill of the customers of each tier before.
        months_apart: Length of the period (months).
        steady: Share of the base in each tier in the long run; NaN where it cannot be told.
        steady_low: Lower end of its 90 % interval.
        steady_high: Upper end.
    """

    view: ClassVar[str] = "cvm.views.segments_migration:plot_migration"

    tiers: tuple[str, ...]
    counts: FloatArray
    bill_yuan: FloatArray
    months_apart: int
    steady: FloatArray
    steady_low: FloatArray
    steady_high: FloatArray

    @cached_property
    def shares(self) -> FloatArray:
        """Return the share of each tier's customers that went where [tier, tier or left]."""
        rows = self.counts[:-1]
        total = rows.sum(axis=1, keepdims=True)
        return np.divide(rows, total, out=np.full_like(rows, np.nan), where=total > 0)

    @cached_property
    def errors(self) -> FloatArray:
        """Return standard errors of the shares (multinomial)."""
        total = self.counts[:-1].sum(axis=1, keepdims=True)
        variance = self.shares * (1 - self.shares)
        return np.sqrt(
            np.divide(variance, total, out=np.full_like(variance, np.nan), where=total > 0)
        )

    def matrix(self) -> pd.DataFrame:
        """Return the shares as a table: rows from, columns to."""
        return pd.DataFrame(self.shares, index=self.tiers, columns=[*self.tiers, LEFT])

    def moves(self) -> pd.DataFrame:
        """Return one row a pair: ``from_tier``, ``to_tier``, ``customers``, ``share``, ``se``."""
        after = [*self.tiers, LEFT]
        rows = []
        for at, before in enumerate([*self.tiers, JOINED]):
            for to, tier in enumerate(after):
                known = at < len(self.tiers)
                rows.append(
                    {
                        "from_tier": before,
                        "to_tier": tier,
                        "customers": int(self.counts[at, to]),
                        "share": float(self.shares[at, to]) if known else np.nan,
                        "se": float(self.errors[at, to]) if known else np.nan,
                    }
                )
        return pd.DataFrame(rows)

    def directions(self) -> pd.DataFrame:
        """Return one row a tier and direction (``up``, ``stayed``, ``down``, ``left``): customers.

        Counts of their own, so that what is published can be withheld group by group: shares beside
        a tier's size would give small groups away.
        """
        size = len(self.tiers)
        inside = self.counts[:size, :size]
        found = {
            "up": np.triu(inside, 1).sum(axis=1),
            "stayed": np.diag(inside),
            "down": np.tril(inside, -1).sum(axis=1),
            "left": self.counts[:size, size],
        }
        rows = [
            (tier, direction, int(counts[at]))
            for at, tier in enumerate(self.tiers)
            for direction, counts in found.items()
        ]
        return pd.DataFrame(rows, columns=["tier", "direction", "customers"])

    def summary(self) -> pd.DataFrame:
        """Return one row a tier: customers, shares up, down, staying, leaving, steady state."""
        size = len(self.tiers)
        places = np.arange(size)
        higher = places[None, :] > places[:, None]
        inside = self.shares[:, :size]
        return pd.DataFrame(
            {
                "tier": self.tiers,
                "customers": self.counts[:-1].sum(axis=1).astype(int),
                "up_share": np.where(higher, inside, 0).sum(axis=1),
                "stayed_share": np.diag(inside),
                "down_share": np.where(higher.T, inside, 0).sum(axis=1),
                "left_share": self.shares[:, size],
                "now_share": self._now(),
                "steady_share": self.steady,
                "steady_low": self.steady_low,
                "steady_high": self.steady_high,
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary and every pair of tiers."""
        return {"summary": self.summary(), "moves": self.moves()}

    def value_yuan(self, margin_share: float, yearly_discount: float) -> pd.DataFrame:
        """Return what a customer of each tier is worth, tier changes and leaving included.

        Args:
            margin_share: Margin ÷ bill.
            yearly_discount: Discount rate a year.

        Returns:
            ``tier``, ``value_yuan`` (from now on, this period's margin first).

        Raises:
            DataError: A tier had no customer, so where its customers go is not known.
        """
        if np.isnan(self.shares).any():
            empty = [
                tier
                for tier, row in zip(self.tiers, self.shares, strict=True)
                if np.isnan(row).any()
            ]
            raise DataError("tiers", f"without customers: {', '.join(empty)}", "with customers")
        size = len(self.tiers)
        chances = np.eye(size + 1)
        chances[:size] = self.shares
        earned = np.append(self.bill_yuan * margin_share * self.months_apart, 0.0)
        rate = (1 + yearly_discount) ** (self.months_apart / 12) - 1
        value = chain_value(chances, earned, rate)[:size]
        return pd.DataFrame({"tier": self.tiers, "value_yuan": value})

    def _now(self) -> FloatArray:
        after = self.counts[:, : len(self.tiers)].sum(axis=0)
        return np.asarray(after / max(after.sum(), 1.0))

    def text(self, lang: str = "en") -> str:
        """Return how many moved, and where the highest tier would settle."""
        size = len(self.tiers)
        inside = self.counts[:size, :size]
        unit = {"zh": "户"}.get(lang, "")
        total = float(self.counts[:-1].sum())
        told = say(
            "segments_migration.text",
            lang,
            customers=format_number(total, lang) + unit,
            up=format_share(float(np.triu(inside, 1).sum()) / total),
            down=format_share(float(np.tril(inside, -1).sum()) / total),
            left=format_share(float(self.counts[:-1, size].sum()) / total),
            joined=format_number(float(self.counts[-1].sum()), lang) + unit,
        )
        if np.isnan(self.steady).any():
            return told + say("segments_migration.text_unsteady", lang)
        return told + say(
            "segments_migration.text_steady",
            lang,
            tier=tier_name(self.tiers[-1], lang),
            share=format_share(float(self.steady[-1]), decimals=2),
            low=format_share(float(self.steady_low[-1]), decimals=2),
            high=format_share(float(self.steady_high[-1]), decimals=2),
            now=format_share(float(self._now()[-1]), decimals=2),
        )


def tier_name(tier: str, lang: str) -> str:
    """Return a tier's name for people; its own where the catalogue has none."""
    for area in ("segments_migration.state", "overview.tier"):
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
        moves: Of ``reduce_tier_moves``: ``from_tier``, ``to_tier``, ``customers``, ``bill_yuan``.
        tiers: Names of tiers from the lowest to the highest.
        months_apart: Length of the period (months).
        draws: Draws for the interval of the steady state.
        rng: Source of the draws.

    Raises:
        DataError: An unknown tier, or nobody in service before.
    """
    check_columns(moves.columns, ["from_tier", "to_tier", "customers", "bill_yuan"], "moves")
    check_at_least(months_apart, "months_apart", 1)
    if len(tiers) < 2:
        raise ArgumentError("tiers", list(tiers), "two or more, from the lowest to the highest")
    known = {JOINED, LEFT, *tiers}
    strange = sorted((set(moves["from_tier"]) | set(moves["to_tier"])) - known)
    if strange:
        raise DataError("tier", strange[0], "a known tier", available=list(tiers))
    counts, bills = (
        moves.pivot_table(
            index="from_tier", columns="to_tier", values=name, aggfunc="sum", fill_value=0
        )
        .reindex(index=[*tiers, JOINED], columns=[*tiers, LEFT], fill_value=0)
        .to_numpy(float)
        for name in ("customers", "bill_yuan")
    )
    if not counts[:-1].sum():
        raise DataError("moves", "without customers before", "two months with customers in service")
    steady = steady_state(counts)
    low = high = np.full(len(tiers), np.nan)
    if np.isfinite(steady).all():
        drawn = np.array([steady_state(_redrawn(counts, rng)) for _ in range(draws)])
        low, high = np.nanquantile(drawn, [0.05, 0.95], axis=0)
    before = counts[:-1].sum(axis=1)
    return Migration(
        tiers=tuple(tiers),
        counts=counts,
        bill_yuan=bills[:-1].sum(axis=1) / np.maximum(before, 1.0),
        months_apart=months_apart,
        steady=steady,
        steady_low=low,
        steady_high=high,
    )


def steady_state(counts: FloatArray) -> FloatArray:
    """Return the long-run share of each tier, leavers replaced by joiners; NaN if not to be told.

    Args:
        counts: Customers by tier before (``joined`` last) and after (``left`` last).
    """
    size = len(counts) - 1
    rows, came = counts[:-1], counts[-1, :size]
    total = rows.sum(axis=1, keepdims=True)
    if (total <= 0).any() or not came.sum():
        return np.full(size, np.nan)
    shares = rows / total
    closed = shares[:, :size] + shares[:, size:] * (came / came.sum())[None, :]
    # Two sets of tiers that nobody crosses between settle in any mix: no one state to tell.
    if np.linalg.matrix_rank(closed.T - np.eye(size), tol=_RANK_ERROR) < size - 1:
        return np.full(size, np.nan)
    # x P = x with x summing to 1, as one least-squares system.
    system = np.vstack([closed.T - np.eye(size), np.ones(size)])
    found, *_ = np.linalg.lstsq(system, np.append(np.zeros(size), 1.0), rcond=None)
    return np.asarray(np.clip(found, 0.0, 1.0))


def _redrawn(counts: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Return counts as another sample of as many customers would have them."""
    drawn = np.zeros_like(counts)
    for at, row in enumerate(counts):
        if row.sum():
            drawn[at] = rng.multinomial(int(row.sum()), row / row.sum())
    return drawn


def compare_values(
    migration: Migration, lifetime: Mapping[str, float], **stated: Any
) -> pd.DataFrame:
    """Set the chain's values beside those of lifetime models, tier by tier.

    The chain lets tiers change and takes all customers of a tier for alike; a lifetime model knows
    that those who stay long leave less, but keeps the tier. So the chain is lower where customers
    of a tier differ in loyalty, and nearer to the mean of all tiers.

    Args:
        migration: The chain.
        lifetime: Value by tier of a lifetime model (yuan).
        stated: Of :meth:`Migration.value_yuan`.

    Returns:
        ``tier``, ``chain_yuan``, ``lifetime_yuan``, ``difference_yuan``.
    """
    table = migration.value_yuan(**stated).rename(columns={"value_yuan": "chain_yuan"})
    table["lifetime_yuan"] = table["tier"].map(dict(lifetime))
    return table.assign(difference_yuan=table["chain_yuan"] - table["lifetime_yuan"])
