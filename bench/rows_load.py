"""Viewers of the points budget, alone, twenty-five and fifty at once, beside Streamlit and Panel.

Real pages in one headless Chromium, in windows that were open before, as a viewer's are; the clocks
run in the pages. Twenty-five browsers on the cores of the server are no viewer's lot, so the same
burst is also told for an empty page, as the browser's processor time a view, and for a plain client
that only fetches. Each app shows the same figures from the same table.
"""

from __future__ import annotations

import asyncio
import gzip
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import psutil
from harness import Measurement, Row

from cvm.core.snapshot import open_latest
from cvm.points.budget_levers import evaluate_levers
from cvm.publish.serve import running

ROOT = Path(__file__).parents[1]
PEERS = Path(__file__).parent / "peers"
CHROMIUM = os.environ.get("CVM_CHROMIUM", "/usr/bin/chromium")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",  # no request leaves
]
BURST_SECONDS = 5.0
# Viewers come with windows opened long before: what opening 25 leaves to do must be over.
IDLE_SHARE, IDLE_WITHIN_SECONDS = 0.1, 60.0
# A viewer at a lever presses a key twice a second, not all at the same moment.
PRESSES, PRESS_SECONDS = 10, 0.5


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
        held = 0.0
        for one in [self.process, *self.process.children(recursive=True)]:
            with suppress(psutil.NoSuchProcess):
                held += one.memory_full_info().uss
        return held / 1e6


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
        address = f"{server.address}voila/render/points-budget.ipynb?lang=en"
        _fetch(address)  # pages are made once, when the server starts
        yield App(
            address=address,
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
    usable_seconds: float
    lever_seconds: float


@dataclass(frozen=True, kw_only=True)
class Load:
    """What all viewers of one app met.

    Attributes:
        visits: One a viewer.
        memory_mb: Memory of the server, a further viewer (MB).
        browser_seconds: Processor time of the browser until all have their figures, a view.
        server_seconds: The same of the server.
        press_seconds: The same of the browser, a press of the lever.
    """

    visits: list[Visit]
    memory_mb: float
    browser_seconds: float
    server_seconds: float
    press_seconds: float

    def median(self, what: str) -> float:
        """Return what the middle viewer waited for (seconds)."""
        return statistics.median(getattr(visit, what) for visit in self.visits)

    def worst(self, what: str) -> float:
        """Return what the slowest viewer waited for (seconds)."""
        return max(getattr(visit, what) for visit in self.visits)


# Runs in every page from its start. Panel's figures stand in shadow roots, hence the search.
CLOCKS = """([figure, lever]) => {
  const find = (root, selector) => {
    const found = root.querySelector(selector);
    if (found) return found;
    for (const one of root.querySelectorAll('*')) {
      const inside = one.shadowRoot && find(one.shadowRoot, selector);
      if (inside) return inside;
    }
    return null;
  };
  const painted = (then) => requestAnimationFrame(() => {
    const channel = new MessageChannel();
    channel.port1.onmessage = then;
    channel.port2.postMessage(0);
  });
  const text = () => find(document, figure)?.textContent.trim();
  const tell = (key, milliseconds) => console.debug('clock', key, milliseconds);
  const wait = (key, there) => {
    if (there()) painted(() => tell(key, performance.now()));
    else setTimeout(wait, 40, key, there);
  };
  wait('figures', text);
  wait('usable', () => document.readyState !== 'loading' && find(document, lever));
  window.addEventListener('keydown', (event) => {
    const before = text();
    const look = () => {
      if (text() === before) requestAnimationFrame(look);
      else painted(() => tell('moved', performance.now() - event.timeStamp));
    };
    look();
  }, true);
}"""


class Clocks:
    """What the clocks in a page tell, as it comes: nobody asks, so nobody is kept from working."""

    def __init__(self, page: Any) -> None:
        self.told: dict[str, asyncio.Queue[float]] = defaultdict(asyncio.Queue)
        page.on("console", self._hear)

    def _hear(self, message: Any) -> None:
        word, *rest = message.text.split()
        if word == "clock":
            self.told[rest[0]].put_nowait(float(rest[1]) / 1e3)

    async def next(self, name: str) -> float:
        """Return the clock's next time (seconds)."""
        return await asyncio.wait_for(self.told[name].get(), timeout=120)


async def _visit(browser: Any, app: App, wait: float, gates: Gates) -> Visit:
    context = await browser.new_context(viewport={"width": 1280, "height": 720})
    page = await context.new_page()
    clocks = Clocks(page)
    await page.add_init_script(f"({CLOCKS})({json.dumps([app.figure, app.lever])})")
    await gates.pass_("opened")
    await gates.idle()
    await gates.pass_("open")
    await asyncio.sleep(wait)
    await page.goto(app.address, wait_until="commit", timeout=120_000)
    figures, usable = await clocks.next("figures"), await clocks.next("usable")
    if app.lever != app.figure:
        await page.locator(app.lever).first.focus()
    await gates.pass_("figures")
    moved: list[float] = []
    await asyncio.sleep(wait % PRESS_SECONDS)
    for press in range(PRESSES if app.lever != app.figure else 0):
        next_press = asyncio.create_task(asyncio.sleep(PRESS_SECONDS))
        await page.keyboard.press("ArrowLeft" if press % 2 else "ArrowRight")  # never at the end
        moved.append(await clocks.next("moved"))
        await next_press
    await gates.pass_("moved")
    await context.close()
    return Visit(
        figures_seconds=figures,
        usable_seconds=usable,
        lever_seconds=statistics.median(moved or [0.0]),
    )


class Gates:
    """All viewers pass a gate together; the first one through writes down who has worked."""

    def __init__(self, viewers: int, server: psutil.Process) -> None:
        self.barriers = {
            name: asyncio.Barrier(viewers) for name in ("opened", "open", "figures", "moved")
        }
        self.server = server
        self.worked: dict[str, tuple[float, float]] = {}

    async def pass_(self, name: str) -> None:
        """Wait for all viewers."""
        if await self.barriers[name].wait() == 0:
            server = [self.server, *self.server.children(recursive=True)]
            self.worked[name] = (self._browser_seconds(), _worked_seconds(server))

    async def idle(self) -> None:
        """Wait until the browser has nothing left to do.

        Raises:
            TimeoutError: It never rests.
        """
        until = time.monotonic() + IDLE_WITHIN_SECONDS
        while time.monotonic() < until:
            before = self._browser_seconds()
            await asyncio.sleep(1.0)
            if self._browser_seconds() - before < IDLE_SHARE:
                return
        raise TimeoutError(f"the browser still works after {IDLE_WITHIN_SECONDS:.0f} s")

    def _browser_seconds(self) -> float:
        processes = []
        for one in psutil.Process().children(recursive=True):
            with suppress(psutil.NoSuchProcess):
                if "chrom" in one.name():
                    processes.append(one)
        return _worked_seconds(processes)

    def between(self, one: str, other: str) -> tuple[float, float]:
        """Return processor time between two gates: of the browser, of the server (seconds)."""
        before, after = self.worked[one], self.worked[other]
        return after[0] - before[0], after[1] - before[1]


def _worked_seconds(processes: list[psutil.Process]) -> float:
    total = 0.0
    for one in processes:
        with suppress(psutil.NoSuchProcess):
            times = one.cpu_times()
            total += times.user + times.system
    return total


def _measure(app: App, viewers: int) -> Load:
    """Let viewers come within five seconds and move a lever together."""

    async def go() -> Load:
        from playwright.async_api import async_playwright

        async with async_playwright() as playwright:
            browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            await _visit(browser, app, 0.0, Gates(1, app.process))  # warm
            before = app.memory_mb
            gates = Gates(viewers, app.process)
            waits = [BURST_SECONDS * at / viewers for at in range(viewers)]
            visits = [asyncio.create_task(_visit(browser, app, wait, gates)) for wait in waits]
            most = before
            while not all(task.done() for task in visits):
                # The others wait at their gates for who has failed.
                if any(task.done() and task.exception() for task in visits):
                    for task in visits:
                        task.cancel()
                    break
                most = max(most, app.memory_mb)
                await asyncio.sleep(1.0)
            found = list(await asyncio.gather(*visits))
            await browser.close()
            browser_seconds, server_seconds = gates.between("open", "figures")
            return Load(
                visits=found,
                memory_mb=(most - before) / viewers,
                browser_seconds=browser_seconds / viewers,
                server_seconds=server_seconds / viewers,
                press_seconds=gates.between("figures", "moved")[0] / viewers / PRESSES,
            )

    return asyncio.run(go())


@contextmanager
def _empty() -> Iterator[App]:
    """Serve a page of one figure: what the same burst costs the browser whatever is shown."""

    class Page(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(b"<!DOCTYPE html><title>empty</title><p class='metric'>1</p>")

        def log_message(self, *args: Any) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield App(
            address=f"http://127.0.0.1:{server.server_port}/",
            process=psutil.Process(),
            figure=".metric",
            lever=".metric",
        )
    finally:
        server.shutdown()


@cache
def _load(name: str, viewers: int) -> Load:
    made = {"ours": _ours, "empty": _empty}.get(name)
    with made() if made else _peer(name) as app:
        return _measure(app, viewers)


def _row(peer: str, viewers: int, what: str) -> Callable[[bool], Measurement]:
    def measure(quick: bool) -> Measurement:
        count = min(viewers, 3) if quick else viewers
        expected = f"{evaluate_levers(_published()[1])['cost_yuan']:.3g}"
        ours, theirs, empty = (_load(name, count) for name in ("ours", peer, "empty"))
        return Measurement(
            ours_seconds=ours.median(what),
            peer_seconds=theirs.median(what),
            note=f"{count} viewers, cost {expected} yuan; slowest {ours.worst(what):.2g} s, the "
            f"peer's {theirs.worst(what):.2g} s; an empty page {empty.median(what):.2g} s, slowest "
            f"{empty.worst(what):.2g} s; a view takes the browser {ours.browser_seconds:.2f} s of "
            f"processor time (peer {theirs.browser_seconds:.2f} s, empty "
            f"{empty.browser_seconds:.2f} s), the server {1e3 * ours.server_seconds:.0f} ms (peer "
            f"{1e3 * theirs.server_seconds:.0f} ms); a press the browser "
            f"{1e3 * ours.press_seconds:.0f} ms (peer {1e3 * theirs.press_seconds:.0f} ms); a "
            f"further viewer costs the server {ours.memory_mb:.1f} MB (peer "
            f"{theirs.memory_mb:.1f} MB)",
        )

    return measure


def _held(viewers: int) -> Callable[[bool], Measurement]:
    def measure(quick: bool) -> Measurement:
        count = min(viewers, 3) if quick else viewers
        load = _load("ours", count)
        return Measurement(
            ours_seconds=load.median("figures_seconds"),
            note=f"{count} pages open together; slowest {load.worst('figures_seconds'):.2g} s; a "
            f"lever {1e3 * load.median('lever_seconds'):.0f} ms, slowest "
            f"{1e3 * load.worst('lever_seconds'):.0f} ms; {load.memory_mb:.1f} MB a viewer",
        )

    return measure


def _fetched(viewers: int) -> Callable[[bool], Measurement]:
    """Return a measure of the server alone: all come at once and fetch a page and its files."""

    def measure(quick: bool) -> Measurement:
        root = _published()[0]
        with running(root, dashboards=ROOT / "dashboards", port=_port()) as server:
            address = f"{server.address}voila/render/points-budget.ipynb?lang=en"
            _fetch(address)
            page = gzip.decompress(_fetch(address))
            files = sorted({one.decode() for one in FILE.findall(page)})
            addresses = [address, *(f"{server.address}{file}" for file in files)]

            def visit(_: int) -> float:
                started = time.perf_counter()
                taken = [len(_fetch(one)) for one in addresses]
                assert all(taken)
                return time.perf_counter() - started

            process = psutil.Process(server.process.pid)
            worked = _worked_seconds([process])
            with ThreadPoolExecutor(viewers) as pool:
                seconds = sorted(pool.map(visit, range(viewers)))
            worked = _worked_seconds([process]) - worked
        return Measurement(
            ours_seconds=statistics.median(seconds),
            note=f"{viewers} plain clients at once, page and all {len(files)} files to the last "
            f"byte; slowest {seconds[-1]:.2g} s; {1e3 * worked / viewers:.0f} ms of the server's "
            "processor time a viewer",
        )

    return measure


FILE = re.compile(rb"cvm/files/[0-9a-f]{64}[.]\w+")


def _fetch(address: str) -> bytes:
    request = urllib.request.Request(address, headers={"Accept-Encoding": "gzip"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
    return content


ROWS = [
    *(
        Row(
            name=f"points budget, {viewers} viewer{'s' if viewers > 1 else ''}: {told}",
            peer=peer,
            target=target,
            measure=_row(peer, viewers, what),
        )
        for peer in ("streamlit", "panel")
        for viewers, what, told, target in (
            (1, "figures_seconds", "address to first figures", "≤ 1.0 s"),
            (1, "usable_seconds", "levers usable", "≤ 1.5 s"),
            (25, "figures_seconds", "first figures, arriving within 5 s", "≤ 3 s"),
            (25, "usable_seconds", "levers usable, arriving within 5 s", "≤ 6 s"),
            (25, "lever_seconds", "lever to new figures, all moving", "≤ 0.05 s"),
        )
    ),
    Row(
        name="points budget, 50 viewers held: first figures, arriving within 5 s",
        target="held",
        measure=_held(50),
    ),
    Row(
        name="points budget, 50 plain clients at once: page and files",
        target="≤ 3 s",
        measure=_fetched(50),
    ),
]
