"""Live what-if on tier cuts: customers in narrow bands of the score, that a cut may move over.

The published tables ``tier_cuts`` (bands) and ``tier_terms`` (what a tier gives) are all a lever
needs; :func:`move_cuts` is what it does, in the browser as here. Tiers are published
as :func:`cvm.segments.tiers.for_snapshot` writes them (``cards_none``). Columns of ``tier_cuts``:

    ladder            cards, stars, corporate
    tier              tier at the cuts in force, by this month's score (no grace, no protection)
    band              "cards 000", "cards 001" …, lowest score first; the name of the row
    movable           False where a cut cannot move the row: unrated, or held under a cap by arrears
    from_score        lowest score of the band; cuts move to these (missing where not movable)
    to_score          lowest score of the next band (missing at the top)
    customers, revenue_yuan, margin_yuan, stopped_customers    as in the pyramid

Bands never span a cut in force, and hold at least ten customers wherever the tier does.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import gcd

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_columns, check_finite
from cvm.segments.tiers import FIGURES
from cvm.segments.tiers_rules import Ladder

_BANDS = 80
_CENT = 10_000


def histogram_step(ladder: Ladder) -> float:
    """Return a width of bins that falls on every cut and makes about eighty below the highest.

    Example:
        >>> from cvm.segments.tiers_rules import Score, Tier
        >>> cuts = {"vip": 2100, "gold": 4800, "diamond": 8400}
        >>> tiers = [Tier(name=n, en=n, zh=n, from_score=c) for n, c in cuts.items()]
        >>> histogram_step(Ladder(tiers=tiers, score=Score(point=1)))
        100.0
    """
    cuts = [round(abs(tier.from_score) * _CENT) for tier in ladder.tiers]
    common = gcd(*cuts) or _CENT
    wanted = max(cuts) / _BANDS or _CENT
    parts = int(np.ceil(common / wanted))
    while common % parts and parts < common:
        parts += 1
    return common / parts / _CENT


def cut_bands(
    scores: Mapping[str, pd.DataFrame],
    ladders: Mapping[str, Ladder],
    *,
    steps: Mapping[str, float],
    least_customers: int = 10,
) -> pd.DataFrame:
    """Make ``tier_cuts`` of histograms of the score.

    Args:
        scores: Ladder → frame of :func:`cvm.data.reduce_segments.reduce_segments_scores`.
        ladders: Ladder → the ladder.
        steps: Ladder → width of the histogram's bins.
        least_customers: Fewest customers in a band, where the tier has as many.

    Returns:
        See the module. Every customer of ``scores`` is in exactly one row.
    """
    check_at_least(least_customers, "least_customers", 1)
    parts = []
    for name, frame in scores.items():
        check_columns(frame.columns, ["bin", "level", "cap", *FIGURES], f"scores[{name!r}]")
        parts.append(_bands(frame, name, ladders[name], steps[name], least_customers))
    return pd.concat(parts, ignore_index=True)


def move_cuts(
    bands: pd.DataFrame, terms: pd.DataFrame, ladder: str, cuts: Mapping[str, float]
) -> pd.DataFrame:
    """Return customers and cost by tier at other cuts.

    A customer holds the highest tier whose cut his score reaches: a tier whose cut is moved to or
    past that of the next one is empty.

    Args:
        bands: ``tier_cuts``, as published: withheld rows (missing figures) count as nothing.
        terms: ``tier_terms``.
        ladder: Which ladder.
        cuts: Tier → lowest score; a ``from_score`` of a movable band. Tiers left out keep theirs.

    Returns:
        A row a tier, the lowest first, after ``none``: tier, customers, revenue_yuan,
        stopped_customers, cost_yuan (a year), overdraft_limit_yuan; and, of those who hold the tier
        at the cuts in force, moved_up and moved_down (customers). ``unrated`` is not in it.

    Raises:
        ArgumentError: No such ladder or tier, or a cut that is no number.
    """
    own = terms[terms["ladder"] == ladder].sort_values("place").reset_index(drop=True)
    if own.empty:
        raise ArgumentError(
            "ladder", ladder, "a ladder of the table", available=set(terms["ladder"])
        )
    at = _cuts(own, cuts)
    # Who is not rated is not among the terms, and no cut reaches him.
    rows = bands[(bands["ladder"] == ladder) & bands["tier"].isin(own["tier"])]
    score = rows["from_score"].to_numpy(float)
    fixed = rows["tier"].map(dict(zip(own["tier"], own["place"], strict=True))).to_numpy(int)
    movable = rows["movable"].astype("boolean").fillna(False).to_numpy(bool)
    place = np.where(movable, np.searchsorted(at, score, side="right"), fixed)
    sums = rows[["customers", "revenue_yuan", "stopped_customers"]].astype(float).fillna(0.0)
    moved = pd.DataFrame(
        {
            "moved_up": sums["customers"].where(place > fixed, 0.0),
            "moved_down": sums["customers"].where(place < fixed, 0.0),
        }
    )
    table = _by_place(sums, place, own)
    table.insert(0, "tier", own["tier"])
    return table.assign(
        cost_yuan=table["revenue_yuan"] * own["revenue_cost_share"]
        + table["customers"] * own["serve_yuan"]
        + table["stopped_customers"] * own["overdraft_yuan"] * own["loss_share"],
        overdraft_limit_yuan=table["customers"] * own["overdraft_yuan"],
        **_by_place(moved, fixed, own),
    )


def _cuts(own: pd.DataFrame, cuts: Mapping[str, float]) -> npt.NDArray[np.float64]:
    """Return the lowest score of each tier, the lowest tier first, none above the next tier's."""
    tiers = list(own["tier"][1:])
    unknown = sorted(set(cuts) - set(tiers))
    if unknown:
        raise ArgumentError("cuts", unknown[0], "a tier", available=tiers)
    at = own["from_score"].to_numpy(float)[1:].copy()
    for tier, cut in cuts.items():
        at[tiers.index(tier)] = check_finite(cut, f"cuts[{tier!r}]")
    return np.minimum.accumulate(at[::-1])[::-1]


def _by_place(sums: pd.DataFrame, place: npt.NDArray[np.int_], own: pd.DataFrame) -> pd.DataFrame:
    found = sums.groupby(place).sum().reindex(own["place"], fill_value=0.0)
    return found.reset_index(drop=True)


def _bands(frame: pd.DataFrame, name: str, ladder: Ladder, step: float, least: int) -> pd.DataFrame:
    rows = frame[["bin", "level", "cap", *FIGURES]].copy()
    held = (rows["level"] >= 0) & (rows["cap"] < rows["level"])
    few = 0 < rows.loc[held, "customers"].sum() < least
    if few:
        # Too few to stand alone: they join the highest band below their cap.
        highest = [
            int(np.ceil(ladder.tiers[int(cap)].from_score / step)) - 1
            for cap in rows.loc[held, "cap"]
        ]
        rows.loc[held, "bin"] = highest
    rows["level"] = rows[["level", "cap"]].min(axis=1)
    movable = (rows["level"] >= 0) & (~held | few)
    free = rows[movable].groupby(["level", "bin"], as_index=False)[list(FIGURES)].sum(min_count=1)
    made = [_merged(part, ladder, step, least) for _, part in free.groupby("level")]
    fixed = rows[~movable].groupby("level", as_index=False)[list(FIGURES)].sum(min_count=1)
    made.append(fixed.assign(movable=False, from_score=np.nan))
    found = pd.concat([part for part in made if len(part)], ignore_index=True)
    found["to_score"] = found["from_score"].shift(-1).where(found["movable"])
    found["tier"] = [ladder.level_name(int(level)) for level in found["level"]]
    found.insert(0, "band", [f"{name} {at:03d}" for at in range(len(found))])
    found.insert(0, "ladder", name)
    columns = ["ladder", "tier", "band", "movable", "from_score", "to_score", *FIGURES]
    return found[columns].astype({"customers": int, "stopped_customers": int})


def _merged(part: pd.DataFrame, ladder: Ladder, step: float, least: int) -> pd.DataFrame:
    """Merge one tier's bins, lowest first, until each band has enough customers."""
    counts = part["customers"].to_numpy()
    number = np.zeros(len(part), dtype=int)
    band, size = 0, 0
    for at, count in enumerate(counts):
        if size >= least:
            band, size = band + 1, 0
        number[at] = band
        size += count
    if size < least and band:
        number[number == band] = band - 1
    sums = part.groupby(number)[list(FIGURES)].sum(min_count=1)
    first = part.groupby(number)["bin"].min().to_numpy(float) * step
    level = int(part["level"].iloc[0])
    if level:
        # The band that begins a tier begins at its cut, also where nobody scores just there.
        first[0] = ladder.tiers[level - 1].from_score
    return sums.assign(level=level, movable=True, from_score=np.round(first, 6))
