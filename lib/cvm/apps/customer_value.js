function (levers, parts, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root || !data.table.order) return;
  const { table, told } = data;
  const { element } = parts;
  const VALUES = { pyramid: "customers", cost: "cost_yuan" };
  const asked = root.cvmState.asked("ladder");
  let ladder = table.order.includes(asked) ? asked : table.order[0];
  const { sides, settings, start } = parts.form({
    root, words: data.words, now: levers.settingsNow(table), settingText: levers.settingText, show,
  });

  // Tiers from the highest down: a bar, outlined where it stands at the cuts in force.
  function draw(kind, { side, words, lang }, got, now, alt) {
    const box = side.querySelector(`[data-live="${kind}"] .cvm-picture`);
    const { svg, width, height } = parts.frame(box, alt);
    const { names } = table.of[ladder];
    const values = got.tiers[VALUES[kind]], before = now.tiers[VALUES[kind]];
    const moved = values.some((value, at) => Math.abs(value - before[at]) > 1e-9);
    const most = Math.max(1e-9, ...values, ...before);
    const top = 30, bottom = height - (moved ? 26 : 8), left = 8;
    const step = (bottom - top) / names[lang].length;
    const thick = Math.min(30, step - 26);
    const x = (value) => ((width - left - 8) * value) / most;
    element(svg, "text", { x: left, y: 16 }, words[`live.${kind}_up`]);
    names[lang].forEach((name, place) => {
      const y = top + (names[lang].length - 1 - place) * step;
      element(svg, "text", { class: "cvm-mean-text", x: left, y: y + 13 }, name);
      element(svg, "text", { x: width - 8, y: y + 13, "text-anchor": "end" },
        levers.itemText(kind, place, got, words, lang));
      element(svg, "rect", {
        class: place ? "cvm-bar" : "cvm-bar cvm-bar-none",
        x: left, y: y + 18, width: Math.max(x(values[place]), 1).toFixed(1),
        height: thick.toFixed(1), rx: 3,
      });
      if (Math.abs(values[place] - before[place]) > 1e-9) {
        element(svg, "rect", {
          class: "cvm-bar-before", x: left, y: y + 18,
          width: Math.max(x(before[place]), 1).toFixed(1), height: thick.toFixed(1), rx: 3,
        });
      }
    });
    if (moved) element(svg, "text", { x: left, y: height - 6 }, words["live.now_mark"]);
  }

  function drawSide(one) {
    if (root.dataset.lang !== one.lang) return;
    const texts = levers.texts(table, ladder, settings, one.words, one.lang, told[one.lang]);
    const got = levers.evaluate(table, ladder, settings);
    const now = levers.evaluate(table, ladder, {});
    for (const kind of Object.keys(VALUES)) draw(kind, one, got, now, texts[`${kind}_alt`]);
  }

  function show(spoken) {
    for (const one of sides) {
      const { side, words, lang } = one;
      const texts = levers.texts(table, ladder, settings, words, lang, told[lang]);
      parts.showTexts(one, texts);
      for (const kind of Object.keys(VALUES)) {
        side.querySelector(`[data-live="${kind}"] h3`).textContent = texts[`${kind}_title`];
      }
      for (const set of side.querySelectorAll("fieldset[data-of]")) {
        set.hidden = set.dataset.of !== ladder;
      }
      for (const course of side.querySelectorAll("[data-course]")) {
        course.toggleAttribute("hidden", course.dataset.course !== ladder);
      }
      side.querySelector("select[data-ladder]").value = ladder;
      if (spoken) one.spoken.textContent = one.title.textContent;
      drawSide(one);
    }
  }

  for (const { side } of sides) {
    side.querySelector("select[data-ladder]").addEventListener("change", (event) => {
      ladder = event.target.value;
      root.cvmState.remember({ ladder: ladder === table.order[0] ? null : ladder });
      show(true);
    });
  }
  parts.drawWhenSized(root, () => sides.forEach(drawSide));
  start();
  // The page holds the first ladder's figures; a link may ask for another with no cut moved.
  if (ladder !== table.order[0] && !Object.keys(settings).length) show(false);
}
