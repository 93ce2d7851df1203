"""From a run's folder to a snapshot in force."""

import json
from datetime import UTC, datetime, timedelta
from io import BytesIO
from types import SimpleNamespace

import openpyxl
import pytest

import cvm.publish.publish as publishing
import cvm.publish.snapshot as writer
from cvm.core.checks import DataError
from cvm.core.snapshot import latest_stamp, open_latest
from cvm.publish.publish import STEPS, publish
from cvm.publish.snapshot import PublishError, PublishInterrupted
from cvm.views.pages import Page

NOW = datetime(2026, 3, 15, 4, 0, tzinfo=UTC)
TIERS = {
    "name": "overview_tiers",
    "columns": [
        {"name": "month", "kind": "month"},
        {"name": "vip_tier", "kind": "category"},
        {"name": "customers", "kind": "integer"},
        {"name": "revenue_yuan", "kind": "number"},
        {"name": "churn_share", "kind": "share"},
    ],
    "rows": [
        ["2026-02-01", "diamond", 7, 4321.5, 0.0],
        ["2026-02-01", "gold", 60, 9000.0, 0.01],
        ["2026-02-01", "none", 900, 70000.0, None],
    ],
    "counts": "customers",
    "sums": ["revenue_yuan"],
    "groups": ["month", "vip_tier"],
}
FACTS = {
    "name": "facts",
    "columns": [{"name": "cap_share", "kind": "share"}],
    "rows": [[0.023]],
    "counts": None,
    "sums": [],
    "groups": [],
}


class FakePage:
    """A page that keeps what it was given."""

    needs, optional = ("overview_tiers",), ("not_there",)

    def __init__(self):
        self.calls = []

    def make(self, tables, info):
        self.calls.append((tables, info))
        table = {"columns": ["tier", "share"], "rows": [["gold", "12.5%"], ["none", "withheld"]]}
        chart = {"name": "tiers", "title": "=1+1 is no formula", "table": table}
        whole = {"question": "?", "sentence": "!", "dates": [], "notes": [], "charts": [chart]}
        text = {"zh": {"title": "总览龘", **whole}, "en": {"title": "Overview", **whole}}
        return Page(content=text, figures={"fake-base-zh-wide.svg": b"<svg>\xe9\xbe\x98</svg>"})


@pytest.fixture
def run_dir(tmp_path):
    folder = tmp_path / "run"
    (folder / "tables").mkdir(parents=True)
    for record in (TIERS, FACTS):
        file = folder / "tables" / f"{record['name']}.json"
        file.write_text(json.dumps(record), encoding="utf-8")
    about = {
        "data": {"fingerprint": "f1", "first_month": "2024-03-01", "last_month": "2026-02-01"},
        "parameters": {"month": None, "language": "zh"},
        "figures": {},
    }
    (folder / "figures.json").write_text(json.dumps(about), encoding="utf-8")
    return folder


@pytest.fixture(autouse=True)
def quick_font(monkeypatch):
    made = []

    def font(characters):
        made.append(characters)
        return b"wOF2" + "".join(characters).encode()

    monkeypatch.setattr("cvm.views.fonts.web_font", font)
    return made


def run_publish(run_dir, root, page=None, **more):
    return publish(
        run_dir, root, **{"now": NOW, "code": "c1", "pages": {"fake": page or FakePage()}, **more}
    )


def test_small_groups_reach_neither_tables_nor_pages(run_dir, tmp_path):
    page, root = FakePage(), tmp_path / "published"
    done = run_publish(run_dir, root, page)
    assert done.fresh
    assert done.withheld_rows == 2
    ((tables, info),) = page.calls
    seen = tables["overview_tiers"]
    assert seen["customers"].isna().tolist() == [True, True, False]
    assert seen["revenue_yuan"].isna().tolist() == [True, True, False]
    assert seen["vip_tier"].tolist() == ["diamond", "gold", "none"]
    assert seen["month"].dt.strftime("%Y-%m").tolist() == ["2026-02"] * 3
    assert info["suppressed"] == 2
    assert info["minimum"] == 10
    assert info["last_month"] == "2026-02-01"
    with open_latest(root) as snapshot:
        table = snapshot.table("overview_tiers")
        assert table["rows"] == [
            ["2026-02-01", "diamond", None, None, None],
            ["2026-02-01", "gold", None, None, None],
            ["2026-02-01", "none", 900, 70000.0, None],
        ]
        assert table["suppressed"] == [
            [row, column]
            for row in (0, 1)
            for column in ("customers", "revenue_yuan", "churn_share")
        ]
        assert snapshot.table("facts")["rows"] == [[0.023]]
        assert snapshot.manifest["suppressed"] == [
            {"table": "overview_tiers", "primary": 1, "secondary": 1}
        ]
        everything = b"".join(snapshot.read(path) for path in snapshot.manifest["files"])
        assert b"4321.5" not in everything


def test_a_page_tells_of_the_rows_withheld_from_its_own_tables(run_dir, tmp_path):
    own, other = FakePage(), FakePage()
    other.needs = ("facts",)
    done = run_publish(run_dir, tmp_path / "published", pages={"fake": own, "other": other})
    assert done.withheld_rows == 2
    assert [info["suppressed"] for ((_, info),) in (own.calls, other.calls)] == [2, 0]


def test_the_manifest_says_where_the_figures_come_from(run_dir, tmp_path):
    run_publish(run_dir, tmp_path / "published")
    with open_latest(tmp_path / "published") as snapshot:
        manifest = snapshot.manifest
    assert manifest["data"]["fingerprint"] == "f1"
    assert manifest["parameters"] == {"month": None, "language": "zh"}
    assert manifest["code_version"]
    assert manifest["created"] == "2026-03-15T04:00:00+00:00"
    assert manifest["minimum_customers"] == 10


def test_what_has_not_changed_is_not_published_again(run_dir, tmp_path):
    root, page, steps = tmp_path / "published", FakePage(), []
    first = run_publish(run_dir, root, page, progress=steps.append)
    assert tuple(steps) == STEPS
    again = run_publish(run_dir, root, page, now=NOW + timedelta(days=1), progress=steps.append)
    assert (again.fresh, again.folder, again.pages) == (False, first.folder, ("fake",))
    assert len(page.calls) == 1
    assert len(steps) == len(STEPS)
    assert again.text("zh").startswith(f"自{first.stamp}以来没有变化")


@pytest.mark.parametrize("change", ["table", "code", "force", "damage"])
def test_what_has_changed_is_published_again(run_dir, tmp_path, change):
    root = tmp_path / "published"
    first = run_publish(run_dir, root)
    more = {"now": NOW + timedelta(days=1)}
    if change == "table":
        record = {**FACTS, "rows": [[0.025]]}
        (run_dir / "tables" / "facts.json").write_text(json.dumps(record))
    elif change == "damage":
        (first.folder / "pages" / "fake.json").unlink()
    else:
        more |= {"code": "c2"} if change == "code" else {"force": True}
    assert run_publish(run_dir, root, **more).fresh
    assert latest_stamp(root) == "20260316T040000Z"


def test_the_font_has_the_characters_of_pages_and_tables_and_is_made_once(
    run_dir, tmp_path, quick_font
):
    root = tmp_path / "published"
    run_publish(run_dir, root)
    assert "龘" in quick_font[0]
    assert set("diamond") <= set(quick_font[0])
    run_publish(run_dir, root, force=True)
    assert len(quick_font) == 1
    with open_latest(root) as snapshot:
        assert snapshot.read("fonts/cvm-sans-sc.woff2").startswith(b"wOF2")


def test_a_failed_run_is_not_published(tmp_path):
    run = SimpleNamespace(ok=False, failures=[SimpleNamespace(notebook="01-know-your-data")])
    with pytest.raises(DataError, match="01-know-your-data"):
        publish(run, tmp_path / "published", now=NOW)
    assert not (tmp_path / "published").exists()


def test_an_empty_or_broken_run_folder_is_one_clear_message(run_dir, tmp_path):
    with pytest.raises(DataError, match="at least one table"):
        run_publish(tmp_path / "nothing", tmp_path / "published")
    (run_dir / "tables" / "facts.json").write_text("{")
    with pytest.raises(DataError, match="written by cvm run"):
        run_publish(run_dir, tmp_path / "published")


def test_customer_rows_never_reach_a_snapshot(run_dir, tmp_path):
    record = {
        "name": "warnings",
        "columns": [{"name": "customer_id", "kind": "category"}],
        "rows": [["c1"], ["c2"]],
        "counts": None,
    }
    (run_dir / "tables" / "warnings.json").write_text(json.dumps(record))
    with pytest.raises(DataError, match="never one row a customer"):
        run_publish(run_dir, tmp_path / "published")


def test_a_page_that_cannot_be_made_leaves_the_last_good_snapshot(run_dir, tmp_path):
    root = tmp_path / "published"
    first = run_publish(run_dir, root)

    class Broken(FakePage):
        def make(self, tables, info):
            return tables["gone"]

    with pytest.raises(DataError, match="page fake == .KeyError") as caught:
        run_publish(run_dir, root, Broken(), force=True)
    assert "available: facts, overview_tiers" in str(caught.value)
    assert latest_stamp(root) == first.stamp


@pytest.mark.parametrize("where", ["page", "write"])
def test_ctrl_c_is_one_clear_message(run_dir, tmp_path, monkeypatch, where):
    root = tmp_path / "published"
    first = run_publish(run_dir, root)

    def stop(*_):
        raise KeyboardInterrupt

    target = (publishing, "frame_of") if where == "page" else (writer, "_write")
    monkeypatch.setattr(*target, stop)
    with pytest.raises(PublishInterrupted, match=f"{first.stamp} stays in force"):
        run_publish(run_dir, root, force=True)
    assert latest_stamp(root) == first.stamp


def test_a_full_disk_is_one_clear_message(run_dir, tmp_path, monkeypatch):
    root = tmp_path / "published"
    first = run_publish(run_dir, root)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(writer, "_write", full)
    with pytest.raises(PublishError, match=f"disk is full; {first.stamp} stays in force"):
        run_publish(run_dir, root, force=True)
    with open_latest(root) as snapshot:
        assert snapshot.page("fake", "zh")["title"] == "总览龘"


def test_a_pages_workbook_holds_published_figures_as_numbers_and_nothing_withheld(
    run_dir, tmp_path
):
    root = tmp_path / "published"
    run_publish(run_dir, root)
    with open_latest(root) as snapshot:
        assert snapshot.page("fake", "zh")["workbook"] == "fake.xlsx"
        book = openpyxl.load_workbook(BytesIO(snapshot.figure("fake.xlsx")))

    tiers = list(book["overview_tiers"].values)
    assert tiers[0][:2] == ("month", "vip_tier")
    by_tier = {row[1]: row[2:] for row in tiers[1:]}
    assert by_tier["none"][:2] == (900, 70000)
    assert set(by_tier["diamond"]) == {None}
    shown = next(sheet for sheet in book if sheet.title.startswith("shown"))
    rows = list(shown.values)
    assert rows[0][0] == "=1+1 is no formula"
    assert shown["A1"].data_type == "s"
    assert rows[3] == ("gold", 0.125)
    assert shown["B4"].number_format == "0.00%"
    assert rows[4] == ("none", "withheld")
