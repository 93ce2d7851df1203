"""Tables of a behaviour: calibration, coefficients, observed against assumed."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from cvm.core.checks import DataError, check_at_least
from cvm.points.behaviour_design import checked_cells, with_terms
from cvm.points.behaviour_terms import FloatArray

if TYPE_CHECKING:
    from cvm.points.behaviour_model import Behaviour

_RATIO_EDGES = (1.25, 1.5, 2.0, 3.0, 5.0)


@dataclass(frozen=True, kw_only=True)
class CalibrationLine:
    """The line through observed log odds over expected ones; ideal is slope 1, level 0.

    Attributes:
        slope: Slope.
        slope_error: Its standard error.
        level: Observed ÷ expected redeemers, in logarithm, at slope 1.
        level_error: Its standard error.
        months: Months looked at.
        redeemers: Redeemers in them.
    """

    slope: float
    slope_error: float
    level: float
    level_error: float
    months: int
    redeemers: int


def expected_chance(behaviour: Behaviour, cells: pd.DataFrame) -> FloatArray:
    """Return the behaviour's chance in each cell, at the cell's means.

    Args:
        behaviour: Fitted or stated.
        cells: Cells of qualified members with their means (``BehaviourFit.cells``).
    """
    # The cells know how far above the threshold a balance is, whichever threshold was in force.
    threshold = max(behaviour.threshold_points, 1.0)
    ratio = np.exp(cells["log_ratio"].to_numpy(dtype=float))
    edges = np.array([*behaviour.since_edges_months, np.nan])
    band = np.minimum(cells["since_band"].to_numpy(dtype=int), len(edges) - 1)
    waited = np.array([*behaviour.waited_edges_months, np.inf, np.nan])
    names = np.where(
        cells["vip_tier"].isin(behaviour.tiers), cells["vip_tier"], (behaviour.tiers or ("",))[0]
    )
    return behaviour.monthly_chance(
        np.maximum(ratio, 1 + 1e-12) * threshold,
        threshold_points=threshold,
        tier=names if behaviour.tiers else None,
        calendar_month=cells["calendar_month"].to_numpy(),
        festival=cells["festival"].to_numpy(),
        just_qualified=cells["just_qualified"].to_numpy(),
        months_since_last=edges[band],
        months_waited=waited[np.minimum(cells["waited_band"].to_numpy(dtype=int), len(waited) - 1)],
        expiring_share=cells["rush"].to_numpy(dtype=float),
        value_ratio=np.exp(cells["value"].to_numpy(dtype=float)),
    )


def calibration(
    behaviour: Behaviour,
    cells: pd.DataFrame,
    *,
    groups: int = 10,
    dispersion: float = 1.0,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return expected against observed redemption, in groups of member-months by rising chance.

    Args:
        behaviour: Fitted or stated.
        cells: Cells of qualified members with their means.
        groups: Groups of about equal size.
        dispersion: Variance ÷ that of independent member-months, for the interval.
        confidence: Of the interval around the observed share (Wilson).

    Returns:
        ``group``, ``at_risk``, ``redeemers``, ``expected_share``, ``observed_share``, ``low``,
        ``high``.
    """
    check_at_least(groups, "groups", 1)
    size = cells["at_risk"].to_numpy(dtype=float)
    chance = expected_chance(behaviour, cells)
    order = np.argsort(chance, kind="stable")
    middle = (np.cumsum(size[order]) - size[order] / 2) / size.sum()
    group = np.empty(len(size), dtype=int)
    group[order] = np.minimum((middle * groups).astype(int), groups - 1)
    frame = pd.DataFrame(
        {
            "group": group + 1,
            "at_risk": size,
            "redeemers": cells["redeemers"].to_numpy(dtype=float),
            "expected": size * chance,
        }
    )
    table = frame.groupby("group", as_index=False).sum()
    observed = table["redeemers"] / table["at_risk"]
    low, high = wilson(observed, table["at_risk"] / dispersion, confidence)
    expected = table.pop("expected") / table["at_risk"]
    return table.assign(expected_share=expected, observed_share=observed, low=low, high=high)


def by_ratio(
    behaviour: Behaviour,
    assumed: Behaviour,
    cells: pd.DataFrame,
    *,
    dispersion: float = 1.0,
    least_at_risk: int = 30,
) -> pd.DataFrame:
    """Return the chance by bands of balance ÷ threshold, over the same member-months.

    Args:
        behaviour: Fitted.
        assumed: What it is held against.
        cells: Cells of qualified members with their means.
        dispersion: Variance ÷ that of independent member-months, for the interval.
        least_at_risk: Smaller bands are left out.

    Returns:
        ``ratio`` (mean of the band), ``at_risk``, ``observed``, ``low``, ``high``, ``fitted``,
        ``assumed``.
    """
    size = cells["at_risk"].to_numpy(dtype=float)
    frame = pd.DataFrame(
        {
            "band": cells["ratio_band"].to_numpy(),
            "at_risk": size,
            "log_ratio": cells["log_ratio_sum"].to_numpy(dtype=float),
            "observed": cells["redeemers"].to_numpy(dtype=float),
            "fitted": size * expected_chance(behaviour, cells),
            "assumed": size * expected_chance(assumed, cells),
        }
    )
    sums = frame.groupby("band").sum()
    sums = sums[sums["at_risk"] >= least_at_risk]
    means = sums.div(sums["at_risk"], axis=0)
    low, high = wilson(means["observed"], sums["at_risk"] / dispersion)
    table = means[["observed", "fitted", "assumed"]].assign(low=low, high=high)
    table.insert(0, "ratio", np.exp(means["log_ratio"]))
    table.insert(1, "at_risk", sums["at_risk"].astype(int))
    return table.reset_index(drop=True)


def wilson(
    share: pd.Series, count: pd.Series, confidence: float = 0.95
) -> tuple[pd.Series, pd.Series]:
    """Return the interval of a share (Wilson 1927)."""
    z = NormalDist().inv_cdf(0.5 + confidence / 2)
    middle = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    reach = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - reach).clip(lower=0), (middle + reach).clip(upper=1)


def calibration_line(
    behaviour: Behaviour, cells: pd.DataFrame, *, dispersion: float = 1.0
) -> CalibrationLine:
    """Return how a behaviour predicts cells, such as months it was not fitted to (Cox 1958).

    Args:
        behaviour: Fitted or stated.
        cells: Cells as :func:`cvm.points.behaviour.fit_behaviour` takes them.
        dispersion: Variance ÷ that of independent member-months, for the errors.

    Raises:
        DataError: No redeemers to compare with, or nobody else.
    """
    import statsmodels.api as sm

    used = checked_cells(cells)
    used = with_terms(used[used["qualified"].astype(bool)].reset_index(drop=True))
    events = used["redeemers"].to_numpy(dtype=float)
    others = used["at_risk"].to_numpy(dtype=float) - events
    if not events.sum() or not others.sum():
        raise DataError("redeemers", int(events.sum()), "above 0 and not everybody")
    chance = np.clip(expected_chance(behaviour, used), 1e-9, 1 - 1e-9)
    odds = np.log(chance / (1 - chance))
    both = np.column_stack([events, others])
    family = sm.families.Binomial()
    line = sm.GLM(both, np.column_stack([np.ones_like(odds), odds]), family=family).fit()
    level = sm.GLM(both, np.ones((len(odds), 1)), family=family, offset=odds).fit()
    widen = np.sqrt(dispersion)
    return CalibrationLine(
        slope=float(line.params[1]),
        slope_error=float(line.bse[1] * widen),
        level=float(level.params[0]),
        level_error=float(level.bse[0] * widen),
        months=used["month"].nunique(),
        redeemers=int(events.sum()),
    )


def coefficient_table(behaviour: Behaviour) -> pd.DataFrame:
    """Return ``model``, ``source``, ``term``, ``log_odds``, ``standard_error``, ``odds_ratio``."""
    models = {"chance": behaviour.chance, "take_all": behaviour.take_all, "part": behaviour.part}
    frames = [terms.table().assign(model=name) for name, terms in models.items()]
    table = pd.concat(frames, ignore_index=True).assign(source=behaviour.source)
    return table[["model", "source", "term", "log_odds", "standard_error", "odds_ratio"]]


def observed_assumed(behaviour: Behaviour, assumed: Behaviour, cells: pd.DataFrame) -> pd.DataFrame:
    """Return observed against fitted and assumed behaviour, all and by what drives it.

    Returns:
        ``measure`` (``monthly_chance``, ``share_taken``), ``by`` (``all``, ``ratio``,
        ``just_qualified``, ``rush``, ``calendar_month``, ``festival``, ``since_last``, ``waited``,
        ``tier``),
        ``level``, ``at_risk``, ``redeemers``, ``observed``, ``fitted``, ``assumed``.
    """
    since = {at: f"≤{edge}" for at, edge in enumerate(behaviour.since_edges_months)}
    waited = {at: f"≤{edge}" for at, edge in enumerate(behaviour.waited_edges_months)}
    waited[len(waited)] = "longer"
    edges = [0.0, *_RATIO_EDGES, np.inf]
    labels = [
        f"≤{_RATIO_EDGES[0]:g}",
        *(f"≤{edge:g}" for edge in _RATIO_EDGES[1:]),
        f">{edges[-2]:g}",
    ]
    ratio = pd.cut(np.exp(cells["log_ratio"]), edges, labels=labels)
    size = cells["at_risk"].to_numpy(dtype=float)
    levels = {
        "all": pd.Series("all", index=cells.index),
        "ratio": ratio.astype(str),
        "just_qualified": cells["just_qualified"].astype(bool).astype(str).str.lower(),
        "rush": np.where(cells["rush"] > 0, "expiring", "not_expiring"),
        "calendar_month": cells["calendar_month"].astype(str),
        "festival": cells["festival"].astype(str).str.lower(),
        "since_last": cells["since_band"].map(since).fillna("longer"),
        "waited": cells["waited_band"].map(waited).fillna("unknown"),
        "tier": cells["vip_tier"],
    }
    frame = pd.DataFrame(
        {
            "at_risk": size,
            "redeemers": cells["redeemers"].to_numpy(dtype=float),
            "fitted": size * expected_chance(behaviour, cells),
            "assumed": size * expected_chance(assumed, cells),
        }
    )
    tables = []
    for by, level in levels.items():
        sums = frame.groupby(np.asarray(level), sort=False).sum()
        table = pd.DataFrame({"measure": "monthly_chance", "by": by, "level": sums.index})
        table["at_risk"] = sums["at_risk"].to_numpy(dtype=int)
        table["redeemers"] = sums["redeemers"].to_numpy(dtype=int)
        for name in ("redeemers", "fitted", "assumed"):
            label = "observed" if name == "redeemers" else name
            table[label] = (sums[name] / sums["at_risk"]).to_numpy()
        tables.append(table)
    tables.append(_share_taken(behaviour, assumed, cells))
    return pd.concat(tables, ignore_index=True)


def _share_taken(behaviour: Behaviour, assumed: Behaviour, cells: pd.DataFrame) -> pd.DataFrame:
    redeemers = cells["redeemers"].to_numpy(dtype=float)
    ratio = np.exp(cells["log_ratio"].to_numpy(dtype=float))
    share = {}
    for name, model in (("fitted", behaviour), ("assumed", assumed)):
        threshold = max(model.threshold_points, 1.0)
        taken = model.redeemed_share_of_balance(
            ratio * threshold,
            threshold_points=threshold,
            festival=cells["festival"].to_numpy(),
            expiring_share=cells["rush"].to_numpy(dtype=float),
        )
        share[name] = float(redeemers @ taken / redeemers.sum())
    observed = (cells["took_all"].sum() + cells["part_sum"].sum()) / redeemers.sum()
    return pd.DataFrame(
        {
            "measure": ["share_taken"],
            "by": ["all"],
            "level": ["all"],
            "at_risk": [int(cells["at_risk"].sum())],
            "redeemers": [int(redeemers.sum())],
            "observed": [float(observed)],
            **{name: [value] for name, value in share.items()},
        }
    )
