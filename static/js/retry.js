// The button of a group's retry says what happens first, whatever number of canaries is typed.
(() => {
  "use strict";
  const go = document.querySelector("button[data-count]");
  const canaries = document.getElementById("id_canaries");
  if (!go || !canaries) return;
  const count = Number(go.dataset.count);
  canaries.addEventListener("input", () => {
    const first = canaries.valueAsNumber;
    if (!(first >= 1)) return;
    go.lastElementChild.textContent =
      first < count ? `Retry ${first.toLocaleString("en")} now, then ${(count - first).toLocaleString("en")}` : `Retry ${count === 1 ? "1 job" : `${count.toLocaleString("en")} jobs`}`;
  });
})();
