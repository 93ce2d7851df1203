"""Writes campaigns.json: what public packages make of public data.

Run it in an environment of its own, since the packages are no dependencies of the suite:

    pip install tea-tasting==1.14.0 causaldata==0.1.5
    python tests/golden/make_campaigns.py

* ``tea_tasting``: moments and analyses of ``tea_tasting.make_users_data(rng=42)`` (MIT).
* ``lalonde``: the experimental sample of the National Supported Work programme, as packed in
  ``causaldata`` (``nsw_mixtape``, MIT; LaLonde 1986, Dehejia & Wahba 1999).
"""

import json
from importlib.metadata import version
from itertools import combinations_with_replacement
from pathlib import Path

import causaldata
import numpy as np
import tea_tasting as tt


def users():
    """Return sums by arm and the package's analyses, with and without covariates."""
    table = tt.make_users_data(rng=42, covariates=True).to_pandas()
    columns = [name for name in table.columns if name not in ("user", "variant")]
    sums = {}
    for arm, part in table.groupby("variant"):
        sums[str(arm)] = {
            "count": len(part),
            "sums": {name: float(part[name].sum()) for name in columns},
            "products": [
                [one, other, float((part[one] * part[other]).sum())]
                for one, other in combinations_with_replacement(columns, 2)
            ],
        }
    experiment = tt.Experiment(
        orders_per_session=tt.RatioOfMeans("orders", "sessions"),
        orders_per_session_cuped=tt.RatioOfMeans(
            "orders", "sessions", "orders_covariate", "sessions_covariate"
        ),
        revenue=tt.Mean("revenue"),
        revenue_cuped=tt.Mean("revenue", "revenue_covariate"),
        sample_ratio=tt.SampleRatio(),
    )
    found = experiment.analyze(table)
    return {
        "arms": sums,
        "analyses": {
            name: {key: float(value) for key, value in found[name]._asdict().items()}
            for name in found
        },
    }


def lalonde():
    """Return the rows of the experiment."""
    frame = causaldata.nsw_mixtape.load_pandas().data.drop(columns="data_id")
    return {name: np.asarray(frame[name], dtype=float).round(6).tolist() for name in frame}


if __name__ == "__main__":
    golden = {
        "made_with": {name: version(name) for name in ("tea-tasting", "causaldata")},
        "tea_tasting": users(),
        "lalonde": lalonde(),
    }
    target = Path(__file__).with_name("campaigns.json")
    target.write_text(json.dumps(golden) + "\n", encoding="utf-8")
