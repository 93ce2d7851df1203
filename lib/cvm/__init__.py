"""Decision support for customer value management at a mobile operator.

The map:

* ``cvm.core``: errors, results, months, money, language.
* ``cvm.data``: the data contract, reading, checking, the query engine, the sample operator.
* ``cvm.points``, ``cvm.campaigns``, ``cvm.segments``: the three decisions.
* ``cvm.plan``: what joins them.
* ``cvm.views``, ``cvm.apps``, ``cvm.publish``: charts, dashboards, notebook runs and snapshots.

Names below load on first use, so that a dashboard's kernel stays light.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_HOMES = {
    "CvmError": "cvm.core.checks",
    "Result": "cvm.core.result",
    "say": "cvm.core.i18n",
    "Dataset": "cvm.data",
    "collect": "cvm.data",
    "open_data": "cvm.data",
    "propose_mapping": "cvm.data",
    "make_sample": "cvm.data.sample",
    "read_truth": "cvm.data.sample",
    "make_overview": "cvm.plan.overview",
    "open_book": "cvm.publish.book_open",
}

__all__ = [
    "CvmError",
    "Dataset",
    "Result",
    "collect",
    "make_overview",
    "make_sample",
    "open_book",
    "open_data",
    "propose_mapping",
    "read_truth",
    "say",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cvm' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
