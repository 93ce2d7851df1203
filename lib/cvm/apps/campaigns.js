function (levers, parts, data) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root) return;
  const { rows, told, asked } = data;
  const { sides, settings, start } = parts.form({
    root,
    words: data.words,
    now: levers.settingsNow(rows),
    settingText: levers.settingText,
    show,
  });

  function show(spoken) {
    for (const one of sides) {
      const { side, hero, title, words, lang, spoken: aloud } = one;
      const texts = levers.texts(rows, told[lang], settings, words, lang, asked[lang]);
      title.textContent = texts.sentence;
      hero.dataset.tone = texts.tone;
      for (const [name, cells] of Object.entries(texts.campaigns)) {
        for (const cell of side.querySelectorAll("[data-live-of]")) {
          if (cell.dataset.liveOf === name) cell.textContent = cells[cell.dataset.cell];
        }
      }
      for (const [key, card] of Object.entries(texts.cards)) parts.showCard(one, key, card);
      if (spoken && aloud) {
        const net = [...side.querySelector('[data-card="net"]').querySelectorAll("h3, p")];
        aloud.textContent = net.map((part) => part.textContent).filter(Boolean).join(" · ");
      }
    }
  }

  function choose(name) {
    for (const { side } of sides) {
      const choice = side.querySelector("select[data-choose]");
      if (!choice) continue;
      choice.value = name;
      for (const part of side.querySelectorAll("[data-campaign]")) {
        part.hidden = part.dataset.campaign !== name;
      }
    }
  }

  const choices = [...root.querySelectorAll("select[data-choose]")];
  for (const choice of choices) {
    choice.addEventListener("change", () => {
      choose(choice.value);
      root.cvmState.remember({ campaign: choice.value });
    });
  }
  const wanted = root.cvmState.asked("campaign");
  if (choices.length && [...choices[0].options].some((one) => one.value === wanted)) choose(wanted);
  for (const link of root.querySelectorAll("[data-open]")) {
    link.addEventListener("click", () => {
      choose(link.dataset.open);
      root.cvmState.remember({ campaign: link.dataset.open });
      const side = link.closest(".cvm-in");
      side.querySelector(".cvm-section-detail").scrollIntoView({ block: "start" });
    });
  }
  start();
}
