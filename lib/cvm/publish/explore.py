"""Levers and tables inside a notebook, for analysts: move a value, see the answer; sort and filter.

Nothing is loaded from another host. Without a browser (a run by ``cvm run``, a test) the same cells
give the answer at the starting values and the plain table.
"""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

from cvm.core.checks import check_at_least, check_between

if TYPE_CHECKING:
    import pandas as pd
    from ipywidgets import VBox


def lever(
    answer: Callable[[float], Any],
    *,
    label: str,
    low: float,
    high: float,
    step: float,
    now: float,
    share: bool = False,
) -> VBox:
    """Return a slider with what ``answer`` gives for its value beneath it.

    Args:
        answer: Takes the slider's value and returns what is shown: a result, a sentence, a frame.
        label: What is moved, with its unit.
        low: Lowest value.
        high: Highest value.
        step: From one value to the next.
        now: The value it starts at.
        share: Whether the value is a share, which is read in per cent.

    Raises:
        ArgumentError: ``now`` is not between ``low`` and ``high``, or ``step`` is not positive.
    """
    from ipywidgets import HTML, FloatSlider, VBox

    check_between(now, "now", low=low, high=high)
    check_at_least(step, "step", (high - low) * 1e-6)
    slider = FloatSlider(
        value=now, min=low, max=high, step=step, description=label,
        readout_format=".2%" if share else ".4f",
        style={"description_width": "initial"}, layout={"width": "28em"},
    )  # fmt: skip
    shown = HTML()

    def show(_: Any = None) -> None:
        shown.value = _as_html(answer(slider.value))

    slider.observe(show, names="value")
    show()
    return VBox([slider, shown])


def _as_html(value: Any) -> str:
    """Return what a notebook would show of a value; a text is shown as text."""
    drawn = getattr(value, "_repr_html_", None)
    return str(drawn()) if drawn is not None else f"<p>{escape(str(value))}</p>"


def sortable(frame: pd.DataFrame) -> Any:
    """Return a frame as a table that sorts by a click on a heading and filters as one types.

    Args:
        frame: A small table; it travels with the notebook's page whole.
    """
    from itables.widget import ITable

    return ITable(frame.reset_index(drop=True), allow_html=False)
