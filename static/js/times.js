// Times move on between two refreshes: what the server wrote as "12s ago" is counted on here, in the same words.
(() => {
  "use strict";
  const UNITS = [["d", 86400], ["h", 3600], ["m", 60], ["s", 1]];

  const coarse = (seconds) => {
    const [unit, size] = UNITS.find(([, size]) => seconds >= size) ?? ["s", 1];
    return `${Math.floor(seconds / size)}${unit}`;
  };

  // The two largest units, as jobs/times.py writes them.
  const span = (seconds) => {
    if (seconds < 10) return `${seconds.toFixed(1).replace(/\.0$/, "")}s`;
    const place = UNITS.findIndex(([, size]) => seconds >= size);
    const [unit, size] = UNITS[place];
    const whole = Math.floor(seconds / size);
    if (unit === "s") return `${whole}s`;
    const [lesser, lesserSize] = UNITS[place + 1];
    return `${whole}${unit} ${String(Math.floor((seconds % size) / lesserSize)).padStart(2, "0")}${lesser}`;
  };

  const clock = (seconds) => (seconds < 3600 ? `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}` : span(seconds));

  // The server's clock decides; ours may be wrong.
  const skew = Date.parse(document.documentElement.dataset.now) - Date.now() || 0;

  const WORDS = {
    ago: (past) => (past < 0 ? `in ${coarse(-past)}` : past < 1 ? "just now" : `${coarse(past)} ago`),
    age: (past) => coarse(Math.max(0, past)),
    span: (past) => span(Math.max(0, past)),
    clock: (past) => clock(Math.max(0, past)),
    countdown: (past) => clock(Math.max(0, -past)),
  };

  const tick = () => {
    const now = Date.now() + skew;
    for (const time of document.querySelectorAll("time[data-as]")) {
      const moment = Date.parse(time.dateTime);
      const words = WORDS[time.dataset.as]((now - moment) / 1000);
      if (time.textContent !== words) time.textContent = words;
    }
  };

  // On hover the reader's own time stands below the exact one.
  document.addEventListener("pointerover", (event) => {
    const time = event.target.closest?.("time[datetime]");
    if (!time || !time.title || time.title.includes("\n")) return;
    const local = new Date(time.dateTime).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "long" });
    time.title = `${time.title}\n${local}`;
  });

  setInterval(tick, 1000);
  document.addEventListener("htmx:afterSwap", tick);
})();
