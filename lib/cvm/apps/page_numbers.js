(() => {
  "use strict";
  // Numbers as cvm.core.money writes them, for the scripts of all pages. A test holds both together.
  const STEPS = { zh: [[1e8, "亿"], [1e4, "万"]], en: [[1e9, "bn"], [1e6, "m"], [1e3, "k"]] };

  function grouped(value, decimals) {
    const [whole, rest] = Math.abs(value).toFixed(decimals).split(".");
    const sign = value < 0 ? "-" : "";
    return sign + whole.replace(/\B(?=(\d{3})+$)/g, ",") + (rest === undefined ? "" : "." + rest);
  }

  function significant(value, digits) {
    if (value === 0) return "0";
    const whole = Math.floor(Math.log10(Math.abs(value))) + 1;
    const text = grouped(value, Math.max(0, digits - whole));
    return text.includes(".") ? text.replace(/0+$/, "").replace(/\.$/, "") : text;
  }

  function number(value, lang, digits = 3) {
    if (!Number.isFinite(value)) return "–";
    const steps = STEPS[lang];
    for (let at = 0; at < steps.length; at += 1) {
      let [size, unit] = steps[at];
      if (Math.abs(value) >= Math.max(0.99995 * size, 9999.5)) {
        let text = significant(value / size, digits);
        if (at && Math.abs(Number(text.replaceAll(",", ""))) * size >= steps[at - 1][0]) {
          [size, unit] = steps[at - 1];
          text = significant(value / size, digits);
        }
        return text + unit;
      }
    }
    return significant(value, Math.abs(value) >= 999.5 ? Math.max(digits, 4) : digits);
  }

  function yuan(value, lang) {
    if (!Number.isFinite(value)) return "–";
    if (lang === "zh") return number(value, lang) + "元";
    return (value < 0 ? "-" : "") + "¥" + number(Math.abs(value), lang);
  }

  const share = (value, decimals = 1) => `${(100 * value).toFixed(decimals)}%`;
  const distance = (value) => (100 * Math.abs(value)).toFixed(2);

  function signedShare(value, decimals = 1) {
    const text = share(Math.abs(value), decimals);
    if (Number.parseFloat(text) === 0) return text;
    return (value > 0 ? "+" : "−") + text;
  }

  const signedYuan = (value, lang) => (value > 0 ? "+" : "−") + yuan(Math.abs(value), lang);

  function fill(template, values) {
    return template.replace(/\{(\w+)\}/g, (whole, name) => (name in values ? values[name] : whole));
  }

  // What a card says of its figure's target; the same rule as cvm.views.targets.
  function judged(targets, figure, value) {
    const goal = targets[figure];
    if (!goal || !Number.isFinite(value)) return { target: "", target_tone: "" };
    const beyond = goal.bound === "at_most" ? value - goal.value : goal.value - value;
    const tone = beyond <= goal.slack ? "good" : "bad";
    return { target: goal[tone], target_tone: tone };
  }

  // Marsaglia (2004): a series of terms of one sign, exact to the last digits.
  function normal(x) {
    if (x > 8) return 1;
    if (x < -8) return 0;
    let sum = x, term = x;
    for (let k = 3; Math.abs(term) > 1e-17 * Math.abs(sum) && k < 400; k += 2) {
      term *= (x * x) / k;
      sum += term;
    }
    return 0.5 + sum * Math.exp(-0.5 * x * x - 0.9189385332046727);
  }

  return {
    number, grouped, yuan, share, distance, signedShare, signedYuan, fill, judged, normal,
  };
})()
