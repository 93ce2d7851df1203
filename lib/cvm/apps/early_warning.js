function (levers, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root || !data.table.customers) return;
  const { table, facts } = data;
  const languages = Object.keys(data.words);
  const now = levers.settingsNow(table, facts);
  const settings = {};

  // One set of controls a language; both follow the same settings.
  const sides = languages.map((lang) => {
    const side = root.querySelector(`.cvm-in[data-in="${lang}"]`);
    const hero = side.querySelector(".cvm-hero");
    return {
      lang,
      side,
      hero,
      words: data.words[lang],
      title: hero.querySelector("h1"),
      sentence: hero.querySelector("h1").textContent,
      tone: hero.dataset.tone,
      spoken: side.querySelector("[data-spoken]"),
      reset: side.querySelector("[data-reset]"),
      inputs: [...side.querySelectorAll("input[data-lever]")],
    };
  });
  const known = {};
  for (const input of sides[0].inputs) known[input.dataset.lever] = input;

  function set(lever, value) {
    const step = Number(known[lever].step);
    // The slider stops at its steps; today's setting may lie between two.
    if (Math.abs(value - now[lever]) < step / 1e3) delete settings[lever];
    else settings[lever] = value;
    for (const { inputs, words } of sides) {
      for (const input of inputs) {
        if (input.dataset.lever !== lever) continue;
        input.value = String(value);
        const text = levers.settingText(lever, value, words);
        input.setAttribute("aria-valuetext", text);
        const row = input.closest(".cvm-lever");
        row.querySelector("output").textContent = text;
        row.dataset.moved = String(lever in settings);
        const low = Number(input.min), high = Number(input.max);
        const part = high > low ? (Number(input.value) - low) / (high - low) : 0;
        row.style.setProperty("--at", `${100 * part}%`);
      }
    }
  }

  function remember() {
    const address = new URL(window.location.href);
    for (const lever of Object.keys(known)) {
      if (lever in settings) {
        address.searchParams.set(lever, String(Number(settings[lever].toFixed(4))));
      } else {
        address.searchParams.delete(lever);
      }
    }
    window.history.replaceState(window.history.state, "", address);
  }

  const ARROWS = { up: "▲", down: "▼" };

  function showCard(side, key, card, words) {
    const box = side.querySelector(`[data-card="${key}"]`);
    if (!box) return;
    const value = box.querySelector(".cvm-value");
    value.replaceChildren(card.value);
    if (card.unit) {
      const unit = document.createElement("small");
      unit.textContent = card.unit;
      value.append(unit);
    }
    const change = box.querySelector(".cvm-change");
    change.dataset.tone = card.tone;
    change.replaceChildren();
    if (card.direction) {
      const arrow = document.createElement("span");
      arrow.setAttribute("aria-hidden", "true");
      arrow.textContent = ARROWS[card.direction];
      change.append(arrow, " ");
    }
    change.append(card.change);
    if (card.direction && card.tone !== "neutral") {
      const judged = document.createElement("span");
      judged.className = "cvm-hidden";
      judged.textContent = ` (${words[`live.${card.tone}`]})`;
      change.append(judged);
    }
    box.querySelector(".cvm-note").textContent = card.note;
  }

  const NS = "http://www.w3.org/2000/svg";

  function element(parent, name, attributes, text) {
    const one = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    parent.append(one);
    return one;
  }

  // Round steps, so that ticks read as money.
  function ticksOf(low, high, most) {
    const rough = (high - low) / most || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 2.5, 5, 10].map((one) => one * power).find((one) => one >= rough);
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1) {
      found.push(at * step);
    }
    return found;
  }

  const path = (points) => points.map(([x, y], at) =>
    `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  function draw(box, lang, words, kind, alt, read, mark) {
    const width = Math.max(260, Math.round(box.clientWidth) || 400);
    const height = Math.min(520, Math.max(280, Math.round(box.clientHeight) || 280));
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", alt);
    box.replaceChildren(svg);
    const most = Number(known.calls.max);
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
    if (side.offsetParent === null) return;
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
      const { side, hero, words, lang } = one;
      const texts = levers.texts(table, facts, settings, words, lang);
      one.title.textContent = texts.sentence || one.sentence;
      hero.dataset.tone = texts.sentence ? texts.tone : one.tone;
      for (const [key, card] of Object.entries(texts.cards)) showCard(side, key, card, words);
      side.querySelector('[data-live="reach"] h3').textContent = texts.reach_title;
      side.querySelector('[data-live="gain"] h3').textContent = texts.gain_title;
      for (const part of side.querySelectorAll("[data-brief]")) {
        const card = texts.cards[part.dataset.brief];
        part.textContent = card.value + card.unit;
        part.dataset.tone = card.tone;
      }
      one.reset.disabled = Object.keys(settings).length === 0;
      if (spoken) one.spoken.textContent = one.title.textContent;
      drawSide(one);
    }
    root.dataset.moved = String(Object.keys(settings).length > 0);
  }

  const query = new URLSearchParams(window.location.search);
  for (const [lever, input] of Object.entries(known)) {
    const asked = query.get(lever);
    const value = asked === null || asked.trim() === "" ? NaN : Number(asked);
    if (Number.isFinite(value)) {
      // The browser holds the value to the slider's bounds and steps.
      input.value = String(value);
      set(lever, Number(input.value));
    } else {
      set(lever, now[lever]);
    }
  }
  for (const { inputs, reset } of sides) {
    for (const input of inputs) {
      input.addEventListener("input", () => {
        set(input.dataset.lever, Number(input.value));
        show(false);
      });
      input.addEventListener("change", () => {
        remember();
        show(true);
      });
    }
    reset.addEventListener("click", () => {
      for (const lever of Object.keys(known)) set(lever, now[lever]);
      remember();
      show(true);
      inputs[0].focus();
    });
  }
  for (const button of root.querySelectorAll("[data-set-lang]")) {
    button.addEventListener("click", () => show(false));
  }
  new ResizeObserver(() => sides.forEach(drawSide)).observe(root);
  show(false);
}
