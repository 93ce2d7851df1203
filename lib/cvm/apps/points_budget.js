function (levers, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root || !data.table.axes) return;
  const { table, facts } = data;
  const languages = Object.keys(data.words);
  const extraYears = facts.extra_years === undefined ? 1 : facts.extra_years;
  const settings = {};
  const base = levers.evaluate(table, {});

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
      outside: side.querySelector("[data-outside]"),
      reset: side.querySelector("[data-reset]"),
      inputs: [...side.querySelectorAll("input[data-lever]")],
    };
  });
  const known = {};
  for (const input of sides[0].inputs) known[input.dataset.lever] = input;
  const nodesOf = (input) => JSON.parse(input.dataset.nodes);

  function valueOf(input) {
    const nodes = nodesOf(input);
    return nodes.length ? nodes[Number(input.value)] : Number(input.value);
  }

  function nowOf(lever) {
    return lever === "return_rate" ? table.rate_now : table.now[lever];
  }

  function rawOf(input, value) {
    const nodes = nodesOf(input);
    if (!nodes.length) return value;
    let nearest = 0;
    nodes.forEach((node, at) => {
      if (Math.abs(node - value) < Math.abs(nodes[nearest] - value)) nearest = at;
    });
    return nearest;
  }

  function set(lever, value) {
    const now = nowOf(lever);
    if (Math.abs(value - now) < 1e-9) delete settings[lever];
    else settings[lever] = value;
    for (const { inputs, words } of sides) {
      for (const input of inputs) {
        if (input.dataset.lever !== lever) continue;
        input.value = String(rawOf(input, value));
        const text = levers.settingText(lever, value, words, extraYears);
        input.setAttribute("aria-valuetext", text);
        const row = input.closest(".cvm-lever");
        row.querySelector("output").textContent = text;
        row.dataset.moved = String(lever in settings);
        const low = Number(input.min), high = Number(input.max);
        row.style.setProperty("--at", `${(100 * (Number(input.value) - low)) / (high - low)}%`);
      }
    }
  }

  function remember() {
    root.cvmState.remember(Object.fromEntries(Object.entries(known).map(([lever, input]) =>
      [input.dataset.name, lever in settings ? Number(settings[lever].toFixed(6)) : null])));
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
    if (card.tone !== "neutral" && card.direction) {
      const judged = document.createElement("span");
      judged.className = "cvm-hidden";
      judged.textContent = ` (${words[`live.${card.tone}`]})`;
      change.append(judged);
    }
    box.querySelector(".cvm-note").textContent = card.note;
    const gauge = box.querySelector(".cvm-gauge");
    if (gauge && card.gauge) {
      gauge.querySelector(".cvm-fill").setAttribute("width", (card.gauge.fill * 120).toFixed(1));
      gauge.setAttribute("aria-label", card.gauge.alt);
      gauge.querySelector("title").textContent = card.gauge.alt;
    }
  }

  const NS = "http://www.w3.org/2000/svg";

  function element(parent, name, attributes, text) {
    const one = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    parent.append(one);
    return one;
  }

  function frame(box, alt) {
    const width = Math.max(260, Math.round(box.clientWidth) || 400);
    const height = Math.min(620, Math.max(280, Math.round(box.clientHeight) || 280));
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", alt);
    box.replaceChildren(svg);
    return { svg, left: 8, right: width - 8, top: 42, bottom: height - 48, width, height };
  }

  function ticksOf(low, high, most) {
    const steps = [0.0005, 0.001, 0.002, 0.0025, 0.005, 0.01, 0.02, 0.05];
    const step = steps.find((one) => (high - low) / one <= most) || 0.1;
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-12; at += 1) {
      found.push(at * step);
    }
    return found;
  }

  const percent = (value) => `${Number((100 * value).toFixed(3))}%`;
  const path = (points) => points.map(([x, y], at) =>
    `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  function drawCap(box, got, words) {
    const cap = table.cap_share;
    const shown = {
      share: levers.share(got.cost_share, 2),
      low: levers.share(got.cost_share_low, 2),
      high: levers.share(got.cost_share_high, 2),
      cap: levers.share(cap, 2),
      chance: levers.chance(got.over_share, words),
    };
    const f = frame(box, levers.fill(words["live.cap_alt"], shown));
    const reach = 3.1;
    const low = Math.min(0.74 * cap, Math.exp(got.middle - reach * got.sd));
    const high = Math.max(1.26 * cap, Math.exp(got.middle + reach * got.sd));
    const x = (value) => f.left + ((f.right - f.left) * (value - low)) / (high - low);
    const density = (value, one) => {
      const z = (Math.log(value) - one.middle) / one.sd;
      return Math.exp(-0.5 * z * z) / (value * one.sd);
    };
    const grid = [];
    for (let at = 0; at <= 160; at += 1) grid.push(low + ((high - low) * at) / 160);
    grid.push(cap);
    grid.sort((a, b) => a - b);
    const moved = Object.keys(settings).length > 0;
    const tallest = Math.max(...grid.map((v) => density(v, got)),
      moved ? Math.max(...grid.map((v) => density(v, base))) : 0);
    const y = (value) => f.bottom - ((f.bottom - f.top) * value) / tallest;
    const area = (values, one, cls) => {
      if (values.length < 2) return;
      const line = values.map((v) => [x(v), y(density(v, one))]);
      element(f.svg, "path", {
        class: cls,
        d: `${path(line)}L${x(values[values.length - 1]).toFixed(1)} ${f.bottom}` +
          `L${x(values[0]).toFixed(1)} ${f.bottom}Z`,
      });
    };
    area(grid.filter((v) => v <= cap), got, "cvm-within");
    area(grid.filter((v) => v >= cap), got, "cvm-beyond");
    if (moved) {
      element(f.svg, "path", {
        class: "cvm-before", d: path(grid.map((v) => [x(v), y(density(v, base))])),
      });
    }
    element(f.svg, "path", {
      class: "cvm-curve", d: path(grid.map((v) => [x(v), y(density(v, got))])),
    });
    element(f.svg, "line", { class: "cvm-axis", x1: f.left, x2: f.right, y1: f.bottom, y2: f.bottom });
    for (const tick of ticksOf(low, high, 6)) {
      const at = x(tick);
      if (at < f.left + 14 || at > f.right - 14) continue;
      element(f.svg, "text", { x: at, y: f.bottom + 20, "text-anchor": "middle" }, percent(tick));
    }
    element(f.svg, "text", { x: f.left, y: f.height - 6 }, words["live.cap_axis"]);
    if (moved) {
      element(f.svg, "text", { x: f.right, y: f.height - 6, "text-anchor": "end" },
        words["live.today_mark"]);
    }
    const capX = x(cap);
    const side = got.cost_share <= cap;
    element(f.svg, "line", { class: "cvm-cap", x1: capX, x2: capX, y1: 14, y2: f.bottom });
    element(f.svg, "text", {
      class: "cvm-cap-text", x: capX + (side ? 6 : -6), y: 16, "text-anchor": side ? "start" : "end",
    }, levers.fill(words["live.cap_mark"], shown));
    const middle = Math.min(Math.max(x(got.cost_share), f.left), f.right);
    element(f.svg, "line", {
      class: "cvm-mean", x1: middle, x2: middle, y1: 24, y2: f.bottom,
    });
    element(f.svg, "text", {
      class: "cvm-mean-text", x: middle + (side ? -6 : 6), y: side ? 16 : 32,
      "text-anchor": side ? "end" : "start",
    }, levers.fill(words["live.expected_mark"], shown));
  }

  function drawRates(box, got, words) {
    const input = known.return_rate;
    const low = Number(input.min), high = Number(input.max);
    const rate = settings.return_rate === undefined ? table.rate_now : settings.return_rate;
    const allowed = 1 - facts.wanted_share;
    const shown = {
      chance: levers.chance(got.over_share, words),
      rate: levers.share(rate, 2),
      kept: levers.share(got.kept_rate, 2),
      allowed: levers.share(allowed, 0),
    };
    const f = frame(box, levers.fill(words["live.rates_alt"], shown));
    f.left = 44;
    const x = (value) => f.left + ((f.right - f.left) * (value - low)) / (high - low);
    const y = (value) => f.bottom - (f.bottom - f.top) * value;
    for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
      element(f.svg, "line", { class: "cvm-grid", x1: f.left, x2: f.right, y1: y(tick), y2: y(tick) });
      element(f.svg, "text", { x: f.left - 8, y: y(tick) + 4, "text-anchor": "end" }, percent(tick));
    }
    for (const tick of ticksOf(low, high, 5)) {
      element(f.svg, "text", { x: x(tick), y: f.bottom + 20, "text-anchor": "middle" }, percent(tick));
    }
    element(f.svg, "text", { x: f.left, y: f.height - 6 }, words["live.rates_axis"]);
    element(f.svg, "text", { x: 8, y: 20 }, words["live.rates_up"]);
    const curve = (others) => {
      const points = [];
      for (let at = 0; at <= 80; at += 1) {
        const one = low + ((high - low) * at) / 80;
        const over = levers.evaluate(table, { ...others, return_rate: one }).over_share;
        points.push([x(one), y(over)]);
      }
      return path(points);
    };
    const others = Object.keys(settings).filter((lever) => lever !== "return_rate");
    if (others.length) {
      element(f.svg, "path", { class: "cvm-before", d: curve({}) });
      element(f.svg, "text", { x: f.right, y: f.height - 6, "text-anchor": "end" },
        words["live.today_mark"]);
    }
    element(f.svg, "line", {
      class: "cvm-cap", x1: f.left, x2: f.right, y1: y(allowed), y2: y(allowed),
    });
    element(f.svg, "text", {
      class: "cvm-cap-text", x: f.left + 4, y: y(allowed) - 6,
    }, levers.fill(words["live.allowed_mark"], shown));
    element(f.svg, "path", { class: "cvm-curve", d: curve(settings) });
    const at = [x(Math.min(Math.max(rate, low), high)), y(got.over_share)];
    element(f.svg, "circle", { class: "cvm-dot", cx: at[0], cy: at[1], r: 6 });
    const left = at[0] > (f.left + f.right) / 2;
    element(f.svg, "text", {
      class: "cvm-mean-text", x: at[0] + (left ? -12 : 12), y: at[1] + (got.over_share > 0.9 ? 22 : 4),
      "text-anchor": left ? "end" : "start",
    }, `${shown.rate} · ${shown.chance}`);
  }

  function drawSide({ side, words, lang }, got) {
    if (side.offsetParent === null) return;
    const cap = side.querySelector('[data-live="cap"] .cvm-picture');
    const rates = side.querySelector('[data-live="rates"] .cvm-picture');
    drawCap(cap, got, words, lang);
    drawRates(rates, got, words, lang);
  }

  function show(spoken) {
    const got = levers.evaluate(table, settings);
    for (const one of sides) {
      const { side, hero, words, lang } = one;
      const texts = levers.texts(table, facts, settings, words, lang);
      one.title.textContent = texts.sentence || one.sentence;
      hero.dataset.tone = texts.sentence ? texts.tone : one.tone;
      for (const [key, card] of Object.entries(texts.cards)) showCard(side, key, card, words);
      side.querySelector('[data-live="cap"] h3').textContent = texts.cap_title;
      side.querySelector('[data-live="rates"] h3').textContent = texts.rates_title;
      for (const part of side.querySelectorAll("[data-brief]")) {
        part.textContent = texts.cards[part.dataset.brief].value + texts.cards[part.dataset.brief].unit;
        part.dataset.tone = texts.cards[part.dataset.brief].tone;
      }
      one.outside.hidden = !got.outside;
      one.reset.disabled = Object.keys(settings).length === 0;
      if (spoken) one.spoken.textContent = one.title.textContent;
      drawSide(one, got);
    }
    root.dataset.moved = String(Object.keys(settings).length > 0);
  }

  for (const [lever, input] of Object.entries(known)) {
    const asked = root.cvmState.asked(input.dataset.name);
    const value = asked === null || asked.trim() === "" ? NaN : Number(asked);
    if (Number.isFinite(value)) {
      // The browser holds the value to the slider's bounds and steps.
      input.value = String(rawOf(input, value));
      const held = valueOf(input);
      const now = nowOf(lever);
      set(lever, Math.abs(held - now) < Number(input.step) / 1e3 ? now : held);
    } else {
      set(lever, nowOf(lever));
    }
  }
  for (const { inputs, reset } of sides) {
    for (const input of inputs) {
      input.addEventListener("input", () => {
        const lever = input.dataset.lever;
        const held = valueOf(input), now = nowOf(lever);
        set(lever, Math.abs(held - now) < Number(input.step) / 1e3 ? now : held);
        show(false);
      });
      input.addEventListener("change", () => {
        remember();
        show(true);
      });
    }
    reset.addEventListener("click", () => {
      for (const lever of Object.keys(known)) set(lever, nowOf(lever));
      remember();
      show(true);
      inputs[0].focus();
    });
  }
  for (const button of root.querySelectorAll("[data-set-lang]")) {
    button.addEventListener("click", () => show(false));
  }
  new ResizeObserver(() => {
    const got = levers.evaluate(table, settings);
    for (const one of sides) drawSide(one, got);
  }).observe(root);
  show(false);
}
