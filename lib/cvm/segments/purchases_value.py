"""What prepaid customers are worth over a time ahead, with intervals, by how long they are silent.

The interval of a total is of its expectation: it carries what the data leave open of both models'
parameters (delta method on their logarithms, the two models being fitted apart). It does not say
how well the models describe these customers; the back-test does.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy.stats import norm

from cvm.core.checks import ArgumentError, DataError, check_at_least, check_finite
from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.core.result import Result
from cvm.segments.lifetime_climb import delta_errors
from cvm.segments.purchases import PurchaseFit
from cvm.segments.purchases_spend import SpendFit
from cvm.segments.purchases_words import Of, nouns

FloatArray = npt.NDArray[np.float64]
_TOTALS = ("active_customers", "expected_purchases", "value_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class PrepaidValue(Result):
    """Prepaid customers by silence, and their totals with intervals.

    Attributes:
        groups: One row a length of silence (units of time since the last purchase; the last row is
            open above): silent, customers, active_customers, expected_purchases, value_yuan.
        totals: customers; active_customers, expected_purchases and value_yuan, each with ``_low``
            and ``_high``.
        units_ahead: Units of time looked ahead.
        margin_share: Margin a yuan of spend, as stated.
        confidence: Of the intervals.
        of: What was bought, for the words.
    """

    groups: pd.DataFrame
    totals: dict[str, float]
    units_ahead: int
    margin_share: float
    confidence: float
    of: Of = "purchases"

    view: ClassVar[str] = "cvm.views.segments_lifetime_tiers:plot_prepaid"

    def summary(self) -> pd.DataFrame:
        """Return a row a total: estimate, low, high."""
        return pd.DataFrame(
            [
                {
                    "total": name,
                    "estimate": self.totals[name],
                    "low": self.totals[f"{name}_low"],
                    "high": self.totals[f"{name}_high"],
                }
                for name in _TOTALS
            ]
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return the totals and the groups."""
        return {"summary": self.summary(), "groups": self.groups}

    def text(self, lang: str = "en") -> str:
        """Return how many are active and what they are worth, in one sentence."""
        totals = self.totals
        return say(
            "segments_lifetime.prepaid.worth",
            lang,
            customers=format_number(totals["customers"], lang),
            active=format_number(totals["active_customers"], lang),
            units=self.units_ahead,
            count=format_number(totals["expected_purchases"], lang),
            purchases=nouns(self.of, lang)["purchases"],
            value=format_yuan(totals["value_yuan"], lang),
            low=format_yuan(totals["value_yuan_low"], lang),
            high=format_yuan(totals["value_yuan_high"], lang),
            confidence=format_share(self.confidence, decimals=0),
            margin=format_share(self.margin_share, decimals=0),
        )


def value_prepaid(
    fit: PurchaseFit,
    spend: SpendFit,
    customers: pd.DataFrame,
    *,
    units_ahead: int,
    margin_share: float,
    discount_rate: float,
) -> pd.DataFrame:
    """Return what each prepaid customer is worth over a time ahead.

    Expected purchases of each unit of time, discounted from its end, × expected spend × margin.

    Args:
        fit: Purchases.
        spend: Spend a purchase.
        customers: Columns repeats, last_at, observed, mean_yuan (one row a customer or group).
        units_ahead: How many units of time to look ahead.
        margin_share: Margin a yuan of spend; may be negative.
        discount_rate: Per unit of time, 0 or more.

    Returns:
        ``customers`` with active_chance, expected_purchases, yuan_per_purchase and value_yuan.
    """
    check_at_least(units_ahead, "units_ahead", 1)
    check_finite(margin_share, "margin_share")
    check_at_least(discount_rate, "discount_rate", 0)
    x, last, end = (customers[name].to_numpy(float) for name in ("repeats", "last_at", "observed"))
    before, discounted = np.zeros(len(x)), np.zeros(len(x))
    for unit in range(1, units_ahead + 1):
        upto = fit.expected(x, last, end, unit)
        discounted += (upto - before) / (1 + discount_rate) ** unit
        before = upto
    each = spend.expected_yuan(x, customers["mean_yuan"])
    return customers.assign(
        active_chance=fit.active(x, last, end),
        expected_purchases=before,
        yuan_per_purchase=each,
        value_yuan=discounted * each * margin_share,
    )


def sum_prepaid(
    fit: PurchaseFit,
    spend: SpendFit,
    customers: pd.DataFrame,
    *,
    units_ahead: int,
    margin_share: float,
    discount_rate: float,
    most_silent: int = 6,
) -> PrepaidValue:
    """Add up what prepaid customers are worth over a time ahead.

    Args:
        fit: Purchases. What cannot be told raises.
        spend: Spend a purchase.
        customers: Columns repeats, last_at, observed, mean_yuan and customers, one row a group who
            share the first three (the mean of their mean spend is enough, as expected spend is
            linear in it).
        units_ahead: See :func:`value_prepaid`.
        margin_share: See there.
        discount_rate: See there.
        most_silent: From this silence on, customers share a row.

    Raises:
        DataError: A group has no customers, or the purchases could not be told.
        ArgumentError: Mean spend is infinite, or a figure out of range.
    """
    if fit.reason:
        raise DataError("purchases", fit.reason, "purchases that can be told")
    if not np.isfinite(spend.mean_yuan):
        raise ArgumentError("spend.q", spend.q, "above 1, so that mean spend is finite")
    many = customers["customers"].to_numpy(float)
    if not (len(many) and np.all(many > 0)):
        raise DataError("customers.customers", "none, or none in a row", "above 0 in every row")

    def worth(logs: FloatArray) -> pd.DataFrame:
        bought = replace(fit, parameters=np.exp(logs[:4]))
        p, q, gamma = (float(value) for value in np.exp(logs[4:]))
        return value_prepaid(
            bought,
            replace(spend, p=p, q=q, gamma=gamma),
            customers,
            units_ahead=units_ahead,
            margin_share=margin_share,
            discount_rate=discount_rate,
        ).rename(columns={"active_chance": "active_customers"})[list(_TOTALS)]

    best = np.log([*fit.parameters, spend.p, spend.q, spend.gamma])
    found = worth(best)
    names, each = list(_TOTALS), found.to_numpy(float) * many[:, None]
    spread = np.zeros((7, 7))
    spread[:4, :4], spread[4:, 4:] = fit.covariance, spend.covariance
    errors = delta_errors(lambda at: many @ worth(at).to_numpy(float), best, spread)
    wide = float(norm.ppf((1 + fit.confidence) / 2))
    totals = {"customers": float(many.sum())}
    for place, name in enumerate(names):
        total = float(each[:, place].sum())
        totals |= {
            name: total,
            f"{name}_low": total - wide * errors[place],
            f"{name}_high": total + wide * errors[place],
        }
    silent = (customers["observed"] - customers["last_at"]).clip(upper=most_silent)
    groups = pd.DataFrame(each, columns=names).assign(
        silent=silent.to_numpy(int), customers=many.astype(int)
    )
    return PrepaidValue(
        groups=groups.groupby("silent", as_index=False)[["customers", *names]].sum(),
        totals=totals,
        units_ahead=units_ahead,
        margin_share=margin_share,
        confidence=fit.confidence,
        of=fit.of,
    )
