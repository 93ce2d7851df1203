"""The points budget's figures and levers in Panel, written as its users would."""

import json
import os
from pathlib import Path

import panel as pn
from bokeh.plotting import figure

from cvm.points.budget_levers import evaluate_levers, exceedance

table = json.loads(Path(os.environ["LEVER_TABLE"]).read_text(encoding="utf-8"))
rate = float(table["rate_now"])
chosen = pn.widgets.FloatSlider(
    name="Return rate", start=rate * 0.5, end=rate * 1.5, value=rate, step=rate / 40
)
levers = {
    name: pn.widgets.FloatSlider(
        name=name, start=float(axis[0]), end=float(axis[-1]), value=float(table["now"][name])
    )
    for name, axis in table["axes"].items()
    if len(axis) > 1
}
rates = [rate * (0.5 + step / 20) for step in range(21)]


def figures(return_rate, **settings):
    got = evaluate_levers(table, return_rate=return_rate, **settings)
    names = ("cost_yuan", "cost_share", "over_share")
    return pn.pane.HTML("".join(f"<p class='metric'>{got[name]:.6g}</p>" for name in names))


def chart(return_rate, **settings):
    plot = figure(height=300, width=500)
    plot.line(rates, exceedance(table, rates, **settings))
    return plot


pn.Column(
    "# Points budget",
    chosen,
    *levers.values(),
    pn.bind(figures, return_rate=chosen, **levers),
    pn.bind(chart, return_rate=chosen, **levers),
).servable()
