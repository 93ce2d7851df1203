"""The live part of the customer-value page: the cuts of tiers and every text at a setting.

What the browser's script (``apps/customer_value.js``) writes when a cut is moved is written here
first, in Python; a test holds the two to each other. A lever is named ``<ladder>.<tier>``, a
setting is a lowest score.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from cvm.core.i18n import LANGUAGES, catalogue, say
from cvm.core.money import format_number, format_share, format_yuan
from cvm.segments.tiers_cuts import move_cuts
from cvm.views.live_parts import customers_unit, live_card, live_words, money_parts
from cvm.views.targets import judge

AREA = "customer_value"
LEAST_YUAN = 0.5
TARGETS = {
    "holders": "holders_share",
    "revenue": "holders_revenue_share",
    "cost": "tier_cost_share",
}
"""Card → the figure that its target is of."""
NOTHING_TOLD: Mapping[str, Any] = {"of": "", "targets": {}, "standing": {}}
"""What is told of a page without targets and without a course."""
LIVE_CARDS = ("holders", "moved", "revenue", "cost")
_WORDS = ("live", "card")
_FIGURES = ("customers", "revenue_yuan", "stopped_customers")
_TERMS = ("from_score", "revenue_cost_share", "serve_yuan", "overdraft_yuan", "loss_share")


@dataclass(frozen=True, kw_only=True)
class Cuts:
    """What the levers need: customers in bands of the score, and what each tier gives.

    Attributes:
        bands: ``tier_cuts``, as published.
        terms: ``tier_terms``, as published.
        ladders: The ladders that can be moved, the first one first. One with a withheld band is not
            among them: its tiers would seem smaller than they are.
    """

    bands: pd.DataFrame
    terms: pd.DataFrame
    ladders: tuple[str, ...]

    def terms_of(self, ladder: str) -> pd.DataFrame:
        """Return a ladder's tiers, ``none`` first, then the lowest."""
        own = self.terms[self.terms["ladder"] == ladder]
        return own.sort_values("place").reset_index(drop=True)

    def bands_of(self, ladder: str) -> pd.DataFrame:
        """Return a ladder's bands."""
        return self.bands[self.bands["ladder"] == ladder].reset_index(drop=True)

    def today(self, ladder: str) -> dict[str, float]:
        """Return the cuts in force by tier."""
        own = self.terms_of(ladder)[1:]
        return dict(zip(own["tier"], own["from_score"].astype(float), strict=True))

    def nodes(self, ladder: str, tier: str) -> list[float]:
        """Return the cuts a tier may be moved to: starts of bands between its neighbours' cuts."""
        cuts = list(self.today(ladder).items())
        place = [name for name, _ in cuts].index(tier)
        low = cuts[place - 1][1] if place else float("-inf")
        high = cuts[place + 1][1] if place + 1 < len(cuts) else float("inf")
        bands = self.bands_of(ladder)
        starts = bands.loc[bands["movable"].astype(bool), "from_score"].astype(float)
        found = {start for start in starts if low < start < high}
        return sorted(found | {cuts[place][1]})

    def payload(self) -> dict[str, Any]:
        """Return what the browser needs, as plain lists; both languages share it."""
        return {
            "order": list(self.ladders),
            "of": {name: self._plain(name) for name in self.ladders},
        }

    def _plain(self, ladder: str) -> dict[str, Any]:
        terms, bands = self.terms_of(ladder), self.bands_of(ladder)
        places = dict(zip(terms["tier"], terms["place"].astype(int), strict=True))
        rated = bands[bands["tier"].isin(places)]
        others = bands[~bands["tier"].isin(places)]
        return {
            "tiers": list(terms["tier"]),
            "names": {lang: list(terms[f"name_{lang}"]) for lang in LANGUAGES},
            "terms": {
                name: [None if pd.isna(value) else float(value) for value in terms[name]]
                for name in _TERMS
            },
            "place": [places[tier] for tier in rated["tier"]],
            "score": [
                float(score) if movable else None
                for score, movable in zip(rated["from_score"], rated["movable"], strict=True)
            ],
            **{name: [float(value) for value in rated[name]] for name in _FIGURES},
            "unrated": {name: float(others[name].sum()) for name in _FIGURES[:2]},
        }


def read_cuts(bands: pd.DataFrame | None, terms: pd.DataFrame | None) -> Cuts | None:
    """Return the levers' tables; ``None`` where no cut of any ladder can be moved."""
    if bands is None or terms is None or bands.empty or terms.empty:
        return None
    terms = terms.assign(
        **{f"name_{lang}": terms[f"name_{lang}"].map(capital) for lang in LANGUAGES}
    )
    withheld = withheld_bands(bands)
    names = [name for name in dict.fromkeys(terms["ladder"]) if withheld.get(str(name), 1) == 0]
    found = Cuts(bands=bands, terms=terms, ladders=tuple(names))
    movable = [
        name
        for name in names
        if any(len(found.nodes(name, tier)) > 1 for tier in found.today(name))
    ]
    return Cuts(bands=bands, terms=terms, ladders=tuple(movable)) if movable else None


def withheld_bands(bands: pd.DataFrame) -> dict[str, int]:
    """Return how many bands of each ladder are withheld."""
    missing = bands["customers"].isna().groupby(bands["ladder"]).sum()
    return {str(ladder): int(count) for ladder, count in missing.items()}


def ladder_name(ladder: str, lang: str) -> str:
    """Return a ladder's name; one of an operator's own book goes by its code."""
    key = f"segments_value.ladder.{ladder}"
    return say(key, lang) if key in catalogue() else ladder


def capital(name: str) -> str:
    """Return a name as it begins a line."""
    return name[:1].upper() + name[1:]


def levers_of(cuts: Cuts, lang: str) -> list[dict[str, Any]]:
    """Return each ladder with its sliders: lever, label, places, today's cut and words of it."""
    found = []
    for ladder in cuts.ladders:
        names = cuts.terms_of(ladder).set_index("tier")[f"name_{lang}"]
        sliders = []
        for tier, now in reversed(cuts.today(ladder).items()):
            nodes = cuts.nodes(ladder, tier)
            if len(nodes) < 2:
                continue
            value = setting_words(ladder, now, lang)
            sliders.append(
                {
                    "lever": f"{ladder}.{tier}",
                    "name": f"cut-{ladder}-{tier}",
                    "label": say(f"{AREA}.live.lever", lang, tier=names[tier]),
                    "nodes": nodes,
                    "low": 0,
                    "high": len(nodes) - 1,
                    "step": 1,
                    "now": now,
                    "value": value,
                    "today": say(f"{AREA}.live.today", lang, value=value),
                }
            )
        label = ladder_name(ladder, lang)
        found.append({"ladder": ladder, "label": label[:1].upper() + label[1:], "levers": sliders})
    return found


def setting_words(ladder: str, score: float, lang: str) -> str:
    """Return a cut as people say it."""
    key = f"{AREA}.live.score_{ladder}"
    return say(key if key in catalogue() else f"{AREA}.live.score_other", lang, score=_plain(score))


def words(cuts: Cuts, lang: str) -> dict[str, str]:
    """Return the templates that the script fills, by key, and the ladders' names."""
    names = {f"ladder.{name}": ladder_name(name, lang) for name in cuts.ladders}
    return live_words(AREA, _WORDS, lang) | names


def evaluate(cuts: Cuts, ladder: str, settings: Mapping[str, float]) -> dict[str, Any]:
    """Return a ladder at a setting of the levers.

    Args:
        cuts: The published tables.
        ladder: Which ladder.
        settings: Lever (``<ladder>.<tier>``) → lowest score; those left out stay as in force.

    Returns:
        ``tiers`` (lists by place: customers, revenue_yuan, cost_yuan) and sums: holders, rated,
        base (customers), holders_share, revenue_yuan and revenue_share of the holders,
        rated_revenue_yuan, cost_yuan, limit_yuan, up, down (customers).
    """
    asked = {
        lever.split(".", 1)[1]: score
        for lever, score in settings.items()
        if lever.split(".", 1)[0] == ladder
    }
    table = move_cuts(cuts.bands, cuts.terms, ladder, asked)
    rest = cuts.bands_of(ladder)
    rest = rest[~rest["tier"].isin(cuts.terms_of(ladder)["tier"])]
    holders, rated = float(table["customers"][1:].sum()), float(table["customers"].sum())
    revenue = float(table["revenue_yuan"][1:].sum())
    rated_revenue = float(table["revenue_yuan"].sum())
    base = rated + float(rest["customers"].sum())
    whole = rated_revenue + float(rest["revenue_yuan"].sum())
    return {
        "tiers": {
            name: table[name].tolist() for name in ("customers", "revenue_yuan", "cost_yuan")
        },
        "holders": holders,
        "rated": rated,
        "base": base,
        "holders_share": holders / base if base else 0.0,
        "revenue_yuan": revenue,
        "revenue_share": revenue / whole if whole else 0.0,
        "rated_revenue_yuan": rated_revenue,
        "cost_yuan": float(table["cost_yuan"].sum()),
        "limit_yuan": float(table["overdraft_limit_yuan"].sum()),
        "up": float(table["moved_up"].sum()),
        "down": float(table["moved_down"].sum()),
    }


def texts_at(
    cuts: Cuts,
    ladder: str,
    settings: Mapping[str, float],
    lang: str,
    told: Mapping[str, Any] = NOTHING_TOLD,
) -> dict[str, Any]:
    """Return the page's live texts at a setting of the levers.

    Args:
        cuts: The published tables.
        ladder: The ladder that is looked at.
        settings: Lever → lowest score; those left out stay as in force.
        lang: ``"zh"`` or ``"en"``.
        told: ``targets`` (of :func:`cvm.views.targets.live_targets`, for the ladder ``of``) and
            ``standing`` (ladder → what its cards say at the cuts in force), in the language.

    Returns:
        ``sentence`` (empty for the first ladder as in force: the published one stands), ``tone``,
        ``cards``, the two charts' titles and their alternative texts.
    """
    got, now = evaluate(cuts, ladder, settings), evaluate(cuts, ladder, {})
    today = cuts.today(ladder)
    moved = any(
        abs(score - today[lever.split(".", 1)[1]]) > 1e-9
        for lever, score in settings.items()
        if lever.split(".", 1)[0] == ladder
    )
    change = got["cost_yuan"] - now["cost_yuan"]
    way = "same" if abs(change) < LEAST_YUAN else "more" if change > 0 else "less"
    shown = shown_at(got, now, ladder, lang)
    sentence = ""
    if moved:
        sentence = say(f"{AREA}.live.moved_{way}", lang, **shown)
    elif ladder != cuts.ladders[0]:
        sentence = say(f"{AREA}.live.standing", lang, **shown)
    cards = _cards(got, shown, moved, way, lang)
    for key, card in ({} if moved else told["standing"].get(ladder, {})).items():
        cards[key] |= card
    targets = told["targets"] if ladder == told["of"] else {}
    values = (got["holders_share"], got["revenue_share"], _rate(got))
    for (key, figure), value in zip(TARGETS.items(), values, strict=True):
        cards[key] |= judge(targets.get(figure), value)
    return {
        "sentence": sentence,
        "tone": "neutral",
        "cards": cards,
        "pyramid_title": say(f"{AREA}.live.pyramid_title", lang, **shown),
        "cost_title": say(
            f"{AREA}.live.cost_title" + ("" if way == "same" else f"_{way}"), lang, **shown
        ),
        "pyramid_alt": _alt(cuts, ladder, got, "pyramid", lang),
        "cost_alt": _alt(cuts, ladder, got, "cost", lang),
    }


def item_words(kind: str, place: int, got: Mapping[str, Any], lang: str) -> str:
    """Return what stands beside a tier's bar."""
    tiers = got["tiers"]
    size = tiers["customers"][place]
    if kind == "pyramid":
        return say(
            f"{AREA}.live.pyramid_item",
            lang,
            customers=format_number(size, lang, digits=4),
            revenue=format_yuan(tiers["revenue_yuan"][place], lang),
        )
    cost = tiers["cost_yuan"][place]
    each = format_yuan(cost / size if size else 0.0, lang)
    return say(f"{AREA}.live.cost_item", lang, cost=format_yuan(cost, lang), each=each)


def _alt(cuts: Cuts, ladder: str, got: Mapping[str, Any], kind: str, lang: str) -> str:
    names = cuts.terms_of(ladder)[f"name_{lang}"].tolist()
    items = [
        say(
            f"{AREA}.live.alt_item",
            lang,
            tier=names[place],
            value=item_words(kind, place, got, lang),
        )
        for place in reversed(range(len(names)))
    ]
    return say(f"{AREA}.live.{kind}_alt", lang, list=say(f"{AREA}.live.alt_and", lang).join(items))


def _rate(got: Mapping[str, Any]) -> float | None:
    return got["cost_yuan"] / got["rated_revenue_yuan"] if got["rated_revenue_yuan"] else None


def shown_at(
    got: Mapping[str, Any], now: Mapping[str, Any], ladder: str, lang: str
) -> dict[str, str]:
    """Return the words of a ladder's figures, by placeholder.

    Args:
        got: What :func:`evaluate` gives at a setting.
        now: The same at the cuts in force.
        ladder: Which ladder.
        lang: ``"zh"`` or ``"en"``.
    """
    return {
        "ladder": ladder_name(ladder, lang),
        "holders": format_number(got["holders"], lang, digits=4),
        "holders_now": format_number(now["holders"], lang, digits=4),
        "rated": format_number(got["rated"], lang, digits=4),
        "share": format_share(got["holders_share"]),
        "up": _plain(got["up"]),
        "down": _plain(got["down"]),
        "both": _plain(got["up"] + got["down"]),
        "revenue": format_share(got["revenue_share"]),
        "revenue_now": format_share(now["revenue_share"]),
        "revenue_yuan": format_yuan(got["revenue_yuan"], lang),
        "cost": format_yuan(got["cost_yuan"], lang),
        "change": format_yuan(abs(got["cost_yuan"] - now["cost_yuan"]), lang),
        "rate": format_share(_rate(got), decimals=2),
        "limit": format_yuan(got["limit_yuan"], lang),
    }


def _cards(
    got: Mapping[str, Any], shown: Mapping[str, str], moved: bool, way: str, lang: str
) -> dict[str, dict[str, Any]]:
    after = "_moved" if moved else ""
    unit = customers_unit(lang)

    def told(key: str, **values: str) -> str:
        return say(f"{AREA}.card.{key}", lang, **{**shown, **values})

    # The share of revenue stands above already where the cost is that of today.
    cost_note = "cost_note" if way == "same" else "cost_note_rate"
    cost_note += "_limit" if got["limit_yuan"] > 0 else ""
    directions = {"same": ("", "neutral"), "more": ("up", "bad"), "less": ("down", "good")}
    direction, tone = directions[way]
    return {
        "holders": live_card(
            value=shown["holders"], unit=unit, change=told("holders_change"),
            note=told(f"holders_note{after}", now=shown["holders_now"]),
        ),
        "moved": live_card(
            value=shown["both"], unit=unit, change=told("moved_change"),
            note=told(f"moved_note{after}"),
        ),
        "revenue": live_card(
            value=shown["revenue"], change=told("revenue_change", revenue=shown["revenue_yuan"]),
            note=told(f"revenue_note{after}", now=shown["revenue_now"]),
        ),
        "cost": live_card(
            **money_parts(shown["cost"], lang),
            change=told("cost_change" + ("" if way == "same" else f"_{way}")),
            direction=direction, tone=tone, note=told(cost_note),
        ),
    }  # fmt: skip


def _plain(score: float) -> str:
    return f"{score:,.0f}" if abs(score - round(score)) < 1e-6 else f"{score:,.1f}"
