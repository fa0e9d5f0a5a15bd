/* The scenes of the wall: which one is on screen, when the next one comes, and when each renews its
 * panels. All of them are on the page, so that they go on while the server is away.
 *
 * Who touches the wall stops it for a while; a remote control (walls.js) may hold it. */
(function () {
  "use strict";
  const KEPT = "zhinao-scene";  // over a reload
  const SOONEST = 3000, LATEST = 20000;  // ms after a new edition in which the hidden scenes renew
  const state = { scenes: [], view: {}, at: -1, since: 0, touchedAt: -Infinity, isHeld: false, chosen: false, told: { measure: null, isHeat: null }, fresh: {}, timers: [] };

  const main = () => document.querySelector("main[data-scenes]");
  const current = () => state.scenes[state.at];

  function begin() {
    const told = JSON.parse(main().dataset.scenes), view = zhinao.settings();
    const byKey = Object.fromEntries(told.map((scene) => [scene.key, scene]));
    const order = (view.scenes || []).filter((key) => byKey[key]);
    state.view = { seconds: 40, touch_seconds: 120, ...view };
    state.scenes = order.length ? order.map((key) => byKey[key]) : told;
    state.fresh = {};
    state.at = -1;
    const address = new URLSearchParams(location.search);
    if (address.has("measure") || address.has("heat")) {  // an address that was sent opens as it was
      state.chosen = true;
      touched();
    }
    const asked = address.get("scene") || sessionStorage.getItem(KEPT);
    drawSteps();
    show(Math.max(0, state.scenes.findIndex((scene) => scene.key === asked)));
  }

  function show(at) {
    state.since = performance.now();
    if (at === state.at) return;
    state.at = at;
    const scene = current();
    document.querySelectorAll(".scene").forEach((each) => each.classList.toggle("is-shown", each.dataset.scene === scene.key));
    sessionStorage.setItem(KEPT, scene.key);
    arrange();
    colourFor(scene);
    renewIfOld(scene);
    mark();
    document.dispatchEvent(new CustomEvent("zhinao:scene", { detail: scene }));
  }

  /* Its name, its question, and the map where it has one; in 战时 (incident.js) there always is. */
  function arrange() {
    zhinao.write("scene", current().name);
    zhinao.write("question", current().question);
    main().classList.toggle("is-mapless", !current().has_map && !isWar());
  }

  const isWar = () => main().classList.contains("is-war");

  /* The map shows what its scene is about, until a viewer or the remote control chooses otherwise. */
  function colourFor(scene) {
    if (!scene.has_map || state.chosen) return;
    const { measure, heat } = main().dataset;
    const wanted = state.told.measure ?? scene.measure, isHeat = state.told.isHeat ?? scene.heat;
    if (wanted) set(measure, { value: wanted });
    set(heat, { value: isHeat ? ["heat"] : [] });
  }

  const set = (id, props) => window.dash_clientside.set_props(id, props);

  /* ---- renewing ---- */

  function renew(scene) {
    const data = zhinao.pushed();
    if (!data || !main()) return;
    state.fresh[scene.key] = data.beat;
    set(scene.pulse, { data: { ...data, scale: data.scale * unit(scene) } });
  }

  /* By how much the panels of a scene are larger on a wall of another shape (wall.css). */
  function unit(scene) {
    const column = document.querySelector(`.scene[data-scene="${scene.key}"] > .column`);
    return Number(getComputedStyle(column).getPropertyValue("--u")) || 1;
  }

  function renewIfOld(scene) {
    const data = zhinao.pushed();
    if (data && state.fresh[scene.key] !== data.beat) renew(scene);
  }

  /* The scene on screen at once; the others one after the other, so that no burst arises. */
  function renewAll() {
    state.timers.forEach(clearTimeout);
    renewIfOld(current());
    const hidden = state.scenes.filter((scene) => scene !== current());
    state.timers = hidden.map((scene) => setTimeout(() => renewIfOld(scene), SOONEST + Math.random() * (LATEST - SOONEST)));
  }

  document.addEventListener("zhinao:pulse", () => main() && ready() && renewAll());

  /* ---- rotating ---- */

  const restOfPause = () => 1000 * state.view.touch_seconds - (performance.now() - state.touchedAt);

  function step() {
    if (!ready()) return;
    if (isWar()) state.since = performance.now();  // afterwards the scene has its whole time
    if (!state.isHeld && !isWar() && restOfPause() <= 0) {
      if (state.chosen) letGo();
      if (performance.now() - state.since >= 1000 * state.view.seconds) show((state.at + 1) % state.scenes.length);
    }
    mark();
  }

  function letGo() {
    state.chosen = false;
    state.since = performance.now();
    colourFor(current());
  }

  function touched() {
    if (main()) state.touchedAt = performance.now();
  }
  ["pointerdown", "wheel", "touchstart", "keydown"].forEach((kind) => window.addEventListener(kind, touched, { passive: true, capture: true }));

  document.addEventListener("change", (event) => {
    if (event.target.closest(".map-choice")) state.chosen = true;
  });
  document.addEventListener("keydown", (event) => {
    if (!ready() || event.target.closest("input, button, a")) return;
    const by = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (by) show((state.at + by + state.scenes.length) % state.scenes.length);
  });

  /* ---- the steps beneath the title ---- */

  function drawSteps() {
    const nav = document.querySelector(".steps");
    nav.replaceChildren(...state.scenes.map((scene, at) => {
      const button = Object.assign(document.createElement("button"), { type: "button", title: scene.name });
      button.setAttribute("aria-label", scene.name);
      button.addEventListener("click", () => show(at));
      return button;
    }));
    nav.hidden = state.scenes.length < 2;
  }

  function mark() {
    const nav = document.querySelector(".steps");
    if (!nav) return;
    [...nav.children].forEach((button, at) => button.classList.toggle("is-here", at === state.at));
    nav.classList.toggle("is-paused", state.isHeld || restOfPause() > 0);
  }

  /* The page is another after a click on a link of the footer, without a reload. */
  let seen = null;
  function ready() {
    if (!main() || !window.zhinao || !(window.dash_clientside && window.dash_clientside.set_props)) return false;
    if (seen !== main()) {
      seen = main();
      begin();
    }
    return true;
  }

  setInterval(step, 500);

  /* For the remote control: a scene by its key, which stays (null, or one that this wall does not
   * show = go on), and whether to pause. */
  window.zhinaoScenes = {
    hold(key, isPaused) {
      if (!ready()) return;
      const at = state.scenes.findIndex((scene) => scene.key === key);
      state.isHeld = isPaused || at >= 0;
      if (at >= 0) show(at);
      mark();
    },
    colour(measure, isHeat) {
      if (!ready()) return;
      state.told = { measure, isHeat };
      state.chosen = false;
      colourFor(current());
    },
    arrange: () => current() && arrange(),
    current: () => current() && current().key,
  };

  const known = window.dash_clientside || {};
  window.dash_clientside = Object.assign({}, known, {
    wall: Object.assign({}, known.wall, {
      renew: () => {
        if (!ready()) return window.dash_clientside.no_update;
        state.fresh = {};  // whatever they show is of another scope
        renewAll();
        return window.dash_clientside.no_update;
      },
    }),
  });
})();
