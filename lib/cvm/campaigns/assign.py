"""Who is treated and who is held out: stratified, random, the same again from the same seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_between, check_columns
from cvm.core.i18n import say
from cvm.core.money import format_number
from cvm.core.result import Result


@dataclass(frozen=True, kw_only=True)
class Assignment(Result):
    """Customers with their arm.

    Attributes:
        campaign: Identifier of the campaign.
        seed: What the draw started from.
        strata: Columns within which the share held out is kept.
        table: ``campaign_id``, ``customer_id``, ``arm`` (``treated``, ``control`` or
            ``universal_control``) and the strata, in order of customer.
    """

    campaign: str
    seed: int
    strata: tuple[str, ...]
    table: pd.DataFrame

    def summary(self) -> pd.DataFrame:
        """Return customers by stratum and arm."""
        keys = [*self.strata, "arm"]
        return self.table.groupby(keys, observed=True).size().rename("customers").reset_index()

    def text(self, lang: str = "en") -> str:
        """Return how many are treated, held out and kept for all campaigns."""
        counts = self.table["arm"].value_counts()
        strata = len(self.table[list(self.strata)].drop_duplicates()) if self.strata else 1
        return say(
            "campaigns.design.assignment",
            lang,
            strata=strata,
            seed=self.seed,
            **{
                name: format_number(int(counts.get(arm, 0)), lang)
                for name, arm in (
                    ("treated", "treated"),
                    ("control", "control"),
                    ("universal", "universal_control"),
                )
            },
        )

    def write(self, file: str | Path) -> Path:
        """Write the assignment as CSV that spreadsheet programs read (UTF-8 with a mark)."""
        target = Path(file)
        target.parent.mkdir(parents=True, exist_ok=True)
        self.table.to_csv(target, index=False, encoding="utf-8-sig")
        return target


def assign_arms(
    customers: pd.DataFrame,
    *,
    control_share: float,
    seed: int,
    strata: Sequence[str] = (),
    campaign: str = "",
    universal_control: Sequence[str] = (),
) -> Assignment:
    """Assign customers at random, holding out the same share of each stratum.

    The draw depends on the seed, the customers and their strata, and not on the order of rows.
    Where the share of a stratum is no whole number, chance decides the last customer, so that each
    customer has the same chance of being held out.

    Args:
        customers: ``customer_id`` and the strata, one row a customer.
        control_share: Held out, between 0 and 1.
        seed: Any whole number; write it down.
        strata: Columns, for instance tier and county.
        campaign: Identifier, written into the table.
        universal_control: Customers held out of all campaigns; they get their own arm and do not
            count towards the share.

    Raises:
        DataError: A customer appears twice, or a stratum is missing.
    """
    check_between(
        control_share, "control_share", low=0, high=1, include_low=False, include_high=False
    )
    check_columns(customers.columns, ("customer_id", *strata), "customers")
    twice = int(customers["customer_id"].duplicated().sum())
    if twice:
        raise DataError("customer_id", f"{twice} repeated", "once each", action="drop duplicates")
    if strata and customers[list(strata)].isna().any(axis=None):
        raise DataError("strata", "missing values", "known for each customer")
    table = customers[["customer_id", *strata]].sort_values("customer_id", ignore_index=True)
    free = ~table["customer_id"].isin(list(universal_control)).to_numpy()
    codes = np.zeros(len(table), dtype=np.int64)
    if strata:
        codes[:] = table.groupby(list(strata), sort=True, observed=True).ngroup().to_numpy()
    held = np.zeros(len(table), dtype=np.bool_)
    held[free] = _held_out(codes[free], control_share, np.random.default_rng(seed))
    arm = np.where(held, "control", np.where(free, "treated", "universal_control"))
    table.insert(0, "campaign_id", campaign)
    table.insert(2, "arm", arm)
    return Assignment(campaign=campaign, seed=seed, strata=tuple(strata), table=table)


def assign_campaigns(
    campaigns: Mapping[str, pd.DataFrame],
    *,
    control_share: float,
    universal_share: float,
    seed: int,
    strata: Sequence[str] = (),
) -> dict[str, Assignment]:
    """Assign several campaigns at once, with one universal control held out of all of them.

    The universal control measures what all campaigns together do; each campaign's own control what
    that one adds.

    Args:
        campaigns: Campaign → its eligible customers (``customer_id`` and strata).
        control_share: Held out of each campaign.
        universal_share: Held out of all, of everybody eligible for any.
        seed: Any whole number.
        strata: Columns, the same in each campaign.
    """
    if not campaigns:
        raise ArgumentError("campaigns", {}, "at least one campaign")
    everybody = pd.concat(list(campaigns.values())).drop_duplicates("customer_id")
    apart = assign_arms(everybody, control_share=universal_share, seed=seed, strata=strata)
    universal = apart.table.loc[apart.table["arm"] == "control", "customer_id"].tolist()
    return {
        name: assign_arms(
            eligible,
            control_share=control_share,
            # Each campaign draws anew, or the same customers would be held out of all.
            seed=seed + 1 + place,
            strata=strata,
            campaign=name,
            universal_control=universal,
        )
        for place, (name, eligible) in enumerate(campaigns.items())
    }


def _held_out(codes: np.ndarray, control_share: float, rng: np.random.Generator) -> np.ndarray:
    """Return who is held out: of each stratum the share, rounded up or down by chance."""
    if not len(codes):
        return np.zeros(0, dtype=np.bool_)
    sizes = np.bincount(codes)
    wanted = control_share * sizes
    counts = np.floor(wanted).astype(np.int64)
    # One draw for all remainders, so that the total held out is exact to one customer.
    edges = np.concatenate([[0.0], np.cumsum(wanted - counts)]) + rng.random()
    counts += np.diff(np.floor(edges + 1e-12)).astype(np.int64)
    order = np.lexsort((rng.random(len(codes)), codes))
    rank = np.empty(len(codes), dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    rank[order] = np.arange(len(codes)) - starts[codes[order]]
    return rank < counts[codes]
