"""Boards and a snapshot to attack, and the plainest clients; nothing here is under test."""

import http.client
import socket
from datetime import UTC, datetime
from urllib.parse import urlsplit

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from cvm.publish.snapshot import write_snapshot

SECRET = "SECRET-of-the-notebook"
WORDS = {"title": "经营总览", "sentence": "积分成本占收入2.3%。"}


def make_place(folder):
    """Write a snapshot, a dashboard, and files beside them that nobody may read."""
    write_snapshot(
        folder / "published",
        tables={},
        pages={"overview": {"zh": WORDS, "en": WORDS}},
        figures={},
        fonts={},
        manifest={"data": {"last_month": "2026-02-01"}},
        now=datetime(2026, 3, 15, tzinfo=UTC),
    )
    boards = folder / "boards"
    boards.mkdir()
    code = f"import IPython.display as d\nsecret = {SECRET!r}\nd.HTML('<p id=shown>figures</p>')"
    cells = [new_markdown_cell("# 总览 · Overview"), new_code_cell(code)]
    nbformat.write(new_notebook(cells=cells), boards / "overview.ipynb")
    (boards / ".env").write_text(f"PASSWORD={SECRET}")
    (boards / "customers.csv").write_text(f"customer_id\n{SECRET}\n")
    (folder / "secret.txt").write_text(SECRET)
    return folder


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def ask(server, path, *, method="GET", headers=None, body=None):
    """Return status, body and headers of one request; redirects are not followed."""
    connection = http.client.HTTPConnection(urlsplit(server.address).netloc, timeout=30)
    try:
        connection.request(method, path, headers=headers or {}, body=body)
        answer = connection.getresponse()
        return answer.status, answer.read().decode("utf-8", "replace"), answer.headers
    finally:
        connection.close()


def raw(server, request, *, seconds=5.0):
    """Send bytes as they are and return what comes back until the server closes or is silent."""
    parts = urlsplit(server.address)
    with socket.create_connection((parts.hostname, parts.port), timeout=seconds) as line:
        line.sendall(request)
        got = b""
        try:
            while chunk := line.recv(65_536):
                got += chunk
        except (TimeoutError, ConnectionResetError):
            pass
    return got
