"""JupyterLab as an analyst meets it: the first notebook runs, its lever moves, its table sorts and
filters, names complete and docstrings are shown; a kernel that is killed is said to be gone."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import psutil
import pytest

from cvm.data import reduce_overview
from cvm.plan.overview import make_overview

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parents[2]
START = "notebooks/00-start-here.ipynb"
BOARD = "dashboards/points-budget.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory, published):
    """JupyterLab on a copy of the first notebook and of a dashboard; gives its address."""
    root = tmp_path_factory.mktemp("lab")
    (root / "notebooks").mkdir()
    shutil.copy(REPOSITORY / START, root / START)
    (root / "data").symlink_to(REPOSITORY / "data")
    (root / "dashboards").mkdir()
    shutil.copy(REPOSITORY / BOARD, root / BOARD)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    # Cells out of sight stay in the page, so that the test can look for what they show.
    settings = home / "config/lab/user-settings/@jupyterlab/notebook-extension"
    settings.mkdir(parents=True)
    (settings / "tracker.jupyterlab-settings").write_text('{"windowingMode": "none"}')
    env = os.environ | {
        "PYTHONPATH": str(REPOSITORY / "lib"),
        "CVM_PUBLISHED": str(published),
        "JUPYTER_CONFIG_DIR": str(home / "config"),
        "JUPYTER_DATA_DIR": str(home / "data"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "IPYTHONDIR": str(home / "ipython"),
    }
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root"]
    command += [f"--port={port}", "--port-retries=0", "--IdentityProvider.token=test"]
    command += [f"--ServerApp.root_dir={root}", "--LabApp.news_url="]
    with open(home / "log", "wb") as log:
        process = subprocess.Popen(
            command, cwd=root, env=env, stdout=log, stderr=log, start_new_session=True
        )
    address = f"http://127.0.0.1:{port}/"
    try:
        _wait_for(f"{address}api?token=test", process, home / "log")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)


def _wait_for(address, process, log):
    for _ in range(150):
        try:
            urlopen(address, timeout=2).close()
            return
        except (URLError, OSError):
            assert process.poll() is None, log.read_text()
            time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start: {log.read_text()}")


def run_all(page, awaited="table.dataTable tbody tr"):
    """Run all cells and wait for what they show."""
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.locator(awaited).first.wait_for(state="attached", timeout=150_000)


def opened(browser, lab, path, workspace=""):
    """Open a notebook in a window of its own, its kernel ready.

    JupyterLab shows a kernel at rest before there is one, and asks which to take if cells are run
    then; so the server is asked.
    """
    page = browser.new_context(viewport={"width": 1440, "height": 1000}).new_page()
    page.goto(f"{lab}lab/{workspace}tree/{path}?token=test", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    for _ in range(900):
        kernel = kernel_of(lab, path)
        if kernel and kernel["connections"] and kernel["execution_state"] == "idle":
            break
        page.wait_for_timeout(100)
    else:
        pytest.fail(f"no kernel at rest for {path}: {kernel}")
    return page


def kernel_of(lab, path):
    """What the server says of a notebook's kernel; nothing while it has none."""
    with urlopen(f"{lab}api/sessions?token=test", timeout=20) as answer:
        sessions = json.load(answer)
    return next((one["kernel"] for one in sessions if one["path"] == path), None)


def kill_kernel(lab, path):
    """Kill the process of a notebook's kernel, as a machine without memory does."""
    [server] = [
        one
        for one in psutil.process_iter(["cmdline"])
        if f"--port={urlsplit(lab).port}" in (one.info["cmdline"] or ())
    ]
    kernel = kernel_of(lab, path)["id"]
    [process] = [
        one
        for one in server.children(recursive=True)
        if any(f"kernel-{kernel}" in part for part in one.cmdline())
    ]
    process.kill()


@pytest.fixture(scope="module")
def notebook(lab, browser):
    """The first notebook, run once for all tests."""
    page = opened(browser, lab, START)
    run_all(page)
    yield page
    page.context.close()


def test_the_first_notebook_runs_and_its_lever_moves(notebook):
    slider = notebook.locator(".jp-OutputArea .noUi-handle")
    slider.first.wait_for(state="attached", timeout=90_000)
    slider.first.scroll_into_view_if_needed()
    shown = notebook.locator(".jp-OutputArea-output", has=notebook.locator(".noUi-handle"))
    sentence = shown.locator(".widget-html-content p")
    before = sentence.inner_text()
    slider.first.focus()
    for _ in range(4):
        notebook.keyboard.press("ArrowLeft")
    sentence.filter(has_not_text=before).wait_for(timeout=20_000)


def test_a_table_sorts_by_its_heading_and_filters_as_one_types(notebook):
    table = notebook.locator("table.dataTable").last
    box = notebook.locator(".dt-container, .dataTables_wrapper").last
    table.scroll_into_view_if_needed()

    def column(place):
        cells = table.locator(f"tbody tr > :nth-child({place})").all_inner_texts()
        return [float(text.replace(",", "")) for text in cells]

    # A column of numbers that differ, so that its order can be told.
    first = table.locator("tbody tr").first.locator("> *").all_inner_texts()
    plain = [text.replace(",", "").replace(".", "").isdigit() for text in first]
    place = next(at for at, number in enumerate(plain, 1) if number and len(set(column(at))) > 1)
    heading = table.locator(f"thead tr:first-child > :nth-child({place})")
    for asked in ("ascending", "descending"):
        heading.get_by_role("button").press("Enter")
        notebook.wait_for_function(
            "([one, asked]) => one.getAttribute('aria-sort') === asked",
            arg=[heading.element_handle(), asked],
        )
        assert column(place) == sorted(column(place), reverse=asked == "descending")

    every = table.locator("tbody tr").count()
    word = table.locator("tbody tr").nth(1).locator("td").first.inner_text()
    box.locator("input[type=search]").fill(word)
    shown = table.locator("tbody tr").all_inner_texts()
    assert 0 < len(shown) < every
    assert all(word in row for row in shown)


def test_names_complete_and_docstrings_are_shown(notebook):
    notebook.locator(".jp-Notebook .jp-MarkdownCell").last.click()
    notebook.keyboard.press("Escape")
    notebook.keyboard.press("b")
    notebook.keyboard.press("Enter")
    notebook.keyboard.type("reduce.")
    notebook.keyboard.press("Tab")
    offered = notebook.locator(".jp-Completer")
    offered.wait_for(timeout=30_000)
    names = [name for name in vars(reduce_overview) if not name.startswith("_")]
    told = offered.inner_text()
    assert sum(name in told for name in names) > 3
    notebook.keyboard.press("Escape")

    for _ in "reduce.":
        notebook.keyboard.press("Backspace")
    notebook.keyboard.type("make_overview(")
    notebook.keyboard.press("Shift+Tab")
    tooltip = notebook.locator(".jp-Tooltip")
    tooltip.wait_for(timeout=30_000)
    first_line = make_overview.__doc__.strip().splitlines()[0]
    assert first_line in tooltip.inner_text()


def test_widgets_of_a_killed_kernel_are_marked_and_jupyterlab_says_what_happened(lab, notebook):
    marked = notebook.locator(".jupyter-widgets-disconnected")
    assert marked.count() == 0
    kill_kernel(lab, START)
    told = notebook.locator(".jp-Dialog")
    told.wait_for(timeout=60_000)
    assert "died" in told.inner_text()
    assert "restart" in told.inner_text()
    notebook.keyboard.press("Enter")
    marked.first.wait_for(state="attached", timeout=30_000)


def test_levers_of_a_dashboard_outlive_its_kernel(lab, browser):
    # A workspace of its own: the other notebook, and what is said of its kernel, stay outside.
    page = opened(browser, lab, BOARD, workspace="workspaces/board/")
    run_all(page, "#cvm-page input[data-lever=return_rate]")
    kill_kernel(lab, BOARD)
    page.locator(".jp-Dialog").wait_for(timeout=60_000)
    page.keyboard.press("Enter")
    sentence = page.locator("#cvm-page h1:visible")
    before = sentence.inner_text()
    slider = page.get_by_role("slider", name="回报率")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    sentence.filter(has_not_text=before).wait_for(timeout=10_000)
    assert sentence.inner_text().startswith("按此设置")
    page.context.close()
