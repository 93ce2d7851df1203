# ruff: noqa: PD011 (the library's own .values)
"""Writes chain_ladder.json: what the actuarial library chainladder (MPL-2.0) makes of known data.

Run it in an environment of its own, since the library is no dependency of the suite:

    pip install chainladder==0.10.1
    python tests/golden/make_chain_ladder.py

The triangles are the library's samples ``raa`` (Mack 1994) and ``genins`` (Taylor & Ashe 1983), and
one of our own, ``early_zeros``, in which two vintages were not redeemed in their first year.
"""

import json
import warnings
from pathlib import Path

import chainladder as cl
import numpy as np
import pandas as pd
from planted_zeros import planted_triangles

EARLY_ZEROS = [[0, 50, 70, 80], [10, 60, 84], [0, 40], [20]]
BORNHUETTER_PRIOR = 0.8


def listed(values):
    """Return an array as lists, NaN as null."""
    array = np.asarray(values, dtype=float)
    if array.ndim > 1:
        return [listed(row) for row in array]
    return [None if np.isnan(value) else float(value) for value in array]


def fitted(triangle, exposure):
    """Return what the library makes of one triangle."""
    found = {"cumulative": listed(triangle.values[0, 0]), "exposure": exposure}
    weights = triangle.latest_diagonal.copy()
    weights.values = np.full(weights.shape, float(exposure))
    for rule in ("mack", "log-linear"):
        developed = cl.Development(sigma_interpolation=rule).fit_transform(triangle)
        mack = cl.MackChainladder().fit(developed)
        found[rule] = {
            "factors": listed(developed.ldf_.values[0, 0, 0]),
            "sigma": listed(developed.sigma_.values[0, 0, 0]),
            "ultimate": listed(mack.ultimate_.values[0, 0, :, 0]),
            "standard_error": listed(mack.mack_std_err_.values[0, 0, :, -1]),
            "total_standard_error": listed(np.asarray(mack.total_mack_std_err_).ravel())[0],
        }
    ferguson = cl.BornhuetterFerguson(apriori=BORNHUETTER_PRIOR).fit(
        triangle, sample_weight=weights
    )
    cape_cod = cl.CapeCod().fit(triangle, sample_weight=weights)
    found["bornhuetter_ferguson"] = listed(ferguson.ultimate_.values[0, 0, :, 0])
    found["cape_cod"] = listed(cape_cod.ultimate_.values[0, 0, :, 0])
    found["cape_cod_prior"] = float(cape_cod.apriori_.values.ravel()[0])
    return found


def planted_errors():
    """Return the library's mean relative error of the total ultimate where zeros are planted.

    A vintage the library gives no ultimate counts with nothing, as in the library's own total.
    """
    errors = {"chain_ladder": [], "cape_cod": []}
    for redeemed, issued, ultimate in planted_triangles():
        triangle = read([row[~np.isnan(row)] for row in redeemed])
        weights = triangle.latest_diagonal.copy()
        weights.values = issued.reshape(weights.shape)
        models = {
            "chain_ladder": cl.Chainladder().fit(triangle),
            "cape_cod": cl.CapeCod().fit(triangle, sample_weight=weights),
        }
        for name, model in models.items():
            total = np.nansum(model.ultimate_.values)
            errors[name].append(total / ultimate.sum() - 1)
    return {name: float(np.mean(values)) for name, values in errors.items()}


def read(values_by_vintage):
    """Return a yearly triangle as the library reads it from a table."""
    rows = [
        (2010 + vintage, 2010 + vintage + age, float(value))
        for vintage, values in enumerate(values_by_vintage)
        for age, value in enumerate(values)
    ]
    frame = pd.DataFrame(rows, columns=["earned", "redeemed_in", "points"])
    return cl.Triangle(
        frame, origin="earned", development="redeemed_in", columns=["points"], cumulative=True
    )


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    golden = {
        "library": f"chainladder {cl.__version__}",
        "prior": BORNHUETTER_PRIOR,
        "raa": fitted(cl.load_sample("raa"), 25_000),
        "genins": fitted(cl.load_sample("genins"), 6_000_000),
        "early_zeros": fitted(read(EARLY_ZEROS), 100) | {"given": EARLY_ZEROS},
        "planted_zeros": planted_errors(),
    }
    file = Path(__file__).with_name("chain_ladder.json")
    file.write_text(json.dumps(golden, indent=1) + "\n", encoding="utf-8")
