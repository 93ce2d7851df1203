"""The answer to "how many of the points will ever be redeemed?": figures, tables, sentence."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result
from cvm.points.liability_diagnostics import ALPHA, dependence
from cvm.points.liability_methods import Projection
from cvm.points.triangles import Triangle

FloatArray = npt.NDArray[np.float64]
Method = Literal["cape_cod", "chain_ladder", "unredeemed", "bornhuetter_ferguson"]
METHODS: tuple[Method, ...] = ("cape_cod", "chain_ladder", "unredeemed", "bornhuetter_ferguson")


@dataclass(frozen=True, kw_only=True, eq=False)
class UrrEstimate(Result):
    """The URR by vintage and over all, with standard errors.

    Attributes:
        triangle: What it was estimated from.
        method: How.
        projection: The method's points, factors and errors, before the cap at points issued.
        redeemed_path: Cumulative redeemed points, vintage × age, observed then projected, within
            the points issued. The last column holds the tail too.
        tail_points: Of the ultimate, points of the tail (a vintage).
        tail_stays: Share of points outstanding from one period of the tail to the next.
        capped: Vintages whose projection passed the points issued and was cut there.
        confidence: Confidence of the intervals.
    """

    view: ClassVar[str] = "cvm.views.points_liability:plot_triangle"

    triangle: Triangle
    method: Method
    projection: Projection
    redeemed_path: FloatArray
    tail_points: FloatArray
    tail_stays: float
    capped: npt.NDArray[np.bool_]
    confidence: float = 0.9

    @property
    def urr(self) -> FloatArray:
        """Return each vintage's URR (share); NaN where the data cannot tell."""
        return self.redeemed_path[:, -1] / self.triangle.issued_points

    @property
    def standard_error(self) -> FloatArray:
        """Return the standard error of each vintage's URR (share)."""
        return self.projection.standard_error / self.triangle.issued_points

    @property
    def expected_points(self) -> FloatArray:
        """Return points of each vintage expected to be redeemed from now on."""
        return self.redeemed_path[:, -1] - self.triangle.redeemed_to_date

    @property
    def expected_points_error(self) -> float:
        """Return the standard error of the expected points over all vintages."""
        return float(np.sqrt(self.projection.total_variance))

    @property
    def total_urr(self) -> float:
        """Return the URR over all vintages, weighted by points issued (share)."""
        return float(self.redeemed_path[:, -1].sum() / self.triangle.issued_points.sum())

    @property
    def total_standard_error(self) -> float:
        """Return the standard error of the URR over all vintages (share)."""
        return self.expected_points_error / float(self.triangle.issued_points.sum())

    @property
    def is_lower_bound(self) -> bool:
        """Return whether points may be redeemed after the oldest age seen, uncounted."""
        beyond = self.triangle.ages_beyond > 0
        return bool(beyond.any()) and not bool((self.tail_points > 0).any())

    def interval(self) -> tuple[float, float]:
        """Return the interval of the URR over all vintages, within what is possible."""
        issued = float(self.triangle.issued_points.sum())
        done = float(self.triangle.redeemed_to_date.sum())
        low, high = self._bounds(self.total_urr, self.total_standard_error)
        return max(float(low), done / issued), min(float(high), 1.0)

    def _bounds(
        self, centre: FloatArray | float, error: FloatArray | float
    ) -> tuple[FloatArray, FloatArray]:
        reach = NormalDist().inv_cdf(0.5 + self.confidence / 2) * np.asarray(error)
        return np.asarray(centre) - reach, np.asarray(centre) + reach

    def vintages(self) -> pd.DataFrame:
        """Return one row a vintage: points, URR, its standard error and interval."""
        issued, done = self.triangle.issued_points, self.triangle.redeemed_to_date
        low, high = self._bounds(self.urr, self.standard_error)
        return pd.DataFrame(
            {
                "vintage": pd.to_datetime(list(self.triangle.vintages)),
                "age": self.triangle.latest_age,
                "issued_points": issued,
                "redeemed_points": done,
                "expected_points": self.expected_points,
                "urr_share": self.urr,
                "urr_se": self.standard_error,
                "urr_low": np.maximum(low, done / issued),
                "urr_high": np.minimum(high, 1.0),
                "capped": self.capped,
            }
        )

    def development(self) -> pd.DataFrame:
        """Return one row a vintage and age: redeemed share, observed or projected."""
        path, triangle = self.redeemed_path, self.triangle
        ages = np.arange(path.shape[1])
        keep = ages <= triangle.final_age[:, None]
        rows, columns = np.nonzero(keep)
        return pd.DataFrame(
            {
                "vintage": pd.to_datetime([triangle.vintages[row] for row in rows]),
                "age": columns,
                "redeemed_share": path[rows, columns] / triangle.issued_points[rows],
                "projected": columns > triangle.latest_age[rows],
            }
        )

    def summary(self) -> pd.DataFrame:
        """Return one row: the method, the URR with its error and interval, and breakage."""
        low, high = self.interval()
        return pd.DataFrame(
            {
                "method": [self.method],
                "vintages": [len(self.triangle.vintages)],
                "issued_points": [float(self.triangle.issued_points.sum())],
                "redeemed_points": [float(self.triangle.redeemed_to_date.sum())],
                "urr_share": [self.total_urr],
                "urr_se": [self.total_standard_error],
                "urr_low": [low],
                "urr_high": [high],
                "breakage_share": [1 - self.total_urr],
                "lower_bound": [self.is_lower_bound],
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, vintages, development, factors and the check of dependence."""
        factors = self.projection.factors
        first = -1 if self.method == "unredeemed" else 0
        return {
            "summary": self.summary(),
            "vintages": self.vintages(),
            "development": self.development(),
            "factors": pd.DataFrame(
                {"from_age": np.arange(first, first + len(factors)), "factor": factors}
            ),
            "dependence": dependence(self.triangle),
        }

    def text(self, lang: str = "en") -> str:
        """Return the URR, its interval and what limits it, in one sentence."""
        unknown = int(np.isnan(self.urr).sum())
        if unknown:
            return say(
                "points_liability.urr.cannot_tell", lang, unknown=unknown, vintages=len(self.urr)
            )
        values = {
            "urr": format_share(self.total_urr),
            "breakage": format_share(1 - self.total_urr),
            "method": say(f"points_liability.method.{self.method}", lang),
        }
        if np.isfinite(self.total_standard_error):
            low, high = self.interval()
            sentence = say(
                "points_liability.urr.text",
                lang,
                confidence=format_share(self.confidence, decimals=0),
                low=format_share(low),
                high=format_share(high),
                **values,
            )
        else:
            sentence = say("points_liability.urr.no_interval", lang, **values)
        return sentence + "".join(self._notes(lang))

    def _notes(self, lang: str) -> list[str]:
        notes = []
        zero = int((self.triangle.redeemed_to_date == 0).sum())
        if self.is_lower_bound:
            notes.append(say("points_liability.urr.lower_bound", lang))
        if float(self.tail_points.sum()) > 0:
            share = float(self.tail_points.sum() / self.redeemed_path[:, -1].sum())
            notes.append(say("points_liability.urr.tail", lang, share=format_share(share)))
        if bool(self.capped.any()):
            notes.append(say("points_liability.urr.capped", lang, count=int(self.capped.sum())))
        if self.method == "chain_ladder" and zero:
            notes.append(say("points_liability.urr.zeros", lang, count=zero))
        effects = dependence(self.triangle).set_index("effect")["p_value"]
        if effects["vintage"] < ALPHA and self.method != "chain_ladder":
            notes.append(say("points_liability.urr.vintages_differ", lang))
        if effects["calendar"] < ALPHA:
            notes.append(say("points_liability.urr.calendar_moves", lang))
        return notes
