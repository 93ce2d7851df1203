((formats) => {
  "use strict";
  // The same arithmetic as cvm.campaigns.profit, and the same texts as cvm.views.campaigns_live.
  // Tests hold both to Python.
  const { fill, judged, normal, share, yuan } = formats;
  const LEAST_YUAN = 0.5;
  const WORTH_SHARE = 0.8;

  // The quantile of the normal by bisection of its distribution.
  function quantile(p) {
    let low = -9, high = 9;
    for (let turn = 0; turn < 80; turn += 1) {
      const middle = (low + high) / 2;
      if (normal(middle) < p) low = middle; else high = middle;
    }
    return (low + high) / 2;
  }

  function keptValue(row, horizon) {
    const yearly = 1 + row.discount_yearly;
    const later = yearly ** (-row.window_months / 12);
    if (given(row.kept_value_yuan)) return row.kept_value_yuan * later;
    const months = Math.max(horizon - row.window_months, 0);
    const churn = Math.min(row.monthly_churn_share * row.kept_churn_times, 1);
    const ratio = (1 - churn) * yearly ** (-1 / 12);
    const series = ratio === 1 ? months : (ratio * (1 - ratio ** months)) / (1 - ratio);
    return row.monthly_margin_yuan * series * later;
  }

  function fieller(top, bottom, topVariance, bottomVariance, both, reach) {
    const square = reach ** 2;
    const a = bottom ** 2 - square * bottomVariance;
    const b = top * bottom - square * both;
    const c = top ** 2 - square * topVariance;
    const inside = b ** 2 - a * c;
    if (a <= 0 || inside < 0) return [NaN, NaN];
    const root = Math.sqrt(inside);
    return [(b - root) / a, (b + root) / a];
  }

  const given = (number) => number !== null && number !== undefined;

  // What a kept customer is worth and its error, if those whose card has a lifetime value count
  // over their remaining life and the others as they do over the horizon.
  function overLife(row, value, error) {
    const later = (1 + row.discount_yearly) ** (-row.window_months / 12);
    const share = row.life_known_share, rest = value / later;
    const mixed = share * (1 - share) / Math.max(row.life_customers, 1)
      * (row.life_value_yuan - rest) ** 2;
    const square = (share * row.life_value_se_yuan) ** 2
      + ((1 - share) * error / later) ** 2 + mixed;
    return [(share * row.life_value_yuan + (1 - share) * rest) * later, Math.sqrt(square) * later];
  }

  function evaluate(row, settings) {
    const later = (1 + row.discount_yearly) ** (-row.window_months / 12);
    const value = keptValue(row, Math.round(settings.horizon));
    const error = given(row.kept_value_yuan) ? (row.kept_value_se_yuan ?? 0) * later : 0;
    const got = { ...reading(row, settings, value, error), kept_value_yuan: value };
    if (!given(row.life_value_yuan)) return got;
    const [lifeValue, lifeError] = overLife(row, value, error);
    const life = reading(row, settings, lifeValue, lifeError);
    return {
      ...got,
      life_roi: life.roi,
      life_roi_low: life.roi_low,
      life_roi_high: life.roi_high,
      life_chance: life.chance,
      life_value_yuan: lifeValue,
    };
  }

  function reading(row, settings, value, error) {
    const early = (1 + row.discount_yearly) ** (-row.window_months / 24);
    const size = row.customers, times = settings.cost;
    const margin = size * (early * row.margin_yuan + value * row.kept_share);
    const cost = size * row.cost_yuan * times;
    const top = size ** 2 * (early ** 2 * row.cov_margin_margin
      + 2 * early * value * row.cov_margin_kept + value ** 2 * row.cov_kept_kept
      + error ** 2 * (row.kept_share ** 2 + row.cov_kept_kept));
    const bottom = size ** 2 * times ** 2 * row.cov_cost_cost;
    const both = size ** 2 * times * (early * row.cov_margin_cost + value * row.cov_kept_cost);
    const net = margin - cost, variance = top + bottom - 2 * both;
    const reach = quantile(0.5 + row.confidence / 2);
    const [low, high] = fieller(margin, cost, top, bottom, both, reach);
    return {
      margin_yuan: margin,
      cost_yuan: cost,
      net_yuan: net,
      roi: cost > 0 ? net / cost : NaN,
      roi_low: low - 1,
      roi_high: high - 1,
      chance: variance > 0 ? normal(net / Math.sqrt(variance)) : Number(net > 0),
    };
  }

  const settingsNow = (rows) => ({ horizon: rows.length ? rows[0].horizon_months : 24, cost: 1 });

  function settingText(lever, value, words) {
    if (lever === "cost") return share(value, 0);
    return fill(words["live.months"], { months: value.toFixed(0) });
  }

  function percent(value) {
    if (!Number.isFinite(value)) return "–";
    const whole = Math.abs(100 * value).toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");
    return `${value < 0 ? "−" : "+"}${whole}%`;
  }

  function paid(worked, chance) {
    if (Number.isNaN(chance)) return "unknown";
    if (chance >= WORTH_SHARE) return worked === "none" ? "open" : "yes";
    return chance <= 1 - WORTH_SHARE ? "no" : "open";
  }

  function chance(value, words) {
    if (value > 0.995) return fill(words["register.over"], { share: "99%" });
    if (value < 0.005) return fill(words["register.under"], { share: "1%" });
    return share(value, 0);
  }

  function named(one, words) {
    if (!one.kept) return one.label;
    let facts = one.kept;
    if (Number.isFinite(one.roi)) {
      const roi = fill(words["register.roi"], {
        roi: percent(one.roi), chance: chance(one.chance, words),
      });
      facts = fill(words["register.comma"], { one: facts, other: roi });
    }
    return fill(words["register.named"], { name: one.label, facts });
  }

  // As cvm.campaigns.register.Register.text says it.
  function sentence(told, words, lang) {
    const groups = { worked_paid: [], worked_only: [], none: [], harmed: [], unknown: [] };
    for (const one of told) {
      const good = paid(one.worked, one.chance) === "yes" ? "worked_paid" : "worked_only";
      groups[one.worked === "yes" ? good : one.worked].push(named(one, words));
    }
    return Object.entries(groups).filter(([, names]) => names.length)
      .map(([key, names]) => fill(words[`register.${key}`], { names: names.join(words["register.list"]) }))
      .join(lang === "zh" ? "" : " ");
  }

  function toneOf(told) {
    if (told.some((one) => one.worked === "harmed")) return "bad";
    const good = (one) => one.worked === "yes" && paid(one.worked, one.chance) === "yes";
    return told.some(good) ? "good" : "neutral";
  }

  function between(low, high, words) {
    if (!Number.isFinite(low) || !Number.isFinite(high)) return "–";
    return fill(words["live.interval"], { low: percent(low), high: percent(high) });
  }

  function lifeTexts(got, words, lang) {
    if (!given(got.life_roi)) return {};
    return {
      life_roi: percent(got.life_roi),
      life_interval: between(got.life_roi_low, got.life_roi_high, words),
      life_chance: share(got.life_chance, 0),
      life_value: yuan(got.life_value_yuan, lang),
    };
  }

  // Campaigns by their start, those without one last.
  function inOrder(told) {
    const place = ({ start }) => (start ? `0${start}` : "1");
    return [...told].sort((one, other) => (place(one) < place(other) ? -1 : place(one) > place(other) ? 1 : 0));
  }

  // What campaigns add up to, from nothing on.
  function course(key, values, words, text) {
    if (!values.length) return { spark: [], spark_alt: "" };
    const sums = [0];
    for (const value of values) sums.push(sums[sums.length - 1] + value);
    const low = Math.min(...sums), room = Math.max(...sums) - low || 1;
    const told = { first: text(sums[1]), last: text(sums[sums.length - 1]), count: values.length };
    return {
      spark: sums.map((value) => Math.round((1000 * (value - low)) / room) / 1000),
      spark_alt: fill(words["card.course"], { label: words[`card.${key}`], ...told }),
    };
  }

  // As cvm.views.cards_campaigns.live_cards.
  function liveCards(steps, asked, months, words, lang) {
    const sum = (values) => values.reduce((all, one) => all + one, 0);
    const recent = steps.filter(({ start }) => asked.since && start >= asked.since);
    const good = steps.map((one) => Number(one.paid === "yes"));
    const goodLately = recent.filter((one) => one.paid === "yes").length;
    const net = sum(steps.map((one) => one.net)), cost = sum(steps.map((one) => one.cost));
    const added = sum(recent.map((one) => one.net));
    const even = Math.abs(added) < LEAST_YUAN;
    const roi = cost > 0 ? net / cost : NaN;
    const money = yuan(Math.abs(net), lang);
    const amount = (value) => (value <= -LEAST_YUAN ? "−" : "") + yuan(Math.abs(value), lang);
    const change = (none, key, text) => {
      if (!asked.since) return "";
      return none ? words["card.added_none"] : fill(words[key], { added: text });
    };
    const signed = (added > 0 ? "+" : "−") + yuan(Math.abs(added), lang);
    return {
      paid: {
        value: String(sum(good)), unit: "", direction: "", tone: "neutral", gauge: null,
        note: fill(words["card.paid_note"], { count: steps.length }),
        change: change(!goodLately, "card.added", String(goodLately)),
        ...course("paid", good, words, (value) => value.toFixed(0)),
      },
      net: {
        value: (net < 0 ? "−" : "") + (lang === "zh" ? money.replace(/元$/, "") : money),
        unit: lang === "zh" ? "元" : "",
        note: fill(words["card.net_note"], { months, roi: percent(roi) }),
        change: change(even, "card.added_yuan", signed),
        direction: even ? "" : added > 0 ? "up" : "down",
        tone: even ? "neutral" : added > 0 ? "good" : "bad",
        gauge: null,
        ...judged(asked.targets, "campaign_return", roi),
        ...course("net", steps.map((one) => one.net), words, amount),
      },
    };
  }

  function texts(rows, published, settings, words, lang, asked) {
    const at = { ...settingsNow(rows), ...settings };
    const known = new Map(published.map((one) =>
      [one.id, { ...one, roi: one.roi ?? NaN, chance: one.chance ?? NaN }]));
    const campaigns = {}, steps = {};
    for (const row of rows) {
      const name = row.campaign_id;
      if (!known.has(name)) continue;
      const got = evaluate(row, at);
      const one = known.get(name);
      one.roi = got.roi;
      one.chance = got.chance;
      const state = paid(one.worked, got.chance);
      steps[name] = { start: one.start, paid: state, net: got.net_yuan, cost: got.cost_yuan };
      campaigns[name] = {
        cost: yuan(got.cost_yuan, lang),
        roi: percent(got.roi),
        interval: between(got.roi_low, got.roi_high, words),
        chance: share(got.chance, 0),
        paid: words[`live.paid_${state}`],
        kept_value: yuan(got.kept_value_yuan, lang),
        ...lifeTexts(got, words, lang),
      };
    }
    const told = [...known.values()];
    const ordered = inOrder(told).filter((one) => one.id in steps).map((one) => steps[one.id]);
    return {
      sentence: sentence(told, words, lang),
      tone: toneOf(told),
      campaigns,
      cards: liveCards(ordered, asked, at.horizon.toFixed(0), words, lang),
    };
  }

  return { evaluate, settingsNow, settingText, texts };
})
