"""Two public snapshots through the segments that need no months; the rest is said to be missing."""

import numpy as np
import pytest
from extracts import MAPPINGS, TODAY, shared

from cvm.core.checks import MissingDataError
from cvm.data import collect, open_data
from cvm.data.reduce_segments_shapes import reduce_segments_snapshot, snapshot_features
from cvm.segments.clusters import find_clusters
from cvm.segments.concentration import measure_concentration


def test_ibm_telco_is_clustered_and_its_concentration_measured(tmp_path):
    shared("ibm_telco_churn.csv")
    data = open_data(MAPPINGS / "ibm_telco_churn.toml", work=tmp_path / "work", today=TODAY)
    customers = data.table("customers")

    rows = collect(snapshot_features(customers))
    found = find_clusters(rows, rng=np.random.default_rng(1), resamples=20)
    spread = collect(reduce_segments_snapshot(customers, column="last_bill_yuan", step=1.0))

    # Published with the data: 7,043 customers, 1,869 left; 11 have no total yet.
    assert len(rows) == 7_043 - 1_869
    assert (found.left_out, len(found.labels)) == (11, 5_163)
    assert found.certificate().stable
    bills = rows["last_bill_yuan"].sort_values().to_numpy()
    tenth = bills[-round(len(bills) / 10) :].sum() / bills.sum()
    value = measure_concentration(spread["total"] / spread["customers"], spread["customers"])
    assert value.share_of_top(0.1) == pytest.approx(tenth, abs=0.002)
    with pytest.raises(MissingDataError, match="months"):
        data.require("months", "bill_yuan")


def test_iranian_churn_is_clustered_on_what_it_has(tmp_path):
    shared("iranian_churn.csv")
    data = open_data(MAPPINGS / "iranian_churn.toml", work=tmp_path / "work", today=TODAY)
    customers = data.table("customers")

    found = find_clusters(
        collect(snapshot_features(customers)), rng=np.random.default_rng(1), resamples=20
    )

    here = collect(customers.filter(~customers.churned))
    assert len(found.labels) + found.left_out == len(here)
    assert set(found.features) == {"tenure_months", "age_years"}
    with pytest.raises(MissingDataError, match="last_bill_yuan"):
        reduce_segments_snapshot(customers, column="last_bill_yuan", step=1.0)
