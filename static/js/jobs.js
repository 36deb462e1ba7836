// The jobs table: what is selected, what can be done to it, and the preview of an error.
(() => {
  "use strict";
  const live = document.getElementById("live");
  const all = () => [...live.querySelectorAll(".pick input[data-id]")];
  const count = (number) => number.toLocaleString("en-US");

  // The verbs say how many jobs they are possible for; those for none say why in a text beside them.
  const tell = () => {
    const boxes = all();
    const picked = boxes.filter((box) => box.checked);
    const page = live.querySelector(".pick .page");
    if (!page) return;
    page.checked = picked.length > 0 && picked.length === boxes.length;
    page.indeterminate = picked.length > 0 && !page.checked;
    const across = live.querySelector("[name=select_across]");
    const whole = across?.checked ? across.parentElement.textContent.trim() : "";
    live.querySelector(".picked").textContent = picked.length ? (whole ? `${whole} selected` : `${count(picked.length)} selected`) : "";
    const possible = [];
    for (const button of live.querySelectorAll("[data-deed]")) {
      const open = picked.filter((box) => box.dataset.deeds.split(" ").includes(button.dataset.deed)).length;
      if (open || whole) possible.push(button.dataset.label.toLowerCase());
      button.lastChild.textContent = button.dataset.label + (open && !whole ? ` ${count(open)}…` : "…");
      if (open || whole || !picked.length) button.removeAttribute("aria-disabled");
      else button.setAttribute("aria-disabled", "true");
    }
    const buttons = live.querySelectorAll("[data-deed]").length;
    const words = !picked.length || possible.length === buttons ? "" : possible.length ? `Possible here: ${possible.join(", ")}` : "They have ended well: nothing is left to do";
    live.querySelector(".why").textContent = words;
  };

  live.addEventListener("change", (event) => {
    const box = event.target;
    const across = live.querySelector("[name=select_across]");
    if (box.matches(".pick .page")) {
      for (const one of all()) one.checked = box.checked;
    } else if (box === across && box.checked) {
      for (const one of all()) one.checked = true;
    }
    if (across && box !== across && !all().every((one) => one.checked)) across.checked = false;
    tell();
  });
  const unpick = () => {
    for (const box of live.querySelectorAll(".bulk input[type=checkbox], .pick input")) box.checked = false;
    tell();
  };
  live.addEventListener("click", (event) => { if (event.target.closest(".unpick")) unpick(); });
  live.addEventListener("htmx:afterSwap", () => {
    for (const element of live.querySelectorAll("[data-for-scripts]")) element.hidden = false;
    tell();
  });
  window.addEventListener("pageshow", tell);

  // The preview: by hover it comes and goes, by focus too; by a click or a tap it stays until it is closed.
  const preview = document.getElementById("preview");
  let shownFor = null;
  let stays = false;
  let waiting = 0;

  const show = async (button, { stay = false } = {}) => {
    clearTimeout(waiting);
    stays = stay || (stays && button === shownFor);
    if (button !== shownFor || !preview.matches(":popover-open")) {
      hide();
      shownFor = button;
      stays = stay;
      const answer = await fetch(button.dataset.preview, { headers: { "HX-Request": "true" } }).catch(() => null);
      if (shownFor !== button || !button.isConnected) return;
      if (answer?.ok) preview.innerHTML = await answer.text();
      else preview.textContent = "The error could not be read.";
      preview.showPopover();
      button.setAttribute("aria-expanded", "true");
      place(button);
    }
    if (stays) preview.focus();
  };
  const place = (button) => {
    const at = button.getBoundingClientRect();
    const below = at.bottom + preview.offsetHeight + 8 < window.innerHeight;
    preview.style.left = `${Math.max(8, Math.min(at.left - 16, window.innerWidth - preview.offsetWidth - 16))}px`;
    preview.style.top = `${below ? at.bottom + 2 : Math.max(8, at.top - preview.offsetHeight - 2)}px`;
  };
  const hide = () => {
    clearTimeout(waiting);
    shownFor?.setAttribute("aria-expanded", "false");
    if (preview.matches(":popover-open")) preview.hidePopover();
    shownFor = null;
    stays = false;
  };
  const close = () => {
    const button = shownFor;
    const held = preview.contains(document.activeElement);
    hide();
    if (held) button?.focus();
    // The focus has come back to be where it was, not to look again.
    clearTimeout(waiting);
  };
  const soon = (act, milliseconds) => {
    clearTimeout(waiting);
    waiting = setTimeout(act, milliseconds);
  };
  const buttonOf = (event) => event.target.closest?.("[data-preview]");

  document.addEventListener("pointerover", (event) => {
    if (event.pointerType === "touch") return;
    const button = buttonOf(event);
    if (button && button !== shownFor) soon(() => show(button), 250);
    else if (button || preview.contains(event.target)) clearTimeout(waiting);
    else if (!stays && (shownFor || waiting)) soon(() => { if (!stays) hide(); }, 250);
  });
  live.addEventListener("focusin", (event) => {
    const button = buttonOf(event);
    if (button?.matches(":focus-visible") && button !== shownFor) soon(() => show(button), 150);
  });
  document.addEventListener("focusin", (event) => {
    if (shownFor && event.target !== shownFor && !preview.contains(event.target)) hide();
  });
  document.addEventListener("click", (event) => {
    const button = buttonOf(event);
    if (button) show(button, { stay: true });
    else if (event.target.closest?.("[data-closes-preview]")) close();
    else if (shownFor && !preview.contains(event.target)) hide();
  });
  // Before the keys of the page hear of it: the first Esc closes, the next one clears the selection.
  document.addEventListener("keydown", (event) => {
    if (event.key === "Tab" && event.target === shownFor && !event.shiftKey && preview.matches(":popover-open")) {
      event.preventDefault();
      stays = true;
      preview.focus();
    } else if (event.key === "Escape" && shownFor) {
      event.stopImmediatePropagation();
      close();
    }
  }, true);
  document.addEventListener("jobsite:clear", unpick);
  window.addEventListener("scroll", () => { if (shownFor) { if (stays) place(shownFor); else hide(); } }, { passive: true });
  tell();
})();
