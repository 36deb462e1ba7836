// Keeps the live part of a page fresh, and says when it does not: paused, and why, or not reached since when.
(() => {
  "use strict";
  const CHOSEN = "jobsite.refresh";
  const live = document.getElementById("live");
  const control = document.getElementById("refresh");
  if (!live || !control) return;
  const word = control.querySelector(".word");
  const choice = control.querySelector("select");
  const stale = document.getElementById("stale");
  let asked = Date.now();
  let fresh = new Date();
  let underWay = false;
  // Somebody asked while an answer was on its way, which may be older than what they want to see.
  let wantedAgain = false;

  // What the reader has opened, pressed or ticked stays as it is, whatever the server says of it.
  const kept = (name, element) =>
    (name === "open" && element.matches("details, dialog")) || (element.dataset?.keeps ?? "").split(" ").includes(name);
  Idiomorph.defaults.callbacks.beforeAttributeUpdated = (name, element) => !kept(name, element);
  Idiomorph.defaults.ignoreActiveValue = true;

  // Whoever looks decides how often; who has not chosen leaves it to the page, which asks less often once there is less to see.
  const pace = (seconds) => {
    const stored = localStorage.getItem(CHOSEN);
    choice.value = [...choice.options].some((option) => option.value === stored) ? stored : seconds;
  };
  pace(live.dataset.seconds);
  control.hidden = false;

  const reason = () => {
    const selected = live.querySelectorAll(".pick input[data-id]:checked").length;
    if (!navigator.onLine) return "Paused, no network";
    if (document.hidden) return "Paused, not in view";
    if (selected) return `Paused, ${selected} selected`;
    if (document.querySelector("dialog[open], .pv:popover-open, [data-pauses-refresh]")) return "Paused, something is open";
    return "";
  };

  const tell = () => {
    const why = reason();
    control.dataset.state = choice.value === "0" ? "off" : why ? "paused" : "on";
    const words = choice.value === "0" ? "Off" : why || "Live";
    if (word.textContent !== words) word.textContent = words;
    return control.dataset.state === "on";
  };

  const refresh = () => {
    if (underWay) {
      wantedAgain = true;
      return;
    }
    wantedAgain = false;
    asked = Date.now();
    htmx.trigger(live, "jobsite:refresh");
  };

  const failed = () => {
    live.classList.add("dimmed");
    if (stale.hidden) {
      stale.textContent = `Not refreshed, as of ${fresh.toLocaleTimeString("en-GB")}. `;
      const again = document.createElement("button");
      again.className = "btn s";
      again.type = "button";
      again.textContent = "Retry";
      again.addEventListener("click", refresh);
      stale.append(again);
      stale.hidden = false;
    }
  };

  live.addEventListener("htmx:configRequest", (event) => {
    if (event.target === live) event.detail.headers["If-None-Match"] = `"${live.dataset.version}"`;
  });
  live.addEventListener("htmx:beforeRequest", (event) => { if (event.target === live) underWay = true; });
  live.addEventListener("htmx:afterRequest", (event) => {
    if (event.target !== live) return;
    underWay = false;
    if (wantedAgain) setTimeout(refresh);
    if (!event.detail.successful) return failed();
    fresh = new Date();
    live.classList.remove("dimmed");
    stale.hidden = true;
  });
  // Between asking and the answer something may have been ticked or opened: the answer is then let go, and asked for again afterwards.
  live.addEventListener("htmx:beforeSwap", (event) => {
    if (event.target === live && reason()) event.detail.shouldSwap = false;
  });
  // What was let go is not what is shown: only of what stands there now the server may say that it has not changed.
  live.addEventListener("htmx:afterSwap", (event) => {
    if (event.target !== live) return;
    live.dataset.version = event.detail.xhr.getResponseHeader("ETag").replaceAll('"', "");
    pace(event.detail.xhr.getResponseHeader("Refresh-Seconds"));
  });

  setInterval(() => {
    if (tell() && !underWay && Date.now() - asked >= choice.value * 1000) refresh();
  }, 250);
  choice.addEventListener("change", () => {
    localStorage.setItem(CHOSEN, choice.value);
    tell();
  });
  control.querySelector("button").addEventListener("click", refresh);
  document.addEventListener("jobsite:refresh-now", refresh);
  document.addEventListener("visibilitychange", () => { if (!document.hidden && tell()) refresh(); });
  window.addEventListener("online", () => { if (tell()) refresh(); });
  tell();
})();
