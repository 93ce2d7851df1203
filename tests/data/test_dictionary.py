"""The dictionary says what the contract and the notebooks say, and is never stale."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cvm.core.checks import DataError
from cvm.data.dictionary import column_users, render_dictionary
from cvm.data.tables import CONTRACT

ROOT = Path(__file__).parents[2]


def write_notebook(folder: Path, name: str, **cvm: object) -> None:
    notebook = {"metadata": {"cvm": cvm}, "cells": []}
    (folder / f"{name}.ipynb").write_text(json.dumps(notebook), encoding="utf-8")


def test_the_written_file_is_not_stale() -> None:
    written = (ROOT / "data" / "DICTIONARY.md").read_text(encoding="utf-8")
    assert written == render_dictionary(ROOT / "notebooks"), "run `cvm dictionary`"


def test_every_column_stands_in_its_tables_section_with_both_names(tmp_path: Path) -> None:
    sections = render_dictionary(tmp_path).split("<a id=")[1:]
    assert len(sections) == len(CONTRACT)
    for table, section in zip(CONTRACT.values(), sections, strict=True):
        rows = [line for line in section.splitlines() if line.startswith("| `")]
        assert [line.split("`")[1] for line in rows] == list(table.column_names)
        for column, line in zip(table.columns, rows, strict=True):
            assert f"| {column.en} | {column.zh} | {column.meaning} |" in line
            assert ("**yes 是**" in line) == column.required
            assert line.count(" | ") == 8


def test_a_row_reads_as_an_analyst_needs_it(tmp_path: Path) -> None:
    write_notebook(tmp_path, "01-know", needs={"months": ["bill_yuan"]})
    write_notebook(
        tmp_path,
        "02-points",
        optional={"cost": {"needs": {"months": ["bill_yuan"]}, "en": "c", "zh": "c"}},
    )
    text = render_dictionary(tmp_path)
    assert (
        "| `bill_yuan` | bill | 账单金额 | Amount billed for the month, before points and credits. "
        "| number 数值 | yuan | 0 – 100,000 | **yes 是** | **01**, 02 |"
    ) in text
    assert "`gotone` 全球通, `easyown` 神州行, `mzone` 动感地带" in text


def test_needs_win_over_options_and_short_options_are_read(tmp_path: Path) -> None:
    write_notebook(
        tmp_path,
        "03-x",
        needs={"survey": ["overall_score"]},
        optional={"survey": ["overall_score", "tariff_score"]},
    )
    users = column_users(tmp_path)
    assert users == {
        ("survey", "overall_score"): {"03": True},
        ("survey", "tariff_score"): {"03": False},
    }


def test_a_column_no_contract_has_is_refused(tmp_path: Path) -> None:
    write_notebook(tmp_path, "04-x", needs={"months": ["shoe_size"]})
    with pytest.raises(DataError, match="shoe_size"):
        render_dictionary(tmp_path)


def test_a_broken_notebook_is_named(tmp_path: Path) -> None:
    (tmp_path / "05-x.ipynb").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match="05-x"):
        render_dictionary(tmp_path)
