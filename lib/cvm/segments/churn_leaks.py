"""Columns that know the future: found, named, and kept out of every churn model.

Three signs: a name that is only written down once a customer has left, or by a model that was; a
column somebody states to be recorded later; and a column that alone tells leavers too well, or
whose being filled does. A refused column is reported, never silently dropped.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.segments.churn_ranking import area_alone, area_under_curve

TOO_GOOD_AUC = 0.90
"""AUC of one column alone from which it is refused: no honest column of this field comes near."""
SURE_AUC = 0.85
"""Its lower limit must pass this too, so that luck among a few leavers refuses nothing."""

_LATER = re.compile(
    r"""(^|[\s_])(left|leaving|churn(ed)?|cancel\w*|terminat\w*|closed?)([\s_]*
        (month|date|day|time|reason|category|value|label|flag|status))?$
      | churn[\s_]*(reason|category|label|value|date) | exit[\s_]*(survey|date|reason)
      | customer[\s_]*status | win[\s_]*back | port[\s_]*out
      | 离网 | 销户 | 拆机 | 携出 | 携号转出 | 流失(原因|标志|日期|月份)""",
    re.IGNORECASE | re.VERBOSE,
)
_SCORED = re.compile(
    r"""(churn|attrition|risk)[\s_]*(score|prob\w*|risk) | ^cltv$ | satisfaction
      | (流失|离网)(评分|概率|得分|预测) | 满意度""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, kw_only=True)
class Refused:
    """A column kept out of the model.

    Attributes:
        column: Its name.
        reason: ``"later"`` (its name says it is recorded on leaving), ``"scored"`` (another model's
            score, or a survey asked about leaving), ``"stated"`` (stated to be recorded later),
            ``"too_good"`` (tells leavers alone), ``"filled"`` (its being filled does).
        auc: What it reaches alone, where that was measured.
    """

    column: str
    reason: str
    auc: float = float("nan")

    def text(self, lang: str = "en") -> str:
        """Return why the column is refused."""
        return say(
            f"segments_churn.refused.{self.reason}", lang, column=self.column, auc=f"{self.auc:.3f}"
        )


def find_leaks(
    frame: pd.DataFrame,
    columns: Iterable[str],
    left: pd.Series,
    *,
    recorded_later: Collection[str] = (),
) -> tuple[Refused, ...]:
    """Return the columns that know the future, with the reason.

    Args:
        frame: Rows of training.
        columns: Those a model would take.
        left: Whether each row left.
        recorded_later: Columns known to be written down after the scoring month.
    """
    gone = left.to_numpy(dtype=bool)
    found = [_leak(frame[name], name, gone, recorded_later) for name in columns]
    return tuple(one for one in found if one is not None)


def _leak(
    values: pd.Series, name: str, left: np.ndarray, recorded_later: Collection[str]
) -> Refused | None:
    if name in recorded_later:
        return Refused(column=name, reason="stated")
    plain = name.removeprefix("attr_")
    if _LATER.search(plain):
        return Refused(column=name, reason="later")
    if _SCORED.search(plain):
        return Refused(column=name, reason="scored")
    if left.all() or not left.any():
        return None
    missing = values.isna().to_numpy()
    for reason, score in (("filled", missing.astype(float)), ("too_good", _alone(values, left))):
        # Few columns come near: the interval, which costs thrice as much, is for those alone.
        area = area_alone(score, left)
        if max(area, 1 - area) < TOO_GOOD_AUC:
            continue
        measured = area_under_curve(score, left)
        # A falling relation tells as much as a rising one.
        auc = max(measured.value, 1 - measured.value)
        low = measured.low if measured.value >= 0.5 else 1 - measured.high
        if low >= SURE_AUC:
            return Refused(column=name, reason=reason, auc=auc)
    return None


def _alone(values: pd.Series, left: np.ndarray) -> np.ndarray:
    """Return a column as a score: numbers as they are, levels by the leaving of the other half.

    Each half of the rows is scored with the shares of the other, so that a column of many levels
    is not too good by remembering its rows.
    """
    if pd.api.types.is_numeric_dtype(values) or pd.api.types.is_bool_dtype(values):
        numbers = values.astype("float64")
        middle = numbers.median()
        return numbers.fillna(0.0 if pd.isna(middle) else middle).to_numpy(float)
    codes, names = pd.factorize(values.astype("str"), use_na_sentinel=False)
    score = np.empty(len(codes))
    # Rows may stand in an order that tells leavers, so halves are drawn, always the same.
    half = np.random.default_rng(0).random(len(codes)) < 0.5
    for own in (half, ~half):
        size = np.bincount(codes[~own], minlength=len(names))
        gone = np.bincount(codes[~own], weights=left[~own], minlength=len(names))
        score[own] = ((gone + 2 * left.mean()) / (size + 2))[codes[own]]
    return score
