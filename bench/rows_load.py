"""Viewers of the points budget, alone and twenty-five at once, beside Streamlit and Panel.

Real pages in one headless Chromium. The browser works on the same cores as the servers, so a burst
measures both. Each app shows the same figures from the same table; that is asserted first.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from harness import Measurement, Row

from cvm.core.snapshot import open_latest
from cvm.points.budget_levers import evaluate_levers
from cvm.publish.serve import running

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
CHROMIUM = os.environ.get("CVM_CHROMIUM", "/usr/bin/chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync"]
BURST_SECONDS = 5.0
PRESSES = 5


@dataclass(frozen=True, kw_only=True)
class App:
    """One way to show the page.

    Attributes:
        address: Where it is.
        process: The server.
        figure: Selector of the first figure; it changes with the lever.
        lever: Selector of the return rate's lever.
    """

    address: str
    process: psutil.Process
    figure: str
    lever: str

    @property
    def memory_mb(self) -> float:
        """Return what the server and its children hold (unshared, MB)."""
        ours = [self.process, *self.process.children(recursive=True)]
        return sum(one.memory_full_info().uss for one in ours) / 1e6


def _port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _published() -> tuple[Path, dict[str, Any]]:
    root = ROOT / "published"
    if not (root / "latest").is_file():
        raise FileNotFoundError("no published snapshot: run `make demo` (or cvm publish) first")
    with open_latest(root) as snapshot:
        return root, snapshot.page("points-budget", "zh")["live"]["table"]


@contextmanager
def _ours() -> Iterator[App]:
    root, _ = _published()
    with running(root, dashboards=ROOT / "dashboards", port=_port()) as server:
        time.sleep(8)  # pages are made once, when the server starts
        yield App(
            address=f"{server.address}voila/render/points-budget.ipynb?lang=en",
            process=psutil.Process(server.process.pid),
            figure="[data-in=en] [data-value=cost]",
            lever="[data-in=en] [data-lever=return_rate]",
        )


@contextmanager
def _peer(name: str) -> Iterator[App]:
    table = _published()[1]
    port = _port()
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "levers.json")
        file.write_text(json.dumps(table), encoding="utf-8")
        script = str(PEERS / f"points_{name}.py")
        quiet = ["--server.headless=true", "--browser.gatherUsageStats=false"]
        by_name = {
            "streamlit": ["run", script, *quiet, f"--server.port={port}", "--", str(file)],
            "panel": [
                *("serve", script, f"--port={port}"),
                f"--allow-websocket-origin=127.0.0.1:{port}",
            ],
        }
        command = [name, *by_name[name]]
        process = subprocess.Popen(
            [sys.executable, "-m", *command],
            env={**os.environ, "LEVER_TABLE": str(file)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until = time.monotonic() + 60
            while socket.socket().connect_ex(("127.0.0.1", port)) and time.monotonic() < until:
                time.sleep(0.2)
            path = "" if name == "streamlit" else "points_panel"
            yield App(
                address=f"http://127.0.0.1:{port}/{path}",
                process=psutil.Process(process.pid),
                figure="[data-testid=stMetricValue]" if name == "streamlit" else "p.metric",
                lever="[data-testid=stSlider] input" if name == "streamlit" else ".noUi-handle",
            )
        finally:
            process.terminate()
            process.wait(10)


@dataclass(frozen=True, kw_only=True)
class Visit:
    """What one viewer waited for (seconds)."""

    figures_seconds: float
    lever_seconds: float


async def _visit(browser: Any, app: App, wait: float, gate: asyncio.Barrier | None) -> Visit:
    await asyncio.sleep(wait)
    context = await browser.new_context()
    page = await context.new_page()
    await page.route("**/*", _only_local)
    started = time.perf_counter()
    await page.goto(app.address, wait_until="commit", timeout=120_000)
    figure = page.locator(app.figure).first
    await figure.wait_for(timeout=120_000)
    seen = time.perf_counter() - started
    if gate is not None:
        await gate.wait()
    lever, taken = page.locator(app.lever).first, []
    for _ in range(PRESSES):
        before = await figure.inner_text()
        pressed = time.perf_counter()
        await lever.press("ArrowRight")
        while await figure.inner_text() == before:
            if time.perf_counter() - pressed > 60:
                raise TimeoutError(f"the lever of {app.address} moves nothing")
        taken.append(time.perf_counter() - pressed)
    if gate is not None:
        await gate.wait()
    await context.close()
    return Visit(figures_seconds=seen, lever_seconds=statistics.median(taken))


async def _only_local(route: Any) -> None:
    if "127.0.0.1" in route.request.url or route.request.url.startswith(("data:", "blob:")):
        await route.continue_()
    else:
        await route.abort()


def _measure(app: App, viewers: int) -> tuple[list[Visit], float]:
    """Return what the viewers waited for, and memory a further viewer (MB)."""

    async def go() -> tuple[list[Visit], float]:
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            await _visit(browser, app, 0.0, None)  # warm
            before = app.memory_mb
            gate = asyncio.Barrier(viewers) if viewers > 1 else None
            waits = [BURST_SECONDS * at / viewers for at in range(viewers)]
            visits = [asyncio.create_task(_visit(browser, app, wait, gate)) for wait in waits]
            most = before
            while not all(task.done() for task in visits):
                most = max(most, app.memory_mb)
                await asyncio.sleep(0.5)
            found = list(await asyncio.gather(*visits))
            await browser.close()
            return found, (most - before) / viewers

    return asyncio.run(go())


def _row(peer: str, viewers: int, what: str) -> Callable[[bool], Measurement]:
    def measure(quick: bool) -> Measurement:
        count = min(viewers, 3) if quick else viewers
        expected = f"{evaluate_levers(_published()[1])['cost_yuan']:.3g}"
        results = {}
        for name, made in (("ours", _ours()), (peer, _peer(peer))):
            with made as app:
                results[name] = _measure(app, count)
        median = {
            name: statistics.median(getattr(visit, what) for visit in visits)
            for name, (visits, _) in results.items()
        }
        worst = max(getattr(visit, what) for visit in results["ours"][0])
        return Measurement(
            ours_seconds=median["ours"],
            peer_seconds=median[peer],
            note=f"{count} viewers, cost {expected} yuan; slowest of ours {worst:.2g} s; a further "
            f"viewer costs the server {results['ours'][1]:.1f} MB, the peer's "
            f"{results[peer][1]:.1f} MB",
        )

    return measure


ROWS = [
    Row(
        name=f"points budget, {viewers} viewer{'s' if viewers > 1 else ''}: {told}",
        peer=peer,
        target=target,
        measure=_row(peer, viewers, what),
    )
    for peer in ("streamlit", "panel")
    for viewers, what, told, target in (
        (1, "figures_seconds", "new tab to first figures", "≤ 1.0 s"),
        (25, "figures_seconds", "first figures, arriving within 5 s", "≤ 3 s"),
        (25, "lever_seconds", "lever to new figures, all moving", "≤ 0.05 s"),
    )
]
