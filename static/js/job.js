// The log of a job that runs: lines are appended, and the newest is kept in view until the reader scrolls up.
(() => {
  "use strict";
  const MOST_LINES = 2000;
  const lines = document.getElementById("lines");
  if (!lines) return;
  const button = document.getElementById("follows");
  const state = document.querySelector(".follow");
  let follows = Boolean(button);
  // The last line there was when the reader stopped.
  let stopped = null;

  const written = () => [...lines.querySelectorAll("[data-at]")];
  const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
  const toEnd = () => { lines.scrollTop = lines.scrollHeight; };

  const tell = () => {
    if (!button) return;
    button.setAttribute("aria-pressed", String(follows));
    state.classList.toggle("stopped", !follows);
    const all = written();
    const missed = all.length - 1 - all.indexOf(stopped);
    const words = follows ? "Following" : stopped && missed ? `Stopped, ${missed} new below` : "Stopped";
    const word = state.querySelector(".word");
    if (word.textContent !== words) word.textContent = words;
  };

  const follow = (on) => {
    follows = on;
    stopped = on ? null : written().at(-1);
    if (on) toEnd();
    tell();
  };

  lines.addEventListener("htmx:configRequest", (event) => {
    const last = written().at(-1);
    if (last) event.detail.parameters.after = last.dataset.at;
  });
  lines.addEventListener("htmx:afterSwap", () => {
    const all = lines.children;
    if (follows) {
      // Above what is in view nobody reads; the whole is to be had as text.
      while (all.length > MOST_LINES) all[0].remove();
      toEnd();
    }
    document.getElementById("log-count").textContent = `${written().length} lines`;
    tell();
  });
  lines.addEventListener("scroll", () => { if (button && isAtEnd() !== follows) follow(isAtEnd()); }, { passive: true });
  // Once it has ended there is nothing more to follow.
  document.getElementById("live").addEventListener("htmx:afterSwap", (event) => {
    if (!button || !event.currentTarget.querySelector("[data-ended]")) return;
    state.hidden = true;
    button.hidden = true;
  });
  button?.addEventListener("click", () => follow(!follows));
  toEnd();
  tell();
})();
