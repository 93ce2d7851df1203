"""The customer-value page's pictures that do not move: a headline, a chart, its figures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from cvm.core.i18n import say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.plan.overview import TIER_ORDER
from cvm.views import customer_value_charts as draw
from cvm.views.customer_value_live import ladder_name
from cvm.views.names import group_label
from cvm.views.pages import Tables
from cvm.views.picture_parts import Chart, figures_table, listed, painter

AREA = "customer_value"
DIRECTIONS = ("up", "stayed", "down", "left", "unknown")
BANDS = ("low", "middle", "high")


def make_charts(tables: Tables, measured: str, moved: Sequence[str], lang: str) -> list[Chart]:
    """Return the charts that the tables allow, in the order of the page.

    Args:
        tables: The published tables by name.
        measured: What value is: ``margin_yuan``, ``bill_yuan`` or ``value``.
        moved: Ladders whose pyramid is drawn live, and so needs no picture.
        lang: ``"zh"`` or ``"en"``.
    """
    found = [
        pyramid_chart(tables.get("tier_pyramid"), tables.get("tier_terms"), moved, lang),
        grid_chart(tables.get("value_grid"), lang),
        concentration_chart(
            tables.get("concentration_lorenz"), tables.get("concentration_top"), measured, lang
        ),
        migration_chart(tables.get("tier_migration"), lang),
        lifetime_chart(tables.get("lifetime_tiers"), lang),
    ]
    return [chart for chart in found if chart is not None]


def pyramid_chart(
    pyramid: pd.DataFrame | None, terms: pd.DataFrame | None, moved: Sequence[str], lang: str
) -> Chart | None:
    """Shares of customers and revenue by tier of the first ladder, where it is not drawn live."""
    if pyramid is None or pyramid.empty or pyramid["ladder"].iloc[0] in moved:
        return None
    ladder = str(pyramid["ladder"].iloc[0])
    rows = pyramid[pyramid["ladder"] == ladder].reset_index(drop=True)
    known = rows.dropna(subset=["customer_share", "revenue_share"])
    if known.empty:
        return None
    told = _tier_names(rows["tier"], terms, ladder, lang)
    texts = [
        {
            "tier": told[row["tier"]],
            "customers": format_share(row["customer_share"]),
            "revenue": format_share(row["revenue_share"]),
        }
        for row in known.to_dict("records")
    ]
    table = [
        [
            told[row["tier"]],
            _count(row["customers"]),
            format_share(row["customer_share"]),
            _count(row["revenue_yuan"]),
            format_share(row["revenue_share"]),
        ]
        for row in rows.to_dict("records")
    ]
    columns = ("tier", "customers", "customer_share", "revenue_yuan", "revenue_share")
    items = [say(f"{AREA}.chart.pyramid_item", lang, **one) for one in texts]
    return Chart(
        key="pyramid",
        title=say(
            f"{AREA}.chart.pyramid_title", lang, ladder=ladder_name(ladder, lang), **texts[0]
        ),
        alt=say(f"{AREA}.chart.pyramid_alt", lang, list=listed(items, lang)),
        table=figures_table(AREA, columns, table, lang),
        paint=painter(
            lambda axes, _: draw.draw_pyramid(rows, list(told.values()), axes, lang),
            110 + 40 * len(rows),
            120 + 42 * len(rows),
        ),
    )


def _tier_names(
    tiers: pd.Series, terms: pd.DataFrame | None, ladder: str, lang: str
) -> dict[str, str]:
    """Return the tiers' names, those of an own book by their codes where no terms are published."""
    named: dict[str, str] = {}
    if terms is not None:
        own = terms[terms["ladder"] == ladder]
        named = dict(zip(own["tier"], own[f"name_{lang}"], strict=True))
    unrated = say(f"{AREA}.drill.unrated", lang)
    return {
        str(tier): unrated if str(tier).endswith("_unrated") else named.get(tier, str(tier))
        for tier in tiers
    }


def grid_chart(cells: pd.DataFrame | None, lang: str) -> Chart | None:
    """Shares of customers and revenue by voice band and data band."""
    if cells is None:
        return None
    inner = cells[cells["voice_band"].isin(BANDS) & cells["data_band"].isin(BANDS)]
    known = inner.dropna(subset=["customer_share", "revenue_share"])
    if known.empty:
        return None
    both = known[(known["voice_band"] == "high") & (known["data_band"] == "high")]
    if both.empty:
        both = known.sort_values("revenue_share").tail(1)
    top = both.iloc[0]
    items = [
        say(
            f"{AREA}.chart.grid_item",
            lang,
            voice=band(row["voice_band"], lang),
            data=band(row["data_band"], lang),
            customers=format_share(row["customer_share"]),
            revenue=format_share(row["revenue_share"]),
        )
        for row in known.to_dict("records")
    ]
    rows = [
        [
            band(row["voice_band"], lang),
            band(row["data_band"], lang),
            _count(row["customers"]),
            format_share(row["customer_share"]),
            _count(row["revenue_yuan"]),
            format_share(row["revenue_share"]),
        ]
        for row in inner.to_dict("records")
    ]
    columns = ("voice", "data", "customers", "customer_share", "revenue_yuan", "revenue_share")
    corner = (top["voice_band"], top["data_band"]) == ("high", "high")
    title = say(
        f"{AREA}.chart.grid_title",
        lang,
        customers=format_share(top["customer_share"]),
        revenue=format_share(top["revenue_share"]),
    )
    return Chart(
        key="grid",
        title=title if corner else items[int(known["revenue_share"].to_numpy(float).argmax())],
        alt=say(f"{AREA}.chart.grid_alt", lang, list=listed(items, lang)),
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(lambda axes, width: draw.draw_grid(inner, axes, lang, width), 320, 330),
    )


def concentration_chart(
    curve: pd.DataFrame | None, top: pd.DataFrame | None, measured: str, lang: str
) -> Chart | None:
    """What share of value customers bring, ordered from the least valuable."""
    if curve is None or top is None or curve.dropna().empty:
        return None
    shares = dict(zip(top["top_customers_share"].round(4), top["value_share"], strict=True))
    headline = 0.1 if 0.1 in shares else max(shares, default=float("nan"))
    if headline not in shares:
        return None
    what = say(f"{AREA}.measured.{measured}", lang)
    known = curve.dropna().sort_values("customer_share")
    fifths = known[np.isclose((known["customer_share"] * 5) % 1, 0) & (known.index % 2 == 1)]
    items = [
        say(
            f"{AREA}.chart.concentration_item",
            lang,
            customers=format_share(row["customer_share"], decimals=0),
            value=format_share(row["value_share"]),
        )
        for row in fifths.to_dict("records")
    ]
    rows = [
        [format_share(row["customer_share"], decimals=0), format_share(row["value_share"])]
        for row in known.to_dict("records")
    ]
    return Chart(
        key="concentration",
        title=say(
            f"{AREA}.chart.concentration_title",
            lang,
            customers=format_share(headline, decimals=0),
            value=format_share(shares[headline]),
            measured=what,
        ),
        alt=say(f"{AREA}.chart.concentration_alt", lang, measured=what, list=listed(items, lang)),
        table=figures_table(AREA, ("customer_share", "value_share"), rows, lang),
        paint=painter(
            lambda axes, _: draw.draw_concentration(known, shares.get(0.1), what, axes, lang),
            320,
            330,
        ),
    )


def migration_chart(moves: pd.DataFrame | None, lang: str) -> Chart | None:
    """Where each tier's customers were a year later; what is withheld is drawn as such."""
    if moves is None or moves.empty or "direction" not in moves:
        return None
    counted = moves.set_index(["tier", "direction"])["customers"].astype(float)
    wide = pd.DataFrame({name: counted.xs(name, level="direction") for name in _seen(counted)})
    order = [tier for tier in TIER_ORDER if tier in wide.index]
    order += [tier for tier in wide.index if tier not in order]
    if "unknown" not in wide:
        wide["unknown"] = 0.0
    wide = wide.loc[order].reindex(columns=[*DIRECTIONS, "all"])
    wide["all"] = wide["all"].fillna(wide[list(DIRECTIONS)].sum(axis=1, skipna=False))
    shares = wide[list(DIRECTIONS)].div(wide["all"], axis=0)
    shown = shares[wide["all"] > 0]
    if shown.empty:
        return None
    items = [
        say(
            f"{AREA}.chart.migration_item",
            lang,
            tier=group_label("tier", tier, lang),
            parts=("、" if lang == "zh" else ", ").join(
                say(
                    f"{AREA}.chart.migration_part",
                    lang,
                    direction=say(f"{AREA}.direction.{name}", lang),
                    share=format_share(row[name]),
                )
                for name in DIRECTIONS
                if row[name] > 0
            ),
        )
        for tier, row in shown.iterrows()
    ]
    rows = [
        [
            group_label("tier", tier, lang),
            say(f"{AREA}.direction.{name}", lang),
            _count(wide.loc[tier, name]),
            format_share(shares.loc[tier, name]),
        ]
        for tier in wide.index
        for name in DIRECTIONS
        if wide.loc[tier, name] != 0
    ]
    return Chart(
        key="migration",
        title=_migration_title(shown, lang),
        alt=say(f"{AREA}.chart.migration_alt", lang, list=listed(items, lang)),
        table=figures_table(AREA, ("tier", "direction", "customers", "customer_share"), rows, lang),
        paint=painter(
            lambda axes, width: draw.draw_migration(shown, axes, lang, width),
            110 + 42 * len(shown),
            120 + 44 * len(shown),
        ),
    )


def _seen(counted: pd.Series) -> list[str]:
    return list(dict.fromkeys(counted.index.get_level_values("direction")))


def _migration_title(shares: pd.DataFrame, lang: str) -> str:
    """Return what the highest tier whose leavers are shown tells, cards before no card."""
    known = shares[shares["left"].notna() & (shares.index != "none")]
    for tier, row in known.iterrows():
        other = "down" if not np.isnan(row["down"]) else "up"
        if np.isnan(row[other]):
            continue
        key = "migration_title" if other == "down" else "migration_title_top"
        return say(
            f"{AREA}.chart.{key}",
            lang,
            tier=group_label("tier", tier, lang),
            left=format_share(row["left"]),
            **{other: format_share(row[other])},
        )
    return say(f"{AREA}.chart.migration_title_none", lang)


def lifetime_chart(tiers: pd.DataFrame | None, lang: str) -> Chart | None:
    """What a customer of each tier is worth, with its interval."""
    shown = lifetime_rows(tiers)
    if shown is None:
        return None
    names = [group_label("tier", tier, lang) for tier in shown["vip_tier"]]
    values = [format_yuan(float(one), lang) for one in shown["value_yuan"]]
    items = [
        say(
            f"{AREA}.chart.lifetime_item",
            lang,
            tier=name,
            value=value,
            low=format_yuan(row["value_yuan_low"], lang),
            high=format_yuan(row["value_yuan_high"], lang),
        )
        for name, value, row in zip(names, values, shown.to_dict("records"), strict=True)
    ]
    rows = [
        [
            name,
            _count(row["customers"]),
            format_number(row["further_months"], lang),
            *(
                _count(row[column])
                for column in ("value_yuan", "value_yuan_low", "value_yuan_high")
            ),
        ]
        for name, row in zip(names, shown.to_dict("records"), strict=True)
    ]
    columns = ("tier", "customers", "further_months", "value_yuan", "value_low", "value_high")
    with_none = shown["vip_tier"].iloc[-1] == "none" and len(shown) > 1
    return Chart(
        key="lifetime",
        title=say(
            f"{AREA}.chart.lifetime_title" + ("" if with_none else "_one"),
            lang,
            top=names[0],
            value=values[0],
            none=values[-1],
        ),
        alt=say(f"{AREA}.chart.lifetime_alt", lang, list=listed(items, lang)),
        table=figures_table(AREA, columns, rows, lang),
        paint=painter(
            lambda axes, width: draw.draw_lifetime(shown, names, axes, lang, width),
            110 + 42 * len(shown),
            120 + 44 * len(shown),
        ),
    )


def lifetime_rows(tiers: pd.DataFrame | None) -> pd.DataFrame | None:
    """Return the tiers whose value is shown, the highest first; ``None`` without any."""
    if tiers is None or tiers.empty:
        return None
    known = tiers.dropna(subset=["value_yuan", "value_yuan_low", "value_yuan_high"])
    places = {tier: place for place, tier in enumerate(TIER_ORDER)}
    order = known["vip_tier"].map(lambda tier: places.get(tier, len(places)))
    return known.iloc[order.argsort(kind="stable")].reset_index(drop=True) if len(known) else None


def band(name: str, lang: str) -> str:
    """Return a band's name."""
    return say(f"segments_value.band.{name}", lang)


def _count(value: float) -> str:
    return "–" if pd.isna(value) else f"{value:,.0f}"
