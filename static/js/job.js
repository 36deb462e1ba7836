// The log of a job that runs: lines are appended, and the newest is kept in view until the reader scrolls up.
(() => {
  "use strict";
  const MOST_LINES = 2000;
  const lines = document.getElementById("lines");
  if (!lines) return;
  const button = document.getElementById("follows");
  const state = document.querySelector(".follow");
  let follows = Boolean(button);
  let missed = 0;

  const isAtEnd = () => lines.scrollHeight - lines.scrollTop - lines.clientHeight < 24;
  const toEnd = () => { lines.scrollTop = lines.scrollHeight; };

  const tell = () => {
    if (!button) return;
    button.setAttribute("aria-pressed", String(follows));
    state.classList.toggle("stopped", !follows);
    const words = follows ? "Following" : missed ? `Stopped, ${missed} new below` : "Stopped";
    const word = state.querySelector(".word");
    if (word.textContent !== words) word.textContent = words;
  };

  const follow = (on) => {
    follows = on;
    if (on) {
      missed = 0;
      toEnd();
    }
    tell();
  };

  lines.addEventListener("htmx:configRequest", (event) => {
    const last = [...lines.querySelectorAll("[data-at]")].at(-1);
    if (last) event.detail.parameters.after = last.dataset.at;
  });
  lines.addEventListener("htmx:afterSwap", () => {
    const all = lines.children;
    if (follows) {
      // Above what is in view nobody reads; the whole is to be had as text.
      while (all.length > MOST_LINES) all[0].remove();
      toEnd();
    } else {
      missed = [...lines.querySelectorAll("[data-at]")].filter((line) => line.offsetTop - lines.offsetTop > lines.scrollTop + lines.clientHeight).length;
    }
    tell();
  });
  lines.addEventListener("scroll", () => { if (button && isAtEnd() !== follows) follow(isAtEnd()); }, { passive: true });
  button?.addEventListener("click", () => follow(!follows));
  toEnd();
  tell();
})();
