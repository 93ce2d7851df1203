function (levers, parts, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root || !data.table.customers) return;
  const { table, facts } = data;
  const { element, path, ticksOf } = parts;
  const now = levers.settingsNow(table, facts);
  const { settingText } = levers;
  const { sides, inputs, settings, start } = parts.form({
    root, words: data.words, now, settingText, show,
  });

  function draw(box, lang, words, kind, alt, read, mark) {
    const { svg, width, height } = parts.frame(box, alt);
    const most = Number(inputs.calls.max);
    const saved = "saved" in settings ? settings.saved : now.saved;
    const calls = "calls" in settings ? settings.calls : now.calls;
    const curve = (share) => {
      const ends = [0];
      for (const size of table.customers) ends.push(ends[ends.length - 1] + size);
      return ends.map((at) => [at, read(levers.evaluate(table, at, share))]);
    };
    const line = curve(saved);
    const before = kind === "gain" && "saved" in settings ? curve(now.saved) : [];
    const values = [...line, ...before].map(([, value]) => value);
    const low = Math.min(0, ...values), high = Math.max(1, ...values);
    const f = { left: 64, right: width - 14, top: 40, bottom: height - 48 };
    const x = (value) => f.left + ((f.right - f.left) * value) / (most || 1);
    const y = (value) => f.bottom - ((f.bottom - f.top) * (value - low)) / (high - low);
    for (const tick of ticksOf(low, high, 4)) {
      element(svg, "line", { class: "cvm-grid", x1: f.left, x2: f.right, y1: y(tick), y2: y(tick) });
      const sign = tick < 0 ? "−" : "";
      element(svg, "text", { x: f.left - 6, y: y(tick) + 4, "text-anchor": "end" },
        sign + levers.yuan(Math.abs(tick), lang));
    }
    for (const tick of ticksOf(0, most, width < 380 ? 3 : 5)) {
      element(svg, "text", { x: x(tick), y: f.bottom + 20, "text-anchor": "middle" },
        levers.whole(tick));
    }
    element(svg, "text", { x: f.left, y: height - 6 }, words[`live.${kind}_axis`]);
    element(svg, "text", { x: 8, y: 18 }, words[`live.${kind}_up`]);
    if (low < 0) {
      element(svg, "line", { class: "cvm-axis", x1: f.left, x2: f.right, y1: y(0), y2: y(0) });
    }
    const points = (pairs) => path(pairs.map(([at, value]) => [x(at), y(value)]));
    if (kind === "reach") {
      const inside = line.filter(([at]) => at < calls);
      inside.push([calls, read(levers.evaluate(table, calls, saved))]);
      element(svg, "path", {
        class: "cvm-within",
        d: `${points(inside)}L${x(calls).toFixed(1)} ${y(0)}L${x(0)} ${y(0)}Z`,
      });
    }
    if (before.length) element(svg, "path", { class: "cvm-before", d: points(before) });
    element(svg, "path", { class: "cvm-curve", d: points(line) });
    if (mark) {
      const at = x(mark.calls), left = mark.calls > 0.55 * most;
      element(svg, "line", { class: "cvm-cap", x1: at, x2: at, y1: f.top - 10, y2: f.bottom });
      element(svg, "text", {
        class: "cvm-cap-text", x: at + (left ? -6 : 6), y: f.top - 6,
        "text-anchor": left ? "end" : "start",
      }, mark.text);
    }
    const dot = [x(calls), y(read(levers.evaluate(table, calls, saved)))];
    element(svg, "circle", { class: "cvm-dot", cx: dot[0], cy: dot[1], r: 6 });
    const right = calls > 0.5 * most;
    // Near the top the mark's own words stand: the figure goes under its dot.
    const below = mark && dot[1] - 12 < f.top + 14;
    const value = read(levers.evaluate(table, calls, saved));
    const told = (value < 0 ? "−" : "") + levers.yuan(Math.abs(value), lang);
    element(svg, "text", {
      class: "cvm-mean-text", x: dot[0] + (below ? 0 : right ? -10 : 10),
      y: dot[1] + (below ? 24 : right ? -12 : 20),
      "text-anchor": below ? "middle" : right ? "end" : "start",
    }, told);
  }

  function drawSide({ side, words, lang }) {
    if (root.dataset.lang !== lang) return;
    const { got, shown } = levers.shownAt(table, facts, settings, lang);
    const alt = (kind) => levers.fill(words[`live.${kind}_alt`], shown);
    const boxOf = (kind) => side.querySelector(`[data-live="${kind}"] .cvm-picture`);
    const today = "calls" in settings
      ? { calls: now.calls, text: words["live.today_mark"] } : null;
    const best = got.best_calls && got.best_calls < got.candidates
      ? { calls: got.best_calls, text: levers.fill(words["live.best_mark"], shown) } : null;
    draw(boxOf("reach"), lang, words, "reach", alt("reach"), (one) => one.value_yuan, today);
    draw(boxOf("gain"), lang, words, "gain", alt("gain"), (one) => one.gain_yuan, best);
  }

  function show(spoken) {
    for (const one of sides) {
      const { side, words, lang } = one;
      const texts = levers.texts(table, facts, settings, words, lang, data.told[lang]);
      parts.showTexts(one, texts);
      side.querySelector('[data-live="reach"] h3').textContent = texts.reach_title;
      side.querySelector('[data-live="gain"] h3').textContent = texts.gain_title;
      if (spoken) one.spoken.textContent = one.title.textContent;
      drawSide(one);
    }
  }

  parts.drawWhenSized(root, () => sides.forEach(drawSide));
  start();
}
