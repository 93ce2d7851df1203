"""What nobody knows yet, for all members at once: factors, their joint distribution, their draws.

Draws are scrambled Sobol points, so that some hundred scenarios do the work of many thousand random
ones, and the same points serve every what-if: a difference between two what-ifs is theirs alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.special import ndtri
from scipy.stats import qmc

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_finite

FloatArray = npt.NDArray[np.float64]
FACTORS = (
    "spend_growth",
    "churn",
    "acquisition",
    "redemption",
    "channel_mix",
    "cost_per_point",
    "data_share",
)
_CUT = 4.0


@dataclass(frozen=True, kw_only=True)
class Marginal:
    """One factor on its own: a normal distribution, cut at four standard deviations.

    Attributes:
        mean: Centre: a yearly log growth rate for ``spend_growth`` and ``data_share``, the log of a
            multiplier for the others (0 changes nothing).
        sd: Standard deviation on that scale.
    """

    mean: float = 0.0
    sd: float = 0.0

    def __post_init__(self) -> None:
        check_finite(self.mean, "mean")
        check_at_least(self.sd, "sd", 0)


def _defaults() -> dict[str, Marginal]:
    return {
        "spend_growth": Marginal(sd=0.03),
        "churn": Marginal(sd=0.10),
        "acquisition": Marginal(sd=0.15),
        "redemption": Marginal(sd=0.08),
        "channel_mix": Marginal(sd=0.15),
        "cost_per_point": Marginal(sd=0.03),
        "data_share": Marginal(sd=0.05),
    }


@dataclass(frozen=True, kw_only=True)
class ScenarioSpec:
    """The joint distribution of the factors.

    Meaning of a factor's draw x: ``spend_growth`` bills grow by e^x a year; ``churn``,
    ``acquisition`` and ``cost_per_point`` are multiplied by e^x, and so are the odds to redeem for
    ``redemption`` and the weight of the first (digital) channel for ``channel_mix``;
    ``data_share``: the chance of the data award grows by e^x a year.

    Attributes:
        marginals: Factor → distribution; one that is absent stays at its centre of 0.
        correlations: (factor, factor) → correlation, where it is not 0.
        assumed: Whether the figures are an assumption rather than estimated from history.
    """

    marginals: Mapping[str, Marginal] = field(default_factory=_defaults)
    correlations: Mapping[tuple[str, str], float] = field(
        default_factory=lambda: {
            ("spend_growth", "churn"): -0.3,
            ("churn", "redemption"): 0.3,
            ("spend_growth", "data_share"): 0.3,
        }
    )
    assumed: bool = True

    def __post_init__(self) -> None:
        for name, marginal in self.marginals.items():
            if name not in FACTORS or not isinstance(marginal, Marginal):
                raise ArgumentError("marginals", name, "factor → Marginal", available=FACTORS)
        for pair, value in self.correlations.items():
            if len(pair) != 2 or pair[0] == pair[1] or not set(pair) <= set(FACTORS):
                raise ArgumentError("correlations", pair, "two factors", available=FACTORS)
            check_between(value, f"correlations[{pair}]", low=-1, high=1)
        self.root()

    def with_factor(self, name: str, **changes: float) -> ScenarioSpec:
        """Return the distribution with another mean or sd of one factor."""
        changed = replace(self.marginals.get(name, Marginal()), **changes)
        return replace(self, marginals={**self.marginals, name: changed})

    def without_uncertainty(self) -> ScenarioSpec:
        """Return the centre only."""
        fixed = {name: replace(item, sd=0.0) for name, item in self.marginals.items()}
        return replace(self, marginals=fixed)

    def correlation(self) -> FloatArray:
        """Return the correlation matrix in the order of :data:`FACTORS`."""
        matrix = np.eye(len(FACTORS))
        for (one, other), value in self.correlations.items():
            i, j = FACTORS.index(one), FACTORS.index(other)
            matrix[i, j] = matrix[j, i] = value
        return matrix

    def root(self) -> FloatArray:
        """Return a square root of the correlation matrix.

        Raises:
            ArgumentError: The correlations contradict each other.
        """
        values, vectors = np.linalg.eigh(self.correlation())
        if values.min() < -1e-9:
            raise ArgumentError(
                "correlations",
                dict(self.correlations),
                "possible together (no negative eigenvalue)",
                action="bring some of them nearer to 0",
            )
        root = vectors * np.sqrt(np.maximum(values, 0.0))
        # The lower triangle keeps each Sobol dimension mostly with its own factor.
        return np.asarray(np.linalg.qr(root.T)[1].T)

    def table(self) -> pd.DataFrame:
        """Return ``factor``, ``mean``, ``sd``, and the correlations."""
        names = list(FACTORS)
        frame = pd.DataFrame({"factor": names})
        frame["mean"] = [self.marginals.get(name, Marginal()).mean for name in names]
        frame["sd"] = [self.marginals.get(name, Marginal()).sd for name in names]
        return frame.join(pd.DataFrame(self.correlation(), columns=names))


@dataclass(frozen=True, kw_only=True, eq=False)
class Scenarios:
    """Draws of the factors.

    Attributes:
        factors: Draws [scenario, factor].
        draw: Which draw of the behaviour each scenario takes.
        month_noise: Standard normal noise of redemption [scenario, month], common to all members.
        member_noise: Standard normal draws [scenario] for members' own luck.
    """

    factors: FloatArray
    draw: npt.NDArray[np.int64]
    month_noise: FloatArray
    member_noise: FloatArray

    def __len__(self) -> int:
        return len(self.factors)

    def factor(self, name: str) -> FloatArray:
        """Return the draws of one factor."""
        return self.factors[:, FACTORS.index(name)]

    def shifted(self, **by: float) -> Scenarios:
        """Return the same draws with factors moved by amounts."""
        factors = self.factors.copy()
        for name, amount in by.items():
            if name not in FACTORS:
                raise ArgumentError("factor", name, "known", available=FACTORS)
            factors[:, FACTORS.index(name)] += amount
        return replace(self, factors=factors)

    def first(self, count: int) -> Scenarios:
        """Return the first scenarios only; a Sobol sequence's beginning is balanced too."""
        return Scenarios(
            factors=self.factors[:count],
            draw=self.draw[:count],
            month_noise=self.month_noise[:count],
            member_noise=self.member_noise[:count],
        )

    def at(
        self, *, systematic: bool = True, parameter: bool = True, member: bool = True
    ) -> Scenarios:
        """Return the draws with some sources of uncertainty held at their centre."""
        return Scenarios(
            factors=self.factors
            if systematic
            else np.tile(self.factors.mean(axis=0), (len(self), 1)),
            draw=self.draw if parameter else np.zeros_like(self.draw),
            month_noise=self.month_noise if systematic else np.zeros_like(self.month_noise),
            member_noise=self.member_noise if member else np.zeros_like(self.member_noise),
        )


def draw_scenarios(
    spec: ScenarioSpec | None = None,
    *,
    count: int = 1_024,
    months: int = 36,
    draws: int = 1,
    rng: np.random.Generator,
) -> Scenarios:
    """Draw scenarios of the joint distribution, as scrambled Sobol points.

    Args:
        spec: The distribution.
        count: Scenarios; powers of two keep the points balanced.
        months: Months of the projection.
        draws: Draws of the behaviour, the best estimate (0) included. With more than one, each
            scenario takes one of 1 to draws − 1.
        rng: Source of the scrambling.
    """
    spec = spec or ScenarioSpec()
    check_at_least(count, "count", 1)
    width = len(FACTORS) + 2
    points = qmc.Sobol(width, scramble=True, rng=rng).random_base2(int(np.ceil(np.log2(count))))
    points = np.clip(points[:count], 1e-12, 1 - 1e-12)
    normal = np.clip(ndtri(points), -_CUT, _CUT)
    marginals = [spec.marginals.get(name, Marginal()) for name in FACTORS]
    joint = normal[:, : len(FACTORS)] @ spec.root().T
    factors = np.array([item.mean for item in marginals]) + joint * [m.sd for m in marginals]
    picked = np.zeros(count, np.int64)
    if draws > 1:
        picked = 1 + np.minimum((points[:, -2] * (draws - 1)).astype(np.int64), draws - 2)
    return Scenarios(
        factors=factors,
        draw=picked,
        month_noise=rng.standard_normal((count, months)),
        member_noise=normal[:, -1],
    )


def one_scenario(spec: ScenarioSpec | None = None, *, months: int = 36, **at: Any) -> Scenarios:
    """Return the centre as a single scenario, or with some factors set.

    Args:
        spec: The distribution.
        months: Months of the projection.
        at: Factor → value.
    """
    spec = spec or ScenarioSpec()
    values = {name: spec.marginals.get(name, Marginal()).mean for name in FACTORS} | at
    return Scenarios(
        factors=np.array([[float(values[name]) for name in FACTORS]]),
        draw=np.zeros(1, np.int64),
        month_noise=np.zeros((1, months)),
        member_noise=np.zeros(1),
    )
