/* The pins of 战时: a mark for each role and kind, names beside the nearest places, and the legend of the marks
 * that are on the map now. An item has lon, lat, role, word, and of a resource kind, mark and name; which role and
 * character a kind has is in data/codes/resource_kind.csv. */
(function () {
  "use strict";
  const ROLES = ["place", "force", "support", "thing"];  // as in routes/incident.py
  const ALWAYS = ["incident", "grid", "ring", "worker", "camera"];
  const NAMED = 6;

  let layer = null;

  /* In an element over the map. */
  function draw(element, items) {
    layer = element;
    const key = JSON.stringify(items);
    if (layer.dataset.key !== key) {
      layer.dataset.key = key;
      const scene = items.filter(({ role, name: its }) => role === "incident" && its), nearest = items.filter(isPlace).slice(-NAMED).reverse();
      layer.replaceChildren(...items.map(pin), ...[...scene, ...nearest].map(name), ...(items.length ? [legend(items)] : []));
    }
    place();
  }

  const node = (...told) => zhinaoLive.node(...told);
  const outlineOf = ({ kind, role }) => (kind === "camera" ? "camera" : role);
  const isPlace = (item) => ROLES.slice(0, 3).includes(outlineOf(item));

  /* One outline for each role, with the character of the kind in it: neither the shapes nor the colours of risks,
   * alerts and deadlines. There are many cameras and people, so theirs are silhouettes. */
  function mark(item) {
    const outline = outlineOf(item);
    if (outline === "incident") return node("i", "flag");
    return node("i", `mark is-${outline}`, ROLES.includes(outline) ? node("b", "", item.mark) : null);
  }

  const AREAS = ["ring", "grid"];  // that are no marks
  const pin = (item) => Object.assign(node("div", `war-pin is-${outlineOf(item)}`, item.role === "grid" ? area() : item.role === "ring" ? null : mark(item)), { item });

  function area() {
    const parsed = document.createElement("template");
    parsed.innerHTML = "<svg><path></path></svg>";
    return parsed.content.firstChild;
  }

  const name = (item) => Object.assign(node("span", `war-name is-${item.role}`, item.name), { item });

  /* Each mark once: what every incident has at the left, the kinds of places at the right. */
  function legend(items) {
    const kinds = [...new Map(items.map((item) => [item.word, item])).values()];
    const box = (className, order) => {
      const rows = order.flatMap((outline) => kinds.filter((item) => outlineOf(item) === outline).sort((a, b) => a.word.localeCompare(b.word)));
      return rows.length ? node("div", `map-box ${className}`, ...rows.map((item) => node("span", `war-kind${item.word.length > 8 ? " is-long" : ""}`, mark(item), node("span", "", item.word)))) : null;
    };
    return node("div", "war-legend", box("is-always", ALWAYS), box("is-kinds", ROLES));
  }

  /* ---- where ---- */

  function place() {
    if (!layer || !layer.isConnected || !wallMap.project([0, 0])) return;
    const seams = wallSeams(layer), taken = [...seams, ...legendBoxes()], pins = new Map();
    layer.querySelectorAll(".war-pin").forEach((each) => (AREAS.includes(each.item.role) ? PUT[each.item.role](each) : pins.set(each.item, putPin(each, seams))));
    layer.querySelectorAll(".war-name").forEach((each) => {
      const others = [...pins].filter(([item]) => item !== each.item).map(([item, box]) => (isPlace(item) ? apart(box) : box));
      const free = beside(pins.get(each.item), each, [...taken, ...others]) || (each.item.role === "incident" && beside(pins.get(each.item), each, [...taken, ...placesAmong(pins)]));
      each.classList.toggle("is-placed", Boolean(free));
      if (!free) return;
      taken.push(free);
      each.style.transform = `translate(${free[0]}px,${free[1]}px)`;
    });
  }

  /* The scene is named even where cameras and people stand close to it. */
  const placesAmong = (pins) => [...pins].filter(([item]) => isPlace(item)).map(([, box]) => box);

  function putRing(ring) {
    const { lon, lat, metres } = ring.item, at = wallMap.project([lon, lat]);
    const radius = Math.abs(wallMap.project([lon, lat + metres / 111_195]).y - at.y);
    Object.assign(ring.style, { width: `${2 * radius}px`, height: `${2 * radius}px`, margin: `${-radius}px` });
    ring.style.transform = `translate(${at.x}px,${at.y}px)`;
  }

  function putGrid(pin) {
    const { type, coordinates } = pin.item.shape, rings = type === "MultiPolygon" ? coordinates.flat() : coordinates;
    const corner = (place) => { const { x, y } = wallMap.project(place); return `${x.toFixed(1)} ${y.toFixed(1)}`; };
    pin.querySelector("path").setAttribute("d", rings.map((ring) => `M${ring.map(corner).join("L")}Z`).join(""));
  }

  const PUT = { ring: putRing, grid: putGrid };

  /* Gives the box that it takes; the pole of the flag stands on its place. */
  function putPin(pin, seams) {
    const { role, lon, lat } = pin.item, at = wallMap.project([lon, lat]), half = pin.firstChild.offsetWidth / 2;
    const [x, y] = pin.querySelector("b") ? besides(seams, at.x, at.y, half) : [at.x, at.y];
    pin.style.transform = `translate(${x}px,${y}px)`;
    return role === "incident" ? [x - half, y - 2 * half, x + 2 * half, y] : [x - half, y - half, x + half, y + half];
  }

  /* The box that others' names keep out of: one that stands close to two marks names neither. */
  const apart = ([left, top, right, bottom]) => [left - (right - left) / 4, top - (bottom - top) / 4, right + (right - left) / 4, bottom + (bottom - top) / 4];

  /* A character that two displays would halve moves to the nearer of them. */
  function besides(seams, x, y, half) {
    for (const [left, top, right, bottom] of seams) {
      if (!overlaps([left, top, right, bottom], [x - half, y - half, x + half, y + half])) continue;
      if (bottom - top > right - left) x = x < (left + right) / 2 ? left - half : right + half;
      else y = y < (top + bottom) / 2 ? top - half : bottom + half;
    }
    return [x, y];
  }

  /* Where a name stands: beside its mark, on whichever side is free of all else, or nowhere. */
  function beside([left, top, right, bottom], name, taken) {
    const wide = name.offsetWidth, high = name.offsetHeight, gap = (right - left) / 10;
    const middle = (top + bottom - high) / 2, centre = (left + right - wide) / 2;
    const sides = [[right + gap, middle], [left - gap - wide, middle], [centre, bottom + gap / 2], [centre, top - gap / 2 - high]];
    return sides.map(([x, y]) => [x, y, x + wide, y + high]).find((box) => isInside(box) && !taken.some((other) => overlaps(box, other)));
  }

  const overlaps = (a, b) => a[0] < b[2] && b[0] < a[2] && a[1] < b[3] && b[1] < a[3];
  const isInside = ([left, top, right, bottom]) => left >= 0 && top >= 0 && right <= layer.clientWidth && bottom <= layer.clientHeight;

  function legendBoxes() {
    const map = layer.getBoundingClientRect();
    return [...layer.querySelectorAll(".map-box")].map((each) => each.getBoundingClientRect())
      .map(({ left, top, right, bottom }) => [left - map.left, top - map.top, right - map.left, bottom - map.top]);
  }

  document.addEventListener("zhinao:map-moved", place);
  document.addEventListener("zhinao:map-drawn", place);
  window.incidentPins = { draw, mark, isPlace };
})();
