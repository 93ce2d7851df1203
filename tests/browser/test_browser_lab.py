"""JupyterLab as an analyst meets it: the first notebook runs, its lever moves, its table stands."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

pytestmark = pytest.mark.browser

REPOSITORY = Path(__file__).parents[2]
START = "00-start-here.ipynb"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """JupyterLab on a copy of the first notebook; gives its address."""
    root = tmp_path_factory.mktemp("lab")
    (root / "notebooks").mkdir()
    shutil.copy(REPOSITORY / "notebooks" / START, root / "notebooks" / START)
    (root / "data").symlink_to(REPOSITORY / "data")
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


def test_the_first_notebook_runs_and_its_lever_moves(lab, browser):
    context = browser.new_context(viewport={"width": 1440, "height": 1000})
    page = context.new_page()
    page.goto(f"{lab}lab/tree/notebooks/{START}?token=test", wait_until="load", timeout=60_000)
    page.wait_for_selector(".jp-Notebook .jp-Cell", timeout=60_000)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()

    slider = page.locator(".jp-OutputArea .noUi-handle")
    slider.first.wait_for(state="attached", timeout=90_000)
    slider.first.scroll_into_view_if_needed()
    shown = page.locator(".jp-OutputArea-output", has=page.locator(".noUi-handle"))
    sentence = shown.locator(".widget-html-content p")
    before = sentence.inner_text()
    slider.first.focus()
    for _ in range(4):
        page.keyboard.press("ArrowLeft")
    sentence.filter(has_not_text=before).wait_for(timeout=20_000)

    assert page.locator("table.dataTable").count() > 0
    context.close()
