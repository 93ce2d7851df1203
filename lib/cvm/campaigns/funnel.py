"""From assigned to accepted: the contact funnel, and arms that must exclude each other."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from cvm.core.checks import DataError, check_columns

FUNNEL_STEPS = ("assigned", "attempted", "reached", "accepted")
ARMS = ("treated", "control")


def contact_funnel(contacts: pd.DataFrame) -> pd.DataFrame:
    """Count the customers of each arm at each step of the contact.

    Args:
        contacts: One campaign's rows: ``arm`` (``treated`` or ``control``), and flags
            ``attempted``, ``reached``, ``accepted``; optionally ``customers`` where a row stands
            for several. A missing flag counts as no.

    Returns:
        One row an arm, with ``assigned``, ``attempted``, ``reached``, ``accepted`` (customers).

    Raises:
        MissingDataError: A column is missing.
        DataError: Another arm, or somebody reached whom nobody tried to contact, or accepting
            without being reached.
    """
    check_columns(contacts.columns, ("arm", "attempted", "reached", "accepted"), "contacts")
    check_arms(contacts["arm"].to_numpy())
    flags = contacts[["attempted", "reached", "accepted"]].astype("boolean").fillna(False)
    flags = flags.astype(bool)
    for later, before in (("reached", "attempted"), ("accepted", "reached")):
        wrong = int((flags[later] & ~flags[before]).sum())
        if wrong:
            raise DataError(
                f"contacts.{later}",
                f"true in {wrong} rows that are not {before}",
                f"only true where {before} is",
                action="correct the extract, or leave those rows out",
            )
    weight = contacts.get("customers", 1)
    counted = flags.astype(np.int64).mul(weight, axis=0)
    counted.insert(0, "assigned", weight)
    grouped = counted.groupby(contacts["arm"].to_numpy()).sum()
    return grouped.reindex(list(ARMS), fill_value=0).rename_axis("arm").reset_index()


def read_funnel(counts: pd.DataFrame, campaign_id: str | None = None) -> pd.DataFrame | None:
    """Return assigned, attempted, reached and accepted by arm; None if contacts do not tell.

    Args:
        counts: Of ``reduce_campaign_funnel``: ``arm``, ``attempted``, ``reached``, ``accepted``
            and ``customers``.
        campaign_id: Which campaign, where the rows are of several.
    """
    if campaign_id is not None:
        counts = counts[counts["campaign_id"] == campaign_id]
    flags = ["attempted", "reached", "accepted"]
    if counts.empty or counts[flags].isna().all(axis=None):
        return None
    counted = counts.copy()
    shown = counted[flags].astype("boolean").fillna(False).astype(bool)
    # A step the extract lacks cannot be smaller than the one after it.
    shown["reached"] |= shown["accepted"]
    shown["attempted"] |= shown["reached"]
    counted[flags] = shown
    return contact_funnel(counted)


def check_arms(arms: npt.NDArray[np.generic]) -> None:
    """Check that every row names an arm.

    Raises:
        DataError: Some rows name something else; the message counts them.
    """
    wrong = ~np.isin(np.asarray(arms, dtype=object), ARMS)
    if wrong.any():
        shown = sorted({str(value) for value in np.asarray(arms, dtype=object)[wrong]})
        raise DataError(
            "arm", f"{', '.join(shown[:5])} in {int(wrong.sum())} rows", "an arm", available=ARMS
        )


def check_exclusive(customer: npt.ArrayLike, arms: npt.ArrayLike) -> None:
    """Check that every customer of one campaign is in one arm, once.

    Raises:
        DataError: Customers stand in both arms, or twice in one; the message counts them and
            names a few.
    """
    frame = pd.DataFrame({"customer": np.asarray(customer), "arm": np.asarray(arms)})
    check_arms(frame["arm"].to_numpy())
    arms_each = frame.groupby("customer")["arm"].agg(["nunique", "size"])
    for wrong, told in (
        (arms_each.index[arms_each["nunique"] > 1], "in both arms"),
        (arms_each.index[arms_each["size"] > 1], "more than once"),
    ):
        if len(wrong):
            shown = ", ".join(map(str, wrong[:3]))
            raise DataError(
                "customer_id",
                f"{len(wrong)} customers {told} ({shown}…)",
                "in one arm of a campaign, once",
                action="keep the first assignment; a customer must not count as their own control",
            )
