// The question before a group's retry: its button says what happens first, whatever number of canaries is typed; and on a small screen one
// reads from the top, wherever the cursor stands.
(() => {
  "use strict";
  const go = document.querySelector("button[data-count]");
  const canaries = document.getElementById("id_canaries");
  if (!go || !canaries) return;
  if (matchMedia("(max-width: 640px)").matches) requestAnimationFrame(() => scrollTo(0, 0));
  const count = Number(go.dataset.count);
  canaries.addEventListener("input", () => {
    const first = canaries.valueAsNumber;
    if (!(first >= 1)) return;
    go.lastElementChild.textContent =
      first < count ? `Retry ${first.toLocaleString("en")} now, then ${(count - first).toLocaleString("en")}` : `Retry ${count === 1 ? "1 job" : `${count.toLocaleString("en")} jobs`}`;
  });
})();
