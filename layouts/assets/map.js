/* Labels, pins and rings over the map: HTML placed by the projection of whatever draws it
 * (map_drawing.js), so that they have a halo, a shape and a size in rem; plotly's map text has none of these. */
(function () {
  "use strict";
  let items = [];

  /* Steps in rem by which a name may leave its place, the nearest first. */
  const STEPS = [[0, 0], [0, 1.5], [0, -1.5], [0, 2.4], [0, -2.4], [3, 0], [-3, 0], [3, 1.5], [-3, 1.5], [3, -1.5], [-3, -1.5], [0, 3.4], [0, -3.4], [4.4, 0], [-4.4, 0], [4.4, 1.5], [-4.4, 1.5]];

  const CLEAR = 6;  // px on either side of a seam; the wall shifts by 4 against burn-in

  const boxAt = (x, y, wide, high) => [x - wide, y - high, x + wide, y + high];
  const isInside = ([left, top, right, bottom], room) => left >= 0 && top >= 0 && right <= room.clientWidth && bottom <= room.clientHeight;
  const overlap = (a, b) => Math.max(0, Math.min(a[2], b[2]) - Math.max(a[0], b[0])) * Math.max(0, Math.min(a[3], b[3]) - Math.max(a[1], b[1]));

  /* A rem, larger on a wall of another shape (wall.css). */
  function unit() {
    const layer = getComputedStyle(items[0].element.parentElement);
    return parseFloat(getComputedStyle(document.documentElement).fontSize) * (Number(layer.getPropertyValue("--u")) || 1);
  }

  /* Where the displays of the wall meet, as boxes over the map: no name lies there. */
  function seams(layer) {
    const { across, down } = document.querySelector(".shell").dataset, map = layer.getBoundingClientRect();
    const between = (count, whole) => [...Array(Math.max(0, count - 1)).keys()].map((at) => ((at + 1) * whole) / count);
    return [
      ...between(across, innerWidth).map((x) => [x - map.left - CLEAR, 0, x - map.left + CLEAR, map.height]),
      ...between(down, innerHeight).map((y) => [0, y - map.top - CLEAR, map.width, y - map.top + CLEAR]),
    ];
  }

  /* Where 审图号 is written, which must be read: no name lies there, either. */
  function approvals(layer) {
    const map = layer.getBoundingClientRect();
    return [...layer.parentElement.querySelectorAll(".map-approval:not(:empty)")].map((each) => {
      const { left, top, right, bottom } = each.getBoundingClientRect();
      return [left - map.left, top - map.top, right - map.left, bottom - map.top];
    });
  }

  /* A name that stepped out of its own place would name another one. */
  const isAtHome = (x, y, [left, top, right, bottom]) => x >= left && x <= right && y >= top && y <= bottom;
  function boundsOf([west, south, east, north]) {
    const a = window.wallMap.project([west, north]), b = window.wallMap.project([east, south]);
    return [a.x, a.y, b.x, b.y];
  }

  /* A pin stands where its matter is; a name steps aside, and is left out only where it would cover
   * another name or a seam, or be cut off. Where no step is free of pins it takes the one that they cover least. */
  function place() {
    if (!items.length || window.wallMap.project([0, 0]) === null) return;
    items[0].element.parentElement.classList.add("is-placed");
    const rem = unit();
    const pins = [], layer = items[0].element.parentElement;
    const names = [...seams(layer), ...approvals(layer)];
    for (const item of items) {
      item.at = window.wallMap.project([item.lon, item.lat]);
      if (item.bounds) item.own = boundsOf(item.bounds);
      if (item.kind === "pin") pins.push(boxAt(item.at.x, item.at.y, 0.85 * rem, 0.85 * rem));
    }
    for (const item of items) {
      let { x, y } = item.at;
      if (item.kind === "label") {
        const free = freest(item, pins, names, rem);
        item.element.classList.toggle("is-hidden", !free);
        if (!free) continue;
        names.push(free.box);
        [x, y] = [free.x, free.y];
      }
      item.element.style.transform = `translate(${x}px,${y}px)`;
    }
  }

  const lettersOf = (item) => item.text.length + (item.beside ? 1 + String(item.beside.count).length : 0);

  function freest(item, pins, names, rem) {
    let best = null;
    for (const [right, down] of STEPS) {
      const x = item.at.x + right * rem, y = item.at.y + down * rem;
      const box = boxAt(x, y, lettersOf(item) * 0.68 * rem, 0.8 * rem);
      if (!isInside(box, item.element.parentElement) || !isAtHome(x, y, item.own)) continue;
      if (names.some((name) => overlap(box, name) > 0)) continue;
      const covered = pins.reduce((sum, pin) => sum + overlap(box, pin), 0);
      if (best === null || covered < best.covered) best = { x, y, box, covered };
      if (covered === 0) break;
    }
    return best;
  }

  function build(layer, data) {
    layer.replaceChildren();
    items = (data || []).map((item) => {
      const element = document.createElement("div");
      element.className = `map-${item.kind}${item.is_alert ? " is-alert" : ""}`;
      if (item.kind === "label") {
        const name = Object.assign(document.createElement("span"), { textContent: item.text });
        if (item.beside) name.append(Object.assign(document.createElement("img"), { src: item.beside.shape, alt: "无坐标的红色事项", className: "shape" }), String(item.beside.count));
        element.append(name);
      } else {
        element.style.setProperty("--mark", `var(--${item.mark})`);
        const shape = Object.assign(document.createElement("img"), { src: item.shape, alt: item.text, className: "shape" });
        element.append(shape);
        if (item.stamp) element.append(Object.assign(document.createElement("b"), { textContent: item.stamp, className: "stamp" }));
      }
      layer.append(element);
      return { ...item, element };
    });
  }

  function overlay(data, layerId) {
    const layer = document.getElementById(layerId);
    if (!layer) return;
    build(layer, data);
    place();
  }

  document.addEventListener("zhinao:map-moved", place);

  let lines = [], line = 0, showing = null;
  function step() {
    const element = document.querySelector("[data-show='ticker']");
    if (!element || !lines.length) return;
    const next = element.cloneNode(false);
    next.textContent = lines[line++ % lines.length];
    next.classList.add("is-new");
    element.replaceWith(next);
  }

  window.wallSeams = seams;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    wall: {
      overlay: (data, layerId) => {
        overlay(data, layerId);
        return window.dash_clientside.no_update;
      },
      ticker: (data) => {
        lines = data || [];
        const shown = document.querySelector("[data-show='ticker']");
        if (showing !== null && shown && !lines.includes(shown.textContent)) { line = 0; step(); }
        if (showing === null) { showing = setInterval(step, 7000); step(); }
        return window.dash_clientside.no_update;
      },
      address: (query) => {
        const kept = new URLSearchParams(location.search);  // what only this browser reads stays
        for (const name of [...kept.keys()]) if (!["map", "scene", "palette"].includes(name)) kept.delete(name);
        const all = [query, kept.toString()].filter(Boolean).join("&");
        const url = `${location.pathname}${all ? "?" + all : ""}`;
        if (url !== location.pathname + location.search) history.replaceState(history.state, "", url);
        return window.dash_clientside.no_update;
      },
    },
  });
})();
