"""The churn logit beside statsmodels' Logit: the same coefficients, errors and likelihood.

Columns are in memory, drawn, with a constant, twenty numbers and nine flags; one in twenty leaves.
Both give standard errors. Reducing a panel to churn features stands beside the same in pandas.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
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


def _features(quick: bool) -> Measurement:
    from datetime import date
    from pathlib import Path
    from tempfile import TemporaryDirectory

    from cvm.core.months import add_months
    from cvm.data import collect, open_data
    from cvm.data.reduce_churn import reduce_churn
    from cvm.data.sample import make_sample

    customers = 2_000 if quick else 50_000
    last = date(2025, 11, 1)
    scoring = [add_months(last, -back) for back in range(24)]
    with TemporaryDirectory() as folder:
        make_sample(Path(folder) / "sample", customers=customers)
        data = open_data(Path(folder) / "sample", work=Path(folder) / "work")
        months = data.table("months").to_pandas()

        def ours() -> pd.DataFrame:
            made = reduce_churn(
                data.table("months").select("customer_id", "month", "bill_yuan"),
                data.table("customers").select("customer_id"),
                scoring_months=scoring,
                known_to=last,
            )
            return collect(made)

        def peer() -> pd.DataFrame:
            rows = months[["customer_id", "month", "bill_yuan"]]
            rows = rows.sort_values(["customer_id", "month"], ignore_index=True)
            bills = rows.groupby("customer_id")["bill_yuan"]
            before = pd.concat([bills.shift(back) for back in (1, 2, 3)], axis=1).mean(axis=1)
            rows["fall"] = (1 - rows["bill_yuan"] / before).clip(lower=0).fillna(0.0)
            ends = rows.groupby("customer_id")["month"].transform("max")
            rows["left"] = (rows["month"] == ends) & (rows["month"] < pd.Timestamp(last))
            return rows[rows["month"] >= pd.Timestamp(scoring[-1])]

        mine = ours().sort_values(["customer_id", "month"], ignore_index=True)
        theirs = peer().reset_index(drop=True)
        np.testing.assert_allclose(mine["bill_fall_share"], theirs["fall"], rtol=1e-9, atol=1e-12)
        known = mine["left"].notna()
        assert (mine["left"][known].astype(bool) == theirs["left"][known]).all()
        seconds, other = time_in_turns(ours, peer, repeats=3)
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=other,
        work=len(mine),
        note=f"{len(mine):,} rows of 24 months: bill fall and label equal; no gap in this panel, "
        "which shifts would misread",
    )


ROWS = [
    Row(
        name="churn logit, 1 M × 30, with errors",
        peer="statsmodels' Logit",
        target="≥ 7×, equal coefficients",
        measure=_logit,
    ),
    Row(
        name="bill fall and label of 50,000 customers × 24 months",
        peer="pandas, shifts",
        target="",
        measure=_features,
    ),
]
