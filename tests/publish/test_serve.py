"""The served dashboards: real processes, real HTTP; a browser where it matters."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime
from pathlib import Path
from urllib.parse import urlsplit

import nbformat
import psutil
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

import cvm
from cvm.core.checks import DataError
from cvm.core.snapshot import DamagedSnapshotError, NoSnapshotError
from cvm.publish.landing import landing
from cvm.publish.serve import ServeError, running, start
from cvm.publish.snapshot import write_snapshot

SECRET = "ValueError-with-a-path-/srv/private"
BOARDS = {
    "overview": (
        "经营总览 · Overview",
        "import os, IPython.display as d\n"
        "d.HTML('<p id=shown>' + os.environ['CVM_PUBLISHED'] + ' '"
        " + os.environ['QUERY_STRING'] + ' ' + str(os.getpid()) + '</p>')",
    ),
    "broken": ("出错 · Broken", f"raise ValueError({SECRET!r})"),
}
PAGE = {
    "zh": {"title": "经营总览", "sentence": "积分成本占收入2.3%，未超过上限。"},
    "en": {"title": "Business overview", "sentence": "Points cost 2.3% of revenue."},
}


def write_boards(folder, boards=BOARDS):
    folder.mkdir(parents=True)
    for name, (title, code) in boards.items():
        notebook = new_notebook(cells=[new_markdown_cell(f"# {title}"), new_code_cell(code)])
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def publish(root, now=datetime(2026, 3, 15, tzinfo=UTC)):
    return write_snapshot(
        root,
        tables={},
        pages={"overview": PAGE},
        figures={},
        fonts={"cvm-sans-sc.woff2": b"wOF2 a font"},
        manifest={"data": {"last_month": "2026-02-01"}, "minimum_customers": 10},
        now=now,
    )


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def get(server, path, headers=None):
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=90)
    try:
        connection.request("GET", path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    finally:
        connection.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("served")
    publish(folder / "published")
    write_boards(folder / "boards")
    return folder


@pytest.fixture(scope="module")
def server(place):
    with running(place / "published", dashboards=place / "boards", port=free_port()) as running_one:
        yield running_one


def test_the_list_shows_each_dashboard_and_the_date_of_its_data(server):
    status, page, _ = get(server, "/?lang=zh")
    assert status == 200
    for text in ("经营总览", "积分成本占收入2.3%", "数据截至2026年2月", "2026年3月15日发布"):
        assert text in page
    assert "出错" in page  # no page of the snapshot: the notebook's own title
    assert "不足10户的分组不予展示" in page
    assert 'href="/voila/render/overview.ipynb?lang=zh"' in page


def test_the_list_speaks_the_viewers_language(server):
    assert "Business overview" in get(server, "/?lang=en")[1]
    assert "Business overview" in get(server, "/", {"Accept-Language": "en-GB,en"})[1]
    assert "经营总览" in get(server, "/", {"Accept-Language": "zh-CN"})[1]
    assert "经营总览" in get(server, "/", {"Accept-Language": "fr"})[1]
    assert "经营总览" in get(server, "/?lang=<script>")[1]


def test_a_dashboard_finds_the_snapshot_and_the_language(server, place):
    status, page, _ = get(server, "/voila/render/overview.ipynb?lang=en")
    assert status == 200
    assert f"<p id=shown>{place / 'published'} lang=en " in page
    assert "正在打开" in page  # the loading state, sent first
    assert page.index("正在打开") < page.index("id=shown")
    assert "经营总览 · Overview</title>" in page


def test_a_page_is_made_once_a_snapshot_and_leaves_no_kernel(server, place):
    def kernel_of(lang):
        page = get(server, f"/voila/render/overview.ipynb?lang={lang}")[1]
        return re.search(r"<p id=shown>.* (\d+)</p>", page)[1]

    with ThreadPoolExecutor(6) as pool:
        kernels = set(pool.map(kernel_of, ["zh"] * 6))
    assert len(kernels) == 1
    assert not psutil.pid_exists(int(kernels.pop()))
    first = kernel_of("zh")
    publish(place / "published", datetime(2026, 4, 15, tzinfo=UTC))
    assert kernel_of("zh") != first


def test_an_error_shows_no_traceback_and_no_path(server):
    status, page, _ = get(server, "/voila/render/broken.ipynb")
    assert status == 200
    assert "页面生成时出错" in page
    assert "Something went wrong" in page
    assert "ValueError" not in page
    assert "/srv/private" not in page
    assert SECRET in server.log_text()  # whoever runs the server can see it


@pytest.mark.parametrize(
    "path",
    [
        "/nothing",
        "/voila/tree/",
        "/voila/api/contents/",
        "/voila/files/overview.ipynb",
        "/voila/render/absent.ipynb",
        "/voila/render/../../etc/passwd",
        "/cvm/static/../../voila_app.py",
        "/cvm/static/%2e%2e/%2e%2e/conf.json",
        "/api/kernels",
        "/published/latest",
    ],
)
def test_nothing_else_is_served(server, path):
    status, page, _ = get(server, path)
    assert status in (403, 404)
    assert "Traceback" not in page
    if status == 404:
        assert "您访问的页面不存在" in page
        assert "no page at this address" in page


def test_template_and_theme_cannot_be_chosen_by_the_address(server):
    page = get(server, "/voila/render/overview.ipynb?template=lab&theme=dark")[1]
    assert "jsdelivr" not in page
    assert "正在打开" in page


def test_nothing_asks_another_host(server):
    for path in ("/", "/voila/render/overview.ipynb", "/cvm/static/chrome.css", "/nothing"):
        _, page, headers = get(server, path)
        assert not re.findall(r"(?:src|href|url)\W{1,3}(?:https?:)?//", page)
        assert "default-src 'none'" in headers.get("Content-Security-Policy", "") or "css" in path


def test_font_and_icon_come_from_here(server):
    status, body, headers = get(server, "/cvm/font.woff2")
    assert (status, body, headers["Content-Type"]) == (200, "wOF2 a font", "font/woff2")
    again = get(server, "/cvm/font.woff2", {"If-None-Match": headers["Etag"]})
    assert again[0] == 304
    assert get(server, "/favicon.ico")[0] == 200


def test_stopping_ends_the_process_and_its_kernels(place):
    code = "import ipywidgets\nipywidgets.IntSlider()"
    boards = place / "live"
    write_boards(boards, {"live": ("滑块 · Live", code)})
    server = start(place / "published", dashboards=boards, port=free_port(), live=True)
    try:
        assert "jupyter-config-data" in get(server, "/voila/render/live.ipynb")[1]
        process = psutil.Process(server.process.pid)
        kernels = process.children(recursive=True)
        assert kernels  # live widgets keep their kernel
    finally:
        server.stop()
    assert server.process.poll() is not None
    _, alive = psutil.wait_procs(kernels, timeout=5)
    assert alive == []
    server.stop()  # harmless


def test_a_taken_port_is_named_with_what_to_do(place):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(ServeError, match=rf"port == {port}.*--port {port + 1}") as caught:
            start(place / "published", dashboards=place / "boards", port=port)
    assert "\n" not in str(caught.value)


def test_without_a_snapshot_or_dashboards_nothing_starts(place, tmp_path):
    with pytest.raises(NoSnapshotError, match="run cvm publish first"):
        start(tmp_path / "published", dashboards=place / "boards", port=free_port())
    with pytest.raises(DataError, match="a folder with dashboards"):
        start(place / "published", dashboards=tmp_path, port=free_port())
    publish(tmp_path / "published")
    (tmp_path / "published" / "latest").write_text("gone")
    with pytest.raises(DamagedSnapshotError):
        start(tmp_path / "published", dashboards=place / "boards", port=free_port())


SERVE = """
import sys
from cvm.publish.serve import serve
serve(sys.argv[1], dashboards=sys.argv[2], port=int(sys.argv[3]),
      ready=lambda address: print(address, flush=True))
print("ended in order", flush=True)
"""


@pytest.mark.skipif(os.name != "posix", reason="signals of POSIX")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_however_serving_ends_nothing_stays_behind(place, ending):
    port = free_port()
    library = str(Path(cvm.__file__).parents[1])
    process = subprocess.Popen(
        [sys.executable, "-c", SERVE, place / "published", place / "boards", str(port)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": library},
    )
    try:
        assert process.stdout.readline().decode().strip() == f"http://127.0.0.1:{port}/"
        children = psutil.Process(process.pid).children(recursive=True)
        assert children
        process.send_signal(ending)
        said = process.stdout.read().decode()
        process.wait(20)
        assert said == ("" if ending == signal.SIGKILL else "ended in order\n")
        _, alive = psutil.wait_procs(children, timeout=15)
        assert alive == []
    finally:
        process.kill()
        process.stdout.close()


# The list, without a server ----------------------------------------------------------------------


def test_old_figures_are_said_to_be_old(place, tmp_path):
    publish(tmp_path)
    today = date(2026, 5, 1)
    shown = landing(tmp_path, place / "boards", "en", today=today, stale_days=40)
    assert shown["stale"] == "Published 47 days ago: the figures may be out of date."
    fresh = landing(tmp_path, place / "boards", "en", today=date(2026, 4, 1), stale_days=40)
    assert fresh["stale"] == ""


def test_a_snapshot_lost_while_serving_is_told_to_viewers(place, tmp_path):
    shown = landing(tmp_path, place / "boards", "zh", today=date(2026, 4, 1), stale_days=40)
    assert shown["problem"].startswith("尚未发布任何数据")
    assert [board["title"] for board in shown["boards"]] == ["经营总览", "出错"]


def test_the_list_follows_the_order_of_the_decisions(place, tmp_path):
    publish(tmp_path)
    own = Path(__file__).parents[2] / "dashboards"
    shown = landing(tmp_path, own, "en", today=date(2026, 4, 1), stale_days=40)
    assert [board["file"] for board in shown["boards"]] == [
        "overview.ipynb", "points-budget.ipynb", "campaigns.ipynb", "customer-value.ipynb",
        "early-warning.ipynb",
    ]  # fmt: skip


# In a browser ------------------------------------------------------------------------------------


@pytest.mark.browser
def test_live_widgets_work_and_the_browser_asks_no_other_host(browser, place, tmp_path):
    code = (
        "import ipywidgets as w\n"
        "button, label = w.Button(description='go'), w.Label('before')\n"
        "button.on_click(lambda _: setattr(label, 'value', 'after'))\n"
        "w.VBox([button, label])"
    )
    boards = write_boards(tmp_path / "boards", {"live": ("滑块 · Live", code)})
    asked = []
    with running(place / "published", dashboards=boards, port=free_port(), live=True) as server:
        page = browser.new_page()
        page.on("request", lambda request: asked.append(urlsplit(request.url)))
        page.goto(f"{server.address}voila/render/live.ipynb?lang=zh", wait_until="commit")
        page.wait_for_selector("#loading", state="attached")
        page.click("button:has-text('go')", timeout=60_000)
        page.wait_for_selector("text=after", timeout=30_000)
        assert page.locator("#loading").count() == 0
        kernels = len(psutil.Process(server.process.pid).children())
        page.goto(server.address)  # leaving the page ends its kernel
        until = time.monotonic() + 20
        while psutil.Process(server.process.pid).children() and time.monotonic() < until:
            time.sleep(0.1)
        assert kernels == 1
        assert psutil.Process(server.process.pid).children() == []
        page.close()
    hosts = {address.netloc for address in asked if address.scheme in ("http", "https", "ws")}
    assert hosts == {urlsplit(server.address).netloc}


def test_the_server_starts_without_the_grammar_that_takes_most_of_its_imports():
    code = "import sys, cvm.publish.voila_app; sys.exit('lark' in sys.modules)"
    environment = {**os.environ, "PYTHONPATH": str(Path(cvm.__file__).parents[1])}
    assert subprocess.call([sys.executable, "-c", code], env=environment) == 0
