function (levers, parts, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root || !data.table.axes) return;
  const { table, facts } = data;
  const { element, frame, path, ticksOf } = parts;
  const extraYears = facts.extra_years === undefined ? 1 : facts.extra_years;
  const base = levers.evaluate(table, {});
  const { sides, inputs, settings, start } = parts.form({
    root,
    words: data.words,
    now: { ...table.now, return_rate: table.rate_now },
    settingText: (lever, value, words) => levers.settingText(lever, value, words, extraYears),
    show,
  });

  const percent = (value) => `${Number((100 * value).toFixed(3))}%`;
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
    const input = inputs.return_rate;
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
    if (root.dataset.lang !== lang) return;
    const cap = side.querySelector('[data-live="cap"] .cvm-picture');
    const rates = side.querySelector('[data-live="rates"] .cvm-picture');
    drawCap(cap, got, words, lang);
    drawRates(rates, got, words, lang);
  }

  function show(spoken) {
    const got = levers.evaluate(table, settings);
    for (const one of sides) {
      const { side, words, lang } = one;
      const texts = levers.texts(table, facts, settings, words, lang);
      parts.showTexts(one, texts);
      side.querySelector('[data-live="cap"] h3').textContent = texts.cap_title;
      side.querySelector('[data-live="rates"] h3').textContent = texts.rates_title;
      side.querySelector("[data-outside]").hidden = !got.outside;
      if (spoken) one.spoken.textContent = one.title.textContent;
      drawSide(one, got);
    }
  }

  parts.drawWhenSized(root, () => {
    const got = levers.evaluate(table, settings);
    for (const one of sides) drawSide(one, got);
  });
  start();
}
