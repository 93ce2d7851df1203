function (titles) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root) return;
  const languages = { zh: "zh-CN", en: "en" };
  const buttons = [...root.querySelectorAll("[data-set-lang]")];
  const selects = [...root.querySelectorAll("select[data-focus]")];

  // The address keeps the state, so that a link shows a colleague the same page.
  function remember(name, value) {
    const address = new URL(window.location.href);
    if (value) address.searchParams.set(name, value);
    else address.searchParams.delete(name);
    window.history.replaceState(window.history.state, "", address);
  }

  function setLanguage(lang) {
    root.dataset.lang = lang;
    if (document.body.contains(root)) {
      document.documentElement.lang = languages[lang];
      document.title = titles[lang];
    }
    for (const button of buttons) {
      button.setAttribute("aria-pressed", String(button.dataset.setLang === lang));
    }
  }

  function setFocus(key) {
    for (const select of selects) {
      const panel = select.closest(".cvm-drill");
      const figures = JSON.parse(panel.querySelector('script[type="application/json"]').textContent);
      const known = Object.prototype.hasOwnProperty.call(figures, key) ? key : "";
      select.value = known;
      panel.querySelectorAll("dl dd").forEach((cell, place) => {
        cell.textContent = figures[known][place];
      });
    }
  }

  const home = root.querySelector("[data-home]");
  if (home && /\/voila\/render\/[^/]+$/.test(window.location.pathname)) {
    home.href = new URL(home.dataset.home, window.location.href).href;
  }

  const query = new URLSearchParams(window.location.search);
  const asked = query.get("lang");
  setLanguage(Object.hasOwn(languages, asked || "") ? asked : root.dataset.lang);
  if (selects.length && query.get("focus")) setFocus(query.get("focus"));

  for (const button of buttons) {
    button.addEventListener("click", () => {
      setLanguage(button.dataset.setLang);
      remember("lang", button.dataset.setLang);
    });
  }
  for (const select of selects) {
    select.addEventListener("change", () => {
      setFocus(select.value);
      remember("focus", select.value);
    });
  }
}
