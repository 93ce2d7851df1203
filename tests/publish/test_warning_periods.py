"""The list of a week or a day: planted customers and no others, from an operator's file."""

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from cvm.cli import app
from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.data.read_usage import read_signals
from cvm.publish.warning_files import read_warning_files
from cvm.publish.warning_job import ListSettings, write_period_warnings
from cvm.segments.warning_book import open_warning_book
from cvm.segments.warning_run import warn_period

SAMPLE = Path(__file__).parents[2] / "data" / "sample"
MONDAY = date(2025, 11, 24)
SETTINGS = ListSettings(
    language="zh", engine="duckdb", book="sample", horizon_months=3, calls=50, control_share=0.0,
    seed=1, snapshots=Path("published"), today=date(2026, 1, 15),
)  # fmt: skip


@pytest.fixture(scope="module")
def planted():
    """Forty customers over five weeks: eight drift in the last one, three of them complain too."""
    months = pd.read_parquet(SAMPLE / "tables" / "months", columns=["customer_id", "month"])
    customers = pd.read_parquet(SAMPLE / "tables" / "customers")
    stay = customers["customer_id"][customers["left_month"].isna()]
    last = months["customer_id"][pd.to_datetime(months["month"]) == "2025-10-01"]
    who = sorted(set(last) & set(stay))[:40]
    rng = np.random.default_rng(5)
    rows = [
        (one, MONDAY + timedelta(days=day), round(rng.gamma(60, 0.1) * (0.1 if drifts else 1), 2),
         4.0 * drifts, int(at < 3 and day == 2), 0.3, 10.0)
        for at, one in enumerate(who)
        for day in range(-28, 7)
        for drifts in [at < 8 and day >= 0]
    ]  # fmt: skip
    names = [
        "客户编号",
        "统计日期",
        "账单金额",
        "呼转分钟数",
        "投诉次数",
        "异网通话占比",
        "通话分钟数",
    ]
    return pd.DataFrame(rows, columns=names), who


def test_a_week_of_a_gb18030_file_lists_those_who_drift_and_no_others(planted, tmp_path):
    frame, who = planted
    file = tmp_path / "日用量.csv"
    frame.to_csv(file, index=False, encoding="gb18030")

    asked = ["warnings", str(tmp_path / "out"), "--source", str(SAMPLE), "--usage", str(file)]
    result = CliRunner().invoke(app, asked)

    assert result.exit_code == 0, result.output
    assert "已读取40户自2025-11-24起的使用量" in result.output
    folder = tmp_path / "out" / "2025-12-01-week"
    assert (folder / "warnings.xlsx").is_file()
    made = read_warning_files(folder)
    assert made.period == "week"
    table = made.table.set_index("customer_id")
    warned = table.index[table["reasons"].map(bool)]
    assert set(warned) == set(who[:8])
    assert all({"bill_fall", "forwarding"} <= set(codes) for codes in table.loc[warned, "reasons"])
    complained = [one for one in warned if "complaints" in table.loc[one, "reasons"]]
    assert set(complained) == set(who[:3])
    # Everybody of October who has not left since is accounted for.
    months = pd.read_parquet(SAMPLE / "tables" / "months", columns=["customer_id", "month"])
    october = months["customer_id"][pd.to_datetime(months["month"]) == "2025-10-01"]
    customers = pd.read_parquet(SAMPLE / "tables" / "customers").set_index("customer_id")
    left = pd.to_datetime(customers["left_month"]) <= pd.Timestamp(2025, 11, 1)
    assert set(table.index) == set(october) - set(left.index[left])
    csv = pd.read_csv(folder / "warnings.csv", dtype=str, encoding="utf-8-sig")
    assert set(csv["客户编号"]) <= set(who[:8])
    assert csv["预警原因"].str.contains("话费骤减").all()
    with pytest.raises(ArgumentError, match="a day such as"):
        write_period_warnings(
            str(SAMPLE), file, tmp_path / "out", SETTINGS, period="week", at="Monday"
        )


class _Fake:
    """A risk of a hundredth, and a share of each feature that can change."""

    def predict(self, rows):
        fall, minutes = rows["bill_fall_share"], rows["forwarding_minutes"]
        return np.asarray(0.01 + 0.5 * fall + 0.001 * minutes + 0.0001 * rows["bill_yuan"])


def test_risk_is_last_months_unless_a_change_would_raise_it():
    """By hand: a bill of 100 that falls by 80 %, 14 forwarded minutes a week (60 a month)."""
    rows = pd.DataFrame(
        {"customer_id": list("abc"), "bill_yuan": 100.0, "bill_fall_share": [0.0, 0.9, 0.0],
         "forwarding_minutes": [0, 0, 0], "margin_yuan": 50.0}
    )  # fmt: skip
    signals = pd.DataFrame(
        {"customer_id": list("abd"), "bill_yuan": [5.0, 20.0, 5.0], "bill_before_yuan": 25.0,
         "bill_fall_share": [0.8, 0.2, 0.8], "forwarding_minutes": [14.0, 0.0, 0.0],
         "forwarding_before_minutes": 0.0}
    )  # fmt: skip
    made = warn_period(
        signals, rows, _Fake(), open_warning_book("sample"), period="week",
        listed_on=date(2025, 12, 1), value_months=10, calls=5,
    ).table.set_index("customer_id")  # fmt: skip

    assert made.loc["a", "chance_share"] == pytest.approx(0.01 + 0.4 + 0.06 + 0.002)
    assert made.loc["b", "chance_share"] == pytest.approx(0.01 + 0.45 + 0.01)
    assert made.loc["c", "chance_share"] == pytest.approx(0.02)
    assert made["reasons"].map(bool).to_dict() == {"a": True, "b": False, "c": False, "d": True}
    # Seen for the first time: what he might leave with is not known.
    assert made["fate"].to_dict() == {"a": "called", "b": "no_sign", "c": "no_sign", "d": "unknown"}


def test_a_day_is_compared_with_the_four_weeks_before_it(planted, tmp_path):
    frame, who = planted
    file = tmp_path / "usage.parquet"
    frame.to_parquet(file)

    seen = read_signals(file, period="day", at=MONDAY)

    row = seen.frame.set_index("customer_id").loc[who[0]]
    before = frame[(frame["客户编号"] == who[0]) & (frame["统计日期"] < MONDAY)]["账单金额"]
    assert row["bill_before_yuan"] == pytest.approx(before.mean())
    assert read_signals(file, period="day").at == MONDAY + timedelta(days=6)


def test_what_cannot_be_read_is_counted_and_said(planted, tmp_path):
    frame, _ = planted
    broken = frame.astype({"账单金额": "object", "投诉次数": "object"})
    broken.loc[[3, 9], "账单金额"] = "n/a!"
    broken.loc[5, "投诉次数"] = "two"
    broken.to_csv(tmp_path / "usage.csv", index=False)

    seen = read_signals(tmp_path / "usage.csv", period="week")

    assert (seen.unread_rows, seen.unread_cells) == (2, 1)
    assert "2 rows could not be read" in seen.text("en")
    assert "2行无法识别" in seen.text("zh")
    worse = broken.assign(统计日期="someday")
    worse.to_csv(tmp_path / "worse.csv", index=False)
    with pytest.raises(DataError, match="cannot be read"):
        read_signals(tmp_path / "worse.csv", period="week")


def test_periods_and_files_that_do_not_fit_are_refused(planted, tmp_path):
    frame, _ = planted
    frame.to_csv(tmp_path / "usage.csv", index=False)
    for at in (MONDAY + timedelta(days=1), MONDAY - timedelta(days=28)):
        with pytest.raises(ArgumentError, match="whole in"):
            read_signals(tmp_path / "usage.csv", period="week", at=at)
    with pytest.raises(ArgumentError, match="fortnight"):
        read_signals(tmp_path / "usage.csv", period="fortnight")
    frame.drop(columns="账单金额").to_csv(tmp_path / "no_bill.csv", index=False)
    with pytest.raises(MissingDataError, match="bill_yuan"):
        read_signals(tmp_path / "no_bill.csv", period="week")
    late = frame.assign(统计日期=[day + timedelta(days=200) for day in frame["统计日期"]])
    late.to_csv(tmp_path / "late.csv", index=False)
    with pytest.raises(ArgumentError, match="the month before"):
        write_period_warnings(
            str(SAMPLE), tmp_path / "late.csv", tmp_path, SETTINGS, period="week", at=None
        )
