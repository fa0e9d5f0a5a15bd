/* Plotly, 4.8 MB of program, comes when the first graph asks for it; on a wall whose map canvas_map.js
 * draws not before that map is painted, which on a first visit is about half a second sooner. */
(function () {
  "use strict";
  const LATE = 3000;   // ms after which a map that does not come is not waited for
  const AGAIN = 3000;  // ms until the next try
  const url = document.querySelector("meta[name='plotly']").content;
  let coming = null;

  /* Dash takes what stands there, or waits for it where it is a promise. */
  Object.defineProperty(window, "Plotly", {
    configurable: true,
    get: () => (coming ??= mapFirst().then(fetched)),
    set: (value) => Object.defineProperty(window, "Plotly", { value, writable: true }),
  });

  async function mapFirst() {
    await pause(0);  // until the page with the graph stands
    if (!document.querySelector(".map") || window.wallMap.drawing() !== "canvas") return;
    await Promise.race([painted(), pause(LATE)]);
  }

  const pause = (ms) => new Promise((done) => setTimeout(done, ms));
  const painted = () => new Promise((done) => document.addEventListener("zhinao:map-drawn", () => requestAnimationFrame(() => requestAnimationFrame(done)), { once: true }));

  /* A server that is away just now does not leave the wall without it. */
  async function fetched() {
    while (!(await isFetched())) await pause(AGAIN);
    return window.Plotly;
  }

  const isFetched = () => new Promise((done) => {
    document.head.append(Object.assign(document.createElement("script"), { src: url, onload: () => done(true), onerror: () => done(false) }));
  });
})();
