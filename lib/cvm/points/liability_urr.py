"""The ultimate redemption rate (URR) of each vintage, from a redemption triangle.

Choosing a method:

* ``cape_cod`` (default): what is to come follows the programme's average rate and the points
  issued. Steady for young vintages and for triangles that begin with zeros.
* ``chain_ladder``: what is to come follows what the vintage has redeemed so far. Right where
  vintages differ lastingly; wild for vintages a few months old.
* ``unredeemed``: what is to come follows the points left. Cannot pass the points issued.
* ``bornhuetter_ferguson``: like Cape Cod, with a rate from outside (``prior_urr``).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_between, check_one_of
from cvm.points.liability_estimate import METHODS, Method, UrrEstimate
from cvm.points.liability_expected import expected_development, unredeemed_ladder
from cvm.points.liability_methods import SIGMA_RULES, Projection, SigmaRule, chain_ladder
from cvm.points.liability_tail import Tail, add_tail
from cvm.points.triangles import Triangle


def estimate_urr(
    triangle: Triangle,
    *,
    method: Method = "cape_cod",
    prior_urr: float | None = None,
    prior_urr_se: float = 0.0,
    sigma_rule: SigmaRule = "mack",
    tail: Tail | None = None,
    confidence: float = 0.9,
) -> UrrEstimate:
    """Return the URR of each vintage with its standard error.

    Args:
        triangle: Points issued and redeemed by vintage and age.
        method: See the module's first lines.
        prior_urr: For Bornhuetter-Ferguson: the URR expected before looking (share).
        prior_urr_se: Its standard error; 0 takes it as certain.
        sigma_rule: How the last sigma is set, ``"mack"`` or ``"log_linear"``.
        tail: How points go on after the oldest age seen. Without one nothing is counted there, and
            the answer says that it is a lower bound.
        confidence: Confidence of the intervals, between 0 and 1.

    Raises:
        ArgumentError: An unknown method, or a prior missing or out of place.
        DataError: The triangle shows no development (one age only).
    """
    check_one_of(method, "method", METHODS)
    check_one_of(sigma_rule, "sigma_rule", SIGMA_RULES)
    check_between(confidence, "confidence", low=0, high=1, include_low=False, include_high=False)
    _check_prior(method, prior_urr, prior_urr_se)
    if triangle.redeemed_points.shape[1] < 2:
        raise DataError(
            "triangle",
            f"of {len(triangle.vintages)} vintages at one age",
            "at least two ages, so that redemption can be seen to develop",
            action="wait for a second period, or take a rate from a similar programme",
        )
    projection = _project(triangle, method, prior_urr, prior_urr_se, sigma_rule)
    tail_points, stays = np.zeros(len(triangle.vintages)), 0.0
    path = np.minimum(projection.path, triangle.issued_points[:, None])
    capped = projection.ultimate > triangle.issued_points * (1 + 1e-12)
    if tail is not None and bool((triangle.ages_beyond > 0).any()):
        projection, tail_points, stays = add_tail(replace(projection, path=path), triangle, tail)
        path = projection.path
    return UrrEstimate(
        triangle=triangle,
        method=method,
        projection=projection,
        redeemed_path=path,
        tail_points=tail_points,
        tail_stays=stays,
        capped=capped,
        confidence=confidence,
    )


def _check_prior(method: Method, prior_urr: float | None, prior_urr_se: float) -> None:
    if method == "bornhuetter_ferguson":
        if prior_urr is None:
            raise ArgumentError(
                "prior_urr", None, "given for Bornhuetter-Ferguson", action="or choose cape_cod"
            )
        check_between(prior_urr, "prior_urr", low=0, high=1)
        check_at_least(prior_urr_se, "prior_urr_se", 0)
    elif prior_urr is not None:
        raise ArgumentError("prior_urr", prior_urr, f"left out for the method {method}")


def _project(
    triangle: Triangle,
    method: Method,
    prior_urr: float | None,
    prior_urr_se: float,
    sigma_rule: SigmaRule,
) -> Projection:
    shape = (triangle.latest_age, triangle.final_age)
    cumulative, issued = triangle.redeemed_points, triangle.issued_points
    if method == "chain_ladder":
        return chain_ladder(cumulative, *shape, sigma_rule=sigma_rule)
    if method == "unredeemed":
        return unredeemed_ladder(cumulative, issued, *shape, sigma_rule=sigma_rule)
    return expected_development(
        cumulative,
        issued,
        *shape,
        prior=prior_urr,
        prior_standard_error=prior_urr_se,
        sigma_rule=sigma_rule,
    )


def compare_methods(
    triangle: Triangle,
    *,
    methods: Sequence[Method] = ("cape_cod", "chain_ladder", "unredeemed"),
    tail: Tail | None = None,
) -> pd.DataFrame:
    """Return the URR over all vintages by each method, one row a method.

    Where the methods disagree by more than their errors, vintages differ and the choice matters.
    """
    rows = [estimate_urr(triangle, method=method, tail=tail).summary() for method in methods]
    return pd.concat(rows, ignore_index=True)
