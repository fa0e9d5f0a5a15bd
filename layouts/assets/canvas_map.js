/* The map as a canvas drawing, for machines without a GPU: the figure that plotly would draw by
 * WebGL (polygons, heat, outlines), in the same projection and colours. What a figure means is said
 * in layouts/map.py. A refresh changes colours only: shapes and their paths are kept.
 */
(function () {
  "use strict";
  const TILE = 512;        // px of the whole world at zoom 0
  const UNITS = 2 ** 19;   // of a path's plane, around the world: px at zoom 10, exact in 32 bits
  const KEPT = 3;          // GeoJSON addresses whose shapes are kept: polygons, outlines, the last
  const RETRY = 3000;      // ms until shapes that did not come are asked for again
  const REDRAW = 150;      // ms between drawings while the viewer moves the map
  const CLICK = 5;         // px that a hand may move in a click
  const [NEAREST, FARTHEST] = [22, 0];

  const mercator = (lon, lat) => {
    const north = Math.asinh(Math.tan((Math.max(-85, Math.min(85, lat)) * Math.PI) / 180));
    return [(lon + 180) / 360, (1 - north / Math.PI) / 2];
  };
  const degrees = (x, y) => ({ lon: 360 * x - 180, lat: (Math.atan(Math.sinh(Math.PI * (1 - 2 * y))) * 180) / Math.PI });

  /* ---- shapes: fetched and turned into paths once per address ---- */

  const shapes = new Map();

  function shapesOf(url) {
    const found = shapes.get(url) || fetched(url).catch((error) => { shapes.delete(url); throw error; });
    shapes.delete(url);
    shapes.set(url, found);  // the one asked for last is the last to go
    while (shapes.size > KEPT) shapes.delete(shapes.keys().next().value);
    return found;
  }

  async function fetched(url) {
    const reply = await fetch(url);
    if (!reply.ok) throw new Error(`${url}: ${reply.status}`);
    const { features } = await reply.json();
    const first = features.length ? firstPoint(features[0].geometry.coordinates) : [0, 0];
    const origin = mercator(first[0], first[1]);
    const all = new Path2D(), parts = new Map();
    for (const feature of features) {
      const part = traced(feature.geometry, origin);
      parts.set(String(feature.id), part);
      all.addPath(part.path);
    }
    return { origin, all, parts };
  }

  const firstPoint = (nested) => (typeof nested[0] === "number" ? nested : firstPoint(nested[0]));

  /* A polygon's path, and the box it lies in, in units from the origin. */
  function traced(geometry, origin) {
    const path = new Path2D(), box = [Infinity, Infinity, -Infinity, -Infinity];
    const polygons = geometry.type === "MultiPolygon" ? geometry.coordinates : [geometry.coordinates];
    for (const ring of polygons.flat()) {
      ring.forEach(([lon, lat], at) => {
        const [worldX, worldY] = mercator(lon, lat);
        const x = (worldX - origin[0]) * UNITS, y = (worldY - origin[1]) * UNITS;
        if (at) path.lineTo(x, y); else path.moveTo(x, y);
        if (x < box[0]) box[0] = x;
        if (y < box[1]) box[1] = y;
        if (x > box[2]) box[2] = x;
        if (y > box[3]) box[3] = y;
      });
      path.closePath();
    }
    return { path, box };
  }

  /* ---- colours ---- */

  /* The colour of a value on a scale of flat steps; an edge belongs to the step above it. */
  function stepOf(scale, share) {
    let colour = scale[0][1];
    for (const [at, next] of scale) if (at <= share) colour = next;
    return colour;
  }

  /* 256 colours along a scale, as RGBA bytes. */
  function ramp(scale) {
    const strip = new OffscreenCanvas(256, 1).getContext("2d", { willReadFrequently: true });
    const gradient = strip.createLinearGradient(0, 0, 256, 0);
    for (const [at, colour] of scale) gradient.addColorStop(at, colour);
    strip.fillStyle = gradient;
    strip.fillRect(0, 0, 256, 1);
    return strip.getImageData(0, 0, 256, 1).data;
  }

  /* ---- the map ---- */

  class CanvasMap {
    /* Whom it tells: `click` gets the code of the polygon that was clicked; `moved`, when places have
     * moved on the screen, whether the viewer did it; `drawn` follows each drawing. */
    constructor(room, told) {
      Object.assign(this, { room, told });
      this.canvas = Object.assign(document.createElement("canvas"), { className: "canvas-map" });
      this.pen = this.canvas.getContext("2d");
      this.figure = null;
      this.view = null;      // what is looked at: the middle of the map in the world, and the zoom
      this.drawnView = null; // what the canvas shows
      this.drawn = [];       // the shapes on it, polygons first
      this.drawings = 0;
      this.milliseconds = 0; // that the last drawing took
      room.replaceChildren(this.canvas);
      this.followHands();
    }

    show(figure) {
      const was = this.figure, { center, zoom } = figure.layout.map;
      const [x, y] = mercator(center.lon, center.lat);
      this.figure = figure;
      this.view = { x, y, zoom };
      if (was && was.layout.uirevision !== figure.layout.uirevision) this.drawn = [];
      this.take(figure);
      this.told.moved(false);
    }

    async take(figure) {
      clearTimeout(this.retrying);
      const urls = [figure.data[0].geojson, ...figure.layout.map.layers.map((layer) => layer.source)];
      try {
        const drawn = await Promise.all(urls.map(shapesOf));
        if (this.figure !== figure) return;
        this.drawn = drawn;
        this.draw();
      } catch {
        if (this.figure === figure) this.retrying = setTimeout(() => this.take(figure), RETRY);
      }
    }

    get isDrawn() { return this.drawn.length > 0 && this.drawings > 0; }

    /* Where a place lies in the room, in px. */
    project([lon, lat]) {
      const [x, y] = mercator(lon, lat), world = TILE * 2 ** this.view.zoom;
      return {
        x: (x - this.view.x) * world + this.room.clientWidth / 2,
        y: (y - this.view.y) * world + this.room.clientHeight / 2,
      };
    }

    static get kept() { return [...shapes.keys()]; }
    getZoom() { return this.view.zoom; }
    getCenter() { return degrees(this.view.x, this.view.y); }

    remove() {
      clearTimeout(this.retrying);
      clearTimeout(this.redrawing);
      this.room.replaceChildren();
      this.figure = null;
    }

    /* A room that is not shown has no size: nothing is drawn. */
    draw() {
      clearTimeout(this.redrawing);
      this.redrawing = null;
      const wide = this.room.clientWidth, high = this.room.clientHeight;
      if (!wide || !high || !this.drawn.length) return;
      const began = performance.now();
      this.measure(wide, high);
      const [polygons, density] = this.figure.data, [shapes, ...outlines] = this.drawn;
      this.drawPolygons(polygons, shapes);
      if (density.visible) this.drawHeat(density, wide, high);
      this.figure.layout.map.layers.forEach((layer, at) => this.drawOutline(layer, outlines[at]));
      this.drawnView = this.view;
      this.canvas.style.transform = "";
      this.drawings += 1;
      this.milliseconds = performance.now() - began;
      this.told.drawn();
    }

    /* As many pixels as the screen has. */
    measure(wide, high) {
      const ratio = window.devicePixelRatio || 1;
      const width = Math.round(wide * ratio), height = Math.round(high * ratio);
      if (this.canvas.width !== width || this.canvas.height !== height) Object.assign(this.canvas, { width, height });
      this.ratio = ratio;
      this.pen.setTransform(1, 0, 0, 1, 0, 0);
      this.pen.clearRect(0, 0, width, height);
    }

    /* Draws in the units of some shapes; returns how many px a unit is. */
    enter({ origin }) {
      const { x, y, zoom } = this.view, world = TILE * 2 ** zoom * this.ratio, unit = world / UNITS;
      const right = (origin[0] - x) * world + this.canvas.width / 2;
      const down = (origin[1] - y) * world + this.canvas.height / 2;
      this.pen.setTransform(unit, 0, 0, unit, right, down);
      const inside = [-right / unit, -down / unit, (this.canvas.width - right) / unit, (this.canvas.height - down) / unit];
      const isSeen = ([west, north, east, south]) => west < inside[2] && east > inside[0] && north < inside[3] && south > inside[1];
      return { px: this.ratio / unit, isSeen };
    }

    drawPolygons(trace, shapes) {
      const { pen } = this, { px, isSeen } = this.enter(shapes), { line, opacity } = trace.marker;
      const seen = [], isThin = !Array.isArray(line.width) && line.width * this.ratio <= 1;
      pen.globalAlpha = opacity;
      trace.locations.forEach((code, at) => {
        const part = shapes.parts.get(code);
        if (!part || !isSeen(part.box)) return;
        pen.fillStyle = stepOf(trace.colorscale, (trace.z[at] - trace.zmin) / (trace.zmax - trace.zmin));
        pen.fill(part.path, "evenodd");
        seen.push([at, part]);
      });
      pen.lineJoin = "bevel";
      if (isThin) this.stroke(shapes.all, line.width * px, line.color);  // a hairline: all at once
      else this.strokeEach(seen, line, px);
      pen.globalAlpha = 1;
    }

    /* The thickest last, so that no neighbour covers it. Many small paths are drawn in half the time
     * of a large one. */
    strokeEach(seen, { width, color }, px) {
      const of = (value, at) => (Array.isArray(value) ? value[at] : value);
      seen.sort((a, b) => of(width, a[0]) - of(width, b[0]));
      for (const [at, part] of seen) this.stroke(part.path, of(width, at) * px, of(color, at));
    }

    /* One by one, as MapLibre does: what two share is brighter than the rim. */
    drawOutline(layer, shapes) {
      const { px } = this.enter(shapes);
      this.pen.lineJoin = "round";
      for (const part of shapes.parts.values()) this.stroke(part.path, layer.line.width * px, layer.color);
    }

    stroke(path, width, colour) {
      this.pen.lineWidth = width;
      this.pen.strokeStyle = colour;
      this.pen.stroke(path);
    }

    /* As MapLibre does it: weight * 0.4 * exp(-4.5 (d / radius)^2) of every cell, added up; at half
     * a radius' tenth of the pixels, for it is smooth. */
    drawHeat(trace, wide, high) {
      const grain = Math.max(1, trace.radius / 8), radius = trace.radius / grain;
      const columns = Math.ceil(wide / grain), rows = Math.ceil(high / grain);
      const density = new Float32Array(columns * rows);
      trace.lon.forEach((lon, at) => {
        const { x, y } = this.project([lon, trace.lat[at]]);
        spread(density, columns, rows, x / grain, y / grain, radius, (0.4 * trace.z[at]) / trace.zmax);
      });
      const colours = ramp(trace.colorscale), image = new ImageData(columns, rows);
      density.forEach((share, at) => {
        const from = 4 * Math.min(255, Math.round(255 * share));
        for (let part = 0; part < 4; part += 1) image.data[4 * at + part] = colours[from + part];
      });
      const sheet = new OffscreenCanvas(columns, rows);
      sheet.getContext("2d").putImageData(image, 0, 0);
      this.pen.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
      this.pen.imageSmoothingQuality = "high";
      this.pen.drawImage(sheet, 0, 0, columns * grain, rows * grain);
    }

    /* ---- the viewer's hands ---- */

    followHands() {
      const { room } = this, hands = new Map();
      let start = null;
      room.addEventListener("wheel", (event) => {
        event.preventDefault();
        const lines = event.deltaMode === 1 ? 40 : 1;
        this.zoomBy(Math.max(-1, Math.min(1, (-event.deltaY * lines) / 450)), event.offsetX, event.offsetY);
      }, { passive: false });
      room.addEventListener("pointerdown", (event) => {
        if (event.button !== 0) return;
        room.setPointerCapture(event.pointerId);
        hands.set(event.pointerId, [event.clientX, event.clientY]);
        start = hands.size === 1 ? [event.clientX, event.clientY] : null;
      });
      room.addEventListener("pointermove", (event) => {
        const was = hands.get(event.pointerId);
        if (!was) return;
        if (start && Math.hypot(event.clientX - start[0], event.clientY - start[1]) <= CLICK) return;
        start = null;
        const others = [...hands.values()].filter((hand) => hand !== was);
        if (others.length) this.pinch(was, [event.clientX, event.clientY], others[0]);
        else this.moveBy(event.clientX - was[0], event.clientY - was[1]);
        hands.set(event.pointerId, [event.clientX, event.clientY]);
      });
      room.addEventListener("pointerup", (event) => {
        hands.delete(event.pointerId);
        if (start) this.click(event);
        start = null;
      });
      room.addEventListener("pointercancel", (event) => { hands.delete(event.pointerId); start = null; });
    }

    pinch(was, now, other) {
      const box = this.room.getBoundingClientRect();
      const apart = (hand) => Math.max(1, Math.hypot(hand[0] - other[0], hand[1] - other[1]));
      this.zoomBy(Math.log2(apart(now) / apart(was)), other[0] - box.left, other[1] - box.top);
    }

    moveBy(right, down) {
      const world = TILE * 2 ** this.view.zoom;
      this.look({ ...this.view, x: this.view.x - right / world, y: this.view.y - down / world });
    }

    /* The place under the pointer stays under it. */
    zoomBy(levels, x, y) {
      const zoom = Math.max(FARTHEST, Math.min(NEAREST, this.view.zoom + levels));
      const right = x - this.room.clientWidth / 2, down = y - this.room.clientHeight / 2;
      const lost = 1 / (TILE * 2 ** this.view.zoom) - 1 / (TILE * 2 ** zoom);
      this.look({ x: this.view.x + right * lost, y: this.view.y + down * lost, zoom });
    }

    /* What was drawn is moved at once, and drawn anew a little later. */
    look(view) {
      if (!this.drawnView) return;
      this.view = view;
      const was = this.drawnView, world = TILE * 2 ** view.zoom;
      const right = (was.x - view.x) * world, down = (was.y - view.y) * world;
      this.canvas.style.transform = `translate(${right}px,${down}px) scale(${2 ** (view.zoom - was.zoom)})`;
      this.redrawing = this.redrawing || setTimeout(() => this.draw(), REDRAW);
      this.told.moved(true);
    }

    click(event) {
      const code = this.codeAt(event.offsetX, event.offsetY);
      if (code !== null) this.told.click(code);
    }

    /* The polygon at a place of the room, null where there is none. */
    codeAt(x, y) {
      if (!this.drawn.length) return null;
      const [shapes] = this.drawn, { pen, ratio } = this;
      this.enter(shapes);
      for (const code of this.figure.data[0].locations) {
        const part = shapes.parts.get(code);
        if (part && pen.isPointInPath(part.path, x * ratio, y * ratio, "evenodd")) return code;
      }
      return null;
    }
  }

  function spread(density, columns, rows, x, y, radius, weight) {
    const left = Math.max(0, Math.ceil(x - radius)), right = Math.min(columns - 1, Math.floor(x + radius));
    const top = Math.max(0, Math.ceil(y - radius)), bottom = Math.min(rows - 1, Math.floor(y + radius));
    for (let row = top; row <= bottom; row += 1) {
      for (let column = left; column <= right; column += 1) {
        const far = ((column - x) ** 2 + (row - y) ** 2) / radius ** 2;
        if (far <= 1) density[row * columns + column] += weight * Math.exp(-4.5 * far);
      }
    }
  }

  window.CanvasMap = CanvasMap;
})();
