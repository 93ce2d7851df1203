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
    setHome(lang);
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
  // A folder of plain files has a list of its own beside the pages.
  const list = document.querySelector('meta[name="cvm-home"]');
  function setHome(lang) {
    if (home && list) home.href = list.content.replace("{lang}", lang);
  }
  if (home && /\/voila\/render\/[^/]+$/.test(window.location.pathname)) {
    home.href = new URL(home.dataset.home, window.location.href).href;
  }

  const query = new URLSearchParams(window.location.search);
  const asked = query.get("lang");
  setLanguage(Object.hasOwn(languages, asked || "") ? asked : root.dataset.lang);
  if (selects.length && query.get("focus")) setFocus(query.get("focus"));

  const told = root.querySelector(".cvm-told");
  function tell(key) {
    const words = JSON.parse(root.querySelector("script[data-told]").textContent);
    told.textContent = words[key][root.dataset.lang];
    window.setTimeout(() => { told.textContent = ""; }, 6000);
  }
  root.querySelector("[data-copy-link]")?.addEventListener("click", async () => {
    try {
      await navigator.clipboard.writeText(window.location.href);
      tell("link_copied");
    } catch {
      tell("link_shown"); // a browser that keeps the clipboard to itself
    }
  });
  root.querySelector("[data-print]")?.addEventListener("click", () => window.print());

  for (const button of root.querySelectorAll("[data-save]")) {
    button.addEventListener("click", async () => {
      const picture = button.closest("article").querySelector("picture img");
      const canvas = document.createElement("canvas");
      await picture.decode();
      canvas.width = picture.naturalWidth * 2;
      canvas.height = picture.naturalHeight * 2;
      const pen = canvas.getContext("2d");
      pen.fillStyle = "#fff";
      pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(picture, 0, 0, canvas.width, canvas.height);
      const link = document.createElement("a");
      link.download = `${root.dataset.page}-${button.dataset.save}-${root.dataset.lang}.png`;
      link.href = canvas.toDataURL("image/png");
      link.click();
    });
  }

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
