"""Redemption triangles with known ultimates in which young vintages often stand at zero."""

import numpy as np

SEED = 20_260_301
TRIANGLES = 200
VINTAGES = 8


def planted_triangles(count=TRIANGLES, vintages=VINTAGES, seed=SEED):
    """Yield (cumulative with NaN in the future, issued, ultimate) of ``count`` programmes.

    In the period of earning nobody is over the threshold yet in half of the vintages: genuine
    zeros. Afterwards a tenth of what is left is redeemed in a period, with noise.
    """
    rng = np.random.default_rng(seed)
    for _ in range(count):
        issued = rng.uniform(0.8, 1.2, vintages) * 100_000
        hazard = 0.1 * rng.gamma(25, 1 / 25, (vintages, vintages))
        hazard[:, 0] *= rng.random(vintages) < 0.5
        redeemed = issued[:, None] * (1 - np.cumprod(1 - hazard, axis=1))
        ultimate = redeemed[:, -1].copy()
        ages = np.arange(vintages)
        redeemed[ages + ages[:, None] >= vintages] = np.nan
        yield redeemed, issued, ultimate
