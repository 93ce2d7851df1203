"""Lifetime value for one page: a row a tier, and the facts that say how far it may be trusted.

No customer's row leaves here. A tier whose figures rest on fewer than ten customers, followed or
counted today, keeps its count alone, so that disclosure control can withhold it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_share
from cvm.core.result import Result
from cvm.segments.lifetime_backtest import LifetimeBacktest
from cvm.segments.lifetime_tiers import TierLifetimes
from cvm.segments.lifetime_words import FEWEST_NAMED

TIERS, FACTS = "lifetime_tiers", "lifetime_facts"
_FIGURES = ("further_months", "value_yuan")


@dataclass(frozen=True, kw_only=True, eq=False)
class LifetimeOutlook(Result):
    """Who is worth what, and the model's back-test.

    Attributes:
        tiers: Today's customers by tier.
        followed: Customers by tier whose life and margin the figures rest on.
        margin_share: Margin ÷ bill, measured or stated.
        backtest: The same model on months it had not seen; None where there are too few.
    """

    tiers: TierLifetimes
    followed: dict[str, int]
    margin_share: float
    backtest: LifetimeBacktest | None = None

    view: ClassVar[str] = "cvm.views.segments_lifetime_tiers:plot_tier_values"

    @property
    def facts(self) -> dict[str, float]:
        """Return the page's figures by name; those that cannot be told are left out."""
        found = {
            "horizon_months": float(self.tiers.horizon_months),
            "discount_rate_year": self.tiers.stated["discount_rate_year"],
            "margin_share": self.margin_share,
            "confidence": self.tiers.stated["confidence"],
        }
        if self.backtest is not None:
            overall = self.backtest.overall()
            found |= {
                "backtest_months": float(overall["periods"]),
                "backtest_model_error_share": overall["model_error_share"],
                "backtest_naive_error_share": overall["naive_error_share"],
            }
        return {name: value for name, value in found.items() if np.isfinite(value)}

    def summary(self) -> pd.DataFrame:
        """Return the facts: key, value."""
        return pd.DataFrame({"key": list(self.facts), "value": list(self.facts.values())})

    def page_tiers(self) -> pd.DataFrame:
        """Return a row a tier: vip_tier, customers, further months and value with intervals."""
        columns = [f"{name}{end}" for name in _FIGURES for end in ("", "_low", "_high")]
        table = self.tiers.table.rename(columns={"tier": "vip_tier"})
        enough = table["vip_tier"].map(self.followed).fillna(0) >= FEWEST_NAMED
        told = enough & (table["reason"] == "")
        return table[["vip_tier", "customers"]].join(table[columns].where(told))

    def frames(self) -> dict[str, pd.DataFrame]:
        """Return both tables of the page by the name they have in a snapshot."""
        return {TIERS: self.page_tiers(), FACTS: self.summary()}

    def text(self, lang: str = "en") -> str:
        """Return who is worth what, and how the forecast did, in a few sentences."""
        said = [self.tiers.text(lang)]
        facts = self.facts
        if "backtest_model_error_share" in facts:
            model, naive = (facts[f"backtest_{name}_error_share"] for name in ("model", "naive"))
            said.append(
                say(
                    f"segments_lifetime.tiers.{'tested' if model < naive else 'not_better'}",
                    lang,
                    months=int(facts["backtest_months"]),
                    model=format_share(model),
                    naive=format_share(naive),
                )
            )
        else:
            said.append(say("segments_lifetime.tiers.untested", lang))
        return ("" if lang == "zh" else " ").join(said)
