((formats) => {
  "use strict";
  // The same reading of the bands as cvm.segments.tiers_cuts.move_cuts, and the same texts as
  // cvm.views.customer_value_live. Tests hold both to Python.
  const LEAST_YUAN = 0.5;
  const { fill, grouped, judged, number, share, yuan } = formats;
  const plain = (score) => grouped(score, Math.abs(score - Math.round(score)) < 1e-6 ? 0 : 1);
  const sum = (values) => values.reduce((all, one) => all + one, 0);

  // Lever → cut in force, of every ladder.
  function settingsNow(table) {
    const now = {};
    for (const name of table.order) {
      const { tiers, terms } = table.of[name];
      tiers.forEach((tier, place) => {
        if (place) now[`${name}.${tier}`] = terms.from_score[place];
      });
    }
    return now;
  }

  // A customer holds the highest tier whose cut his score reaches.
  function cutsOf(own, name, settings) {
    const cuts = own.tiers.slice(1).map((tier, at) => {
      const asked = settings[`${name}.${tier}`];
      return asked === undefined ? own.terms.from_score[at + 1] : asked;
    });
    for (let at = cuts.length - 2; at >= 0; at -= 1) cuts[at] = Math.min(cuts[at], cuts[at + 1]);
    return cuts;
  }

  function evaluate(table, name, settings) {
    const own = table.of[name];
    const cuts = cutsOf(own, name, settings);
    const zeros = () => own.tiers.map(() => 0);
    const customers = zeros(), revenue = zeros(), stopped = zeros();
    let up = 0, down = 0;
    own.score.forEach((score, row) => {
      const fixed = own.place[row];
      const place = score === null ? fixed : cuts.filter((cut) => cut <= score).length;
      customers[place] += own.customers[row];
      revenue[place] += own.revenue_yuan[row];
      stopped[place] += own.stopped_customers[row];
      if (place > fixed) up += own.customers[row];
      if (place < fixed) down += own.customers[row];
    });
    const { revenue_cost_share: rate, serve_yuan: serve, overdraft_yuan: limit, loss_share: loss } =
      own.terms;
    const cost = own.tiers.map((_, at) => revenue[at] * rate[at] + customers[at] * serve[at] +
      stopped[at] * limit[at] * loss[at]);
    const rated = sum(customers), ratedRevenue = sum(revenue);
    const holders = sum(customers.slice(1)), held = sum(revenue.slice(1));
    const base = rated + own.unrated.customers, whole = ratedRevenue + own.unrated.revenue_yuan;
    return {
      tiers: { customers, revenue_yuan: revenue, cost_yuan: cost },
      holders,
      rated,
      base,
      holders_share: base ? holders / base : 0,
      revenue_yuan: held,
      revenue_share: whole ? held / whole : 0,
      rated_revenue_yuan: ratedRevenue,
      cost_yuan: sum(cost),
      limit_yuan: sum(customers.map((size, at) => size * limit[at])),
      up,
      down,
    };
  }

  function settingText(lever, value, words) {
    const key = `live.score_${lever.split(".", 1)[0]}`;
    return fill(words[key] || words["live.score_other"], { score: plain(value) });
  }

  function itemText(kind, place, got, words, lang) {
    const { customers, revenue_yuan: revenue, cost_yuan: cost } = got.tiers;
    const size = customers[place];
    if (kind === "pyramid") {
      return fill(words["live.pyramid_item"],
        { customers: number(size, lang, 4), revenue: yuan(revenue[place], lang) });
    }
    return fill(words["live.cost_item"], {
      cost: yuan(cost[place], lang), each: yuan(size ? cost[place] / size : 0, lang),
    });
  }

  function altText(kind, own, got, words, lang) {
    const items = own.names[lang].map((tier, place) => fill(words["live.alt_item"],
      { tier, value: itemText(kind, place, got, words, lang) })).reverse();
    return fill(words[`live.${kind}_alt`], { list: items.join(words["live.alt_and"]) });
  }

  function texts(table, name, settings, words, lang, told) {
    const got = evaluate(table, name, settings), now = evaluate(table, name, {});
    const today = settingsNow(table);
    const moved = Object.entries(settings).some(([lever, value]) =>
      lever.startsWith(`${name}.`) && Math.abs(value - today[lever]) > 1e-9);
    const change = got.cost_yuan - now.cost_yuan;
    const way = Math.abs(change) < LEAST_YUAN ? "same" : change > 0 ? "more" : "less";
    const rate = got.cost_yuan / got.rated_revenue_yuan;
    const shown = {
      ladder: words[`ladder.${name}`],
      holders: number(got.holders, lang, 4),
      rated: number(got.rated, lang, 4),
      share: share(got.holders_share),
      up: plain(got.up),
      down: plain(got.down),
      revenue: share(got.revenue_share),
      cost: yuan(got.cost_yuan, lang),
      change: yuan(Math.abs(change), lang),
      rate: got.rated_revenue_yuan ? share(rate, 2) : "–",
      limit: yuan(got.limit_yuan, lang),
    };
    const say = (key, values = {}) => fill(words[key], { ...shown, ...values });
    const after = moved ? "_moved" : "";
    const unit = lang === "zh" ? "户" : "";
    const card = (parts) => ({
      value: "", unit: "", change: "", direction: "", tone: "neutral", note: "", gauge: null,
      ...parts,
    });
    const money = (text) => (lang === "zh"
      ? { value: text.replace(/元$/, ""), unit: "元" } : { value: text, unit: "" });
    const [direction, tone] =
      { same: ["", "neutral"], more: ["up", "bad"], less: ["down", "good"] }[way];
    const by = way === "same" ? "" : `_${way}`;
    let sentence = "";
    if (moved) sentence = say(`live.moved_${way}`);
    else if (name !== table.order[0]) sentence = say("live.standing");
    const limit = got.limit_yuan > 0 ? "_limit" : "";
    const targets = name === told.of ? told.targets : {};
    const cards = {
      holders: card({
        value: shown.holders, unit, change: say("card.holders_change"),
        note: say(`card.holders_note${after}`, { now: number(now.holders, lang, 4) }),
      }),
      moved: card({
        value: plain(got.up + got.down), unit, change: say("card.moved_change"),
        note: say(`card.moved_note${after}`),
      }),
      revenue: card({
        value: shown.revenue,
        change: say("card.revenue_change", { revenue: yuan(got.revenue_yuan, lang) }),
        note: say(`card.revenue_note${after}`, { now: share(now.revenue_share) }),
      }),
      cost: card({
        ...money(shown.cost), change: say(`card.cost_change${by}`), direction, tone,
        note: say(`card.cost_note${by && "_rate"}${limit}`),
      }),
    };
    if (!moved) {
      for (const [key, one] of Object.entries(told.standing[name] || {})) {
        Object.assign(cards[key], one);
      }
    }
    Object.assign(cards.holders, judged(targets, "holders_share", got.holders_share));
    Object.assign(cards.revenue, judged(targets, "holders_revenue_share", got.revenue_share));
    Object.assign(cards.cost, judged(targets, "tier_cost_share", rate));
    return {
      sentence,
      tone: "neutral",
      cards,
      pyramid_title: say("live.pyramid_title"),
      cost_title: say(`live.cost_title${by}`),
      pyramid_alt: altText("pyramid", table.of[name], got, words, lang),
      cost_alt: altText("cost", table.of[name], got, words, lang),
    };
  }

  return { evaluate, settingsNow, settingText, itemText, texts };
})
