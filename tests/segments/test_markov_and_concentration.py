"""Markov value as Pfeifer & Carraway print it, the best place to stop, and concentration."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cvm.core.checks import ArgumentError, DataError
from cvm.segments.concentration import measure_concentration
from cvm.segments.markov_value import chain_value, recency_value

CHANCES = [0.3, 0.2, 0.15, 0.05]
PAPER = {"margin_yuan": 40, "contact_yuan": 4, "discount_rate": 0.2}


def test_pfeifer_and_carraway_as_published():
    found = recency_value(CHANCES, **PAPER)

    np.testing.assert_allclose(
        found.states["always_yuan"], [52.320, 5.554, 1.251, -1.820], atol=5e-4
    )
    np.testing.assert_allclose(found.states["best_yuan"][:3], [53.149, 6.621, 2.644], atol=5e-4)
    assert found.states["contact"].tolist() == [True, True, True, False]
    assert found.stop_at == 4
    assert "recency 3" in found.text("en")
    assert "3期" in found.text("zh")


def test_the_chain_itself_as_published():
    transitions = np.zeros((5, 5))
    for row, chance in enumerate(CHANCES):
        transitions[row, [0, row + 1]] = chance, 1 - chance
    transitions[4, 4] = 1

    value = chain_value(transitions, [36, -4, -4, -4, 0], 0.2)
    np.testing.assert_allclose(value, [52.320, 5.554, 1.251, -1.820, 0], atol=5e-4)


def test_value_is_the_discounted_sum_of_expected_rewards():
    transitions, rewards = np.array([[0.9, 0.1], [0.0, 1.0]]), np.array([10.0, 0.0])
    state, total = np.array([1.0, 0.0]), 0.0
    for period in range(400):
        total += state @ rewards / 1.05**period
        state = state @ transitions

    assert chain_value(transitions, rewards, 0.05)[0] == pytest.approx(total)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.floats(0, 1), min_size=1, max_size=5),
    st.floats(-20, 100),
    st.floats(0, 30),
    st.floats(0.01, 0.5),
)
def test_no_policy_does_better(chances, margin, contact, rate):
    found = recency_value(chances, margin_yuan=margin, contact_yuan=contact, discount_rate=rate)
    count = len(chances)
    best = np.full(count, -np.inf)
    for policy in product([True, False], repeat=count):
        transitions, rewards = np.zeros((count + 1, count + 1)), np.zeros(count + 1)
        transitions[count, count] = 1
        rewards[0] = margin
        for row, goes_on in enumerate(policy):
            if goes_on:
                transitions[row, 0] += chances[row]
                transitions[row, row + 1] += 1 - chances[row]
                rewards[row] -= contact
            else:
                transitions[row, count] = 1
        best = np.maximum(best, chain_value(transitions, rewards, rate)[:count])

    np.testing.assert_allclose(found.states["best_yuan"], best, atol=1e-7)


def test_contacting_may_never_or_always_pay():
    never = recency_value([0.1, 0.1], margin_yuan=-5, contact_yuan=4, discount_rate=0.2)
    always = recency_value([0.9, 0.8], margin_yuan=40, contact_yuan=0, discount_rate=0.2)

    assert never.stop_at == 1
    assert "never pays" in never.text("en")
    assert never.states["best_yuan"][0] == -5
    assert always.stop_at is None
    assert "都值得" in always.text("zh")


@pytest.mark.parametrize(
    ("chances", "change", "message"),
    [
        ([0.3, 1.2], {}, r"buy_chances\[2\] == 1.2"),
        ([], {}, "buy_chances == 'empty'"),
        ([0.3], {"discount_rate": 0}, "discount_rate == 0"),
        ([0.3], {"contact_yuan": -1}, "contact_yuan == -1"),
        ([0.3], {"margin_yuan": float("nan")}, "margin_yuan == nan"),
    ],
)
def test_bad_figures_are_named(chances, change, message):
    with pytest.raises(ArgumentError, match=message):
        recency_value(chances, **{**PAPER, **change})


def test_chances_that_do_not_sum_to_one_are_named():
    with pytest.raises(ArgumentError, match="count leaving as a state"):
        chain_value([[0.5, 0.4], [0, 1]], [1, 0], 0.1)
    with pytest.raises(ArgumentError, match="square"):
        chain_value([[1.0]], [1, 0], 0.1)


def test_gini_as_published():
    assert measure_concentration([1, 2, 3, 4, 5]).gini == pytest.approx(0.26667, abs=5e-6)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.floats(0.01, 1e6), min_size=1, max_size=30))
def test_gini_is_half_the_relative_mean_difference(values):
    found = measure_concentration(values)
    value = np.array(values)
    gaps = np.abs(value[:, None] - value[None, :]).mean()

    assert found.gini == pytest.approx(gaps / (2 * value.mean()), abs=1e-9)
    assert found.deciles()["value"].sum() == pytest.approx(value.sum())
    assert found.share_of_top(1.0) == pytest.approx(1)
    assert found.share_of_top(0.0) == pytest.approx(0)


def test_cells_of_alike_customers_are_the_customers():
    cells = measure_concentration([5.0, 1.0, 9.0], [2, 3, 1])
    people = measure_concentration([1, 1, 1, 5, 5, 9])

    assert cells.gini == pytest.approx(people.gini)
    np.testing.assert_allclose(cells.deciles(3)["value"], [2, 6, 14])
    np.testing.assert_allclose(people.deciles(3)["value"], [2, 6, 14])


def test_ties_at_a_cut_are_split_in_proportion():
    found = measure_concentration([4.0] * 7)

    np.testing.assert_allclose(found.deciles()["value"], 2.8)
    assert found.gini == pytest.approx(0, abs=1e-12)


def test_losses_are_counted_and_said():
    found = measure_concentration([-2, 1, 11])

    assert found.negative_customers == 1
    assert found.share_of_top(1 / 3) == pytest.approx(1.1)
    assert "negative value" in found.text("en")
    assert "价值为负" in found.text("zh")


def test_a_total_not_above_zero_cannot_be_shared():
    found = measure_concentration([-2, 1, 1])

    assert np.isnan(found.gini)
    assert found.deciles(3)["value"].sum() == 0
    assert "cannot be told" in found.text("en")
    assert "无法计算" in found.text("zh")


@pytest.mark.parametrize(
    ("values", "customers", "message"),
    [
        ([], None, "at least one customer"),
        ([1, np.nan], None, r"values == nan.*row 2"),
        ([1, 2], [1, -1], r"customers == -1.*row 2"),
        ([1, 2], [1], "one for each of 2"),
        ([1, 2], [0, 0], "at least one customer"),
    ],
)
def test_bad_values_are_named(values, customers, message):
    with pytest.raises(DataError, match=message):
        measure_concentration(values, customers)
