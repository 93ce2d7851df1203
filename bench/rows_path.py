"""The path: check and reduce customer-months, DuckDB beside Spark, time to a dashboard's figure."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pandas as pd
from harness import Measurement, Row, time_in_turns

ROOT = Path(__file__).parents[1]
MADE = ROOT / "build" / "bench"
TODAY = date(2026, 1, 15)
# The generator gives about 20.8 months in service for each customer of a 36-month panel.
MONTHS_PER_CUSTOMER = 20.8
CHROMIUM = shutil.which("chromium") or "chromium"
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]


def _sample(customer_months: float) -> Path:
    from cvm.data.sample import make_sample

    customers = round(customer_months / MONTHS_PER_CUSTOMER)
    folder = MADE / f"sample-{customers}"
    if not (folder / "truth.json").is_file():
        make_sample(folder, customers=customers, workers=2)
    return folder


def _reduce(tables: Any, last_month: date) -> dict[str, pd.DataFrame]:
    from cvm.data import collect
    from cvm.data import reduce_overview as reduce

    panel, customers = tables["months"], tables["customers"]
    return {
        "months": collect(reduce.reduce_months(panel, customers)),
        "tiers": collect(reduce.reduce_groups(panel, customers, "vip_tier", last_month)),
        "counties": collect(reduce.reduce_groups(panel, customers, "county", last_month)),
        "points": collect(reduce.reduce_points_months(tables["ledger"])),
    }


def _reduce_by_pandas(folder: Path, last_month: date) -> dict[str, pd.DataFrame]:
    """Do the same with pandas on the same files, as an analyst would."""
    columns = ["customer_id", "month", "bill_yuan", "variable_cost_yuan", "vip_tier", "complaints"]
    months = pd.read_parquet(folder / "tables" / "months", columns=columns)
    customers = pd.read_parquet(folder / "tables" / "customers")
    ledger = pd.read_parquet(folder / "tables" / "ledger", columns=["month", "entry", "points"])
    months["month"] = pd.to_datetime(months["month"])
    rows = months.merge(customers[["customer_id", "county", "left_month"]], on="customer_id")
    window = rows["month"] > pd.Timestamp(last_month) - pd.DateOffset(months=12)
    sums = {"revenue_yuan": ("bill_yuan", "sum"), "customers": ("customer_id", "size")}
    return {
        "months": rows.groupby("month").agg(**sums).reset_index(),
        "tiers": rows[window].groupby("vip_tier").agg(**sums).reset_index(),
        "counties": rows[window].groupby("county").agg(**sums).reset_index(),
        "points": ledger.groupby(["month", "entry"])["points"].sum().reset_index(),
    }


def _assert_same(ours: dict[str, pd.DataFrame], peer: dict[str, pd.DataFrame]) -> None:
    for name in ("months", "tiers", "counties"):
        np.testing.assert_allclose(
            ours[name]["revenue_yuan"], peer[name]["revenue_yuan"], rtol=1e-9
        )
    earned = peer["points"].query("entry == 'earned'")["points"].sum()
    assert ours["points"]["earned_points"].sum() == earned


def _check_and_reduce(customer_months: float) -> Callable[[bool], Measurement]:
    def measure(quick: bool) -> Measurement:
        from cvm.data import open_data

        folder = _sample(customer_months / (50 if quick else 1))
        with tempfile.TemporaryDirectory() as work:
            data = open_data(folder, work=work, today=TODAY)
            rows = int(data.report.rows["months"])
            last_month = data.last_month
            assert last_month is not None
            _assert_same(_reduce(data.tables, last_month), _reduce_by_pandas(folder, last_month))
            reduce_seconds, peer_seconds = time_in_turns(
                lambda: _reduce(data.tables, last_month),
                lambda: _reduce_by_pandas(folder, last_month),
                repeats=3,
                warm=False,
            )
        start = time.perf_counter()
        with tempfile.TemporaryDirectory() as work:
            open_data(folder, work=work, today=TODAY)
            check_seconds = time.perf_counter() - start
        return Measurement(
            ours_seconds=reduce_seconds,
            peer_seconds=peer_seconds,
            work=rows,
            note=f"{rows:,} customer-months; reduce alone; reading, checking and writing all seven "
            f"tables before it: {check_seconds:.1f} s; revenue and points equal to pandas",
        )

    return measure


def _duckdb_beside_spark(quick: bool) -> Measurement:
    from cvm.data import open_data

    folder = _sample(20_000 if quick else 1_000_000)
    with tempfile.TemporaryDirectory() as work:
        duck = open_data(folder, work=work, today=TODAY)
        spark = open_data(folder, work=work, today=TODAY, engine="local[2]")
        last_month = duck.last_month
        assert last_month is not None
        for name, frame in _reduce(duck.tables, last_month).items():
            pd.testing.assert_frame_equal(frame, _reduce(spark.tables, last_month)[name], rtol=1e-9)
        ours, peer = time_in_turns(
            lambda: _reduce(duck.tables, last_month),
            lambda: _reduce(spark.tables, last_month),
            repeats=3,
        )
        rows = int(duck.report.rows["months"])
    return Measurement(
        ours_seconds=ours,
        peer_seconds=peer,
        work=rows,
        note=f"{rows:,} customer-months, the same expressions; Spark local[2], session warm",
    )


HEAVY_PAGE = """\
import json, pandas as pd, seaborn as sns, ipywidgets
table = json.load(open({table!r}))
frame = pd.DataFrame(table["rows"], columns=[column["name"] for column in table["columns"]])
ipywidgets.HTML("<b id='figure'>" + str(frame.shape) + "</b>")
"""


@contextmanager
def _plain_voila(folder: Path, table: Path) -> Iterator[str]:
    """Serve the same table from a kernel that loads pandas and seaborn, by Voilà's own template."""
    notebook = nbformat.v4.new_notebook()
    notebook.cells = [
        nbformat.v4.new_code_cell(HEAVY_PAGE.format(table=str(table))),
        nbformat.v4.new_code_cell("sns.lineplot(data=frame.select_dtypes('number'));"),
    ]
    nbformat.write(notebook, folder / "heavy.ipynb")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "voila", str(folder / "heavy.ipynb"), "--no-browser"]
    process = subprocess.Popen(
        [*command, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_for(port)
        yield f"http://127.0.0.1:{port}/"
    finally:
        process.terminate()
        process.wait(10)


def _wait_for(port: int, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    raise TimeoutError(f"nothing answers on port {port} after {seconds:g} s")


def _first_figure(quick: bool) -> Measurement:
    from playwright.sync_api import sync_playwright

    from cvm.publish.serve import running

    published = ROOT / "published"
    if not (published / "latest").is_file():
        raise FileNotFoundError("no published snapshot: run `make demo` (or cvm publish) first")
    stamp = (published / "latest").read_text(encoding="utf-8").strip()
    table = published / stamp / "tables" / "overview_months.json"
    assert json.loads(table.read_text(encoding="utf-8"))["rows"]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with (
        tempfile.TemporaryDirectory() as folder,
        running(published, dashboards=ROOT / "dashboards", port=port) as server,
        _plain_voila(Path(folder), table) as heavy,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)

        def seen(address: str, selector: str) -> None:
            page = browser.new_page()
            # The peer asks a content delivery network for its fonts; here it fails at once.
            page.route("**/*", lambda route: _only_local(route))
            page.goto(address, wait_until="commit")
            page.wait_for_selector(selector, timeout=60_000)
            page.close()

        def ours() -> None:
            seen(f"{server.address}voila/render/overview.ipynb?lang=zh", "main img, main svg")

        def peer() -> None:
            seen(heavy, ".jp-RenderedImage img, img.jp-needs-light-background, img")

        seconds, peer_seconds = time_in_turns(ours, peer, repeats=2 if quick else 7)
        browser.close()
    return Measurement(
        ours_seconds=seconds,
        peer_seconds=peer_seconds,
        note="new tab to first chart in Chromium, server and browser warm",
    )


def _only_local(route: Any) -> None:
    if "127.0.0.1" in route.request.url or route.request.url.startswith(("data:", "blob:")):
        route.continue_()
    else:
        route.abort()


ROWS = [
    Row(
        name="check + reduce 1 M customer-months",
        peer="pandas, same files",
        measure=_check_and_reduce(1e6),
    ),
    Row(
        name="check + reduce 10 M customer-months",
        peer="pandas, same files",
        measure=_check_and_reduce(1e7),
    ),
    Row(name="reduce 1 M customer-months", peer="Spark local[2]", measure=_duckdb_beside_spark),
    Row(
        name="dashboard: time to first figure",
        peer="Voilà's own template, pandas + seaborn kernel",
        target="≤ 1 s warm",
        measure=_first_figure,
    ),
]
