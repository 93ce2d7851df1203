"""One list of dependencies: environment.yml and the locks follow from pyproject.toml."""

import re
import tomllib
from pathlib import Path

import pytest

from cvm.environment import render_environment

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=!~; ]", requirement)[0].lower().replace("_", "-")


def _locked(lock: str) -> dict[str, str]:
    text = (ROOT / "locks" / lock).read_text(encoding="utf-8")
    return {
        name.lower(): version
        for name, version in re.findall(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", text, flags=re.MULTILINE)
    }


def test_environment_yml_is_what_pyproject_says():
    assert (ROOT / "environment.yml").read_text(encoding="utf-8") == render_environment(
        ROOT / "pyproject.toml"
    ), "environment.yml is stale: run `cvm environment`"


def test_every_dependency_is_locked_with_a_hash():
    extras = PROJECT["optional-dependencies"]
    tested = [name for group, names in extras.items() if group != "bench" for name in names]
    for lock, requirements in (
        ("core.txt", PROJECT["dependencies"]),
        ("all.txt", PROJECT["dependencies"] + tested),
        ("bench.txt", PROJECT["dependencies"] + tested + extras["bench"]),
    ):
        assert {_name(requirement) for requirement in requirements} <= set(_locked(lock))
        text = (ROOT / "locks" / lock).read_text(encoding="utf-8")
        assert text.count("--hash=sha256:") >= len(_locked(lock))


@pytest.mark.parametrize(("small", "large"), [("core.txt", "all.txt"), ("all.txt", "bench.txt")])
def test_the_smaller_lock_is_held_to_the_larger(small, large):
    everything = _locked(large)
    differing = {
        name: (version, everything.get(name))
        for name, version in _locked(small).items()
        if everything.get(name) != version
    }

    assert not differing


def test_pyproject_pins_nothing_exactly():
    assert not [requirement for requirement in PROJECT["dependencies"] if "==" in requirement]


@pytest.mark.parametrize("lock", ["core.txt", "all.txt", "bench.txt"])
def test_a_lock_names_no_registry(lock):
    assert "://" not in (ROOT / "locks" / lock).read_text(encoding="utf-8")
