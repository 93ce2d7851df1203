(() => {
  "use strict";
  // What all pages with levers share: the sliders of both languages, their settings and the address
  // that keeps them, the cards, and the parts of a chart drawn live.
  const ARROWS = { up: "▲", down: "▼", flat: "●" };
  const NS = "http://www.w3.org/2000/svg";

  const nodesOf = (input) => JSON.parse(input.dataset.nodes || "[]");

  // A slider with settings of its own stands on their places.
  function valueOf(input) {
    const nodes = nodesOf(input);
    return nodes.length ? nodes[Number(input.value)] : Number(input.value);
  }

  function placeOf(input, value) {
    const nodes = nodesOf(input);
    if (!nodes.length) return value;
    const far = nodes.map((node) => Math.abs(node - value));
    return far.indexOf(Math.min(...far));
  }

  // One set of controls a language; both follow the same settings.
  function sidesOf(root, words) {
    return Object.keys(words).map((lang) => {
      const side = root.querySelector(`.cvm-in[data-in="${lang}"]`);
      const hero = side.querySelector(".cvm-hero");
      return {
        lang,
        side,
        hero,
        words: words[lang],
        title: hero.querySelector("h1"),
        sentence: hero.querySelector("h1").textContent,
        tone: hero.dataset.tone,
        spoken: side.querySelector("[data-spoken]"),
        reset: side.querySelector("[data-reset]"),
        inputs: [...side.querySelectorAll("input[data-lever]")],
      };
    });
  }

  // Returns { sides, inputs, settings, start }. `settings` holds the levers that were moved, and
  // `show(spoken)` is asked to show them; `spoken` when a reader of screens should hear it.
  function form({ root, words, now, settingText, show }) {
    const sides = sidesOf(root, words);
    const inputs = {}, settings = {};
    for (const input of sides[0].inputs) inputs[input.dataset.lever] = input;

    function set(lever, asked) {
      // The slider stops at its steps; the published setting may lie between two.
      const near = Math.abs(asked - now[lever]) < Number(inputs[lever].step) / 1e3;
      const value = near ? now[lever] : asked;
      if (near) delete settings[lever];
      else settings[lever] = value;
      for (const one of sides) {
        for (const input of one.inputs) {
          if (input.dataset.lever !== lever) continue;
          input.value = String(placeOf(input, value));
          const text = settingText(lever, value, one.words);
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

    function remember(when = "remember") {
      root.cvmState[when](Object.fromEntries(Object.entries(inputs).map(([lever, input]) =>
        [input.dataset.name, lever in settings ? Number(settings[lever].toFixed(6)) : null])));
    }

    function shown(spoken) {
      for (const { reset } of sides) {
        if (reset) reset.disabled = Object.keys(settings).length === 0;
      }
      root.dataset.moved = String(Object.keys(settings).length > 0);
      show(spoken);
    }

    // A key moves a slider twice over, by "input" and by "change": the page follows once a frame.
    let waiting = false, speak = false;
    function showSoon(spoken) {
      speak = speak || spoken;
      if (waiting) return;
      waiting = true;
      requestAnimationFrame(() => {
        const spoken = speak;
        waiting = speak = false;
        shown(spoken);
      });
    }

    function start() {
      for (const [lever, input] of Object.entries(inputs)) {
        const asked = root.cvmState.asked(input.dataset.name);
        const value = asked === null || asked.trim() === "" ? NaN : Number(asked);
        if (Number.isFinite(value)) {
          // The browser holds the value to the slider's bounds and steps.
          input.value = String(placeOf(input, value));
          set(lever, valueOf(input));
        } else {
          set(lever, now[lever]);
        }
      }
      for (const one of sides) {
        for (const input of one.inputs) {
          input.addEventListener("input", () => {
            set(input.dataset.lever, valueOf(input));
            showSoon(false);
          });
          input.addEventListener("change", () => {
            remember("rememberSoon");
            showSoon(true);
          });
        }
        one.reset?.addEventListener("click", () => {
          for (const lever of Object.keys(inputs)) set(lever, now[lever]);
          remember();
          shown(true);
          one.inputs[0].focus();
        });
      }
      for (const button of root.querySelectorAll("[data-set-lang]")) {
        button.addEventListener("click", () => shown(false));
      }
      // The page holds the published figures already.
      if (Object.keys(settings).length) shown(false);
    }

    return { sides, inputs, settings, start };
  }

  function showValue(box, value, unit) {
    const shown = box.querySelector(".cvm-value");
    shown.replaceChildren(value);
    if (!unit) return;
    const small = document.createElement("small");
    small.textContent = unit;
    shown.append(small);
  }

  function showChange(box, card, words) {
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
  }

  // A card whose target no lever can move keeps what was published.
  function showTarget(box, card) {
    if (card.target === undefined) return;
    const target = box.querySelector(".cvm-target");
    target.textContent = card.target;
    target.dataset.tone = card.target_tone;
  }

  // A course that moves with the levers; as cvm.apps.page_cards draws it, without gaps.
  function showCourse(box, card) {
    const svg = box.querySelector(".cvm-spark");
    if (!svg || card.spark === undefined) return;
    const points = card.spark.map((height, at) =>
      [3 + (at * 114) / (card.spark.length - 1), 3 + (1 - height) * 24]);
    const [x, y] = points[points.length - 1];
    svg.querySelector("polyline").setAttribute("points",
      points.map((point) => point.map((one) => one.toFixed(1)).join(",")).join(" "));
    svg.querySelector("circle").setAttribute("cx", x.toFixed(1));
    svg.querySelector("circle").setAttribute("cy", y.toFixed(1));
    svg.setAttribute("aria-label", card.spark_alt);
    svg.querySelector("title").textContent = card.spark_alt;
  }

  function showCard({ side, words }, key, card) {
    const box = side.querySelector(`[data-card="${key}"]`);
    if (!box) return;
    showValue(box, card.value, card.unit);
    showChange(box, card, words);
    box.querySelector(".cvm-note").textContent = card.note;
    showTarget(box, card);
    showCourse(box, card);
    const gauge = box.querySelector(".cvm-gauge");
    if (gauge && card.gauge) {
      gauge.querySelector(".cvm-fill").setAttribute("width", (card.gauge.fill * 120).toFixed(1));
      gauge.setAttribute("aria-label", card.gauge.alt);
      gauge.querySelector("title").textContent = card.gauge.alt;
    }
  }

  // The page's first sentence, its cards, and the figures that stand beside the sliders.
  function showTexts(one, texts) {
    one.title.textContent = texts.sentence || one.sentence;
    one.hero.dataset.tone = texts.sentence ? texts.tone : one.tone;
    for (const [key, card] of Object.entries(texts.cards)) showCard(one, key, card);
    for (const part of one.side.querySelectorAll("[data-brief]")) {
      const card = texts.cards[part.dataset.brief];
      part.textContent = card.value + card.unit;
      part.dataset.tone = card.tone;
    }
  }

  function element(parent, name, attributes, text) {
    const one = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) one.setAttribute(key, value);
    if (text !== undefined) one.textContent = text;
    parent.append(one);
    return one;
  }

  // How large each chart's box is, as last observed: asking the box itself, after words beside it
  // have changed, would have the browser lay out the page once more for every chart.
  const rooms = new WeakMap();

  // On A4 two charts stand in a row: drawn for that room, their words are as large as on a screen.
  const PAPER = { width: 310, height: 230 };
  let onPaper = false;

  // An empty chart as large as its box, in place of the one that stood there.
  function frame(box, alt) {
    const room = rooms.get(box) || { width: box.clientWidth, height: box.clientHeight };
    const width = onPaper ? PAPER.width : Math.max(260, Math.round(room.width) || 400);
    const height = onPaper
      ? PAPER.height
      : Math.min(620, Math.max(280, Math.round(room.height) || 280));
    const svg = document.createElementNS(NS, "svg");
    svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", alt);
    box.replaceChildren(svg);
    return { svg, left: 8, right: width - 8, top: 42, bottom: height - 48, width, height };
  }

  // Draws the charts when their room changes, and first when the page's figures are on the screen.
  function drawWhenSized(root, draw) {
    const watch = new ResizeObserver((seen) => {
      for (const { target, contentRect } of seen) rooms.set(target, contentRect);
      if (!onPaper) draw();
    });
    for (const [event, paper] of [["beforeprint", true], ["afterprint", false]]) {
      window.addEventListener(event, () => { onPaper = paper; draw(); });
    }
    requestAnimationFrame(() => window.setTimeout(() => {
      for (const box of [root, ...root.querySelectorAll(".cvm-picture")]) watch.observe(box);
    }));
  }

  // Round steps, so that ticks read as money and shares do.
  function ticksOf(low, high, most) {
    const rough = (high - low) / most || 1;
    const power = 10 ** Math.floor(Math.log10(rough));
    const steps = [1, 2, 2.5, 5, 10].map((one) => one * power);
    const step = steps.find((one) => one >= rough * (1 - 1e-9));
    const found = [];
    for (let at = Math.ceil(low / step - 1e-9); at * step <= high + 1e-9 * step; at += 1) {
      found.push(at * step);
    }
    return found;
  }

  const path = (points) => points.map(([x, y], at) =>
    `${at ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`).join("");

  return { form, showTexts, showCard, element, frame, drawWhenSized, ticksOf, path };
})()
