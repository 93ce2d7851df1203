"""The data path: contract, reading, checking, the query engine, the sample operator.

``open_data`` takes whatever an operator delivers and returns checked tables behind one engine;
``load_panel`` and ``load_purchases`` hold some of them in memory, to be reduced again and again.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cvm.data.engine import Dataset as Dataset
    from cvm.data.engine import collect as collect
    from cvm.data.panel_load import load_panel as load_panel
    from cvm.data.panel_purchases import load_purchases as load_purchases
    from cvm.data.prepared import open_data as open_data
    from cvm.data.prepared import prepare as prepare
    from cvm.data.propose import propose_mapping as propose_mapping

_HOMES = {
    "Dataset": "cvm.data.engine",
    "collect": "cvm.data.engine",
    "load_panel": "cvm.data.panel_load",
    "load_purchases": "cvm.data.panel_purchases",
    "open_data": "cvm.data.prepared",
    "prepare": "cvm.data.prepared",
    "propose_mapping": "cvm.data.propose",
}

__all__ = [
    "Dataset",
    "collect",
    "load_panel",
    "load_purchases",
    "open_data",
    "prepare",
    "propose_mapping",
]


def __getattr__(name: str) -> Any:
    # Loaded on first use: the contract alone must not pull in the query engine.
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'cvm.data' has no attribute {name!r}")
