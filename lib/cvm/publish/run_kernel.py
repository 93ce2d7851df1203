"""One notebook in one kernel: start it, watch it, stop it, and say where it failed."""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

from cvm.core.i18n import say
from cvm.publish.book_needs import NotEnoughDataError

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_STARTUP_SECONDS = 120
# One thread for each library: two notebooks share the machine, and sums keep their order.
_KERNEL_ENVIRONMENT = {
    "PYTHONHASHSEED": "0",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    "PYTHONUTF8": "1",
}
_SILENT = logging.Logger("cvm.run", level=logging.CRITICAL + 1)


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Where and why a notebook stopped.

    Attributes:
        notebook: The notebook's name.
        cell: Its number in the stored notebook, counted from 1 over all cells.
        cells: How many cells the stored notebook has.
        source: The cell's code.
        cause: The error in one line, as its author wrote it.
        traceback: The whole traceback, without colours; empty if there is none.
    """

    notebook: str
    cell: int
    cells: int
    source: str
    cause: str
    traceback: str = ""

    def text(self, lang: str) -> str:
        """Return the notebook, the cell with its code, and the cause."""
        where = say(
            "book.run.stopped", lang, notebook=self.notebook, cell=self.cell, cells=self.cells
        )
        code = "\n".join(f"    {line}" for line in self.source.splitlines())
        return f"{where}\n{code}\n{say('book.run.cause', lang, cause=self.cause)}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """An executed notebook and how it ended.

    Attributes:
        notebook: The notebook with the outputs it reached.
        failure: Where it failed; ``None`` if it did not.
        lacking: What data it lacks, in words; empty if it lacks none.
    """

    notebook: nbformat.NotebookNode
    failure: Failure | None = None
    lacking: str = ""


class Stopped(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run was stopped from outside."""


class Kernels:
    """The kernels of one run, so that all of them can be stopped at once."""

    def __init__(self) -> None:
        self._managers: set[AsyncKernelManager] = set()
        self._lock = threading.Lock()
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Kill every kernel and whatever it started; notebooks under way raise ``Stopped``."""
        self._stopped.set()
        with self._lock:
            managers = list(self._managers)
        for manager in managers:
            _kill(manager)

    def execute(
        self,
        name: str,
        notebook: nbformat.NotebookNode,
        *,
        folder: Path,
        injected: int,
        timeout_seconds: float,
        language: str,
        on_cell: Callable[[int], None],
    ) -> Outcome:
        """Execute a notebook in a kernel of this Python and return how it ended.

        Args:
            name: The notebook's name.
            notebook: The notebook with its injected parameters; outputs are written into it.
            folder: Working folder of the kernel.
            injected: Position of the injected cell, which the stored notebook does not have.
            timeout_seconds: Longest time for one cell.
            language: Language of the causes the suite words itself.
            on_cell: Called with the number of the cell about to run, counted as stored.

        Raises:
            Stopped: The run was stopped.
        """
        at = [0]

        def started(cell: Any, cell_index: int) -> None:
            if self._stopped.is_set():
                raise Stopped
            if isinstance(client.km, AsyncKernelManager):
                with self._lock:
                    self._managers.add(client.km)
            at[0] = cell_index
            on_cell(_stored_number(cell_index, injected))

        with tempfile.TemporaryDirectory(prefix="cvm-ipython-") as profile:
            client = _Client(
                notebook,
                timeout=timeout_seconds,
                startup_timeout=_STARTUP_SECONDS,
                resources={"metadata": {"path": str(folder)}},
                shutdown_kernel="immediate",
                on_cell_start=started,
                store_widget_state=False,
                log=_SILENT,
            )
            try:
                client.execute(env=_environment(profile))
            except Exception as problem:
                if self._stopped.is_set():
                    raise Stopped from None
                return _outcome(name, notebook, at[0], injected, problem, timeout_seconds, language)
            finally:
                with self._lock:
                    self._managers = {m for m in self._managers if m.has_kernel}
        return Outcome(notebook=notebook)


def _stored_number(index: int, injected: int) -> int:
    return index + 1 if index < injected else max(index, 1)


def _outcome(
    name: str,
    notebook: nbformat.NotebookNode,
    index: int,
    injected: int,
    problem: Exception,
    timeout_seconds: float,
    language: str,
) -> Outcome:
    traceback = ""
    if isinstance(problem, CellExecutionError):
        if problem.ename == NotEnoughDataError.__name__:
            return Outcome(notebook=notebook, lacking=problem.evalue)
        cause = f"{problem.ename}: {problem.evalue}"
        traceback = _ANSI.sub("", problem.traceback)
    elif isinstance(problem, CellTimeoutError):
        cause = say("book.run.timed_out", language, seconds=f"{timeout_seconds:g}")
    elif isinstance(problem, DeadKernelError):
        cause = say("book.run.died", language)
    else:
        cause = f"{type(problem).__name__}: {problem}"
    failure = Failure(
        notebook=name,
        cell=_stored_number(index, injected),
        cells=len(notebook.cells) - 1,
        source=notebook.cells[index].source,
        cause=cause,
        traceback=traceback,
    )
    return Outcome(notebook=notebook, failure=failure)


def _environment(profile: str) -> dict[str, str]:
    """Return the kernel's environment: this one's, made repeatable, with this library first."""
    library = str(Path(__file__).parents[2])
    inherited = dict(os.environ)
    path = os.pathsep.join(p for p in (library, inherited.get("PYTHONPATH")) if p)
    return {**inherited, **_KERNEL_ENVIRONMENT, "PYTHONPATH": path, "IPYTHONDIR": profile}


class _ThisPython(KernelSpecManager):
    """Kernels of this very interpreter, whatever kernels are installed."""

    def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
        argv = [sys.executable, "-Xfrozen_modules=off", "-m", "ipykernel_launcher"]
        return KernelSpec(
            argv=[*argv, "-f", "{connection_file}", "--IPKernelApp.log_level=40"],
            display_name="cvm",
            language="python",
        )


class _Client(NotebookClient):
    def create_kernel_manager(self) -> AsyncKernelManager:
        self.km = AsyncKernelManager(
            kernel_name="python3", kernel_spec_manager=_ThisPython(), log=_SILENT
        )
        self.km.client_class = "jupyter_client.asynchronous.AsyncKernelClient"
        return self.km


def _kill(manager: AsyncKernelManager) -> None:
    process: Any = getattr(manager.provisioner, "process", None)
    if process is None or process.poll() is not None:
        return
    try:
        if hasattr(os, "killpg"):
            # The kernel leads its own group, so what it started (a JVM, say) ends with it.
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.kill()
    except ProcessLookupError:
        return
