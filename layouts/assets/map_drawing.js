/* By what the map is drawn, and that it is: by the GPU (plotly's MapLibre), or, where WebGL is
 * missing or only computed, by canvas_map.js. The tab keeps what was decided; the address may say
 * `?map=webgl`, `?map=canvas`, or `?map=auto` to decide anew. What is on the map is the same.
 *
 * A map that is not shown is not drawn; it takes up the newest figure when it is shown again.
 */
(function () {
  "use strict";
  const KEPT = "zhinao-map-drawing";
  const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
  const SLOW_FIRST = 3000, SLOW_FRAME = 250;  // ms
  const LOST = 5000;      // ms in which a lost context may come back
  const LATE = 15000;     // ms in which plotly makes its map, or never will
  const SHAPES = 3;       // GeoJSON addresses that plotly keeps
  const SETTLE = 150;     // ms after a change of size
  const NOTHING = { data: [], layout: {} };
  const REASONS = {
    asked: "按网址的指定", missing: "本机没有可用的显卡加速", software: "本机没有可用的显卡加速",
    slow: "本机显卡绘制过慢", lost: "显卡环境丢失，没有恢复",
  };
  const state = { decided: null, figure: null, shown: null, ids: null, canvas: null, watched: null, observed: null, wasHidden: true, settling: null };

  /* ---- what decides ---- */

  function decided() {
    if (!state.decided) keep(asked() || possible(kept(sessionStorage)) || judged());
    return state.decided;
  }

  /* A driver may have gone since. */
  const possible = (decision) => (decision && (decision.drawing === "canvas" || !trouble(false)) ? decision : null);

  function asked() {
    const drawing = new URLSearchParams(location.search).get("map");
    if (drawing === "auto") return judged();
    return ["webgl", "canvas"].includes(drawing) ? possible({ drawing, why: "asked" }) : null;
  }

  function judged() {
    const why = trouble(true);
    return why ? { drawing: "canvas", why } : { drawing: "webgl", why: null };
  }

  /* Why not by WebGL; null where nothing speaks against it. MapLibre needs its second version. */
  function trouble(isStrict) {
    const probe = document.createElement("canvas");
    const context = probe.getContext("webgl2", { failIfMajorPerformanceCaveat: false });
    if (!context) return "missing";
    const told = context.getExtension("WEBGL_debug_renderer_info");
    const renderer = String(told && context.getParameter(told.UNMASKED_RENDERER_WEBGL));
    context.getExtension("WEBGL_lose_context")?.loseContext();
    if (!isStrict) return null;
    const fast = document.createElement("canvas").getContext("webgl2", { failIfMajorPerformanceCaveat: true });
    fast?.getExtension("WEBGL_lose_context")?.loseContext();
    return SOFTWARE.test(renderer) || !fast ? "software" : null;
  }

  /* The tab keeps it for itself, and the browser for the page that tells it. */
  function keep(decision) {
    state.decided = decision;
    for (const storage of [sessionStorage, localStorage]) storage.setItem(KEPT, JSON.stringify(decision));
  }

  function kept(storage) {
    try {
      const decision = JSON.parse(storage.getItem(KEPT));
      return decision && ["webgl", "canvas"].includes(decision.drawing) ? decision : null;
    } catch {
      return null;
    }
  }

  /* What the status line says; on a machine that drew no map yet, what it would do. */
  function told() {
    const { drawing, why } = kept(localStorage) || judged();
    const by = drawing === "webgl" ? "GPU 绘制" : "软件绘制";
    return `地图：${by}${REASONS[why] ? `（${REASONS[why]}）` : ""}`;
  }

  /* ---- drawing ---- */

  function draw(figure, frame) {
    const room = document.getElementById(frame);
    state.figure = figure;
    state.ids = { graph: room.dataset.graph, canvas: room.dataset.canvas };
    if (state.observed !== room) observe(room);
    present();
  }

  function observe(room) {
    state.observer?.disconnect();
    state.observed = room;
    state.observer = new ResizeObserver(() => {
      clearTimeout(state.settling);
      state.settling = setTimeout(present, state.wasHidden ? 0 : SETTLE);
    });
    state.observer.observe(room);
  }

  function present() {
    const wide = state.observed.clientWidth, high = state.observed.clientHeight;
    const wasHidden = state.wasHidden;
    state.wasHidden = !wide || !high;
    if (state.wasHidden || !state.figure) return;
    if (wasHidden) moved();  // names that came meanwhile have no place yet
    const { drawing } = decided(), size = `${wide} ${high} ${window.devicePixelRatio} ${drawing}`;
    if (state.shown === state.figure && state.size === size) return;
    Object.assign(state, { shown: state.figure, size });
    state.observed.dataset.drawing = drawing;
    const figure = fitted(state.isPlain ? plainOf(state.figure) : state.figure, wide, high);
    state.given = { ...figure.layout.map };
    if (state.revision !== figure.layout.uirevision) state.isMoved = false;
    state.revision = figure.layout.uirevision;
    if (state.isMoved && map()) Object.assign(figure.layout.map, view());  // the viewer's own stays
    if (drawing === "canvas") canvas().show(figure);
    else {
      window.dash_clientside.set_props(state.ids.graph, { figure });
      forgetAllBut(figure.data[0].geojson);
      watch(performance.now());
    }
  }

  function canvas() {
    const room = document.getElementById(state.ids.canvas);
    if (!state.canvas || state.canvas.room !== room) {
      state.canvas?.remove();
      state.canvas = new window.CanvasMap(room, { click, drawn: () => say("drawn"), moved: (isViewer) => { state.isMoved ||= isViewer; moved(); } });
    }
    return state.canvas;
  }

  const say = (what) => document.dispatchEvent(new CustomEvent(`zhinao:map-${what}`));
  const moved = () => say("moved");
  const click = (code) => window.dash_clientside.set_props(state.ids.graph, { clickData: { points: [{ location: code }] } });

  /* The figure without values: the polygons and nothing that they mean, neither filled nor chosen. */
  function plainOf(figure) {
    const [polygons, density] = figure.data, { line } = polygons.marker;
    const thinnest = Array.isArray(line.width) ? line.width.indexOf(Math.min(...line.width)) : -1;
    const same = thinnest < 0 ? line : { width: line.width[thinnest], color: line.color[thinnest] };
    const plain = { ...polygons, z: polygons.z.map(() => -1), marker: { ...polygons.marker, opacity: 1, line: same } };
    return { ...figure, data: [plain, { ...density, lon: [], lat: [], z: [], visible: false }] };
  }

  /* The figure with the zoom at which its box fills this room, below the controls. */
  function fitted(figure, wide, high) {
    const { layout } = figure, { around, radius_zoom: radiusZoom } = layout.meta;
    const above = state.focus ? around : Math.max(layout.meta.above, controlsEnd() + around / 2);
    const [west, south, east, north] = state.focus || layout.meta.box;
    const height = Math.max(mercator(north) - mercator(south), 1e-6) / (2 * Math.PI);
    const across = (wide - 2 * around) / Math.max((east - west) / 360, 1e-6);
    const below = state.focus ? around : Math.max(around, footRoom());
    const world = Math.max(1, Math.min(across, (high - above - below) / height));
    const shift = ((above - below) / 2 / world) * 2 * Math.PI;
    const lat = (Math.atan(Math.sinh((mercator(south) + mercator(north)) / 2 + shift)) * 180) / Math.PI;
    const zoom = Math.round(1000 * Math.log2(world / 512)) / 1000;
    const map = { ...layout.map, center: { lon: (west + east) / 2, lat }, zoom };
    const [polygons, density] = figure.data;
    const heat = { ...density, radius: density.radius * 2 ** (zoom - radiusZoom) };
    return { data: [polygons, heat], layout: { ...layout, map } };
  }

  /* Where the choice of colours ends: lower on a wall of another shape, and where it wraps. */
  function controlsEnd() {
    const choice = state.observed.querySelector(".map-choice");
    return choice ? choice.offsetTop + choice.offsetHeight : 0;
  }

  /* What the stylesheet keeps free at the foot, given in rem: the legend of a joined wall lies there. */
  function footRoom() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    return rem * Number(getComputedStyle(state.observed).getPropertyValue("--below"));
  }

  const mercator = (lat) => Math.asinh(Math.tan((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180));

  /* ---- WebGL, and what may go wrong with it ---- */

  /* Plotly keeps the shapes of every address that it ever saw. */
  function forgetAllBut(url) {
    state.urls = [url, ...(state.urls || []).filter((each) => each !== url)].slice(0, SHAPES);
    const assets = window.PlotlyGeoAssets || {};
    for (const each of Object.keys(assets)) if (each.startsWith("/geometry/") && !state.urls.includes(each)) delete assets[each];
  }

  function mapLibre() {
    const frame = state.ids && document.getElementById(state.ids.graph);
    const plot = frame && (frame.classList.contains("js-plotly-plot") ? frame : frame.querySelector(".js-plotly-plot"));
    const layout = plot && plot._fullLayout;
    return (layout && layout.map && layout.map._subplot && layout.map._subplot.map) || null;
  }

  function watch(began) {
    clearTimeout(state.waiting);
    const map = mapLibre();
    if (!map) {
      if (performance.now() - began > LATE) fallBack("missing");
      else state.waiting = setTimeout(() => watch(began), 50);
      return;
    }
    if (map === state.watched) return;
    state.watched = map;
    map.on("move", moved);
    map.on("wheel", () => { state.isMoved = true; });  // its moves do not say whose they are
    map.on("movestart", (event) => { state.isMoved ||= Boolean(event.originalEvent); });
    map.on("resize", moved);
    map.on("idle", () => say("drawn"));
    moved();
    map.on("webglcontextlost", () => { state.losing = setTimeout(() => state.watched === map && fallBack("lost"), LOST); });
    map.on("webglcontextrestored", () => clearTimeout(state.losing));
    if (decided().why !== "asked") map.once("idle", () => state.watched === map && judge(map, began));
  }

  /* Measured from where both the figure and its shapes were there: a slow network is no slow GPU.
   * Who does not look at the page gets no frames, and is not judged. */
  function judge(map, began) {
    if (document.hidden) return;
    const loads = performance.getEntriesByName(new URL(state.figure.data[0].geojson, location).href);
    const loaded = Math.max(began, ...loads.map((load) => load.responseEnd));
    if (performance.now() - loaded > SLOW_FIRST || frameOf(map) > SLOW_FRAME) fallBack("slow");
  }

  /* The fastest of three frames in ms; reading a pixel waits until the GPU is through. */
  function frameOf(map) {
    const pen = map.painter.context.gl, pixel = new Uint8Array(4);
    const frames = [1, 2, 3].map(() => {
      const began = performance.now();
      map.redraw();
      pen.readPixels(0, 0, 1, 1, pen.RGBA, pen.UNSIGNED_BYTE, pixel);
      return performance.now() - began;
    });
    return Math.min(...frames);
  }

  function fallBack(why) {
    keep({ drawing: "canvas", why });
    state.watched = null;
    window.dash_clientside.set_props(state.ids.graph, { figure: NOTHING });
    present();
  }

  /* ---- what others ask of the map ---- */

  function view() {
    const { lon, lng, lat } = map().getCenter();
    return { center: { lon: lon ?? lng, lat }, zoom: map().getZoom() };
  }

  const map = () => (state.decided && state.decided.drawing === "canvas" ? state.canvas : mapLibre());

  window.wallMap = {
    /* Where [lon, lat] lies on it in px; null while there is no map to be seen. */
    project: (place) => (state.wasHidden ? null : (map()?.project(place) ?? null)),
    getZoom: () => map().getZoom(),
    getCenter: () => view().center,
    isDrawn: () => {
      const drawn = map();
      if (!drawn) return false;
      return drawn === state.canvas ? drawn.isDrawn : drawn.loaded() && drawn.getLayersOrder().some((layer) => layer.endsWith("-fill"));
    },
    hasPolygonAt: (place) => {
      const at = window.wallMap.project(place), drawn = map();
      if (!at) return false;
      return drawn === state.canvas ? drawn.codeAt(at.x, at.y) !== null : drawn.queryRenderedFeatures(at).length > 0;
    },
    /* Show that box [west, south, east, north] and nothing round it; null = all again. */
    focus(box) {
      if (JSON.stringify(box) === JSON.stringify(state.focus || null)) return;
      Object.assign(state, { focus: box, isMoved: false, shown: null });
      if (state.observed) present();
    },
    /* Whether it says nothing but where things are, whatever else it was to show. */
    plain(isPlain) {
      if (isPlain === Boolean(state.isPlain)) return;
      Object.assign(state, { isPlain, shown: null });
      if (state.observed) present();
    },
    given: () => state.given,  // {center, zoom} until the viewer moves it
    figure: () => state.shown,
    drawing: () => decided().drawing,
    canvas: () => state.canvas,
  };

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    map: {
      draw: (figure, frame) => {
        if (figure) draw(figure, frame);
        return window.dash_clientside.no_update;
      },
      told: () => told(),
    },
  });
})();
