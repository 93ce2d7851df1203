"""The points budget's figures and levers in Streamlit, written as its users would."""

import json
import sys
from pathlib import Path

import pandas as pd
import streamlit as st

from cvm.points.budget_levers import evaluate_levers, exceedance

table = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
rate = float(table["rate_now"])
st.title("Points budget")
chosen = st.slider("Return rate", rate * 0.5, rate * 1.5, rate, rate / 40, format="%.4f")
levers = {
    name: st.slider(name, float(axis[0]), float(axis[-1]), float(table["now"][name]))
    for name, axis in table["axes"].items()
    if len(axis) > 1
}
got = evaluate_levers(table, return_rate=chosen, **levers)
for column, name in zip(st.columns(3), ("cost_yuan", "cost_share", "over_share"), strict=True):
    column.metric(name, f"{got[name]:.6g}")
rates = [rate * (0.5 + step / 20) for step in range(21)]
st.line_chart(pd.DataFrame({"over": exceedance(table, rates, **levers)}, index=rates))
