"""Effects by group tell nobody how few of a group left."""

import numpy as np
import pytest

from cvm.campaigns.effect import CHURN, cannot_tell
from cvm.campaigns.effect import Estimate as Effect
from cvm.campaigns.shown_groups import groups_to_hide
from cvm.core.few import FEWEST


def group(name, treated, control, sizes=(400, 200)):
    """Return a group's estimate: who left of the treated and of the controls."""
    means = [left / size for left, size in zip((treated, control), sizes, strict=True)]
    return Effect(
        outcome=CHURN,
        group=name,
        effect=means[0] - means[1],
        se=0.01,
        p_value=0.5,
        treated_count=sizes[0],
        control_count=sizes[1],
        treated_mean=means[0],
        control_mean=means[1],
    )


def whole(groups):
    sizes = [
        sum(getattr(one, name) for one in groups) for name in ("treated_count", "control_count")
    ]
    left = [
        sum(one.treated_count * one.treated_mean for one in groups),
        sum(one.control_count * one.control_mean for one in groups),
    ]
    return group("all", *left, sizes)


def test_a_small_group_takes_the_next_smallest_with_it():
    groups = [group("gold", 12, 4), group("silver", 40, 25), group("none", 60, 50)]

    assert groups_to_hide(groups, whole(groups)) == {"gold", "silver"}
    assert not groups_to_hide(groups[1:], whole(groups[1:]))


def test_a_group_that_cannot_tell_is_not_given_away_either():
    groups = [group("gold", 3, 2), group("silver", 40, 25), group("none", 60, 50)]
    untold = cannot_tell(CHURN, "few_events", group="gold", treated_count=400, control_count=200)

    assert groups_to_hide([untold, *groups[1:]], whole(groups)) == {"silver"}


@pytest.mark.parametrize("seed", range(3))
def test_no_reader_can_work_out_a_few_leavers(seed):
    """Who knows the whole, the shown groups and all sizes: how few or many may a group's be?"""
    rng = np.random.default_rng(seed)
    for _ in range(300):
        sizes = rng.integers(25, 400, (5, 2))
        left = rng.binomial(sizes, rng.uniform(0.01, 0.15, (5, 1)))
        groups = [group(str(at), *left[at], tuple(sizes[at])) for at in range(5)]
        away = [int(name) for name in groups_to_hide(groups, whole(groups))]
        for arm in (0, 1):
            together = left[away, arm].sum()
            for at in away:
                others = sizes[away, arm].sum() - sizes[at, arm]
                most, least = min(together, sizes[at, arm]), max(together - others, 0)
                if 0 < left[at, arm] < FEWEST:
                    assert most - least >= FEWEST
        shown = np.delete(left, away, axis=0)
        assert not ((shown > 0) & (shown < FEWEST)).any()
