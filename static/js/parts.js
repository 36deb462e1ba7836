// Small things that any page may have: dialogs, menus, copying, wrapping, and what only scripts make sense of.
(() => {
  "use strict";
  const on = (type, selector, act) =>
    document.addEventListener(type, (event) => {
      const element = event.target.closest?.(selector);
      if (element) act(element, event);
    });

  // A disabled button can still be reached, so that its reason can be read; what it does is refused here and on the server.
  on("click", "[aria-disabled=true]", (element, event) => event.preventDefault());
  on("click", "[data-opens]", (element) => document.getElementById(element.dataset.opens)?.showModal());
  on("click", "[data-closes]", (element) => element.closest("dialog")?.close());
  // A click beside a dialog lands on the dialog itself: its content fills it.
  on("click", "dialog[open]", (element, event) => { if (event.target === element) element.close(); });

  // <button data-copies="id of an element">, or with data-text what is copied itself.
  on("click", "[data-copies], [data-text]", async (element) => {
    const text = element.dataset.text ?? document.getElementById(element.dataset.copies)?.textContent ?? "";
    const said = element.getAttribute("aria-label") ?? element.lastChild.textContent;
    try {
      await navigator.clipboard.writeText(text);
      say(element, "Copied");
    } catch {
      say(element, "Not allowed to copy");
    }
    setTimeout(() => say(element, said), 2000);
  });
  const say = (element, words) =>
    element.hasAttribute("aria-label") ? element.setAttribute("aria-label", words) : (element.lastChild.textContent = words);

  // <button aria-pressed data-wraps="id of a pre">
  on("click", "[data-wraps]", (element) => {
    const wraps = document.getElementById(element.dataset.wraps).classList.toggle("wrap");
    element.setAttribute("aria-pressed", String(wraps));
  });

  // Menus close when something else is clicked, and on Esc.
  const closeMenus = (but) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (menu !== but) menu.open = false;
  };
  document.addEventListener("click", (event) => closeMenus(event.target.closest?.("details.menu")));
  document.addEventListener("jobsite:clear", () => closeMenus(null));

  // What changes a form's answer at once need not be sent by a button: <select data-submits>.
  on("change", "[data-submits]", (element) => element.form.requestSubmit());

  for (const element of document.querySelectorAll("[data-for-scripts]")) element.hidden = false;
})();
