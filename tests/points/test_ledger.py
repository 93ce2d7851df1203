"""The exact ledger against a lot-by-lot reference in plain Python, and hand-worked cases."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError, MissingDataError
from cvm.points import ledger_kernels
from cvm.points.ledger import Billing, Movements, run_ledger
from cvm.points.rulebook import RuleBook
from cvm.points.rulebook_read import shipped_rulebook
from cvm.points.rules import (
    POINT_CLASSES,
    Clearing,
    ClearingRule,
    EarnRules,
    Qualification,
    Rules,
)
from cvm.points.rules_awards import points_earned

START = 2010 * 12  # January 2010
NEVER = 10**9


@dataclass
class Lot:
    point_class: str
    earned: int
    dies: int
    points: int


@dataclass
class Reference:
    """One member's points as a list of lots: slow, obvious, and sharing nothing with the suite."""

    key: object  # (class, month of earning, month of dying) -> order of redemption
    dies: object  # (class, month of earning) -> month of dying
    threshold: int = 0
    lag: int = 0
    truncate: bool = True
    enforce: bool = True
    into: str = "bonus"
    lots: list[Lot] = field(default_factory=list)
    flows: Counter = field(default_factory=Counter)
    counts: Counter = field(default_factory=Counter)

    def open(self, point_class: str, month: int, points: int) -> None:
        if points:
            self.lots.append(Lot(point_class, month, self.dies(point_class, month), points))

    def earn(self, point_class: str, month: int, points: int, entry: str = "earned") -> None:
        self.flows[entry, point_class, month] += points
        self.open(point_class, month, points)

    def usable(self, month: int, point_class: str | None = None) -> list[Lot]:
        lots = [
            lot
            for lot in self.lots
            if lot.earned <= month - self.lag and point_class in (None, lot.point_class)
        ]
        return sorted(lots, key=lambda lot: self.key(lot.point_class, lot.earned, lot.dies))

    def take(self, month: int, asked: int, entry: str, point_class: str | None, held: int) -> None:
        if asked == 0:
            return
        if entry == "redeemed" and held <= self.threshold:
            self.counts["below", month] += 1
            if self.enforce:
                return
        lots = self.usable(month, point_class)
        have = sum(lot.points for lot in lots)
        if asked > have:
            self.counts["over", month] += 1
            asked = have if self.truncate else 0
        for lot in lots:
            part = min(lot.points, asked)
            lot.points -= part
            asked -= part
            self.flows[entry, lot.point_class, month] += part

    def end(self, month: int, leaving: bool) -> None:
        for lot in self.lots:
            if lot.dies <= month or leaving:
                entry = "forfeited" if leaving else "expired"
                self.flows[entry, lot.point_class, month] += lot.points
                lot.points = 0
        self.lots = [lot for lot in self.lots if lot.points]


def book_of(clearing: Clearing, *, threshold: int = 0, earn: EarnRules | None = None, **settings):
    rules = Rules(
        first_month=date(2000, 1, 1),
        earn=earn or EarnRules(),
        clearing=clearing,
        qualification=Qualification(threshold_points=threshold),
    )
    return RuleBook(name="test", en="test", zh="测试", rules=(rules,), **settings)


def months(life: int):
    return lambda name, earned: earned + life


def calendar(years: int, month: int):
    return lambda name, earned: (earned // 12 + years) * 12 + month - 1


def lives(lengths: dict[str, int], otherwise: int):
    return lambda name, earned: earned + lengths.get(name, otherwise)


CLEARINGS = {
    "none": (Clearing(), lambda name, earned: NEVER),
    "5 months": (Clearing(kind="months", months=5), months(5)),
    "1 month, counted": (
        Clearing(kind="months", months=1, counts_earning_month=True),
        months(0),
    ),
    "1 calendar year, December": (Clearing(kind="calendar_years", years=1), calendar(1, 12)),
    "1 calendar year, March": (Clearing(kind="calendar_years", years=1, month=3), calendar(1, 3)),
    "a life a class": (
        Clearing(
            kind="months",
            months=7,
            classes={"bonus": ClearingRule(kind="months", months=2), "data": ClearingRule()},
        ),
        lives({"bonus": 2, "data": NEVER}, 7),
    ),
}
ORDERS = {
    "oldest_first": lambda name, earned, dies: (earned, POINT_CLASSES.index(name)),
    "soonest_expiry_first": lambda name, earned, dies: (dies, earned, POINT_CLASSES.index(name)),
    "class_order": lambda name, earned, dies: (POINT_CLASSES.index(name), earned),
}
small = st.one_of(st.just(0), st.integers(0, 40))


@st.composite
def histories(draw):
    length, size, past = draw(st.integers(1, 20)), draw(st.integers(1, 3)), draw(st.integers(0, 4))
    classes = draw(st.lists(st.sampled_from(POINT_CLASSES), min_size=1, max_size=4, unique=True))

    def panel(rows: int) -> np.ndarray:
        values = draw(st.lists(small, min_size=rows * size, max_size=rows * size))
        return np.array(values, np.int64).reshape(rows, size)

    by_class = draw(st.booleans())
    return {
        "earned": {name: panel(length) for name in classes},
        "opening": {name: panel(past) for name in classes} if past else {},
        "redeemed": {name: panel(length) * 2 for name in classes}
        if by_class
        else panel(length) * 3,
        "transferred_in": panel(length),
        "transferred_out": panel(length),
        "left": np.array(draw(st.lists(st.integers(-1, length), min_size=size, max_size=size))),
    }


def run_reference(history, member: int, reference: Reference) -> Reference:
    length = len(next(iter(history["earned"].values())))
    for name, panel in history["opening"].items():
        for row, points in enumerate(panel[:, member]):
            reference.open(name, START - len(panel) + row, int(points))
    left = history["left"][member]
    for t in range(length):
        month = START + t
        for name, panel in history["earned"].items():
            reference.earn(name, month, int(panel[t, member]))
        arrived = int(history["transferred_in"][t, member])
        reference.earn(reference.into, month, arrived, "transferred_in")
        asked, given_by_class = history["redeemed"], isinstance(history["redeemed"], dict)
        held = sum(lot.points for lot in reference.usable(month))
        for name, panel in asked.items() if given_by_class else [(None, asked)]:
            reference.take(month, int(panel[t, member]), "redeemed", name, held)
        out = int(history["transferred_out"][t, member])
        reference.take(month, out, "transferred_out", None, held)
        reference.end(month, 0 <= left <= t)
    return reference


@settings(max_examples=120, deadline=None)
@given(
    history=histories(),
    clearing=st.sampled_from(sorted(CLEARINGS)),
    order=st.sampled_from(sorted(ORDERS)),
    threshold=st.sampled_from([0, 30]),
    lag=st.booleans(),
    truncate=st.booleans(),
    recorded=st.booleans(),
)
def test_equals_a_lot_by_lot_reference(
    history, clearing, order, threshold, lag, truncate, recorded
) -> None:
    rule, dies = CLEARINGS[clearing]
    book = book_of(
        rule,
        threshold=threshold,
        redemption_order=order,
        earned_usable="next_month" if lag else "same_month",
        over_redemption="truncate" if truncate else "refuse",
    )
    result = run_ledger(
        book,
        first_month="2010-01",
        earned=history["earned"],
        movements=Movements(**{key: value for key, value in history.items() if key != "earned"}),
        recorded=recorded,
        by_member=True,
    )
    references = [
        run_reference(
            history,
            member,
            Reference(
                key=ORDERS[order],
                dies=dies,
                threshold=threshold,
                lag=int(lag),
                truncate=truncate,
                enforce=not recorded,
            ),
        )
        for member in range(len(history["left"]))
    ]
    frame = result.roll_forward(by_class=True)
    expected = sum((reference.flows for reference in references), Counter())
    for row in frame.to_dict("records"):
        at = row["month"].year * 12 + row["month"].month - 1
        for entry in ("earned", "redeemed", "expired", "forfeited"):
            assert row[entry] == expected[entry, row["point_class"], at], (entry, row)
        for entry in ("transferred_in", "transferred_out"):
            assert row[entry] == expected[entry, row["point_class"], at], (entry, row)
    assert (result.redeemed_points.sum(axis=2) == result.flows[1]).all()
    assert (result.expired_points.sum(axis=2) == result.flows[2]).all()
    closing = [sum(lot.points for lot in reference.lots) for reference in references]
    assert result.closing_points.tolist() == closing
    assert result.balance_points[-1].tolist() == closing
    aged = Counter()
    for reference in references:
        for lot in reference.lots:
            aged[lot.point_class, date(lot.earned // 12, lot.earned % 12 + 1, 1)] += lot.points
    ageing = result.ageing()
    assert (
        dict(zip(zip(ageing["point_class"], ageing["earned_month"], strict=True), ageing["points"],
                 strict=True)) == dict(aged)
    )  # fmt: skip
    counts = sum((reference.counts for reference in references), Counter())
    refusals = result.refusals()
    both = refusals["above_balance"] + refusals["transfers_above_balance"]
    assert refusals["below_threshold"].sum() == sum(
        count for (kind, _), count in counts.items() if kind == "below"
    )
    assert both.sum() == sum(count for (kind, _), count in counts.items() if kind == "over")


@settings(max_examples=50, deadline=None)
@given(history=histories())
def test_nothing_is_lost_and_nothing_is_negative(history) -> None:
    result = run_ledger(
        book_of(Clearing(kind="months", months=4)),
        first_month="2010-01",
        earned=history["earned"],
        movements=Movements(**{key: value for key, value in history.items() if key != "earned"}),
        by_member=True,
    )
    for by_class in (False, True):
        frame = result.roll_forward(by_class=by_class)
        gained = frame["open"] + frame["earned"] + frame["transferred_in"]
        gone = frame["redeemed"] + frame["expired"] + frame["forfeited"] + frame["transferred_out"]
        assert (gained - gone == frame["close"]).all()
        assert (frame.drop(columns=["month", "point_class"], errors="ignore") >= 0).all().all()
    assert (result.balance_points >= 0).all()
    assert result.expiry_calendar()["points"].sum() == result.closing_points.sum()


def random_bills(members: int, length: int = 36, seed: int = 7):
    rng = np.random.default_rng(seed)
    bill = np.rint(rng.lognormal(4.6, 0.8, (length, members)) * 100).astype(np.int32)
    asked = rng.integers(1, 40, (length, members)) * 100 * (rng.random((length, members)) < 0.08)
    billing = Billing(
        bill_fen=bill,
        tenure_months=rng.integers(0, 120, members),
        paid_on_time=rng.random((length, members)) < 0.9,
        on_time_before=rng.integers(0, 10, members),
        data_fen=(bill * rng.random((length, members)) * 0.3).astype(np.int32),
    )
    left = np.where(rng.random(members) < 0.3, rng.integers(0, length, members), -1)
    return billing, Movements(redeemed=asked, left=left)


@pytest.fixture(scope="module")
def beijing() -> RuleBook:
    return shipped_rulebook("beijing").with_threshold(1_000)


def test_one_thread_and_several_give_the_same(beijing) -> None:
    billing, movements = random_bills(9_001)
    one, many = (
        run_ledger(
            beijing, first_month="2010-01", earned=billing, movements=movements, workers=workers
        )
        for workers in (1, 4)
    )
    assert (one.flows == many.flows).all()
    assert (one.closing_points == many.closing_points).all()
    assert (one.aged == many.aged).all()
    assert (one.counts == many.counts).all()


def test_earning_inside_the_ledger_equals_the_earn_function(beijing) -> None:
    billing, movements = random_bills(1_500)
    result = run_ledger(beijing, first_month="2010-01", earned=billing, movements=movements)
    streak = np.array(billing.on_time_before)
    expected = {name: [] for name in result.classes}
    for t in range(36):
        streak = np.where(billing.paid_on_time[t], streak + 1, 0)
        here = (movements.left < 0) | (movements.left > t)
        earned = points_earned(
            beijing.rules[0],
            bill_yuan=billing.bill_fen[t] / 100,
            tenure_months=billing.tenure_months + t,
            on_time_months=streak,
            data_yuan=billing.data_fen[t] / 100,
        )
        for name in result.classes:
            expected[name].append(int(earned[name][here].sum()))
    got = result.roll_forward(by_class=True)
    for name in result.classes:
        assert got.loc[got["point_class"] == name, "earned"].tolist() == expected[name]


@pytest.mark.parametrize("name", ["national-2012", "stars"])
def test_multipliers_inside_the_ledger_equal_the_earn_function(name) -> None:
    book = shipped_rulebook(name)
    rng = np.random.default_rng(3)
    levels = {
        "vip_tier": rng.choice(["none", "vip", "silver", "gold", "diamond"], 700),
        "star": rng.choice(["0", "1", "2", "3", "4", "5-silver", "5-gold", "5-diamond"], 700),
    }
    bill = rng.integers(0, 60_000, (4, 700))
    tenure = rng.integers(0, 100, 700)
    result = run_ledger(
        book,
        first_month="2015-01",
        earned=Billing(bill_fen=bill, tenure_months=tenure, levels=levels),
    )
    totals = sum(
        points_earned(
            book.rules[0], bill_yuan=bill[t] / 100, tenure_months=tenure + t, levels=levels
        ).sum()
        for t in range(4)
    )
    earned = result.roll_forward(by_class=True).groupby("point_class")["earned"].sum()
    assert earned.to_dict() == {name: totals[name] for name in result.classes}


def test_three_calendar_years_by_hand() -> None:
    # 100 points a month from January 2010; December 2013 clears what is left of 2010 (1,200 − 500).
    book = shipped_rulebook("beijing").with_threshold(0)
    asked = np.zeros((48, 1), int)
    asked[20] = 500
    result = run_ledger(
        book,
        first_month="2010-01",
        earned={"consumption": np.full((48, 1), 100)},
        movements=Movements(redeemed=asked),
    )
    frame = result.roll_forward().set_index("month")
    assert frame["expired"].sum() == frame.loc[date(2013, 12, 1), "expired"] == 700
    assert frame["close"].iloc[-1] == 4_800 - 500 - 700
    calendar = result.expiry_calendar()
    assert calendar["expires_month"].tolist() == [date(y, 12, 1) for y in (2014, 2015, 2016)]
    assert calendar["points"].tolist() == [1_200, 1_200, 1_200]


def test_the_threshold_is_more_than_3500() -> None:
    book = shipped_rulebook("steps").with_rules(
        qualification=Qualification(threshold_points=3_500, exceed=True)
    )
    earned = {"consumption": [[3_500, 3_501]]}
    asked = Movements(redeemed=[[3_000, 3_000]])
    refused = run_ledger(book, first_month="2010-01", earned=earned, movements=asked)
    assert refused.closing_points.tolist() == [3_500, 501]
    assert refused.refusals().loc[0, ["below_threshold", "below_threshold_points"]].tolist() == [
        1,
        3_000,
    ]
    recorded = run_ledger(
        book, first_month="2010-01", earned=earned, movements=asked, recorded=True
    )
    assert recorded.closing_points.tolist() == [500, 501]
    assert recorded.refusals().loc[0, "below_threshold"] == 1


@pytest.mark.parametrize(("p", "life", "urr"), [(0.05, 36, 0.842221), (0.10, 12, 0.717570)])
def test_closed_form_of_the_redemption_rate(p, life, urr) -> None:
    # One lot of a member is redeemed whole with chance p a month: URR = 1 − (1 − p)^V.
    rng = np.random.default_rng(11)
    members = 200_000
    asked = np.where(rng.random((life, members)) < p, 100, 0).astype(np.int32)
    result = run_ledger(
        book_of(
            Clearing(kind="months", months=life),
            earned_usable="next_month",
        ),
        first_month="2010-01",
        earned={"consumption": np.zeros((life, members), np.int32)},
        movements=Movements(
            redeemed=asked, opening={"consumption": np.full((1, members), 100, np.int32)}
        ),
    )
    redeemed = result.roll_forward()["redeemed"].sum()
    expired = result.roll_forward()["expired"].sum()
    assert redeemed + expired == 100 * members
    assert redeemed / (100 * members) == pytest.approx(urr, abs=0.003)


def test_more_points_than_32_bits_hold() -> None:
    earned = np.full((3, 1), 2_000_000_000)
    result = run_ledger(book_of(Clearing()), first_month="2010-01", earned={"consumption": earned})
    assert result.closing_points.tolist() == [6_000_000_000]


@pytest.mark.parametrize(
    ("earned", "movements", "error"),
    [
        ({"consumption": [[-1]]}, Movements(), DataError),
        ({"consumption": [[1]]}, Movements(redeemed=[[-1]]), DataError),
        ({"consumption": [[1.5]]}, Movements(), DataError),
        ({"consumption": [[2**31]]}, Movements(), DataError),
        ({"consumption": [[1]]}, Movements(redeemed=[[1, 2]]), ArgumentError),
        ({"airmiles": [[1]]}, Movements(), ArgumentError),
        ({"consumption": [1]}, Movements(), ArgumentError),
        ({}, Movements(), ArgumentError),
    ],
)
def test_bad_inputs_are_refused(earned, movements, error) -> None:
    with pytest.raises(error):
        run_ledger(book_of(Clearing()), first_month="2010-01", earned=earned, movements=movements)


def test_rules_that_need_more_say_so(beijing) -> None:
    with pytest.raises(MissingDataError, match="tenure_months"):
        run_ledger(beijing, first_month="2010-01", earned=Billing(bill_fen=[[100]]))


def test_the_sentence_has_the_figures() -> None:
    result = run_ledger(
        book_of(Clearing(kind="months", months=2)),
        first_month="2010-01",
        earned={"consumption": [[120], [80]]},
        movements=Movements(redeemed=[[0], [50]]),
    )
    assert "200 earned" in result.text("en")
    assert "150 points outstanding, of which 150 expire" in result.text("en")
    assert "期末150分" in result.text("zh")
    assert list(result.frames()) == [
        "summary",
        "roll_forward",
        "roll_forward_by_class",
        "refusals",
        "ageing",
        "expiry_calendar",
    ]


def test_kernels_compile_where_no_disk_can_be_written(monkeypatch) -> None:
    compile_in_memory = ledger_kernels.numba.njit

    def no_disk(*functions, **options):
        if options.get("cache"):
            raise RuntimeError("cannot cache function: no locator available")
        return compile_in_memory(*functions, **options)

    monkeypatch.setattr(ledger_kernels.numba, "njit", no_disk)
    double = ledger_kernels.compiled(lambda value: 2 * value)
    assert double(4) == 8
