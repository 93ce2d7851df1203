"""Make the warning list of a month, a week or a day.

Clashes between contacts are resolved before the calls are given out: nobody in a running campaign,
held out of one, or lately contacted; one call a family and a corporate account.
"""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import ArgumentError, check_at_least, check_between, check_columns
from cvm.segments.warning_book import Act, WarningBook
from cvm.segments.warning_clashes import clashes
from cvm.segments.warning_list import CALLED, HELD_OUT, WarningList
from cvm.segments.warning_triggers import RISK, Fired, fire, reason_codes, reason_texts

FloatArray = npt.NDArray[np.float64]


def make_warning_list(
    rows: pd.DataFrame,
    book: WarningBook,
    *,
    chance_share: npt.ArrayLike,
    value_yuan: npt.ArrayLike,
    listed_on: date,
    period: str = "month",
    contacts: pd.DataFrame | None = None,
    calls: int | None = None,
    contributions: pd.DataFrame | None = None,
    control_share: float = 0.0,
    rng: np.random.Generator | None = None,
) -> WarningList:
    """Make the warning list of a day.

    Customers are ranked by what a call is expected to gain: risk × value × share saved − cost of
    the act. Ties go by customer id.

    Args:
        rows: One row a customer in service, of ``reduce_churn`` or ``reduce_signals``; with
            ``vip_tier``, ``county``, ``family_id``, ``account_id`` where known.
        book: Triggers, acts and the plan of calls.
        chance_share: Each row's probability of leaving (0–1); not a number where unknown.
        value_yuan: What each is worth if he stays: a lifetime value, or margin × expected months.
        listed_on: Day of the list.
        period: ``"month"``, ``"week"`` or ``"day"``: of the rows and of the calls.
        contacts: Contract table ``contacts``: who was contacted when, and who is in a campaign.
        calls: Most calls; by the plan if ``None``.
        contributions: For the reasons of customers without a trigger.
        control_share: Share of those on the list held out at random, so that the next list can tell
            what calls saved.
        rng: Draws them.

    Raises:
        ArgumentError: Values do not fit the rows, a probability lies outside 0–1, a customer stands
            twice, or ``control_share`` without ``rng``.
        MissingDataError: The rows have no ``customer_id``.
    """
    check_columns(rows.columns, ["customer_id"], "warning rows")
    check_between(control_share, "control_share", low=0, high=1, include_high=False)
    if control_share and rng is None:
        raise ArgumentError("rng", None, "given with a control_share", action="give a generator")
    chance, value = (
        _fitting(rows, given, name)
        for given, name in ((chance_share, "chance_share"), (value_yuan, "value_yuan"))
    )
    if ((chance < 0) | (chance > 1)).any():
        raise ArgumentError("chance_share", float(np.nanmax(chance)), "within 0 and 1")
    plan = book.plan
    most = plan.calls(len(rows), period) if calls is None else calls
    check_at_least(most, "calls", 0)
    rows = rows.reset_index(drop=True)
    if contributions is not None:
        contributions = contributions.reset_index(drop=True)
    fired = fire(rows, book, period=period)
    table = _candidates(rows, fired, chance, value, book, contributions)
    fate = np.full(len(rows), "", dtype=object)
    fate[~np.isfinite(chance) | ~np.isfinite(value)] = "unknown"
    warned = table["reasons"].map(bool).to_numpy(dtype=bool)
    fate[(fate == "") & ~warned] = "no_sign"
    against = clashes(rows, contacts, plan, listed_on)
    for name in ("campaign", "control", "quiet"):
        fate[(fate == "") & against[name].to_numpy()] = name
    fate[(fate == "") & (table["gain_yuan"].to_numpy() <= 0)] = "not_worth"
    order = np.lexsort([table["customer_id"].astype("str"), -table["gain_yuan"].fillna(-np.inf)])
    rank = _give_out(rows, fate, order, most, control_share, rng)
    table = table.assign(fate=fate, rank=pd.array(rank, dtype="Int64"))
    table = _windows(table, book, listed_on)
    return WarningList(
        table=table.iloc[order].reset_index(drop=True),
        listed_on=listed_on,
        period=period,
        calls=most,
        saved_share=plan.saved_share,
        untold=tuple(fired.untold),
    )


def _fitting(rows: pd.DataFrame, given: npt.ArrayLike, name: str) -> FloatArray:
    values = np.asarray(given, dtype=float)
    if values.shape != (len(rows),):
        raise ArgumentError(name, values.shape, f"one a row, {len(rows)}")
    twice = rows["customer_id"][rows["customer_id"].duplicated()]
    if len(twice):
        raise ArgumentError(
            "rows.customer_id", twice.iloc[0], "there once", action="give one row a customer"
        )
    return values


def _candidates(
    rows: pd.DataFrame,
    fired: Fired,
    chance: FloatArray,
    value: FloatArray,
    book: WarningBook,
    contributions: pd.DataFrame | None,
) -> pd.DataFrame:
    """Return each row's reasons, act and what is at stake; no reasons where there is no sign."""
    known = np.isfinite(chance)
    mean = float(chance[known].mean()) if known.any() else np.nan
    risky = known & (chance >= book.plan.risk_times * mean) & (chance > 0)
    codes = [
        own if own != (RISK,) or high else ()
        for own, high in zip(reason_codes(fired), risky, strict=True)
    ]
    tiers = rows["vip_tier"] if "vip_tier" in rows else pd.Series([None] * len(rows))
    acts = [
        act_for(own, None if pd.isna(tier) else str(tier), book)
        for own, tier in zip(codes, tiers, strict=True)
    ]
    at_risk = chance * value
    cost = np.array([act.cost_yuan for act in acts])
    table = pd.DataFrame({"customer_id": rows["customer_id"]})
    for name in ("vip_tier", "county"):
        if name in rows:
            table[name] = rows[name]
    account = rows["account_id"].notna() if "account_id" in rows else False
    return table.assign(
        chance_share=chance,
        value_yuan=value,
        value_at_risk_yuan=at_risk,
        gain_yuan=at_risk * book.plan.saved_share - cost,
        reasons=pd.Series(codes, dtype=object),
        **{
            f"reasons_{lang}": reason_texts(
                fired, book, lang, codes=codes, contributions=contributions
            )
            for lang in ("zh", "en")
        },
        act_zh=[act.zh for act in acts],
        act_en=[act.en for act in acts],
        act_cost_yuan=cost,
        contact_by=np.where(account, "account_manager", "phone_manager"),
    )


def act_for(reasons: tuple[str, ...], tier: str | None, book: WarningBook) -> Act:
    """Return the first act of the book that fits a customer's reasons and card."""
    return next(
        act
        for act in book.acts
        if (not act.reasons or set(act.reasons) & set(reasons))
        and (not act.tiers or tier in act.tiers)
    )


def _give_out(
    rows: pd.DataFrame,
    fate: npt.NDArray[np.object_],
    order: npt.NDArray[np.int64],
    most: int,
    control_share: float,
    rng: np.random.Generator | None,
) -> list[int | None]:
    """Give the calls to the best first, one a family and account; return each row's rank."""
    taken: dict[str, set[object]] = {"family": set(), "account": set()}
    groups = {
        name: rows[f"{name}_id"].to_numpy(object) for name in taken if f"{name}_id" in rows.columns
    }
    rank: list[int | None] = [None] * len(rows)
    given = 0
    for place in order:
        if fate[place] != "":
            continue
        met = next(
            (name for name, ids in groups.items()
             if not pd.isna(ids[place]) and ids[place] in taken[name]),
            "",
        )  # fmt: skip
        if met:
            fate[place] = met
            continue
        for name, ids in groups.items():
            if not pd.isna(ids[place]):
                taken[name].add(ids[place])
        given += 1
        rank[place] = given
        fate[place] = CALLED if given <= most else "over_capacity"
    if control_share and rng is not None:
        listed = np.flatnonzero(fate == CALLED)
        held = rng.random(len(listed)) < control_share
        fate[listed[held]] = HELD_OUT
    return rank


def _windows(table: pd.DataFrame, book: WarningBook, listed_on: date) -> pd.DataFrame:
    """Return the table with the days within which to call: where all reasons' windows meet."""
    windows = {trigger.name: trigger.window_days for trigger in book.triggers}
    firsts, lasts = [], []
    for codes in table["reasons"]:
        own = [windows.get(code, book.plan.window_days) for code in codes]
        own = own or [book.plan.window_days]
        # The most pressing reason sets the end; nothing begins after it.
        last = min(end for _, end in own)
        first = min(min(begin for begin, _ in own), last)
        firsts.append(listed_on + timedelta(days=first))
        lasts.append(listed_on + timedelta(days=last))
    return table.assign(window_from=firsts, window_to=lasts)
