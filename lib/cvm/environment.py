"""``environment.yml`` for conda users, made from ``pyproject.toml``.

``pyproject.toml`` is the one list of dependencies. Conda takes Python from conda-forge and the rest
through pip, so that both ways install the same packages.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

_HEAD = """\
# Made from pyproject.toml by `cvm environment`; change that file, not this one.
name: cvm
channels:
  - conda-forge
  - nodefaults
dependencies:
"""


def render_environment(pyproject: Path) -> str:
    """Return the text of ``environment.yml``.

    Args:
        pyproject: The project's ``pyproject.toml``.
    """
    project = tomllib.loads(pyproject.read_text(encoding="utf-8"))["project"]
    lines = [f"  - python{project['requires-python']}", "  - pip", "  - pip:"]
    lines += [f"      - {dependency}" for dependency in project["dependencies"]]
    for extra, dependencies in project["optional-dependencies"].items():
        lines.append(f"      # extra: {extra}")
        lines += [f"      # - {dependency}" for dependency in dependencies]
    lines.append("      - --editable .")
    return _HEAD + "\n".join(lines) + "\n"
