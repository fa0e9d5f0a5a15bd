/* Labels, pins and rings over the map: HTML placed by the projection of whatever draws it
 * (map_drawing.js), so that they have a halo, a shape and a size in rem; plotly's map text has none of these. */
(function () {
  "use strict";
  let items = [];

  /* Steps in rem by which a name may leave its place, the nearest first. */
  const ASIDE = [0, 1.5, -1.5, 3, -3, 4.4, -4.4], UP_AND_DOWN = [0, 0.8, -0.8, 1.5, -1.5, 2.4, -2.4, 3.4, -3.4];
  const STEPS = ASIDE.flatMap((right) => UP_AND_DOWN.map((down) => [right, down])).sort((a, b) => Math.hypot(...a) - Math.hypot(...b));

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

  /* What lies over the map and must be read, 审图号, legends and the flags of alerts: no name lies there, either. */
  const OVER = ".map-approval:not(:empty), .map-box, .map-choice, .map-pin.is-alert > *, .alert-pin .flag";
  function covers(layer) {
    const map = layer.getBoundingClientRect();
    return [...layer.parentElement.querySelectorAll(OVER)].filter((each) => each.checkVisibility()).map((each) => {
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
   * another name, a flag or a seam, or be cut off. Where no step is free of pins it takes the one that they cover least. */
  function place() {
    if (!items.length || window.wallMap.project([0, 0]) === null) return;
    const layer = items[0].element.parentElement, rem = unit();
    layer.classList.add("is-placed");
    items.forEach((item) => { item.at = window.wallMap.project([item.lon, item.lat]); });
    const pins = items.filter((item) => item.kind === "pin").map((pin) => {
      put(pin, pin.at);
      return boxAt(pin.at.x, pin.at.y, 0.85 * rem, 0.85 * rem);
    });
    const taken = [...seams(layer), ...covers(layer)];
    for (const name of items.filter((item) => item.kind === "label")) {
      name.own = boundsOf(name.bounds);
      const free = freest(name, pins, taken, rem);
      name.element.classList.toggle("is-hidden", !free);
      if (!free) continue;
      taken.push(free.box);
      put(name, free);
    }
  }

  const put = (item, { x, y }) => { item.element.style.transform = `translate(${x}px,${y}px)`; };

  const lettersOf = (item) => item.text.length + (item.beside ? 1 + String(item.beside.count).length : 0);

  function freest(item, pins, taken, rem) {
    let best = null;
    for (const [right, down] of STEPS) {
      const x = item.at.x + right * rem, y = item.at.y + down * rem;
      const box = boxAt(x, y, lettersOf(item) * 0.68 * rem, 0.8 * rem);
      if (!isInside(box, item.element.parentElement) || !isAtHome(x, y, item.own)) continue;
      if (taken.some((each) => overlap(box, each) > 0)) continue;
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

  ["zhinao:map-moved", "zhinao:flags"].forEach((name) => document.addEventListener(name, place));

  /* The newest first, with its place among them: 最新 1/8. */
  let lines = [], line = 0, showing = null;
  function step() {
    const element = document.querySelector("[data-show='ticker']");
    if (!element || !lines.length) return;
    const at = line++ % lines.length, next = element.cloneNode(false);
    next.textContent = lines[at];
    next.classList.add("is-new");
    element.replaceWith(next);
    document.querySelector(".foot .tag").textContent = lines.length > 1 ? `最新 ${at + 1}/${lines.length}` : "最新";
  }

  window.wallSeams = seams;
  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    wall: {
      overlay: (data, layerId) => {
        overlay(data, layerId);
        return window.dash_clientside.no_update;
      },
      ticker: (data) => {
        const isNew = JSON.stringify(data) !== JSON.stringify(lines);
        lines = data || [];
        if (!isNew) return window.dash_clientside.no_update;
        clearInterval(showing);
        line = 0;
        step();
        showing = setInterval(step, 7000);
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
