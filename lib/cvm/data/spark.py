"""Apache Spark behind Ibis: started quietly, kept to this machine, agreeing with DuckDB."""

from __future__ import annotations

import os
import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any

import ibis

from cvm.core.checks import ArgumentError


def connect_spark(master: str) -> Any:
    """Return the Ibis backend of a Spark master (``local[2]``, ``spark://host:7077``).

    Raises:
        ArgumentError: pyspark or Java is missing, or the master cannot be reached.
    """
    # Frames go through Arrow, so what Spark says about pandas does not concern the reader.
    warnings.filterwarnings("ignore", message="PySpark does not yet fully support pandas")
    try:
        from pyspark.sql import SparkSession
    except ImportError:
        raise ArgumentError(
            "engine",
            master,
            "duckdb, as pyspark is not installed",
            available=["duckdb"],
            action="install the extra: pip install 'cvm[spark]'",
        ) from None
    _check_java(master)
    local = {"spark.driver.host": "127.0.0.1", "spark.driver.bindAddress": "127.0.0.1"}
    settings = {
        **(local if master.startswith("local") else {}),
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.sql.shuffle.partitions": "8",
        # Division by zero is empty, as on DuckDB, not an error.
        "spark.sql.ansi.enabled": "false",
        "spark.log.level": "ERROR",
    }
    builder = SparkSession.builder.master(master).appName("cvm")
    for key, value in settings.items():
        builder = builder.config(key, value)
    with tempfile.TemporaryFile() as said:
        try:
            with _stderr_to(said):
                session = builder.getOrCreate()
                session.sparkContext.setLogLevel("ERROR")
        except Exception as error:
            raise _no_spark(master, error, said) from None
    return ibis.pyspark.connect(session)


@contextmanager
def _stderr_to(file: IO[bytes]) -> Iterator[None]:
    """Let processes started meanwhile write their log to a file, so that a notebook stays quiet."""
    kept = os.dup(2)
    os.dup2(file.fileno(), 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def _no_spark(master: str, error: Exception, said: IO[bytes]) -> ArgumentError:
    said.seek(0)
    lines = [line.strip() for line in said.read().decode(errors="replace").splitlines()]
    telling = [line for line in lines if "ERROR" in line or "Exception" in line]
    cause = telling[-1] if telling else str(error).strip().splitlines()[0]
    return ArgumentError(
        "engine",
        master,
        f"a Spark master that can be reached ({cause[:200]})",
        available=["duckdb", "local[2]"],
        action="check the address and that Java 17 or later runs",
    )


def _check_java(master: str) -> None:
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java") or (home and shutil.which("java", path=f"{home}/bin"))
    if not found:
        raise ArgumentError(
            "engine",
            master,
            "duckdb, as no Java is found (neither on PATH nor in JAVA_HOME)",
            available=["duckdb"],
            action="install Java 17 or later",
        )
