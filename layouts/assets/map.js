/* Labels, pins and rings over the map: HTML placed by the map's own projection, so that they have a
 * halo, a shape and a size in rem; plotly's map text has none of these. */
(function () {
  "use strict";
  let items = [], hooked = null, waiting = null;

  function mapOf(graphId) {
    const frame = document.getElementById(graphId);
    const plot = frame && (frame.classList.contains("js-plotly-plot") ? frame : frame.querySelector(".js-plotly-plot"));
    const layout = plot && plot._fullLayout;
    return layout && layout.map && layout.map._subplot && layout.map._subplot.map;
  }

  function place() {
    const rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const taken = [];
    for (const item of items) {
      const point = hooked.project([item.lon, item.lat]);
      item.element.style.transform = `translate(${point.x}px,${point.y}px)`;
      if (item.kind !== "label") continue;
      const half = { x: item.text.length * 0.72 * rem, y: 0.95 * rem };
      const box = [point.x - half.x, point.y - half.y, point.x + half.x, point.y + half.y];
      const hits = taken.some((other) => box[0] < other[2] && box[2] > other[0] && box[1] < other[3] && box[3] > other[1]);
      item.element.classList.toggle("is-hidden", hits);
      if (!hits) taken.push(box);
    }
  }

  function build(layer, data) {
    layer.replaceChildren();
    items = (data || []).map((item) => {
      const element = document.createElement("div");
      element.className = `map-${item.kind}${item.is_alert ? " is-alert" : ""}`;
      if (item.kind === "label") {
        element.append(Object.assign(document.createElement("span"), { textContent: item.text }));
      } else {
        element.style.setProperty("--mark", `var(--risk-${item.risk})`);
        const shape = Object.assign(document.createElement("img"), { src: item.shape, alt: item.text, className: "shape" });
        element.append(shape);
      }
      layer.append(element);
      return { ...item, element };
    });
  }

  function overlay(data, graphId, layerId) {
    clearTimeout(waiting);
    const layer = document.getElementById(layerId), map = mapOf(graphId);
    if (!layer || !map) {
      waiting = setTimeout(() => overlay(data, graphId, layerId), 100);
      return;
    }
    build(layer, data);
    if (hooked !== map) {
      hooked = map;
      map.on("move", place);
      map.on("resize", place);
    }
    place();
  }

  let lines = [], line = 0, showing = null;
  function step() {
    const element = document.querySelector("[data-show='ticker']");
    if (!element || !lines.length) return;
    const next = element.cloneNode(false);
    next.textContent = lines[line++ % lines.length];
    next.classList.add("is-new");
    element.replaceWith(next);
  }

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    wall: {
      overlay: (data, graphId, layerId) => {
        overlay(data, graphId, layerId);
        return window.dash_clientside.no_update;
      },
      ticker: (data) => {
        lines = data || [];
        if (showing === null) { showing = setInterval(step, 7000); step(); }
        return window.dash_clientside.no_update;
      },
      address: (query) => {
        const url = `${location.pathname}${query ? "?" + query : ""}`;
        if (url !== location.pathname + location.search) history.replaceState(history.state, "", url);
        return window.dash_clientside.no_update;
      },
    },
  });
})();
