"""Names and rules for clusters that a person can read.

A name says in which features a cluster stands out. A rule is at most three conditions, read off a
shallow tree and rounded to what people remember; how well it finds the cluster is measured on
customers it was not made from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.tree import DecisionTreeClassifier

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share

AREA = "segments_value"
_STANDS_OUT = 0.5
_MOST_WORDS = 2
_MOST_ROWS = 20_000
_DEPTH = 3


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of a rule: the feature lies from ``low`` (included) to ``high`` (not)."""

    feature: str
    low: float = -np.inf
    high: float = np.inf

    def holds(self, values: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
        """Return for which values it holds."""
        return (values >= self.low) & (values < self.high)

    def text(self, lang: str) -> str:
        """Return the condition in words."""
        if np.isfinite(self.low) and np.isfinite(self.high):
            key = "between"
        else:
            key = "from" if np.isfinite(self.low) else "below"
        return say(
            f"{AREA}.rule.{key}",
            lang,
            feature=feature_name(self.feature, lang),
            low=_bound(self.feature, self.low, lang),
            high=_bound(self.feature, self.high, lang),
        )


@dataclass(frozen=True, kw_only=True)
class Rule:
    """Conditions that together find a cluster.

    Attributes:
        conditions: At most three; none if the customers could not be told apart.
        precision: Of customers the rule finds, those in the cluster (0–1), held out.
        recall: Of customers in the cluster, those the rule finds (0–1), held out.
        accuracy: Customers the rule puts on the right side (0–1), held out.
    """

    conditions: tuple[Condition, ...]
    precision: float
    recall: float
    accuracy: float

    def text(self, lang: str) -> str:
        """Return the rule in words."""
        if not self.conditions:
            return say(f"{AREA}.rule.none", lang)
        join = "、" if lang == "zh" else ", "
        return join.join(item.text(lang) for item in self.conditions)


def feature_name(feature: str, lang: str) -> str:
    """Return a feature's name; one the catalogue does not have stands as it is."""
    try:
        return say(f"{AREA}.feature.{feature}", lang)
    except ValueError:
        return feature


def _bound(feature: str, value: float, lang: str) -> str:
    """Return a bound with its unit, which is in the feature's name."""
    if feature.endswith("_share"):
        return format_share(value, decimals=0)
    unit = feature.rsplit("_", 1)[-1]
    known = unit in ("yuan", "minutes", "gb", "months", "years")
    number = format_number(value, lang)
    return say(f"{AREA}.unit.{unit}", lang, number=number) if known else number


def name_cluster(scores: npt.NDArray[np.float64], features: Sequence[str], lang: str) -> str:
    """Name a cluster after the features it stands out in.

    Args:
        scores: The cluster's centre, in standard deviations from the mean.
        features: Names of the features.
        lang: ``"zh"`` or ``"en"``.
    """
    order = np.argsort(-np.abs(scores), kind="stable")[:_MOST_WORDS]
    words = [
        say(
            f"{AREA}.cluster.{'high' if scores[at] > 0 else 'low'}",
            lang,
            feature=feature_name(features[at], lang),
        )
        for at in order
        if abs(scores[at]) >= _STANDS_OUT
    ]
    if not words:
        return say(f"{AREA}.cluster.average", lang)
    return ("·" if lang == "zh" else ", ").join(words)


def find_rules(
    values: npt.NDArray[np.float64],
    labels: npt.NDArray[np.int32],
    features: Sequence[str],
    *,
    rng: np.random.Generator,
) -> tuple[Rule, ...]:
    """Find a short rule for each cluster.

    Args:
        values: Customers × features, in their own units.
        labels: Cluster of each.
        features: Names of the features.
        rng: Splits customers into those rules are made from and those they are measured on.
    """
    order = rng.permutation(len(values))[:_MOST_ROWS]
    half = len(order) // 2
    learn, test = order[:half], order[half:]
    found = []
    for cluster in range(int(labels.max()) + 1):
        conditions = _best_path(values[learn], labels[learn] == cluster, features)
        found.append(_measured(conditions, values[test], labels[test] == cluster, features))
    return tuple(found)


def _best_path(
    values: npt.NDArray[np.float64], inside: npt.NDArray[np.bool_], features: Sequence[str]
) -> tuple[Condition, ...]:
    """Return the way to the node of a shallow tree that finds the cluster best (F1)."""
    if not inside.any() or inside.all():
        return ()
    tree = DecisionTreeClassifier(max_depth=_DEPTH, min_samples_leaf=5, random_state=0)
    grown = tree.fit(values, inside).tree_
    best: tuple[float, dict[int, list[float]]] = (-1.0, {})
    stack: list[tuple[int, dict[int, list[float]]]] = [(0, {})]
    while stack:
        node, bounds = stack.pop()
        if bounds:
            score = _f1(_within(values, bounds), inside)
            # A longer way must be clearly better to be worth remembering.
            if score > best[0] + 0.005:
                best = (score, bounds)
        left, right = grown.children_left[node], grown.children_right[node]
        if left < 0:
            continue
        at = int(grown.feature[node])
        cut = _round(float(grown.threshold[node]))
        low, high = bounds.get(at, [-np.inf, np.inf])
        stack.append((int(right), bounds | {at: [max(low, cut), high]}))
        stack.append((int(left), bounds | {at: [low, min(high, cut)]}))
    return tuple(
        Condition(feature=features[at], low=low, high=high) for at, (low, high) in best[1].items()
    )


def _within(
    values: npt.NDArray[np.float64], bounds: dict[int, list[float]]
) -> npt.NDArray[np.bool_]:
    hit = np.ones(len(values), dtype=bool)
    for at, (low, high) in bounds.items():
        hit &= (values[:, at] >= low) & (values[:, at] < high)
    return hit


def _f1(hit: npt.NDArray[np.bool_], inside: npt.NDArray[np.bool_]) -> float:
    return 2.0 * float((hit & inside).sum()) / max(float(hit.sum() + inside.sum()), 1.0)


def _measured(
    conditions: tuple[Condition, ...],
    values: npt.NDArray[np.float64],
    inside: npt.NDArray[np.bool_],
    features: Sequence[str],
) -> Rule:
    if not conditions or not len(values):
        return Rule(conditions=(), precision=np.nan, recall=np.nan, accuracy=np.nan)
    hit = np.ones(len(values), dtype=bool)
    for item in conditions:
        hit &= item.holds(values[:, list(features).index(item.feature)])
    right = float((hit & inside).sum())
    return Rule(
        conditions=conditions,
        precision=right / hit.sum() if hit.any() else np.nan,
        recall=right / inside.sum() if inside.any() else np.nan,
        accuracy=float((hit == inside).mean()),
    )


def _round(value: float) -> float:
    """Round to two significant digits, as people remember a bound.

    Example:
        >>> _round(123.4), _round(0.0567), _round(0.0)
        (120.0, 0.057, 0.0)
    """
    if value == 0:
        return 0.0
    return round(value, 1 - int(np.floor(np.log10(abs(value)))))
