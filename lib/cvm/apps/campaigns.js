function (levers, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root) return;
  const { rows, worked } = data;
  const now = levers.settingsNow(rows);
  const settings = {};
  const sides = Object.keys(data.words).map((lang) => {
    const side = root.querySelector(`.cvm-in[data-in="${lang}"]`);
    return {
      lang,
      side,
      words: data.words[lang],
      reset: side.querySelector("[data-reset]"),
      spoken: side.querySelector("[data-spoken]"),
      inputs: [...side.querySelectorAll("input[data-lever]")],
      choice: side.querySelector("select[data-choose]"),
    };
  });
  const known = {};
  for (const input of sides[0].inputs) known[input.dataset.lever] = input;

  function set(lever, value) {
    // The slider stops at its steps; the published setting may lie between two.
    if (Math.abs(value - now[lever]) < Number(known[lever].step) / 1e3) delete settings[lever];
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
        const part = (Number(input.value) - input.min) / (input.max - input.min);
        row.style.setProperty("--at", `${100 * part}%`);
      }
    }
  }

  function remember(key, value) {
    const address = new URL(window.location.href);
    if (value === undefined) address.searchParams.delete(key);
    else address.searchParams.set(key, value);
    window.history.replaceState(window.history.state, "", address);
  }

  function show(spoken) {
    for (const { side, words, lang, reset, spoken: told } of sides) {
      const texts = levers.texts(rows, worked, settings, words, lang);
      for (const [name, cells] of Object.entries(texts.campaigns)) {
        for (const cell of side.querySelectorAll("[data-live-of]")) {
          if (cell.dataset.liveOf === name) cell.textContent = cells[cell.dataset.cell];
        }
      }
      for (const [key, card] of Object.entries(texts.cards)) {
        const box = side.querySelector(`[data-card="${key}"]`);
        if (!box) continue;
        box.querySelector(".cvm-value").firstChild.textContent = card.value;
        box.querySelector(".cvm-note").textContent = card.note;
      }
      if (reset) reset.disabled = Object.keys(settings).length === 0;
      if (spoken && told) told.textContent = side.querySelector('[data-card="net"]').textContent;
    }
    root.dataset.moved = String(Object.keys(settings).length > 0);
  }

  function choose(name) {
    for (const { side, choice } of sides) {
      if (!choice) continue;
      choice.value = name;
      for (const part of side.querySelectorAll("[data-campaign]")) {
        part.hidden = part.dataset.campaign !== name;
      }
    }
  }

  const query = new URLSearchParams(window.location.search);
  for (const [lever, input] of Object.entries(known)) {
    const asked = query.get(lever);
    const value = asked === null || asked.trim() === "" ? NaN : Number(asked);
    if (Number.isFinite(value)) {
      // The browser holds the value to the slider's bounds and steps.
      input.value = String(value);
      set(lever, Number(input.value));
    } else set(lever, now[lever]);
  }
  for (const { inputs, reset, choice } of sides) {
    for (const input of inputs) {
      input.addEventListener("input", () => {
        set(input.dataset.lever, Number(input.value));
        show(false);
      });
      input.addEventListener("change", () => {
        const lever = input.dataset.lever;
        remember(lever, lever in settings ? String(Number(settings[lever].toFixed(4))) : undefined);
        show(true);
      });
    }
    if (reset) {
      reset.addEventListener("click", () => {
        for (const lever of Object.keys(known)) {
          set(lever, now[lever]);
          remember(lever);
        }
        show(true);
        inputs[0].focus();
      });
    }
    if (choice) {
      choice.addEventListener("change", () => {
        choose(choice.value);
        remember("campaign", choice.value);
      });
    }
  }
  const first = sides[0].choice;
  const asked = query.get("campaign");
  if (first && [...first.options].some((one) => one.value === asked)) choose(asked);
  for (const link of root.querySelectorAll("[data-open]")) {
    link.addEventListener("click", () => {
      choose(link.dataset.open);
      remember("campaign", link.dataset.open);
      const side = link.closest(".cvm-in");
      side.querySelector(".cvm-section-detail").scrollIntoView({ block: "start" });
    });
  }
  show(false);
}
