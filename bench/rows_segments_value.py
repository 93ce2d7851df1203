"""Tiers, stars and grid, RFM, k-means and stability beside pandas, polars, SQL and scikit-learn.

Customers and purchases are made once as Parquet files in ``build/bench`` and read by everybody in
the same run. pandas gets the vectorised form an analyst would write; polars and hand-written SQL
get the same question.
"""

from __future__ import annotations

import importlib.util
import json
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from harness import Measurement, Row, own_peak_gb, peak_gb, run_alone, time_in_turns
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score

from cvm.data.engine import connect
from cvm.data.panel_load import load_panel
from cvm.data.panel_purchases import load_purchases
from cvm.data.reduce_segments import reduce_segments_cells
from cvm.data.reduce_segments_shapes import reduce_segments_rfm
from cvm.segments.clusters_kmeans import k_means
from cvm.segments.clusters_stability import cluster_stability
from cvm.segments.tierbook_read import open_tierbook

MADE = Path(__file__).parents[1] / "build" / "bench"
NAMES = ("months", "customers")
MONTH = date(2025, 12, 1)
PART = 500_000
BANDS = {"voice_yuan": (50.0, 100.0), "data_yuan": (40.0, 80.0)}
CARD_CUTS, STAR_CUTS = (2100, 3000, 4800, 8400), (90, 150, 210, 290, 420)
FIRST, LAST = "2025-01-01", "2025-12-01"
HAS_POLARS = importlib.util.find_spec("polars") is not None


def _terms() -> dict[str, Any]:
    """Return cards on the points of the last twelve months, and the sample's stars."""
    book = open_tierbook("sample").with_ladder("cards", set_month=None)
    return {name: item for name, item in book.terms(MONTH).items() if name != "corporate"}


def _customers(customers: int) -> Path:
    """Make customers × 12 months, one file a half million customers."""
    folder = MADE / f"tiers-{customers}"
    if (folder / "done").is_file():
        return folder
    for name in NAMES:
        (folder / name).mkdir(parents=True, exist_ok=True)
    days = np.array([f"2025-{month:02d}-01" for month in range(1, 13)], dtype="datetime64[D]")
    for start in range(0, customers, PART):
        rng, size = np.random.default_rng(start), min(PART, customers - start)
        ids = pa.array([f"C{number:09d}" for number in range(start, start + size)])
        each = np.repeat(np.arange(size), 12)
        bill = np.round(rng.lognormal(4.7, 0.6, size)[each] * rng.lognormal(0, 0.1, 12 * size), 1)
        data = np.round(bill * rng.beta(3, 4, size)[each], 1)
        months = pa.table(
            {
                "customer_id": ids.take(pa.array(each)),
                "month": pa.array(np.tile(days, size)),
                "bill_yuan": bill,
                "variable_cost_yuan": np.round(0.3 * bill, 1),
                "voice_yuan": np.round(0.9 * (bill - data), 1),
                "data_yuan": data,
                "arrears_stops": (rng.random(12 * size) < 0.02).astype(np.int64),
                "paid_on_time": rng.random(12 * size) > rng.beta(0.6, 6, size)[each],
            }
        )
        joined = (rng.integers(1998 * 12, 2025 * 12, size) - 1970 * 12).astype("datetime64[M]")
        people = pa.table(
            {
                "customer_id": ids,
                "joined_month": pa.array(joined.astype("datetime64[D]")),
                "brand": pa.array(["gotone", "easyown", "mzone"]).take(
                    pa.array(rng.integers(0, 3, size))
                ),
                "customer_type": pa.array(["personal", "family", "corporate"]).take(
                    pa.array(rng.integers(0, 3, size))
                ),
            }
        )
        pq.write_table(months, folder / "months" / f"{start:09d}.parquet")
        pq.write_table(people, folder / "customers" / f"{start:09d}.parquet")
    (folder / "done").touch()
    return folder


def ours(folder: Path) -> pd.DataFrame:
    """Rate everybody and cross the grid: one expression."""
    engine = connect("duckdb")
    months = engine.read_parquet(f"{folder}/months/*.parquet")
    customers = engine.read_parquet(f"{folder}/customers/*.parquet")
    cells = ours_loaded(months, customers)
    engine.disconnect()
    return cells


def ours_loaded(*tables: Any) -> pd.DataFrame:
    """Rate everybody and cross the grid, from tables of an engine or from a panel."""
    return reduce_segments_cells(*tables, month=MONTH, ladders=_terms(), bands=BANDS).to_pandas()


def by_sql(folder: Path) -> pd.DataFrame:
    """Ask the same of DuckDB in SQL written by hand."""
    import duckdb

    def level(value: str, cuts: tuple[float, ...]) -> str:
        return " + ".join(f"({value} >= {cut})::INT" for cut in cuts)

    query = f"""
    WITH sums AS (
      SELECT customer_id, count(*) AS n, sum(round(bill_yuan * 100)::BIGINT) AS fen,
        sum(round(variable_cost_yuan * 100)::BIGINT) AS cost,
        sum(floor(bill_yuan)::BIGINT) AS points, sum(arrears_stops) AS stops,
        count(*) FILTER (paid_on_time) AS paid, sum(round(voice_yuan * 100)::BIGINT) AS voice,
        sum(round(data_yuan * 100)::BIGINT) AS data, max(month) AS latest
      FROM read_parquet('{folder}/months/*.parquet')
      WHERE month BETWEEN DATE '{FIRST}' AND DATE '{LAST}' GROUP BY customer_id
    ), scored AS (
      SELECT *, round(fen / (100.0 * n) + tenure + least(50, 20 * shared + 30 * (paid >= 12)::INT)
        - 10 * stops, 6) AS score FROM sums JOIN (
        SELECT customer_id, brand, (customer_type <> 'personal')::INT AS shared,
          date_diff('month', joined_month, DATE '{LAST}') AS tenure
        FROM read_parquet('{folder}/customers/*.parquet')) USING (customer_id)
      WHERE latest = DATE '{LAST}'
    )
    SELECT CASE WHEN brand = 'gotone' THEN {level("points", CARD_CUTS)} ELSE -1 END AS cards,
      CASE WHEN tenure < 3 THEN -1 WHEN stops >= 3 THEN least(3, {level("score", STAR_CUTS)})
        ELSE {level("score", STAR_CUTS)} END AS stars,
      {level("round(voice / (100.0 * n), 6)", BANDS["voice_yuan"])} AS voice_yuan_band,
      {level("round(data / (100.0 * n), 6)", BANDS["data_yuan"])} AS data_yuan_band,
      count(*) AS customers, sum(fen) / 100.0 AS revenue_yuan,
      sum(fen - cost) / 100.0 AS margin_yuan, sum((stops > 0)::INT) AS stopped_customers
    FROM scored GROUP BY ALL ORDER BY ALL"""
    with duckdb.connect() as engine:
        return engine.execute(query).df()


def by_pandas(folder: Path) -> pd.DataFrame:
    """Ask the same of pandas, vectorised."""
    months = pd.read_parquet(folder / "months")
    months["month"] = pd.to_datetime(months["month"])
    return by_pandas_loaded(months, pd.read_parquet(folder / "customers"))


def by_pandas_loaded(months: pd.DataFrame, people: pd.DataFrame) -> pd.DataFrame:
    """Ask the same of pandas, from frames already in memory."""
    months = months[(months["month"] >= FIRST) & (months["month"] <= LAST)]
    months = months.assign(
        points=np.floor(months["bill_yuan"]),
        fen=np.round(months["bill_yuan"] * 100).astype(np.int64),
        cost=np.round(months["variable_cost_yuan"] * 100).astype(np.int64),
        voice=np.round(months["voice_yuan"] * 100).astype(np.int64),
        data=np.round(months["data_yuan"] * 100).astype(np.int64),
    )
    each = months.groupby("customer_id").agg(
        n=("fen", "size"),
        fen=("fen", "sum"),
        cost=("cost", "sum"),
        points=("points", "sum"),
        stops=("arrears_stops", "sum"),
        paid=("paid_on_time", "sum"),
        voice=("voice", "sum"),
        data=("data", "sum"),
        latest=("month", "max"),
    )
    each = each[each["latest"] == LAST]
    each = each.join(people.set_index("customer_id"))
    joined = pd.to_datetime(each["joined_month"])
    tenure = (2025 - joined.dt.year) * 12 + 12 - joined.dt.month
    bonus = 20 * (each["customer_type"] != "personal") + 30 * (each["paid"] >= 12)
    score = (
        each["fen"] / (100 * each["n"]) + tenure + np.minimum(50, bonus) - 10 * each["stops"]
    ).round(6)

    def level(value: pd.Series, cuts: tuple[float, ...]) -> np.ndarray:
        return np.searchsorted(cuts, value.to_numpy(), side="right")

    stars = level(score, STAR_CUTS)
    stars = np.where(each["stops"] >= 3, np.minimum(stars, 3), stars)
    made = each.assign(
        cards=np.where(each["brand"] == "gotone", level(each["points"], CARD_CUTS), -1),
        stars=np.where(tenure < 3, -1, stars),
        voice_yuan_band=level((each["voice"] / (100 * each["n"])).round(6), BANDS["voice_yuan"]),
        data_yuan_band=level((each["data"] / (100 * each["n"])).round(6), BANDS["data_yuan"]),
        margin=each["fen"] - each["cost"],
        stopped=each["stops"] > 0,
    )
    keys = ["cards", "stars", "voice_yuan_band", "data_yuan_band"]
    cells = made.groupby(keys).agg(
        customers=("fen", "size"),
        revenue_yuan=("fen", "sum"),
        margin_yuan=("margin", "sum"),
        stopped_customers=("stopped", "sum"),
    )
    return cells.assign(
        revenue_yuan=cells["revenue_yuan"] / 100, margin_yuan=cells["margin_yuan"] / 100
    ).reset_index()


def by_polars(folder: Path) -> pd.DataFrame:
    """Ask the same of polars, lazily and streaming."""
    import polars as pl

    return by_polars_loaded(
        pl.scan_parquet(f"{folder}/months/*.parquet"),
        pl.scan_parquet(f"{folder}/customers/*.parquet"),
    )


def by_polars_loaded(months: Any, people: Any) -> pd.DataFrame:
    """Ask the same of polars' lazy frames."""
    import polars as pl

    def fen(name: str) -> Any:
        return (pl.col(name) * 100).round().cast(pl.Int64).sum()

    def level(value: Any, cuts: tuple[float, ...]) -> Any:
        return sum(((value >= cut).cast(pl.Int64) for cut in cuts), pl.lit(0, pl.Int64))

    each = (
        months.filter(pl.col("month").is_between(date(2025, 1, 1), MONTH))
        .group_by("customer_id")
        .agg(
            n=pl.len(),
            fen=fen("bill_yuan"),
            cost=fen("variable_cost_yuan"),
            points=pl.col("bill_yuan").floor().sum(),
            stops=pl.col("arrears_stops").sum(),
            paid=pl.col("paid_on_time").sum(),
            voice=fen("voice_yuan"),
            data=fen("data_yuan"),
            latest=pl.col("month").max(),
        )
        .filter(pl.col("latest") == MONTH)
        .join(people, on="customer_id")
    )
    joined = pl.col("joined_month").dt
    tenure = (2025 - joined.year()) * 12 + 12 - joined.month()
    bonus = 20 * (pl.col("customer_type") != "personal") + 30 * (pl.col("paid") >= 12)
    mean = pl.col("fen") / (100 * pl.col("n"))
    score = (mean + tenure + pl.min_horizontal(pl.lit(50), bonus) - 10 * pl.col("stops")).round(6)
    stars = level(score, STAR_CUTS)
    capped = (
        pl.when(pl.col("stops") >= 3).then(pl.min_horizontal(stars, pl.lit(3))).otherwise(stars)
    )
    cards = level(pl.col("points"), CARD_CUTS)
    keys = {
        "cards": pl.when(pl.col("brand") == "gotone").then(cards).otherwise(-1),
        "stars": pl.when(tenure < 3).then(-1).otherwise(capped),
        "voice_yuan_band": level(
            (pl.col("voice") / (100 * pl.col("n"))).round(6), BANDS["voice_yuan"]
        ),
        "data_yuan_band": level(
            (pl.col("data") / (100 * pl.col("n"))).round(6), BANDS["data_yuan"]
        ),
    }
    cells = (
        each.with_columns(**keys)
        .group_by(list(keys))
        .agg(
            customers=pl.len(),
            revenue_yuan=pl.col("fen").sum() / 100,
            margin_yuan=(pl.col("fen") - pl.col("cost")).sum() / 100,
            stopped_customers=(pl.col("stops") > 0).sum(),
        )
        .sort(list(keys))
    )
    return pd.DataFrame(cells.collect(engine="streaming").to_dict(as_series=False))


def _same(one: pd.DataFrame, other: pd.DataFrame) -> None:
    keys = [name for name in one.columns if name in other.columns]
    left, right = (frame[keys].sort_values(keys[:4], ignore_index=True) for frame in (one, other))
    np.testing.assert_allclose(left.to_numpy(float), right.to_numpy(float), rtol=1e-9, atol=1e-6)


def _tiers(
    size: int, peer: Callable[[Path], pd.DataFrame], repeats: int
) -> Callable[[bool], Measurement]:
    def measure(quick: bool) -> Measurement:
        customers = 20_000 if quick else size
        folder = _customers(customers)
        peak = peak_gb(f"import rows_segments_value as r; r.ours(r.Path({str(folder)!r}))")
        cells = ours(folder)
        _same(cells, peer(folder))
        assert cells["customers"].sum() == customers
        seconds, other = time_in_turns(
            lambda: ours(folder), lambda: peer(folder), repeats=repeats, warm=False
        )
        return Measurement(
            ours_seconds=seconds,
            peer_seconds=other,
            work=12 * customers,
            note=f"{customers:,} customers × 12 months from Parquet, {len(cells)} cells equal; "
            f"peak of ours alone {peak:.1f} GB",
        )

    return measure


def ready(who: str, folder: Path) -> Callable[[], pd.DataFrame]:
    """Load everything for one contestant and return what rates everybody."""
    if who == "panel":
        held = held_months(folder)
        return lambda: ours_loaded(held)
    if who == "the engine's tables":
        engine = connect("duckdb")
        tables = [
            engine.create_table(name, engine.read_parquet(f"{folder}/{name}/*.parquet"))
            for name in NAMES
        ]
        return lambda: ours_loaded(*tables)
    if who == "polars":
        import polars as pl

        tables = [pl.read_parquet(f"{folder}/{name}/*.parquet") for name in NAMES]
        return lambda: by_polars_loaded(*(table.lazy() for table in tables))
    frames = [pd.read_parquet(folder / name) for name in NAMES]
    frames[0]["month"] = pd.to_datetime(frames[0]["month"])
    if who == "pandas, whole numbers for customers":
        for frame in frames:
            frame["customer_id"] = frame["customer_id"].str[1:].astype("int32")
    return lambda: by_pandas_loaded(*frames)


def held_months(folder: Path) -> Any:
    """Return a panel of all customers and months."""
    engine = connect("duckdb")
    held = load_panel(*(engine.read_parquet(f"{folder}/{name}/*.parquet") for name in NAMES))
    engine.disconnect()
    return held


def alone(who: str, folder: str, repeats: int, cells: str) -> None:
    """Load, rate and print the seconds of both and the peak, for a process of its own."""
    start = time.perf_counter()
    rate = ready(who, Path(folder))
    loaded = time.perf_counter() - start
    rate().to_parquet(cells)
    seconds, _ = time_in_turns(rate, repeats=repeats, warm=False)
    print(json.dumps({"load": loaded, "seconds": seconds, "peak": own_peak_gb()}))


def _alone(who: str, folder: Path, repeats: int) -> tuple[dict[str, float], pd.DataFrame]:
    """Measure one contestant; several of them would not fit into memory side by side."""
    cells = MADE / f"cells-{who.split()[-1]}.parquet"
    asked = f"{who!r}, {str(folder)!r}, {repeats}, {str(cells)!r}"
    told = json.loads(run_alone(f"import rows_segments_value as r; r.alone({asked})"))
    return told, pd.read_parquet(cells)


def _tiers_loaded(quick: bool) -> Measurement:
    customers = 20_000 if quick else 10_000_000
    folder = _customers(customers)
    repeats = {"panel": 7, "pandas": 3, "pandas, whole numbers for customers": 3}
    repeats |= {"the engine's tables": 3}
    repeats |= {"polars": 3} if HAS_POLARS else {}
    told, cells = {}, {}
    for who, times in repeats.items():
        told[who], cells[who] = _alone(who, folder, times)
        _same(cells["panel"], cells[who])
    assert cells["panel"]["customers"].sum() == customers
    others = "; ".join(
        f"{who} {found['seconds']:.2f} s (loading {found['load']:.0f} s, {found['peak']:.1f} GB)"
        for who, found in told.items()
    )
    return Measurement(
        ours_seconds=told["panel"]["seconds"],
        peer_seconds=told["pandas"]["seconds"],
        work=12 * customers,
        note=f"{customers:,} customers × 12 months, loaded before the clock, each in a process of "
        f"its own; cells equal: {others}",
    )


def _purchases(rows: int) -> Path:
    folder = MADE / f"purchases-{rows}"
    if not (folder / "part.parquet").is_file():
        folder.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(4)
        who = rng.integers(0, rows // 6, rows)
        ids = pa.array([f"C{number:09d}" for number in range(rows // 6)])
        day = np.datetime64("2025-01-01") + rng.integers(0, 365, rows)
        amount = np.round(rng.lognormal(3.5, 0.7, rows), 1)
        table = pa.table(
            {"customer_id": ids.take(pa.array(who)), "bought_on": day, "amount_yuan": amount}
        )
        pq.write_table(table, folder / "part.parquet")
    return folder / "part.parquet"


def rfm_ours(purchases: Any) -> pd.DataFrame:
    """Reduce purchases to RFM cells."""
    return reduce_segments_rfm(
        purchases, month=MONTH, when="bought_on", amount="amount_yuan"
    ).to_pandas()


def rfm_pandas(frame: pd.DataFrame) -> pd.DataFrame:
    """Reduce purchases to the same cells in pandas."""
    rows = frame[(frame["bought_on"] >= FIRST) & (frame["amount_yuan"] > 0)]
    rows = rows.assign(fen=np.round(rows["amount_yuan"] * 100).astype(np.int64))
    each = rows.groupby("customer_id").agg(
        latest=("bought_on", "max"), frequency=("fen", "size"), fen=("fen", "sum")
    )
    each["recency_months"] = 12 - each["latest"].dt.month
    each["amount_bin"] = np.floor(np.log(each["fen"] / 100) * 20).astype(np.int64)
    keys = ["recency_months", "frequency", "amount_bin"]
    cells = each.groupby(keys).agg(customers=("fen", "size"), amount=("fen", "sum"))
    return cells.assign(amount=cells["amount"] / 100).reset_index()


def _rfm(quick: bool) -> Measurement:
    size = 100_000 if quick else 10_000_000
    path = _purchases(size)
    engine = connect("duckdb")
    table = engine.create_table("purchases", engine.read_parquet(path))
    start = time.perf_counter()
    held = load_purchases(table, when="bought_on", amount="amount_yuan")
    loaded = time.perf_counter() - start
    frame = pd.read_parquet(path)
    frame["bought_on"] = pd.to_datetime(frame["bought_on"])
    coded = frame.assign(customer_id=frame["customer_id"].str[1:].astype("int32"))
    cells = rfm_ours(held)
    for other in (rfm_ours(table), rfm_pandas(frame), rfm_pandas(coded)):
        np.testing.assert_allclose(cells.to_numpy(float), other.to_numpy(float), rtol=1e-9)
    seconds, other = time_in_turns(
        lambda: rfm_ours(held), lambda: rfm_pandas(frame), repeats=5, warm=False
    )
    by_table, by_number = time_in_turns(
        lambda: rfm_ours(table), lambda: rfm_pandas(coded), repeats=3, warm=False
    )
    engine.disconnect()
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=other,
        work=size,
        note=f"{size:,} purchases, loaded before the clock by both ({loaded:.1f} s), "
        f"{len(cells):,} cells equal; the engine's table {by_table:.2f} s, pandas with whole "
        f"numbers for customers {by_number:.2f} s",
    )


def _blobs(size: int) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    centres, truth = rng.normal(0, 3, (8, 8)), rng.integers(0, 8, size)
    return centres[truth] + rng.normal(0, 1.5, (size, 8)), truth


def _k_means(quick: bool) -> Measurement:
    data, truth = _blobs(50_000 if quick else 1_000_000)

    def theirs() -> KMeans:
        return KMeans(8, n_init=1, random_state=1).fit(data)

    def mine() -> Any:
        return k_means(data, 8, rng=np.random.default_rng(1))

    peer, found = theirs(), mine()
    rand = [adjusted_rand_score(truth, labels) for labels in (found.labels, peer.labels_)]
    assert rand[0] >= rand[1] - 0.002
    assert found.inertia <= peer.inertia_ * 1.001
    seconds, other = time_in_turns(mine, theirs, repeats=5)
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=other,
        work=len(data),
        note=f"k = 8; adjusted Rand {rand[0]:.4f} and {rand[1]:.4f}, inertia within 0.1 %; ours "
        f"with 8 starts on a sample, the peer with one on all ({peer.n_iter_} iterations)",
    )


def _stability(quick: bool) -> Measurement:
    data, _ = _blobs(5_000 if quick else 100_000)
    partition = k_means(data, 8, rng=np.random.default_rng(1))

    def mine() -> Any:
        return cluster_stability(data, partition, rng=np.random.default_rng(2))

    def theirs() -> np.ndarray:
        """Do the same with scikit-learn, for as many resamples as take seconds."""
        rng, found = np.random.default_rng(2), []
        for _ in range(5):
            drawn = np.unique(rng.integers(0, len(data), len(data)))
            again = KMeans(8, n_init=3, random_state=1).fit(data[drawn]).labels_
            table = pd.crosstab(partition.labels[drawn], again).to_numpy(float)
            either = table.sum(1)[:, None] + table.sum(0)[None] - table
            found.append((table / either).max(1))
        return np.mean(found, axis=0)

    ours_found, peer_found = mine().jaccard, theirs()
    np.testing.assert_allclose(ours_found, peer_found, atol=0.05)
    seconds, _ = time_in_turns(mine, repeats=3)
    start = time.perf_counter()
    theirs()
    other = (time.perf_counter() - start) * 20
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=other,
        work=100 * len(data),
        note=f"{len(data):,} customers × 8, k = 8, 100 resamples; peer timed on 5 and scaled; "
        "Jaccard within .05",
    )


ROWS = [
    Row(
        name="cards, stars and voice × data grid, 10 M customers × 12 months",
        peer="pandas, in 18 GB",
        target="≥ 20×",
        measure=_tiers(10_000_000, by_pandas, 1),
    ),
    Row(
        name="cards, stars and grid, 10 M customers × 12 months, loaded before",
        peer="pandas",
        target="≥ 20×",
        measure=_tiers_loaded,
    ),
    Row(
        name="cards, stars and voice × data grid, 10 M customers × 12 months",
        peer="DuckDB, SQL by hand",
        target="level; ≤ 4 GB",
        measure=_tiers(10_000_000, by_sql, 3),
    ),
    *(
        [
            Row(
                name="cards, stars and voice × data grid, 10 M customers × 12 months",
                peer="polars, streaming",
                target="level; ≤ 4 GB",
                measure=_tiers(10_000_000, by_polars, 3),
            )
        ]
        if HAS_POLARS
        else []
    ),
    Row(name="RFM of 10 M purchases", peer="pandas", target="≥ 7×", measure=_rfm),
    Row(name="k-means, 1 M × 8", peer="scikit-learn", target="≥ 3×", measure=_k_means),
    Row(
        name="stability of clusters, 100 resamples of 100 k × 8",
        peer="the same with scikit-learn",
        target="≤ 5 s",
        measure=_stability,
    ),
]
