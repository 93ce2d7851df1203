"""The churn logit beside statsmodels' Logit: the same coefficients, errors and likelihood.

Columns are in memory, drawn, with a constant, twenty numbers and nine flags; one in twenty leaves.
Both give standard errors.
"""

from __future__ import annotations

import numpy as np
from harness import Measurement, Row, time_in_turns
from scipy.special import expit

from cvm.segments.churn_logit import fit_logit

COLUMNS = 30


def draw(rows: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Draw columns with a constant, and who left."""
    rng = np.random.default_rng(seed)
    columns = rng.standard_normal((rows, COLUMNS))
    columns[:, 0] = 1.0
    columns[:, 21:] = rng.random((rows, COLUMNS - 21)) < 0.2
    odds = np.concatenate([[-4.0], rng.normal(0, 0.3, COLUMNS - 1)])
    return columns, rng.random(rows) < expit(columns @ odds)


def _logit(quick: bool) -> Measurement:
    import statsmodels.api as sm

    rows = 100_000 if quick else 1_000_000
    columns, left = draw(rows)
    gone = left.astype(float)

    def peer() -> object:
        return sm.Logit(gone, columns).fit(disp=0)

    mine, theirs = fit_logit(columns, left), sm.Logit(gone, columns).fit(disp=0)
    np.testing.assert_allclose(mine.coefficients, theirs.params, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(mine.errors, theirs.bse, rtol=1e-8)
    assert abs(mine.log_likelihood - theirs.llf) < 1e-9 * abs(theirs.llf)
    ours, other = time_in_turns(lambda: fit_logit(columns, left), peer, repeats=5)
    return Measurement(
        ours_seconds=ours,
        peer_seconds=other,
        work=rows,
        note=f"{rows:,} × {COLUMNS}, {left.mean():.1%} left; coefficients and errors within 1e-8, "
        "log-likelihoods within 1e-9",
    )


ROWS = [
    Row(
        name="churn logit, 1 M × 30, with errors",
        peer="statsmodels' Logit",
        target="≥ 7×, equal coefficients",
        measure=_logit,
    ),
]
