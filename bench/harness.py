"""One harness: a row is ours beside a peer, in the same run, equality asserted first.

Machines are shared and noisy. So ours and the peer take turns, medians are reported, and what a
reader should quote is the ratio. A row without a peer reports a rate (rows a second) instead.
"""

from __future__ import annotations

import gc
import importlib.util
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

BENCH = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """What one row measured.

    Attributes:
        ours_seconds: Median of ours.
        peer_seconds: Median of the peer; None for a row without one.
        work: How much was done, for the rate (rows, customers); None if a rate says nothing.
        note: What a reader must know: sizes, what was left out, what was equal.
    """

    ours_seconds: float
    peer_seconds: float | None = None
    work: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        """Return how many times faster ours is than the peer."""
        return None if self.peer_seconds is None else self.peer_seconds / self.ours_seconds


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the bench.

    Attributes:
        name: What is done, with its size.
        peer: What it stands beside; empty if nothing comparable exists.
        target: What the row should reach, as text.
        measure: Asserts equality, then measures. It takes ``quick``, which asks for small sizes.
    """

    name: str
    measure: Callable[[bool], Measurement]
    peer: str = ""
    target: str = ""


def time_in_turns(
    ours: Callable[[], object],
    peer: Callable[[], object] | None = None,
    *,
    repeats: int = 5,
    warm: bool = True,
) -> tuple[float, float | None]:
    """Return the median seconds of ours and of the peer, measured in turns.

    Args:
        ours: What is timed.
        peer: What it is set beside.
        repeats: Turns each takes.
        warm: Call both once before timing (compilation, caches).
    """
    if warm:
        ours()
        if peer is not None:
            peer()
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(repeats):
        for place, call in enumerate((ours, peer)):
            if call is None:
                continue
            gc.collect()
            start = time.perf_counter()
            call()
            times[place].append(time.perf_counter() - start)
    return statistics.median(times[0]), statistics.median(times[1]) if peer else None


def own_peak_gb() -> float:
    """Return the peak memory of this process so far (GB); Linux tells it."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmHWM:")[1].split()[0]) / 1024**2


def run_alone(code: str) -> str:
    """Run a piece of code in a process of its own, with this folder importable; return its output.

    Args:
        code: Statements on one line.
    """
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(BENCH)!r}); {code}"],
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def peak_gb(code: str) -> float:
    """Return the peak memory of a piece of code in a process of its own (GB)."""
    told = run_alone(f"{code}; import harness; print(harness.own_peak_gb())")
    return float(told.split()[-1])


def rows(only: Sequence[str] = ()) -> Iterator[tuple[str, Row]]:
    """Yield every row of every ``rows_*.py``, with the module's name.

    Args:
        only: Parts of module names to keep; all if empty.
    """
    sys.path.insert(0, str(BENCH))
    for path in sorted(BENCH.glob("rows_*.py")):
        area = path.stem.removeprefix("rows_")
        if only and not any(part in area for part in only):
            continue
        spec = importlib.util.spec_from_file_location(path.stem, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[path.stem] = module
        spec.loader.exec_module(module)
        for row in module.ROWS:
            yield area, row


def main(only: Sequence[str] = (), *, quick: bool = False) -> int:
    """Print the table as it grows; return 1 if a row failed.

    Args:
        only: Parts of area names to run.
        quick: Small sizes, to see that every row still works.
    """
    failed = 0
    print("| area | row | peer | ours (s) | peer (s) | ratio | rate | target | note |")
    print("|---|---|---|---|---|---|---|---|---|", flush=True)
    for area, row in rows(only):
        try:
            got = row.measure(quick)
        except Exception as problem:  # one row's failure must not hide the others
            failed += 1
            print(f"| {area} | {row.name} | {row.peer} | FAILED: {problem!r} |", flush=True)
            continue
        cells = [
            area,
            row.name,
            row.peer or "–",
            f"{got.ours_seconds:.3g}",
            "–" if got.peer_seconds is None else f"{got.peer_seconds:.3g}",
            "–" if got.ratio is None else f"{got.ratio:.1f}×",
            "–" if got.work is None else f"{got.work / got.ours_seconds:,.0f}/s",
            row.target or "–",
            got.note or "–",
        ]
        print("| " + " | ".join(cells) + " |", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(
        main([word for word in sys.argv[1:] if word != "--quick"], quick="--quick" in sys.argv)
    )
