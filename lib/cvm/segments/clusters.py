"""Clusters of customers: how many is decided by stability, and each has a name and a rule.

Stability is no proof that groups exist: a large base without any falls into the same slices again
and again. So the clusters are also held against customers drawn from one bell curve with the same
means and correlations: if they explain hardly more there than here, their borders are drawn, not
found, and the sentence says so.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_columns
from cvm.core.i18n import LANGUAGES, say
from cvm.core.money import format_number, format_share
from cvm.core.result import Result
from cvm.segments.certificate import AREA, Certificate, verdict
from cvm.segments.clusters_kmeans import FloatArray, k_means
from cvm.segments.clusters_names import Rule, find_rules, name_cluster
from cvm.segments.clusters_stability import Stability, choose_clusters

NUMBERS = (2, 3, 4, 5, 6, 7)
_SKEWED = 1.0
_CONTINUUM = 0.05
_LEAST = 50


@dataclass(frozen=True, kw_only=True, eq=False)
class Clusters(Result):
    """Customers in clusters.

    Attributes:
        features: What customers are described by.
        customer_ids: The customers clustered.
        labels: Cluster of each, from 1, the largest first.
        rows: See :meth:`summary`.
        profile: A row a cluster and feature: cluster, feature, mean (in the feature's unit), score
            (of the centre, in standard deviations from the mean of all).
        rules: The rule of each cluster.
        names: Cluster → its name by language.
        numbers: A row a number tried: clusters, least_jaccard, mean_jaccard, stable, chosen.
        resamples: Resamples of each.
        explained_share: Share of the variance the clusters explain.
        null_share: The same for customers from one bell curve.
        left_out: Customers without a figure for some feature.
        logged: Features taken as logarithms, because a few customers have very much.
    """

    features: tuple[str, ...]
    customer_ids: npt.NDArray[np.object_]
    labels: npt.NDArray[np.int32]
    rows: pd.DataFrame
    profile: pd.DataFrame
    rules: tuple[Rule, ...]
    names: Mapping[str, Mapping[str, str]]
    numbers: pd.DataFrame
    resamples: int
    explained_share: float
    null_share: float
    left_out: int
    logged: tuple[str, ...]

    view: ClassVar[str] = "cvm.views.segments_clusters:plot_clusters"

    def summary(self) -> pd.DataFrame:
        """Return a row a cluster, the largest first.

        Returns:
            Columns cluster (``"1"`` …), name_en, name_zh, rule_en, rule_zh, customers,
            customer_share, jaccard, verdict, rule_precision, rule_recall, rule_accuracy.
        """
        return self.rows

    @property
    def continuum(self) -> bool:
        """Whether the borders are drawn rather than found."""
        return self.explained_share - self.null_share < _CONTINUUM

    def certificate(self) -> Certificate:
        """Return the stability certificate of the clusters."""
        rows = self.rows.rename(columns={"cluster": "segment"})
        return Certificate(
            rows=rows[["segment", "customers", "jaccard", "verdict"]],
            against="resamples",
            compared=self.resamples,
            names=self.names,
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return ``clusters``, ``cluster_profile`` and ``cluster_numbers``."""
        return {
            "clusters": self.rows,
            "cluster_profile": self.profile,
            "cluster_numbers": self.numbers,
        }

    def text(self, lang: str = "en") -> str:
        """Return how many clusters there are, the largest, and how far they can be trusted."""
        largest = self.rows.iloc[0]
        text = say(
            f"{AREA}.cluster.fit",
            lang,
            clusters=len(self.rows),
            customers=format_number(len(self.labels), lang),
            largest=largest[f"name_{lang}"],
            share=format_share(float(largest["customer_share"]), decimals=0),
        )
        gap = " " if lang == "en" else ""
        text += gap + self.certificate().text(lang)
        if self.continuum:
            text += gap + say(f"{AREA}.cluster.continuum", lang)
        if self.left_out:
            text += gap + say(
                f"{AREA}.cluster.left_out", lang, customers=format_number(self.left_out, lang)
            )
        return text


def find_clusters(
    customers: pd.DataFrame,
    *,
    rng: np.random.Generator,
    features: Sequence[str] = (),
    numbers: Sequence[int] = NUMBERS,
    resamples: int = 100,
    log_skewed: bool = True,
) -> Clusters:
    """Cluster customers, with the number of clusters chosen by stability.

    Args:
        customers: ``customer_id`` and features, as of
            :func:`cvm.data.reduce_segments_shapes.segment_features`.
        rng: Source of starts and resamples.
        features: Columns to use; all but ``customer_id`` by default.
        numbers: Numbers of clusters tried.
        resamples: Bootstrap samples of each.
        log_skewed: Take log(1 + x) of features that are never negative and strongly skewed.

    Raises:
        MissingDataError: A feature is missing.
        DataError: Fewer than 50 customers have every figure, or they are all alike.
    """
    chosen = tuple(features) or tuple(str(name) for name in customers if name != "customer_id")
    check_columns(customers.columns, ["customer_id", *chosen], "customers")
    raw = customers[list(chosen)].to_numpy(np.float64, na_value=np.nan)
    known = np.isfinite(raw).all(axis=1)
    raw = raw[known]
    if len(raw) < _LEAST:
        raise DataError("customers", f"{len(raw)} complete", f"at least {_LEAST} customers")
    scaled, logged = _scaled(raw, chosen, log_skewed)
    most = len(np.unique(scaled, axis=0))
    best, tried = choose_clusters(
        scaled,
        rng=rng,
        numbers=[number for number in numbers if number <= most],
        resamples=resamples,
    )
    order = np.argsort(-best.partition.sizes, kind="stable")
    place = np.argsort(order)
    labels = place[best.partition.labels].astype(np.int32)
    centres = best.partition.centres[order]
    rules = find_rules(raw, labels, chosen, rng=rng)
    names = _names(centres, chosen)
    return Clusters(
        features=chosen,
        customer_ids=customers["customer_id"].to_numpy(object)[known],
        labels=labels + 1,
        rows=_rows(labels, best.jaccard[order], rules, names),
        profile=_profile(raw, labels, centres, chosen),
        rules=rules,
        names=names,
        numbers=_numbers(tried, best),
        resamples=resamples,
        explained_share=1 - best.partition.inertia / _spread(scaled),
        null_share=_null_share(scaled, len(centres), rng),
        left_out=int((~known).sum()),
        logged=logged,
    )


def _scaled(
    raw: FloatArray, features: Sequence[str], log_skewed: bool
) -> tuple[FloatArray, tuple[str, ...]]:
    """Bring features to mean 0 and deviation 1; one that is alike for all tells nothing."""
    data, logged = raw.copy(), []
    for at, name in enumerate(features):
        column = data[:, at]
        spread = column.std()
        if spread == 0:
            continue
        skew = float((((column - column.mean()) / spread) ** 3).mean())
        if log_skewed and column.min() >= 0 and skew > _SKEWED:
            data[:, at] = np.log1p(column)
            logged.append(name)
    spread = data.std(axis=0)
    if not spread.any():
        raise DataError("customers", "all alike", "customers that differ in some feature")
    return (data - data.mean(axis=0)) / np.where(spread > 0, spread, 1.0), tuple(logged)


def _names(centres: FloatArray, features: Sequence[str]) -> dict[str, dict[str, str]]:
    """Name clusters; where two would have one name, the later says its place."""
    names: dict[str, dict[str, str]] = {}
    for lang in LANGUAGES:
        seen: dict[str, int] = {}
        for at, centre in enumerate(centres):
            name = name_cluster(centre, features, lang)
            seen[name] = seen.get(name, 0) + 1
            shown = name if seen[name] == 1 else f"{name} ({seen[name]})"
            names.setdefault(str(at + 1), {})[lang] = shown
    return names


def _rows(
    labels: npt.NDArray[np.int32],
    jaccard: FloatArray,
    rules: Sequence[Rule],
    names: Mapping[str, Mapping[str, str]],
) -> pd.DataFrame:
    sizes = np.bincount(labels, minlength=len(rules))
    return pd.DataFrame(
        {
            "cluster": list(names),
            "name_en": [name["en"] for name in names.values()],
            "name_zh": [name["zh"] for name in names.values()],
            "rule_en": [rule.text("en") for rule in rules],
            "rule_zh": [rule.text("zh") for rule in rules],
            "customers": sizes,
            "customer_share": sizes / sizes.sum(),
            "jaccard": jaccard,
            "verdict": [verdict(value) for value in jaccard],
            "rule_precision": [rule.precision for rule in rules],
            "rule_recall": [rule.recall for rule in rules],
            "rule_accuracy": [rule.accuracy for rule in rules],
        }
    )


def _profile(
    raw: FloatArray, labels: npt.NDArray[np.int32], centres: FloatArray, features: Sequence[str]
) -> pd.DataFrame:
    rows = [
        {
            "cluster": str(cluster + 1),
            "feature": name,
            "customers": int((labels == cluster).sum()),
            "mean": float(raw[labels == cluster, at].mean()),
            "score": float(centres[cluster, at]),
        }
        for cluster in range(len(centres))
        for at, name in enumerate(features)
    ]
    return pd.DataFrame(rows)


def _numbers(tried: Sequence[Stability], best: Stability) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "clusters": [item.clusters for item in tried],
            "least_jaccard": [float(item.jaccard.min()) for item in tried],
            "mean_jaccard": [float(item.jaccard.mean()) for item in tried],
            "stable": [item.stable for item in tried],
            "chosen": [item is best for item in tried],
        }
    )


def _spread(data: FloatArray) -> float:
    return float(((data - data.mean(axis=0)) ** 2).sum())


def _null_share(data: FloatArray, clusters: int, rng: np.random.Generator) -> float:
    """Return what as many clusters explain of one bell curve with the same correlations."""
    covariance = np.cov(data, rowvar=False).reshape(data.shape[1], data.shape[1])
    size = min(len(data), 20_000)
    drawn = rng.multivariate_normal(np.zeros(data.shape[1]), covariance, size, method="eigh")
    return 1 - k_means(drawn, clusters, rng=rng).inertia / _spread(drawn)
