function (titles, pictures) {
  "use strict";
  const root = document.getElementById("cvm-page");
  if (!root) return;
  const languages = { zh: "zh-CN", en: "en" };
  const buttons = [...root.querySelectorAll("[data-set-lang]")];
  const selects = [...root.querySelectorAll("select[data-focus]")];

  // The address keeps the state, so that a link shows a colleague the same page. Scripts of a page's
  // levers use it too: what is "" or null is as published and leaves the address. A
  // lever's setting is written once the reader rests: browsers take but a few changes a second.
  const REST_MILLISECONDS = 600;
  let changed = {}, resting;
  const state = {
    asked(name) {
      return new URLSearchParams(window.location.search).get(name);
    },
    rememberSoon(values) {
      Object.assign(changed, values);
      window.clearTimeout(resting);
      resting = window.setTimeout(state.remember, REST_MILLISECONDS, {});
    },
    remember(values) {
      window.clearTimeout(resting);
      const address = new URL(window.location.href);
      for (const [name, value] of Object.entries({ ...changed, ...values })) {
        if (value === "" || value === null || value === undefined) address.searchParams.delete(name);
        else address.searchParams.set(name, String(value));
      }
      changed = {};
      if (address.href !== window.location.href) {
        window.history.replaceState(window.history.state, "", address);
      }
    },
  };
  root.cvmState = state;

  // In JupyterLab arrows and Enter are the notebook's, unless the control that has the focus says so.
  for (const control of root.querySelectorAll("a, button, select, input, summary, [tabindex]")) {
    control.setAttribute("data-lm-suppress-shortcuts", "true");
  }
  window.addEventListener("pagehide", () => state.remember({}));

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

  // Pictures further down come once the browser has nothing else to do: a page that was open for a
  // moment is whole, whatever becomes of its server.
  const opened = performance.now();
  function fetchRest() {
    const fetch = () => {
      const side = root.querySelector(`.cvm-in[data-in="${root.dataset.lang}"]`);
      for (const image of side.querySelectorAll('img[loading="lazy"]')) image.loading = "eager";
      fetchForPaper();
    };
    const idle = window.requestIdleCallback || window.setTimeout;
    window.setTimeout(() => idle(fetch), Math.max(0, 2000 - (performance.now() - opened)));
  }
  window.addEventListener("load", fetchRest);

  const asked = state.asked("lang");
  setLanguage(Object.hasOwn(languages, asked || "") ? asked : root.dataset.lang);
  if (selects.length && state.asked("focus")) setFocus(state.asked("focus"));

  const told = root.querySelector(".cvm-told");
  function tell(key) {
    const words = JSON.parse(root.querySelector("script[data-told]").textContent);
    told.textContent = words[key][root.dataset.lang];
    window.setTimeout(() => { told.textContent = ""; }, 6000);
  }
  root.querySelector("[data-copy-link]")?.addEventListener("click", async () => {
    state.remember({ lang: root.dataset.lang });
    try {
      await navigator.clipboard.writeText(window.location.href);
      tell("link_copied");
    } catch {
      tell("link_shown"); // a browser that keeps the clipboard to itself
    }
  });
  root.querySelector("[data-print]")?.addEventListener("click", async () => {
    await Promise.allSettled(fetchForPaper().map((image) => image.decode()));
    window.print();
  });

  for (const button of root.querySelectorAll("[data-save]")) {
    button.addEventListener("click", async () => {
      const panel = button.closest("article");
      const link = document.createElement("a");
      link.download = `${root.dataset.page}-${button.dataset.save}-${root.dataset.lang}.png`;
      link.href = await pictures.draw(panel, panel.querySelector("h3").textContent);
      link.click();
    });
  }

  for (const button of buttons) {
    button.addEventListener("click", () => {
      setLanguage(button.dataset.setLang);
      fetchRest();
      state.remember({ lang: button.dataset.setLang });
    });
  }
  for (const select of selects) {
    select.addEventListener("change", () => {
      setFocus(select.value);
      state.remember({ focus: select.value });
    });
  }

  // Two a row on A4, the texts of the phone's pictures are large enough, those of the wide page's
  // are not. A browser's own printing waits for no picture, so they are here before; within the
  // first seconds of a page it takes those that are shown.
  const forPaper = new Map();
  function fetchForPaper() {
    const side = root.querySelector(`.cvm-in[data-in="${root.dataset.lang}"]`);
    for (const shown of side.querySelectorAll("picture img")) {
      if (!forPaper.has(shown.src)) {
        const image = new Image();
        image.src = shown.src;
        forPaper.set(shown.src, image);
      }
    }
    return [...forPaper.values()];
  }
  const sources = [...root.querySelectorAll("picture source")];
  const screens = sources.map((source) => source.media);
  window.addEventListener("beforeprint", () => {
    for (const source of sources) source.media = "not all";
  });
  window.addEventListener("afterprint", () => {
    sources.forEach((source, at) => { source.media = screens[at]; });
  });

  // A served page asks now and then whether its server is there and its figures are in force.
  const notice = root.querySelector(".cvm-server");
  const served = window.location.pathname.match(/^(.*\/)voila\/render\/[^/]+$/);
  const words = root.querySelector("script[data-told]");
  if (served && notice && words) {
    const told = JSON.parse(words.textContent);
    let first, missed = 0;
    const show = (key) => {
      notice.hidden = !key;
      notice.dataset.key = key;
      notice.textContent = key ? told[key][root.dataset.lang] : "";
    };
    const ask = async () => {
      try {
        const answer = await fetch(`${served[1]}cvm/alive`, { cache: "no-store" });
        const { stamp } = await answer.json();
        first = first ?? stamp;
        missed = 0;
        show(stamp && first && stamp !== first ? "renewed" : "");
      } catch {
        missed += 1;
        if (missed > 1) show("server_lost"); // one lost answer is no lost server
      }
    };
    ask();
    window.setInterval(ask, window.cvmAskMilliseconds || 15000);
  }

}
