// The keyboard: it moves, opens and selects. No key changes a job.
(() => {
  "use strict";
  const typing = (element) => element.closest?.("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
  const rows = () => [...document.querySelectorAll("main .tbl tbody tr")].filter((row) => opener(row) && row.offsetParent);
  const opener = (row) => row.querySelector("a[data-open]") ?? row.querySelector("a[href]");
  let going = false;

  const move = (step) => {
    const all = rows();
    const here = all.indexOf(document.activeElement?.closest("tr"));
    const row = all[here < 0 ? (step > 0 ? 0 : all.length - 1) : Math.min(Math.max(here + step, 0), all.length - 1)];
    if (row) opener(row).focus();
  };

  const KEYS = {
    "/": () => document.querySelector("[data-search]")?.focus(),
    "?": () => document.getElementById("keys")?.showModal(),
    r: () => document.dispatchEvent(new Event("jobsite:refresh-now")),
    t: () => document.querySelector(".theme-toggle")?.click(),
    j: () => move(1),
    k: () => move(-1),
    x: () => document.activeElement?.closest("tr")?.querySelector(".pick input")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Escape") {
      if (typing(event.target)) event.target.blur();
      else document.dispatchEvent(new Event("jobsite:clear"));
      return;
    }
    if (typing(event.target) || document.querySelector("dialog[open]")) return;
    if (going) {
      going = false;
      const link = document.querySelector(`.opsnav a[data-key="${CSS.escape(event.key)}"]`);
      if (link) { event.preventDefault(); link.click(); }
      return;
    }
    if (event.key === "g") {
      going = true;
      setTimeout(() => { going = false; }, 1500);
    } else if (KEYS[event.key]) {
      event.preventDefault();
      KEYS[event.key]();
    }
  });
})();
