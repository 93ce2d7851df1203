((numbers) => {
  "use strict";
  // The same reading of the lever table as cvm.points.budget_levers, and the same texts as
  // cvm.views.points_budget_live. Tests hold both to Python.
  const { distance, fill, grouped, normal, share, signedShare, signedYuan, yuan } = numbers;
  const Z95 = 1.6448536269514715;
  const NAMES = ["threshold_points", "validity_years", "tenure_times", "spend_growth", "redemption"];

  function place(axis, value) {
    if (axis.length === 1) return [0, 0];
    let low = 0;
    while (low < axis.length - 2 && axis[low + 1] <= value) low += 1;
    const part = (value - axis[low]) / (axis[low + 1] - axis[low]);
    return [low, Math.min(Math.max(part, 0), 1)];
  }

  function evaluate(table, settings) {
    const rateNow = table.rate_now;
    const rate = settings.return_rate === undefined ? rateNow : settings.return_rate;
    const times = rate / rateNow;
    const reaction = table.value_elasticity * Math.log(times);
    let corners = [[0, 1]];
    let outside = 0;
    for (const name of NAMES) {
      const axis = table.axes[name];
      let value = settings[name] === undefined ? table.now[name] : settings[name];
      if (name === "redemption") value += reaction;
      if (value < axis[0] - 1e-12 || value > axis[axis.length - 1] + 1e-12) outside = 1;
      const [low, part] = place(axis, value);
      const next = [];
      for (const [at, weight] of corners) {
        if (1 - part > 0) next.push([at * axis.length + low, weight * (1 - part)]);
        if (part > 0) next.push([at * axis.length + low + 1, weight * part]);
      }
      corners = next;
    }
    const read = (name) => {
      let sum = 0;
      for (const [at, weight] of corners) sum += table[name][at] * weight;
      return sum;
    };
    const middle = read("log_share_mean") + Math.log(times);
    const sd = Math.max(read("log_share_sd"), 1e-9);
    const logCap = Math.log(table.cap_share);
    return {
      cost_yuan: Math.exp(read("log_cost")) * times,
      revenue_yuan: Math.exp(read("log_revenue")),
      cost_share: Math.exp(middle + (sd * sd) / 2),
      cost_share_low: Math.exp(middle - Z95 * sd),
      cost_share_high: Math.exp(middle + Z95 * sd),
      over_share: 1 - normal((logCap - middle) / sd),
      kept_rate: rate * Math.exp(logCap - middle - Z95 * sd),
      outside,
      middle,
      sd,
    };
  }

  function chance(value, words) {
    if (value < 0.005) return words.under_half_percent;
    if (value > 0.995) return words.over_all;
    return share(value, 0);
  }

  function settingText(lever, value, words, extraYears) {
    if (lever === "return_rate") return share(value, 2);
    if (lever === "threshold_points") {
      return fill(words["setting.threshold_points"], { points: grouped(value, 0) });
    }
    if (lever === "validity_years") {
      if (value >= 99) return words["setting.never"];
      return fill(words["setting.years"], { years: (value + extraYears).toFixed(0) });
    }
    if (lever === "tenure_times") {
      return fill(words["setting.tenure_times"], { times: value.toFixed(2) });
    }
    const spend = lever === "spend_growth";
    const change = signedShare(Math.exp(value) - 1, spend ? 1 : 0);
    return fill(words[spend ? "live.growth" : "live.shock_odds"], { change });
  }

  const LEVEL_YUAN = 0.5;
  const REACH = 1.25;

  // What cvm.views.points_budget_live.texts_at says, at the same setting.
  function texts(table, facts, settings, words, lang) {
    const base = evaluate(table, {});
    const got = evaluate(table, settings);
    const say = (key, values = {}) => fill(words[key], values);
    const now = (lever) => (lever === "return_rate" ? table.rate_now : table.now[lever]);
    const moved = Object.entries(settings).some(([lever, value]) =>
      Math.abs(value - now(lever)) > 1e-9);
    const rate = settings.return_rate === undefined ? table.rate_now : settings.return_rate;
    const cap = table.cap_share;
    const wanted = facts.wanted_share;
    const allowed = 1 - wanted;
    const shown = {
      year: table.year,
      cost: yuan(got.cost_yuan, lang),
      share: share(got.cost_share, 2),
      chance: chance(got.over_share, words),
      cap: share(cap, 2),
    };
    const more = got.cost_yuan - base.cost_yuan;
    const level = Math.abs(more) < LEVEL_YUAN;
    let sentence = "";
    if (moved) {
      const side = level ? "level" : more > 0 ? "more" : "less";
      sentence = say(`live.moved_${side}`, { ...shown, yuan: yuan(Math.abs(more), lang) });
    }
    const split = (value) => {
      const text = yuan(value, lang);
      return lang === "zh" ? [text.replace(/元$/, ""), "元"] : [text, ""];
    };
    const card = (parts) => ({
      value: "", unit: "", change: "", direction: "", tone: "neutral", note: "", gauge: null,
      ...parts,
    });
    const against = (part, name) => ({
      fill: Math.min(part / REACH, 1),
      mark: 1 / REACH,
      alt: say(`card.${name}_gauge`, { used: share(part, 0) }),
    });
    const [costValue, costUnit] = split(got.cost_yuan);
    const ran = !moved && facts.cost_low_yuan !== undefined && facts.cost_high_yuan !== undefined;
    const cost = card({
      value: costValue,
      unit: costUnit,
      note: say("card.cost_note", {
        low: yuan(ran ? facts.cost_low_yuan : got.cost_share_low * got.revenue_yuan, lang),
        high: yuan(ran ? facts.cost_high_yuan : got.cost_share_high * got.revenue_yuan, lang),
      }),
    });
    if (moved && level) {
      cost.change = say("card.cost_level");
    } else if (moved) {
      cost.change = say("card.cost_moved", { change: signedYuan(more, lang) });
      [cost.direction, cost.tone] = more > 0 ? ["up", "bad"] : ["down", "good"];
    } else if (facts.last_cost_yuan) {
      const part = got.cost_yuan / facts.last_cost_yuan - 1;
      cost.change = say("card.cost_change", {
        change: signedShare(part), last: Math.trunc(facts.last_year),
      });
      cost.direction = part > 0 ? "up" : "down";
    } else {
      cost.change = say("card.cost_first");
    }
    const above = got.cost_share > cap;
    const used = got.cost_share / cap;
    const overAllowed = got.over_share > allowed + 1e-9;
    const below = got.kept_rate < rate;
    const capYuan = cap * got.revenue_yuan;
    const [roomValue, roomUnit] = split(capYuan - got.cost_yuan);
    const overrun = got.cost_share_high * got.revenue_yuan - capYuan;
    const overruns = overrun > LEVEL_YUAN;
    const capDistance = distance(got.cost_share - cap);
    const capSide = capDistance === "0.00" ? "level" : above ? "above" : "below";
    return {
      sentence,
      tone: got.over_share <= allowed + 1e-9 ? "good" : got.over_share > 0.25 ? "bad" : "neutral",
      cards: {
        cost,
        share: card({
          value: shown.share,
          change: say(`card.share_${capSide}`, { distance: capDistance }),
          direction: { above: "up", below: "down", level: "" }[capSide],
          tone: { above: "bad", below: "good", level: "neutral" }[capSide],
          note: say("card.share_note", { cap: shown.cap }),
          gauge: against(used, "share"),
        }),
        over: card({
          value: shown.chance,
          change: say(`card.over_${overAllowed ? "above" : "below"}`, { allowed: share(allowed, 0) }),
          direction: overAllowed ? "up" : "down",
          tone: overAllowed ? "bad" : "good",
          note: say("card.over_note", { count: grouped(facts.scenarios || 0, 0) }),
          gauge: {
            fill: got.over_share,
            mark: allowed,
            alt: say("card.over_gauge", { chance: shown.chance, allowed: share(allowed, 0) }),
          },
        }),
        kept: card({
          value: share(got.kept_rate, 2),
          change: say(`card.kept_${below ? "below" : "above"}`, {
            distance: distance(got.kept_rate - rate), rate: share(rate, 2),
          }),
          direction: below ? "down" : "up",
          tone: below ? "bad" : "good",
          note: say("card.kept_note", { wanted: share(wanted, 0) }),
          gauge: against(got.kept_rate / rate, "kept"),
        }),
        room: card({
          value: roomValue.replace("-", "−"),
          unit: roomUnit,
          change: overruns ? say("card.room_over", { yuan: yuan(overrun, lang) })
            : say("card.room_within"),
          tone: overruns ? "bad" : "good",
          note: say("card.room_note", { cap: yuan(capYuan, lang) }),
          gauge: against(got.cost_share_high / cap, "room"),
        }),
      },
      cap_title: say("live.cap_title", shown),
      rates_title: say("live.rates_title", {
        kept: share(got.kept_rate, 2), wanted: share(wanted, 0),
      }),
    };
  }

  return { evaluate, fill, share, chance, settingText, texts };
})
