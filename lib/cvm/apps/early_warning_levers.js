((formats) => {
  "use strict";
  // The same reading of the groups of rank as cvm.segments.warning_reach, and the same texts as
  // cvm.views.early_warning_live. Tests hold both to Python.
  const COLUMNS = ["customers", "expected_leavers", "value_at_risk_yuan", "act_cost_yuan"];
  const LEAST_YUAN = 0.5;
  const LEAST_CALLS = 0.5;
  const REACH = 1.25;
  const { fill, judged, number, share, yuan } = formats;
  const whole = (value) => value.toFixed(0).replace(/\B(?=(\d{3})+$)/g, ",");

  function evaluate(table, calls, savedShare) {
    let left = calls, best = 0, gain = 0, most = 0, reached = 0;
    const sums = [0, 0, 0, 0], all = [0, 0, 0, 0];
    table.customers.forEach((size, place) => {
      const part = size ? Math.min(Math.max(left / size, 0), 1) : 0;
      left -= size;
      COLUMNS.forEach((name, at) => {
        sums[at] += part * table[name][place];
        all[at] += table[name][place];
      });
      reached += size;
      gain += savedShare * table.value_at_risk_yuan[place] - table.act_cost_yuan[place];
      if (gain > most) [best, most] = [reached, gain];
    });
    const saved = savedShare * sums[2];
    return {
      calls: sums[0],
      candidates: all[0],
      leavers: sums[1],
      value_yuan: sums[2],
      cost_yuan: sums[3],
      saved_yuan: saved,
      gain_yuan: saved - sums[3],
      value_share: all[2] ? sums[2] / all[2] : 0,
      best_calls: best,
    };
  }

  function settingsNow(table, facts) {
    const candidates = table.customers.reduce((sum, size) => sum + size, 0);
    return {
      calls: Math.min(facts.calls === undefined ? candidates : facts.calls, candidates),
      saved: facts.saved_share === undefined ? 0.2 : facts.saved_share,
    };
  }

  function settingText(lever, value, words) {
    if (lever === "saved") return share(value, 0);
    return fill(words["live.calls_value"], { calls: whole(value) });
  }

  function tone(got) {
    if (got.gain_yuan > LEAST_YUAN) return "good";
    return got.gain_yuan < -LEAST_YUAN ? "bad" : "neutral";
  }

  function shownAt(table, facts, settings, lang) {
    const at = { ...settingsNow(table, facts), ...settings };
    const got = evaluate(table, at.calls, at.saved);
    const sign = got.gain_yuan <= -LEAST_YUAN ? "−" : "";
    return {
      got,
      shown: {
        calls: whole(got.calls),
        candidates: whole(got.candidates),
        leavers: number(got.leavers, lang),
        value: yuan(got.value_yuan, lang),
        share: share(got.value_share, 0),
        cost: yuan(got.cost_yuan, lang),
        saved: share(at.saved, 0),
        gain: sign + yuan(Math.abs(got.gain_yuan), lang),
        best: whole(got.best_calls),
      },
    };
  }

  // The gauge of the calls against the capacity, and what is said of it.
  function capacityOf(got, facts, say) {
    if (!(facts.capacity > 0)) return { note: say("card.calls_note") };
    const over = got.calls - facts.capacity;
    const values = { capacity: whole(facts.capacity), over: whole(over) };
    return {
      note: say(`card.calls_${over > LEAST_CALLS ? "beyond" : "within"}`, values),
      gauge: {
        fill: Math.min(got.calls / facts.capacity / REACH, 1),
        mark: 1 / REACH,
        alt: say("card.calls_gauge", { calls: whole(got.calls), ...values }),
      },
    };
  }

  function texts(table, facts, settings, words, lang, targets) {
    const now = settingsNow(table, facts);
    const { got, shown } = shownAt(table, facts, settings, lang);
    const say = (key, values = {}) => fill(words[key], values);
    const moved = Object.entries(settings).some(([lever, value]) =>
      Math.abs(value - now[lever]) > 1e-9);
    const card = (parts) => ({
      value: "", unit: "", change: "", direction: "", tone: "neutral", note: "", gauge: null,
      target: "", target_tone: "", ...parts,
    });
    const unit = lang === "zh" ? "户" : "";
    const money = (text) => (lang === "zh"
      ? { value: text.replace(/元$/, ""), unit: "元" } : { value: text, unit: "" });
    const rate = got.calls ? got.leavers / got.calls : null;
    const foretold = facts.last_left === undefined || facts.last_expected === undefined ? null : {
      last_left: number(facts.last_left, lang), last_expected: number(facts.last_expected, lang),
    };
    const told = tone(got);
    let pays = got.best_calls ? "some" : "no";
    if (got.best_calls >= got.candidates) pays = "all";
    return {
      sentence: moved ? say("live.moved", shown) : "",
      tone: told,
      cards: {
        calls: card({
          value: shown.calls, unit, change: say("card.calls_change", shown),
          ...capacityOf(got, facts, say),
        }),
        leavers: card({
          value: shown.leavers, unit,
          change: say("card.leavers_change", { share: rate === null ? "–" : share(rate) }),
          note: foretold ? say("card.leavers_note_last", foretold) : say("card.leavers_note"),
          ...judged(targets, "warning_precision_share", rate),
        }),
        value: card({
          ...money(shown.value), change: say("card.value_change", shown),
          note: say("card.value_note"),
          ...judged(targets, "warning_value_share", got.value_share),
        }),
        gain: card({
          ...money(shown.gain), change: say("card.gain_change", shown), tone: told,
          direction: told === "neutral" ? "" : got.gain_yuan > 0 ? "up" : "down",
          note: say("card.gain_note", shown),
          ...judged(targets, "warning_gain_yuan", got.gain_yuan),
        }),
      },
      reach_title: say("live.reach_title", shown),
      gain_title: say(`live.gain_title_${pays}`, shown),
    };
  }

  return { evaluate, settingsNow, settingText, shownAt, texts, fill, yuan, whole };
})
