"""Serving the dashboards: one Voilà process, watched, and stopped with everything it started."""

from __future__ import annotations

import errno
import http.client
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import webbrowser
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import IO, Any

from cvm.core.checks import ArgumentError, CvmError, DataError, check_between
from cvm.core.snapshot import open_latest
from cvm.publish.access import Access, check_address

_START_SECONDS = 60.0
_STOP_SECONDS = 15.0
# Read, and taken away, by cvm.publish.voila_app.
ACCESS_VARIABLE = "CVM_ACCESS"


class ServeError(CvmError):
    """The dashboards cannot be served."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server.

    Attributes:
        address: Where the list of dashboards is.
        process: Voilà's process.
        log: What it wrote; its warnings and the tracebacks that viewers never see.
    """

    address: str
    process: subprocess.Popen[bytes]
    log: IO[bytes]

    def log_text(self) -> str:
        """Return what the server wrote so far."""
        self.log.flush()
        return Path(self.log.name).read_text(encoding="utf-8", errors="replace")

    def stop(self) -> None:
        """Stop the server and every kernel it started; harmless when it has stopped."""
        if self.process.stdin:
            with suppress(OSError):  # its end tells the process to stop
                self.process.stdin.close()
        try:
            self.process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            pass
        finally:  # also when someone presses Ctrl-C again
            self.process.kill()
            self.process.wait()
            self.log.close()
            Path(self.log.name).unlink(missing_ok=True)


def serve(
    root: str | Path,
    *,
    dashboards: str | Path = "dashboards",
    host: str = "127.0.0.1",
    port: int = 8866,
    open_browser: bool = False,
    ready: Callable[[str], Any] | None = None,
    **options: Any,
) -> None:
    """Serve the dashboards until Ctrl-C or SIGTERM.

    Args:
        root: Folder of all snapshots. Its kernels find it in the environment variable
            ``CVM_PUBLISHED``, which nothing but a dashboard's one call reads.
        dashboards: Folder of the dashboards' notebooks; nothing else is served.
        host: Address to listen on; the default lets only this machine in.
        port: Port to listen on.
        open_browser: Open a browser when the server answers.
        ready: Called with the address when the server answers.
        options: Further keywords of :func:`start`.

    Raises:
        SnapshotError: There is no snapshot, or it is damaged.
        ServeError: The port is taken, or the server does not start or stops by itself.
    """
    with (
        _terminated_as_interrupt(),
        suppress(KeyboardInterrupt),  # the ordinary end, at whatever moment it comes
        running(root, dashboards=dashboards, host=host, port=port, **options) as server,
    ):
        if ready is not None:
            ready(server.address)
        if open_browser:
            webbrowser.open(server.address)
        code = server.process.wait()
        raise ServeError(
            "server",
            f"stopped by itself with code {code}",
            "running until Ctrl-C",
            action=f"start it again; its last words: {_last_line(server)}",
        )


@contextmanager
def running(
    root: str | Path,
    *,
    dashboards: str | Path = "dashboards",
    host: str = "127.0.0.1",
    port: int = 8866,
    **options: Any,
) -> Iterator[Server]:
    """Run the server while the block runs; see :func:`start`."""
    server = start(root, dashboards=dashboards, host=host, port=port, **options)
    try:
        yield server
    finally:
        server.stop()


def start(
    root: str | Path,
    *,
    dashboards: str | Path = "dashboards",
    host: str = "127.0.0.1",
    port: int = 8866,
    access: Access | None = None,
    base_url: str = "/",
    access_log: str | Path | None = None,
    live: bool = False,
) -> Server:
    """Start the server and return once it answers; the caller stops it.

    Args:
        root: As in :func:`serve`.
        dashboards: As in :func:`serve`.
        host: Address to listen on; one beyond this machine needs a password or a token.
        port: Port to listen on.
        access: Who is let in; by default everybody on this machine.
        base_url: Where the dashboards stand below a proxy's address, such as ``/cvm/``.
        access_log: File for what is asked: method, path, status and time; nothing of persons.
        live: Serve live widgets too. Their viewers reach a kernel of their own, so only for
            dashboards that need it and viewers who are known.

    Raises:
        ArgumentError: An address beyond this machine without a login, or a base that is no path.
    """
    access = access or Access()
    check_address(host, access)
    if not (base_url.startswith("/") and base_url.endswith("/")) or "//" in base_url:
        raise ArgumentError("base_url", base_url, "a path such as / or /cvm/")
    folder = Path(dashboards).resolve()
    if not any(folder.glob("*.ipynb")):
        raise DataError("dashboards", str(dashboards), "a folder with dashboards (.ipynb)")
    open_latest(root).close()
    check_between(port, "port", low=1, high=65_535)
    _check_free(host, port)
    token = secrets.token_hex(8)
    log = tempfile.NamedTemporaryFile(prefix="cvm-serve-", suffix=".log", delete=False)  # noqa: SIM115
    command = [sys.executable, "-m", "cvm.publish.voila_app", "--token", token]
    command += ["--published", str(Path(root).resolve()), "--dashboards", str(folder)]
    command += ["--host", host, "--port", str(port), "--base-url", base_url]
    if access_log is not None:
        command += ["--access-log", str(Path(access_log).resolve())]
    if live:
        command.append("--live")
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=subprocess.STDOUT,
        env=_environment() | {ACCESS_VARIABLE: access.to_json()},
        # Ctrl-C in the terminal reaches us alone; we then stop the server in order.
        start_new_session=os.name == "posix",
        creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
    )
    shown = "127.0.0.1" if host in ("", "0.0.0.0", "::") else host
    server = Server(address=f"http://{shown}:{port}{base_url}", process=process, log=log)
    try:
        _wait_until_it_answers(server, shown, port, f"{base_url}cvm/alive", token)
    except BaseException:
        server.stop()
        raise
    return server


def _environment() -> dict[str, str]:
    library = str(Path(__file__).parents[2])
    path = os.pathsep.join(filter(None, [library, os.environ.get("PYTHONPATH", "")]))
    return {**os.environ, "PYTHONPATH": path, "PYTHONUNBUFFERED": "1"}


def _check_free(host: str, port: int) -> None:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if os.name == "posix":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                taken = error.errno == errno.EADDRINUSE
                raise ServeError(
                    "port",
                    port,
                    "free (another program listens on it)" if taken else "one you may listen on",
                    action=f"stop the other program, or choose another: --port {port + 1}"
                    if taken
                    else "choose one above 1023: --port 8866",
                ) from error
            raise ArgumentError(
                "host", host, f"an address of this machine ({error.strerror})"
            ) from error


def _wait_until_it_answers(server: Server, host: str, port: int, path: str, token: str) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if server.process.poll() is not None:
            break
        with suppress(OSError, http.client.HTTPException):
            connection = http.client.HTTPConnection(host, port, timeout=5)
            try:
                connection.request("GET", path)
                if connection.getresponse().getheader("X-CVM-Server") == token:
                    return
            finally:
                connection.close()
        time.sleep(0.05)
    raise ServeError(
        "server",
        "not answering",
        f"answering within {_START_SECONDS:.0f} s",
        action=f"look at its last words: {_last_line(server)}",
    )


def _last_line(server: Server) -> str:
    lines = [line.strip() for line in server.log_text().splitlines() if line.strip()]
    return lines[-1] if lines else "none"


@contextmanager
def _terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM stop us as Ctrl-C does, where we may set it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
