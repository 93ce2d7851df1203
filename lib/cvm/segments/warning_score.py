"""Last month's warning list, scored against what happened.

Hitting leavers shows that the list knows whom to call; that calls saved anybody only shows against
customers of the list who were held out at random. Without them it cannot be told, and is not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import ArgumentError, check_between
from cvm.core.i18n import say
from cvm.core.money import format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.churn_calibration import calibration_gap
from cvm.segments.measured import UNKNOWN, Measured, wilson
from cvm.segments.warning_list import CALLED, HELD_OUT, WarningList

FEWEST_LEAVERS = 10
"""Leavers of the base below which nothing is said."""
FEWEST_HELD_OUT = 30
"""Customers held out from which the saving is told."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ListScore(Result):
    """How good a list was.

    Attributes:
        facts: Counts and sums by name.
        precision: Share of the list who left.
        lift: That, to the share of the base who left.
        caught: Share of all leavers who were on the list.
        value_hit: Share of the value lost in the base that was on the list.
        calibration: Leavers of the list ÷ expected.
        saved: Share kept by calling: leaving of the held out less that of the called.
        saved_yuan: The same in value of those called.
        confidence: Of every interval.
        reason: Empty, or ``"few_leavers"`` or ``"empty"`` (nobody was listed).
    """

    facts: dict[str, float]
    precision: Measured
    lift: Measured
    caught: Measured
    value_hit: Measured
    calibration: Measured
    saved: Measured
    saved_yuan: Measured
    confidence: float
    reason: str = ""

    view: ClassVar[str] = "cvm.views.segments_warning:plot_list_score"

    def measures(self) -> dict[str, Measured]:
        """Return every figure by name."""
        names = ("precision", "lift", "caught", "value_hit", "calibration", "saved", "saved_yuan")
        return {name: getattr(self, name) for name in names}

    def summary(self) -> pd.DataFrame:
        """Return a row a figure: value, error, interval; not numbers where it cannot be told."""
        rows = [{"figure": name, **vars(one)} for name, one in self.measures().items()]
        return pd.DataFrame(rows)

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the figures, and the counts they come from."""
        facts = pd.DataFrame({"key": list(self.facts), "value": list(self.facts.values())})
        return {"summary": self.summary(), "facts": facts}

    def text(self, lang: str = "en") -> str:
        """Return how many of the list left, against the base, and whether calls saved anybody."""
        if self.reason:
            return say(f"segments_warning.scored.{self.reason}", lang, most=FEWEST_LEAVERS)
        told = say(
            "segments_warning.scored.text",
            lang,
            precision=format_share(self.precision.value),
            low=format_share(self.precision.low),
            high=format_share(self.precision.high),
            lift=f"{self.lift.value:.1f}",
            caught=format_share(self.caught.value, decimals=0),
            value=format_share(self.value_hit.value, decimals=0),
        )
        if not np.isfinite(self.saved.value):
            return told + say("segments_warning.scored.no_control", lang)
        side = "saved" if self.saved.low > 0 else "harmed" if self.saved.high < 0 else "unclear"
        return told + say(
            f"segments_warning.scored.{side}",
            lang,
            points=f"{100 * self.saved.value:.1f}",
            low=f"{100 * self.saved.low:.1f}",
            high=f"{100 * self.saved.high:.1f}",
            value=format_yuan(self.saved_yuan.value, lang),
        )


def score_list(
    last: WarningList, left: pd.Series, *, called: bool = True, confidence: float = 0.95
) -> ListScore:
    """Score a list against who left within its horizon.

    Shares have Wilson intervals; the lift a log interval by the delta method; the saving Newcombe's
    (1998). The value hit has the error of a ratio over customers.

    Args:
        last: The list.
        left: By ``customer_id``: whether the customer left within the horizon of the list's risk.
        called: Whether the calls were made; otherwise nothing could be saved.
        confidence: Of the intervals.

    Raises:
        ArgumentError: A customer of the list has no outcome.
    """
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    table = last.table
    outcome = table["customer_id"].map(left[~left.index.duplicated()])
    if outcome.isna().any():
        missing = table["customer_id"][outcome.isna()].iloc[0]
        raise ArgumentError(
            "left", missing, "known for every customer of the list", action="give his outcome"
        )
    gone = outcome.astype(bool).to_numpy()
    on_list = table["fate"].isin([CALLED, HELD_OUT]).to_numpy()
    value = np.nan_to_num(table["value_yuan"].to_numpy(float))
    expected = table["chance_share"].to_numpy(float)
    facts = {
        "customers": float(len(table)),
        "left": float(gone.sum()),
        "listed": float(on_list.sum()),
        "listed_left": float((gone & on_list).sum()),
        "listed_expected": float(expected[on_list].sum()),
        "held_out": float((table["fate"] == HELD_OUT).sum()),
        "lost_yuan": float(value[gone].sum()),
        "listed_lost_yuan": float(value[gone & on_list].sum()),
    }
    reason = "empty" if not on_list.any() else ""
    reason = reason or ("few_leavers" if gone.sum() < FEWEST_LEAVERS else "")
    if reason:
        nothing = dict.fromkeys(("precision", "lift", "caught", "value_hit", "calibration", "saved",
                                 "saved_yuan"), UNKNOWN)  # fmt: skip
        return ListScore(facts=facts, confidence=confidence, reason=reason, **nothing)
    saved, saved_yuan = UNKNOWN, UNKNOWN
    if called:
        saved, saved_yuan = _saved(table, gone, value, confidence)
    return ListScore(
        facts=facts,
        precision=_share(facts["listed_left"], facts["listed"], confidence),
        lift=_lift(facts, confidence),
        caught=_share(facts["listed_left"], facts["left"], confidence),
        value_hit=_value_hit(value, gone, on_list, confidence),
        calibration=calibration_gap(expected[on_list], gone[on_list], confidence=confidence),
        saved=saved,
        saved_yuan=saved_yuan,
        confidence=confidence,
    )


def _share(count: float, size: float, confidence: float) -> Measured:
    low, high = wilson([count], [size], confidence)
    share = count / size
    error = float(np.sqrt(share * (1 - share) / size))
    return Measured(value=share, error=error, low=float(low[0]), high=float(high[0]))


def _lift(facts: dict[str, float], confidence: float) -> Measured:
    """Return the list's share of leavers to that of the rest put with it: to the whole base."""
    size, base = facts["listed"], facts["customers"]
    value = (facts["listed_left"] / size) / (facts["left"] / base)
    if not value:
        return Measured(value=0.0, error=float("nan"), low=0.0, high=float("nan"))
    # The base contains the list: log a − log(a + b) of leavers on the list and of the rest.
    listed, rest = facts["listed_left"], facts["left"] - facts["listed_left"]
    whole = listed + rest
    others = max(base - size, 1.0)
    spread = listed * (1 - listed / size) * (1 / listed - 1 / whole) ** 2
    spread += rest * (1 - rest / others) / whole**2
    error = float(np.sqrt(spread))
    times = float(np.exp(norm.ppf((1 + confidence) / 2) * error))
    return Measured(value=value, error=value * error, low=value / times, high=value * times)


def _value_hit(
    value: np.ndarray, gone: np.ndarray, on_list: np.ndarray, confidence: float
) -> Measured:
    lost = value * gone
    whole = float(lost.sum())
    if not whole > 0:
        return UNKNOWN
    share = float(lost[on_list].sum()) / whole
    error = float(np.sqrt(np.sum((lost * (on_list - share)) ** 2))) / whole
    half = norm.ppf((1 + confidence) / 2) * error
    return Measured(
        value=share, error=error, low=max(share - half, 0.0), high=min(share + half, 1.0)
    )


def _saved(
    table: pd.DataFrame, gone: np.ndarray, value: np.ndarray, confidence: float
) -> tuple[Measured, Measured]:
    """Return the share kept by calling, and its value, from the held out (Newcombe's interval)."""
    called, held = ((table["fate"] == fate).to_numpy() for fate in (CALLED, HELD_OUT))
    if held.sum() < FEWEST_HELD_OUT or not called.any():
        return UNKNOWN, UNKNOWN
    one, other = (
        _share(float(gone[own].sum()), float(own.sum()), confidence) for own in (held, called)
    )
    gain = one.value - other.value
    low = gain - float(np.hypot(one.value - one.low, other.high - other.value))
    high = gain + float(np.hypot(one.high - one.value, other.value - other.low))
    error = float(np.hypot(one.error, other.error))
    saved = Measured(value=gain, error=error, low=low, high=high)
    # In yuan: what the held out lost a head, less what the called lost, for all who were called.
    losses = [value[own] * gone[own] for own in (held, called)]
    per_head = [(loss.mean(), loss.std(ddof=1) / np.sqrt(len(loss))) for loss in losses]
    times = int(called.sum())
    yuan = times * float(per_head[0][0] - per_head[1][0])
    spread = times * float(np.hypot(per_head[0][1], per_head[1][1]))
    half = float(norm.ppf((1 + confidence) / 2)) * spread
    return saved, Measured(value=yuan, error=spread, low=yuan - half, high=yuan + half)
