/* What the remote control has said this wall is to show, the palette of day and night, and what a
 * screen that runs for weeks needs: it shifts a little, reloads at night, and watches its memory. */
(function () {
  "use strict";
  const PATH = "/walls/own", REPEAT = 30e3;
  const KEPT = "zhinao-told";  // over a reload, during which the remote control may take it back
  const SHIFT_EVERY = 4 * 60e3, SHIFTS = [[0, 0], [4, 0], [4, 4], [0, 4], [-4, 4], [-4, 0], [-4, -4], [0, -4], [4, -4]];  // px, against burn-in
  const HEAP = 512e6;  // bytes after which a page is loaded anew
  const state = { known: null, told: null, asking: false, askedAt: 0 };

  const main = () => document.querySelector("main[data-scenes]");
  const set = (id, props) => window.dash_clientside.set_props(id, props);

  function load() {
    try { return JSON.parse(sessionStorage.getItem(KEPT)); } catch { return null; }
  }

  /* The number is null while the server cannot tell: then it is asked seldom, and only at first. */
  document.addEventListener("zhinao:beat", (event) => {
    const sequence = event.detail.walls ?? null;
    const isNew = sequence === null ? state.known === null && performance.now() - state.askedAt > REPEAT : sequence !== state.known;
    if (main() && isNew) ask(sequence);
  });

  async function ask(sequence) {
    if (state.asking) return;
    state.asking = true;
    state.askedAt = performance.now();
    try {
      const reply = await fetch(PATH, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!reply.ok) return;
      apply(await reply.json());
      state.known = sequence;
    } catch {  /* the next heartbeat asks again */
    } finally {
      state.asking = false;
    }
  }

  function apply(told) {
    const isFirst = state.told === null, before = state.told || load() || {};
    const isNew = (name) => told[name] !== (before[name] ?? null) || (isFirst && told[name] !== null);
    state.told = told;
    sessionStorage.setItem(KEPT, JSON.stringify(told));
    zhinaoScenes.hold(told.scene, told.is_paused);
    if (isNew("region")) look(told.region);
    if (isNew("measure") || isNew("is_heat")) zhinaoScenes.colour(told.measure, told.is_heat);
    zhinaoLive.visit(told.occasion === "visit");
    document.documentElement.dataset.occasion = told.occasion;
    document.documentElement.dataset.mode = told.mode;
    document.dispatchEvent(new CustomEvent("zhinao:mode", { detail: told }));
    palette();
  }

  /* The region goes into the viewer's scope, as a click on the map would put it there. */
  function look(region) {
    const { scope, asked } = main().dataset;
    const now = JSON.parse(asked || "{}");
    if (region) now.regions = [region.split(/:(.*)/s).slice(0, 2)]; else delete now.regions;
    const wanted = JSON.stringify(now);
    if (wanted === asked) return;  // the address had it, over a reload
    main().dataset.asked = wanted;
    set(scope, { data: wanted });
  }

  /* ---- day and night ---- */

  function minutes(text) {
    const [hours, rest] = text.split(":").map(Number);
    return 60 * hours + rest;
  }

  function palette() {
    const time = window.zhinao && zhinao.now();
    if (!main() || time === null || time === undefined) return;
    const asked = new URLSearchParams(location.search).get("palette") || (state.told && state.told.palette) || "auto";
    const at = minutes(zhinao.inZone(time, { hour: "2-digit", minute: "2-digit" }));
    const day = minutes(zhinao.settings().day_begins || "07:00"), night = minutes(zhinao.settings().night_begins || "19:00");
    const isDay = day < night ? at >= day && at < night : at >= day || at < night;
    const wanted = asked === "day" || asked === "night" ? asked : isDay ? "day" : "night";
    if (document.documentElement.dataset.palette !== wanted) document.documentElement.dataset.palette = wanted;
  }

  /* ---- weeks ---- */

  function shift() {
    const shell = main() && document.querySelector(".shell");
    if (!shell) return;
    const [x, y] = SHIFTS[Math.floor(performance.now() / SHIFT_EVERY) % SHIFTS.length];
    shell.style.transform = x || y ? `translate(${x}px,${y}px)` : "";
  }

  /* Once a night, and when memory runs full: only while the server answers, else the screen would be
   * empty, and not while a red alert has the screen; the scene is kept. The page is at least an hour
   * old, so that it cannot go round. */
  function reload() {
    const time = window.zhinao && zhinao.now(), isTaken = document.documentElement.classList.contains("is-taken");
    if (!main() || !time || isTaken || !zhinao.isInTouch() || performance.now() < 3600e3) return;
    const at = zhinao.inZone(time, { hour: "2-digit", minute: "2-digit" });
    const heap = performance.memory ? performance.memory.usedJSHeapSize : 0;
    if (at === (zhinao.settings().reload_at || "04:00") || heap > HEAP) location.reload();
  }

  setInterval(() => {
    palette();
    shift();
  }, 1000);
  setInterval(reload, 20e3);
})();
