"""The points liability: what outstanding points will yet cost, by vintage, age and expiry.

Liability = outstanding points × cost per point (CPP) × URR conditional on being outstanding, where
the conditional URR is (URR × issued − redeemed) ÷ outstanding. Members who left and points that
expired are out of *outstanding*, not out of *issued*, so the two rates differ.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from statistics import NormalDist
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_between
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.months import format_month
from cvm.core.result import Result
from cvm.points.liability_estimate import UrrEstimate
from cvm.points.liability_tables import ageing, expiry_calendar, sensitivity, with_breakage
from cvm.points.liability_tail import tail_by_period
from cvm.points.triangles import Triangle

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Liability(Result):
    """The liability at a close.

    Attributes:
        estimate: The URR by vintage it rests on.
        outstanding_points: Points members still hold, a vintage.
        expected_points: Of these, points expected to be redeemed: never below 0 nor above the
            outstanding.
        cpp_yuan: Cost per point redeemed (yuan).
        qualified_share: Share of outstanding points held by members who may redeem (over the
            threshold), where known.
        unqualified_urr: Conditional URR of the points of members who may not redeem yet.
    """

    view: ClassVar[str] = "cvm.views.points_liability:plot_ageing"

    estimate: UrrEstimate
    outstanding_points: FloatArray
    expected_points: FloatArray
    cpp_yuan: float
    qualified_share: float | None = None
    unqualified_urr: float = 0.0

    @property
    def triangle(self) -> Triangle:
        """Return the triangle behind the estimate."""
        return self.estimate.triangle

    @property
    def as_of(self) -> date:
        """Return the month of the close."""
        return self.triangle.last_month

    @property
    def liability_yuan(self) -> float:
        """Return the liability (yuan)."""
        return self.cpp_yuan * float(self.expected_points.sum())

    @property
    def standard_error_yuan(self) -> float:
        """Return the liability's standard error from the URR (yuan)."""
        return self.cpp_yuan * self.estimate.expected_points_error

    @property
    def conditional_urr(self) -> FloatArray:
        """Return the share of each vintage's outstanding points that will be redeemed."""
        held = self.outstanding_points
        return np.where(held > 0, self.expected_points / np.where(held > 0, held, 1), 0.0)

    def interval_yuan(self) -> tuple[float, float]:
        """Return the interval of the liability, within what is possible (yuan)."""
        z = NormalDist().inv_cdf(0.5 + self.estimate.confidence / 2)
        reach = z * self.standard_error_yuan
        most = self.cpp_yuan * float(self.outstanding_points.sum())
        return max(0.0, self.liability_yuan - reach), min(most, self.liability_yuan + reach)

    def expected_by_period(self) -> FloatArray:
        """Return expected redemptions by vintage and coming period (1 first).

        Rows add up to :attr:`expected_points`.
        """
        estimate, triangle = self.estimate, self.triangle
        body = estimate.redeemed_path.copy()
        body[:, -1] -= estimate.tail_points
        tail = tail_by_period(estimate.tail_points, triangle.ages_beyond, estimate.tail_stays)
        ages = body.shape[1]
        steps = np.zeros((len(body), ages + tail.shape[1]))
        for row, latest in enumerate(triangle.latest_age):
            ahead = np.concatenate([np.diff(body[row, latest:]), tail[row]])
            steps[row, : len(ahead)] = ahead
        total = steps.sum(axis=1)
        scale = np.where(total > 0, self.expected_points / np.where(total > 0, total, 1), 0.0)
        return steps * scale[:, None]

    def vintages(self) -> pd.DataFrame:
        """Return one row a vintage: points, conditional URR, liability and its error."""
        triangle = self.triangle
        error = self.cpp_yuan * self.estimate.projection.standard_error
        return pd.DataFrame(
            {
                "vintage": pd.to_datetime(list(triangle.vintages)),
                "age": triangle.latest_age,
                "issued_points": triangle.issued_points,
                "redeemed_points": triangle.redeemed_to_date,
                "outstanding_points": self.outstanding_points,
                "urr_share": self.estimate.urr,
                "conditional_urr_share": self.conditional_urr,
                "expected_points": self.expected_points,
                "liability_yuan": self.cpp_yuan * self.expected_points,
                "liability_se_yuan": error,
            }
        )

    def summary(self) -> pd.DataFrame:
        """Return one row: points outstanding, conditional URR, liability and its interval."""
        low, high = self.interval_yuan()
        held = float(self.outstanding_points.sum())
        expected = float(self.expected_points.sum())
        return pd.DataFrame(
            {
                "as_of": [pd.Timestamp(self.as_of)],
                "outstanding_points": [held],
                "conditional_urr_share": [expected / held if held else 0.0],
                "expected_points": [expected],
                "cpp_yuan": [self.cpp_yuan],
                "liability_yuan": [self.liability_yuan],
                "liability_se_yuan": [self.standard_error_yuan],
                "liability_low_yuan": [low],
                "liability_high_yuan": [high],
            }
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the summary, vintages, ageing, expiry calendar and sensitivity."""
        return {
            "summary": self.summary(),
            "vintages": self.vintages(),
            "ageing": ageing(self),
            "calendar": expiry_calendar(self),
            "sensitivity": sensitivity(self),
        }

    def text(self, lang: str = "en") -> str:
        """Return the liability, its interval and what one point of breakage moves."""
        if not np.isfinite(self.liability_yuan):
            return say("points_liability.liability.cannot_tell", lang) + self.estimate.text(lang)
        row = self.summary().iloc[0]
        values = {
            "month": format_month(self.as_of, lang),
            "liability": format_yuan(self.liability_yuan, lang),
            "outstanding": format_number(row["outstanding_points"], lang),
            "conditional": format_share(row["conditional_urr_share"]),
            "step": format_yuan(with_breakage(self, -0.01) - self.liability_yuan, lang),
        }
        sentence = say("points_liability.liability.text", lang, **values)
        if np.isfinite(self.standard_error_yuan):
            low, high = self.interval_yuan()
            sentence += say(
                "points_liability.liability.interval",
                lang,
                confidence=format_share(self.estimate.confidence, decimals=0),
                low=format_yuan(low, lang),
                high=format_yuan(high, lang),
            )
        if self.estimate.is_lower_bound:
            sentence += say("points_liability.urr.lower_bound", lang)
        return sentence


def measure_liability(
    estimate: UrrEstimate,
    outstanding_points: npt.ArrayLike,
    *,
    cpp_yuan: float,
    qualified_share: float | None = None,
    unqualified_urr: float = 0.0,
) -> Liability:
    """Return the liability of the outstanding points.

    Args:
        estimate: URR by vintage.
        outstanding_points: Points members still hold, one for each vintage of the estimate:
            issued − redeemed − expired − forfeited.
        cpp_yuan: Cost per point redeemed (yuan).
        qualified_share: Share of outstanding points held by members over the redemption threshold,
            for the sensitivity to it.
        unqualified_urr: Conditional URR of the other points (share).

    Raises:
        DataError: Outstanding points that are negative, not finite, or more than issued − redeemed.
        ArgumentError: A cost below 0 or a share outside 0–1.
    """
    check_at_least(cpp_yuan, "cpp_yuan", 0)
    check_between(unqualified_urr, "unqualified_urr", low=0, high=1)
    if qualified_share is not None:
        check_between(qualified_share, "qualified_share", low=0, high=1, include_low=False)
    triangle = estimate.triangle
    held = np.atleast_1d(np.asarray(outstanding_points, dtype=float))
    _check_outstanding(held, triangle)
    expected = np.clip(estimate.expected_points, 0.0, held)
    found = Liability(
        estimate=estimate,
        outstanding_points=held,
        expected_points=expected,
        cpp_yuan=cpp_yuan,
        unqualified_urr=unqualified_urr,
    )
    if qualified_share is None:
        return found
    average = float(expected.sum()) / float(held.sum()) if held.sum() > 0 else 0.0
    if average < (1 - qualified_share) * unqualified_urr:
        raise ArgumentError(
            "unqualified_urr",
            unqualified_urr,
            f"low enough that all points together reach {average:.3f}",
        )
    return replace(found, qualified_share=qualified_share)


def _check_outstanding(held: FloatArray, triangle: Triangle) -> None:
    if held.shape != triangle.issued_points.shape:
        raise DataError(
            "outstanding_points",
            f"{len(held)} values",
            f"one for each of the {len(triangle.vintages)} vintages",
        )
    most = triangle.issued_points - triangle.redeemed_to_date
    bad = ~(np.isfinite(held) & (held >= 0) & (held <= most + 0.5))
    if bool(bad.any()):
        row = int(np.flatnonzero(bad)[0])
        raise DataError(
            f"outstanding_points[{triangle.labels()[row]}]",
            f"{held[row]:g}",
            f"between 0 and issued − redeemed ({most[row]:g})",
            action="check the vintages of expired and forfeited points",
        )
