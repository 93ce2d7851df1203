"""What a behaviour is made of: named coefficients with their covariance, and channel shares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Coefficients:
    """Coefficients on the log-odds scale.

    Attributes:
        names: One a coefficient; a name that is absent has no effect (0).
        values: Estimates (log odds).
        covariance: Of the estimates; may be singular (effects that add up to zero).
        averages: Average of each term over the member-months behind the estimates, used where a
            caller does not know a term.
    """

    names: tuple[str, ...]
    values: FloatArray
    covariance: FloatArray
    averages: FloatArray

    def __post_init__(self) -> None:
        size = len(self.names)
        shapes = (self.values.shape, self.covariance.shape, self.averages.shape)
        if shapes != ((size,), (size, size), (size,)) or len(set(self.names)) != size:
            raise ArgumentError("coefficients", shapes, f"of {size} different names")
        for name in ("values", "covariance", "averages"):
            if not np.isfinite(getattr(self, name)).all():
                raise ArgumentError(f"coefficients.{name}", "not finite", "finite numbers")

    @classmethod
    def known(
        cls,
        values: Mapping[str, float],
        *,
        errors: Mapping[str, float] | None = None,
        averages: Mapping[str, float] | None = None,
    ) -> Self:
        """Return independent coefficients from values, and standard errors where there are any."""
        names = tuple(values)
        spread = np.array([(errors or {}).get(name, 0.0) for name in names], dtype=float)
        return cls(
            names=names,
            values=np.array([values[name] for name in names], dtype=float),
            covariance=np.diag(spread**2),
            averages=np.array(
                [(averages or {}).get(name, float(name == "intercept")) for name in names]
            ),
        )

    @property
    def errors(self) -> FloatArray:
        """Return standard errors."""
        return np.sqrt(np.clip(np.diag(self.covariance), 0.0, None))

    def value(self, name: str) -> float:
        """Return one coefficient; 0 for a name that is absent."""
        return float(self.values[self.names.index(name)]) if name in self.names else 0.0

    def average(self, name: str) -> float:
        """Return a term's average over the member-months; 0 for a name that is absent."""
        return float(self.averages[self.names.index(name)]) if name in self.names else 0.0

    def average_effect(self, prefix: str) -> float:
        """Return the average contribution of all terms whose names begin so (log odds)."""
        return float(
            sum(
                value * mean
                for name, value, mean in zip(self.names, self.values, self.averages, strict=True)
                if name.startswith(prefix)
            )
        )

    def p_value(self, *prefixes: str) -> float:
        """Return the p-value of a Wald test that the terms whose names begin so are 0; or 1."""
        from scipy import stats

        at = [place for place, name in enumerate(self.names) if name.startswith(prefixes)]
        if not at:
            return 1.0
        part, values = self.covariance[np.ix_(at, at)], np.take(self.values, at)
        wald = float(values @ np.linalg.pinv(part, hermitian=True) @ values)
        return float(stats.chi2.sf(wald, max(1, int(np.linalg.matrix_rank(part)))))

    def table(self) -> pd.DataFrame:
        """Return ``term``, ``log_odds``, ``standard_error``, ``odds_ratio``."""
        return pd.DataFrame(
            {
                "term": self.names,
                "log_odds": self.values,
                "standard_error": self.errors,
                "odds_ratio": np.exp(self.values),
            }
        )

    def draw(self, rng: np.random.Generator, n: int) -> tuple[Coefficients, ...]:
        """Return ``n`` draws from the sampling distribution (multivariate normal)."""
        drawn = rng.multivariate_normal(self.values, self.covariance, size=n, method="eigh")
        return tuple(replace(self, values=row) for row in drawn)


@dataclass(frozen=True, kw_only=True, eq=False)
class ChannelMix:
    """Shares of redeemed points by channel.

    Attributes:
        channels: Channels, in the order of the columns.
        tiers: Tiers, in the order of the rows after the first; the first row is all members.
        shares: Share of points [1 + tier, channel]; rows add up to 1.
        covariance: Of a row's shares [1 + tier, channel, channel].
    """

    channels: tuple[str, ...]
    tiers: tuple[str, ...]
    shares: FloatArray
    covariance: FloatArray

    def __post_init__(self) -> None:
        rows, columns = 1 + len(self.tiers), len(self.channels)
        if self.shares.shape != (rows, columns):
            raise ArgumentError("shares", self.shares.shape, f"of shape {(rows, columns)}")
        if self.covariance.shape != (rows, columns, columns):
            raise ArgumentError("covariance", self.covariance.shape, "of one matrix a row")
        off = ~np.isclose(self.shares.sum(axis=1), 1.0) | (self.shares < 0).any(axis=1)
        if bool(off.any()):
            row = int(np.flatnonzero(off)[0])
            raise ArgumentError(f"shares[{row}]", self.shares[row].tolist(), "shares that add to 1")

    def draw(self, rng: np.random.Generator, n: int) -> tuple[ChannelMix, ...]:
        """Return ``n`` draws: normal, cut at zero, adding up to 1."""
        if not n:
            return ()
        rows = [
            rng.multivariate_normal(mean, spread, size=n, method="eigh")
            for mean, spread in zip(self.shares, self.covariance, strict=True)
        ]
        drawn = np.clip(np.stack(rows, axis=1), 0.0, None)
        drawn /= drawn.sum(axis=2, keepdims=True)
        return tuple(replace(self, shares=each) for each in drawn)
