"""A snapshot is whole or absent, whatever happens while it is written."""

import errno
import hashlib
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

import cvm.publish.snapshot as writer
from cvm.core.checks import ArgumentError
from cvm.core.snapshot import (
    DamagedSnapshotError,
    NewerSnapshotError,
    NoSnapshotError,
    latest_stamp,
    manifest_digest,
    open_latest,
    open_snapshot,
)
from cvm.publish.snapshot import PublishError, PublishInterrupted, write_snapshot

NOON = datetime(2026, 3, 15, 12, 0, 0, tzinfo=timezone(timedelta(hours=8)))
TABLE = {"name": "months", "columns": [{"name": "customers", "kind": "integer"}], "rows": [[120]]}
PAGE = {"zh": {"title": "总览"}, "en": {"title": "Overview"}}


def publish(root, now=NOON, keep=5, **more):
    content = {
        "tables": {"months": TABLE},
        "pages": {"overview": PAGE},
        "figures": {"overview-base-zh-wide.svg": b"<svg/>"},
        "fonts": {"cvm-sans-sc.woff2": b"wOF2"},
        "manifest": {"data": {"last_month": "2026-02-01"}, "suppressed": []},
    }
    return write_snapshot(root, **{**content, **more}, now=now, keep=keep)


def hidden(root):
    return sorted(p.name for p in Path(root).iterdir() if p.name.startswith(".") and p.is_dir())


def test_what_is_written_is_read_back(tmp_path):
    folder = publish(tmp_path / "published")
    assert folder.name == "20260315T040000Z"  # noon in Beijing is four in the morning, UTC
    with open_latest(tmp_path / "published") as snapshot:
        assert snapshot.stamp == folder.name
        assert snapshot.created == NOON
        assert snapshot.last_month == date(2026, 2, 1)
        assert snapshot.pages() == ["overview"]
        assert snapshot.page("overview", "zh") == {"title": "总览"}
        assert snapshot.table("months") == TABLE
        assert snapshot.figure("overview-base-zh-wide.svg") == b"<svg/>"
        assert snapshot.read("fonts/cvm-sans-sc.woff2") == b"wOF2"


def test_the_layout_is_the_documented_one(tmp_path):
    folder = publish(tmp_path)
    found = {str(p.relative_to(folder).as_posix()) for p in folder.rglob("*") if p.is_file()}
    assert found == {
        "manifest.json",
        "tables/months.json",
        "pages/overview.json",
        "figures/overview-base-zh-wide.svg",
        "fonts/cvm-sans-sc.woff2",
    }
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    # Checksums are plain SHA-256 of the files, so that `sha256sum` can check them too.
    for path, digest in manifest["files"].items():
        assert hashlib.sha256((folder / path).read_bytes()).hexdigest() == digest
    assert (tmp_path / "latest").read_text() == f"{folder.name}\n"


def test_age_counts_days_in_the_publishers_calendar(tmp_path):
    publish(tmp_path)
    with open_latest(tmp_path) as snapshot:
        assert snapshot.age_days(date(2026, 3, 15)) == 0
        assert snapshot.age_days(date(2026, 4, 1)) == 17
        assert snapshot.age_days(date(2026, 3, 1)) == 0


def test_unknown_names_say_what_there_is(tmp_path):
    publish(tmp_path)
    with open_latest(tmp_path) as snapshot:
        with pytest.raises(ArgumentError, match="available: overview"):
            snapshot.page("campaigns", "zh")
        with pytest.raises(ArgumentError, match="available: zh, en"):
            snapshot.page("overview", "fr")
        with pytest.raises(ArgumentError, match="a file of the snapshot"):
            snapshot.read("../latest")


def test_two_in_one_second_get_two_names(tmp_path):
    first, second = publish(tmp_path), publish(tmp_path)
    assert [first.name, second.name] == ["20260315T040000Z", "20260315T040000Z-02"]
    assert latest_stamp(tmp_path) == second.name


def test_nothing_published_yet(tmp_path):
    for root in (tmp_path, tmp_path / "absent"):
        with pytest.raises(NoSnapshotError, match="run cvm publish first") as caught:
            open_latest(root)
        assert "尚未发布" in caught.value.text("zh")


def test_a_changed_file_is_noticed(tmp_path):
    folder = publish(tmp_path)
    (folder / "pages/overview.json").write_text('{"zh": {}, "en": {}}')
    with (
        open_latest(tmp_path) as snapshot,
        pytest.raises(DamagedSnapshotError, match="checksum differs"),
    ):
        snapshot.page("overview", "en")


def test_a_missing_file_is_noticed(tmp_path):
    folder = publish(tmp_path)
    (folder / "tables/months.json").unlink()
    with open_latest(tmp_path) as snapshot, pytest.raises(DamagedSnapshotError, match="readable"):
        snapshot.table("months")


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 1}', "null"])
def test_a_damaged_manifest_is_noticed(tmp_path, content):
    folder = publish(tmp_path)
    (folder / "manifest.json").write_text(content)
    with pytest.raises(DamagedSnapshotError, match="cvm publish --force"):
        open_latest(tmp_path)


def test_a_manifest_changed_by_hand_is_noticed(tmp_path):
    folder = publish(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["data"]["last_month"] = "2026-12-01"
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DamagedSnapshotError, match="digest differs"):
        open_latest(tmp_path)


@pytest.mark.parametrize("content", ["", "\n", "../elsewhere", "a\nb", ".writing-x", "gone"])
def test_a_damaged_latest_is_noticed_and_older_ones_are_named(tmp_path, content):
    folder = publish(tmp_path)
    (tmp_path / "latest").write_text(content)
    with pytest.raises(DamagedSnapshotError, match=folder.name):
        open_latest(tmp_path)


def test_a_newer_format_is_told_apart(tmp_path):
    folder = publish(tmp_path)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["format"] = 99
    manifest["digest"] = manifest_digest(manifest)
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(NewerSnapshotError, match="update cvm"):
        open_latest(tmp_path)


def test_old_snapshots_go_but_never_the_last_two_nor_an_open_one(tmp_path):
    moments = [NOON + timedelta(hours=hour) for hour in range(6)]
    oldest = publish(tmp_path, moments[0])
    with open_snapshot(tmp_path, oldest.name) as viewer:
        for moment in moments[1:]:
            publish(tmp_path, moment, keep=2)
        names = sorted(p.parent.name for p in tmp_path.glob("*/manifest.json"))
        assert names == [oldest.name, "20260315T080000Z", "20260315T090000Z"]
        assert viewer.table("months") == TABLE
    publish(tmp_path, moments[-1] + timedelta(hours=1), keep=1)
    names = sorted(p.parent.name for p in tmp_path.glob("*/manifest.json"))
    assert names == ["20260315T090000Z", "20260315T100000Z"]
    assert hidden(tmp_path) == []


def test_a_full_disk_leaves_the_last_good_one(tmp_path, monkeypatch):
    good = publish(tmp_path)
    write, written = writer._write, []

    def full(file, content):
        if len(written) == 2:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content[:1])
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        written.append(file)
        write(file, content)

    monkeypatch.setattr(writer, "_write", full)
    with pytest.raises(PublishError) as caught:
        publish(tmp_path, NOON + timedelta(days=1))
    message = str(caught.value)
    assert "the disk is full" in message
    assert f"{good.name} stays in force" in message
    assert "\n" not in message
    assert hidden(tmp_path) == []
    with open_latest(tmp_path) as snapshot:
        assert snapshot.page("overview", "en") == PAGE["en"]


@pytest.mark.parametrize("moment", ["_write", "_flush_folder", "_swap_latest", "_digest"])
def test_ctrl_c_at_any_step_leaves_the_last_good_one(tmp_path, monkeypatch, moment):
    good = publish(tmp_path)

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(writer, moment, stop)
    with pytest.raises(PublishInterrupted, match=f"{good.name} stays in force"):
        publish(tmp_path, NOON + timedelta(days=1))
    monkeypatch.undo()
    assert hidden(tmp_path) == []
    assert latest_stamp(tmp_path) == good.name
    assert [p.parent for p in tmp_path.glob("*/manifest.json")] == [good]


def test_a_folder_that_cannot_be_made_is_one_clear_message(tmp_path):
    (tmp_path / "published").write_text("a file where the folder should be")
    with pytest.raises(PublishError, match="nothing was published before"):
        publish(tmp_path / "published")


KILLED = """
    import os, sys
    from datetime import UTC, datetime
    import cvm.publish.snapshot as writer
    step, root = sys.argv[1:]
    def wait(*_):
        print("here", flush=True)
        import time; time.sleep(60)
    if step == "manifest":
        write = writer._write
        writer._write = lambda f, c: wait() if f.name == "manifest.json" else write(f, c)
    else:
        writer._swap_latest = wait
    writer.write_snapshot(root, tables={}, pages={}, figures={"a.svg": b"new"}, fonts={},
                          manifest={}, now=datetime(2026, 5, 1, tzinfo=UTC))
"""


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is a POSIX signal")
@pytest.mark.parametrize("step", ["manifest", "swap"])
def test_kill_nine_leaves_the_last_good_one_and_the_next_publish_clears_up(tmp_path, step):
    good = publish(tmp_path)
    child = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(KILLED), step, str(tmp_path)],
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(writer.__file__).parents[2])},
    )
    assert child.stdout.readline() == b"here\n"
    os.kill(child.pid, signal.SIGKILL)
    child.wait(10)
    child.stdout.close()
    with open_latest(tmp_path) as snapshot:
        assert snapshot.stamp == good.name
        assert snapshot.table("months") == TABLE
    assert len(hidden(tmp_path)) == (step == "manifest")
    after = publish(tmp_path, NOON + timedelta(days=90))
    assert hidden(tmp_path) == []
    assert latest_stamp(tmp_path) == after.name


def _publish_many(root, number):
    for turn in range(4):
        moment = datetime(2026, 4, 1, tzinfo=UTC) + timedelta(seconds=turn)
        write_snapshot(
            root,
            tables={},
            pages={"p": {"zh": {"by": number}, "en": {"by": number}}},
            figures={f"{number}-{turn}.svg": b"x" * 50_000},
            fonts={},
            manifest={},
            now=moment,
            keep=2,
        )


def test_publishers_at_the_same_time_do_not_mix(tmp_path):
    spawn = multiprocessing.get_context("spawn")
    workers = [spawn.Process(target=_publish_many, args=(tmp_path, number)) for number in (1, 2)]
    publish(tmp_path)
    for worker in workers:
        worker.start()
    while any(worker.is_alive() for worker in workers):
        with open_latest(tmp_path) as snapshot:  # a reader in the middle sees whole snapshots only
            for path in snapshot.manifest["files"]:
                snapshot.read(path)
        time.sleep(0.01)
    assert [worker.exitcode for worker in workers] == [0, 0]
    with open_latest(tmp_path) as snapshot:
        (figure,) = snapshot.figures()
        assert figure.startswith(f"{snapshot.page('p', 'en')['by']}-")


def test_a_publish_that_never_ends_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(writer, "_LOCK_WAIT_SECONDS", 0.1)
    tmp_path.joinpath(".lock").touch()
    with (
        writer._only_publisher(tmp_path),
        pytest.raises(PublishError, match="free of another publish"),
    ):
        publish(tmp_path)


def test_the_reader_imports_the_standard_library_only():
    program = (
        "import sys, cvm.core.snapshot;"
        "heavy = {'pandas','numpy','matplotlib','ibis','duckdb','ipywidgets'} & set(sys.modules);"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(writer.__file__).parents[2])}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
