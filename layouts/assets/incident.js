/* 战时: one incident takes the wall: the map around it with who and what is near, its log, and clocks
 * that run. What is near comes from GET /incident/<id>, the incident itself from what stands now. */
(function () {
  "use strict";
  const EVERY = 15e3, ROWS = 5;
  const DIRECTIONS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
  const state = { mode: "peace", asked: null, incident: null, around: null, askedAt: -Infinity, layer: null, key: "" };

  const main = () => document.querySelector("main[data-scenes]");

  document.addEventListener("zhinao:mode", (event) => {
    state.mode = event.detail.mode;
    state.asked = event.detail.incident;
    draw();
  });

  /* The incident that the desk named, else the gravest that stands. */
  function incident() {
    const alerts = zhinaoLive.alerts();
    return alerts.find((alert) => alert.id === state.asked) || alerts[0] || null;
  }

  async function look(alert) {
    const isNew = !state.incident || state.incident.id !== alert.id;
    if (!isNew && performance.now() - state.askedAt < EVERY) return;
    state.askedAt = performance.now();
    if (isNew) state.around = null;
    state.incident = alert;
    if (alert.lon === null) return;
    try {
      const reply = await fetch(`/incident/${alert.id}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (reply.ok && state.incident?.id === alert.id) state.around = await reply.json();
    } catch {  /* what was near stays on screen */
    }
  }

  function draw() {
    if (!main() || !window.zhinao || !window.zhinaoLive || !window.wallMap || !window.incidentPins) return;
    const isWar = state.mode === "war", alert = isWar ? incident() : null;
    main().classList.toggle("is-war", isWar);
    if (!isWar) return leave();
    main().classList.remove("is-mapless");
    zhinao.write("scene", "战时");
    zhinao.write("question", "现场在哪里，周边有谁，处置到了哪一步？");
    if (alert) look(alert);
    parts(alert);
    pins(alert);
    if (document.documentElement.classList.contains("is-taken")) return;  // live.js has the map
    const hasPlace = alert && alert.lon !== null;
    wallMap.focus(hasPlace ? boxAround(alert, state.around ? state.around.metres : 1000) : null);
  }

  function leave() {
    if (!state.layer) return;
    document.querySelectorAll(".war-part, .war-layer").forEach((each) => each.remove());
    Object.assign(state, { layer: null, incident: null, around: null, key: "" });
    if (!document.documentElement.classList.contains("is-taken")) wallMap.focus(null);
    zhinaoScenes.arrange();
  }

  /* The circle with room for the legend beneath it. */
  function boxAround({ lon, lat }, metres) {
    const radius = metres / 111_195, wide = (1.3 * radius) / Math.cos((lat * Math.PI) / 180);
    return [lon - wide, lat - 1.45 * radius, lon + wide, lat + 1.15 * radius].map((degree) => Math.round(degree * 1e6) / 1e6);
  }

  /* ---- words ---- */

  const node = (...told) => zhinaoLive.node(...told);
  const direction = (bearing) => DIRECTIONS[Math.round(bearing / 45) % 8];
  const far = (metres) => (metres < 1000 ? `${metres} 米` : `${Math.round(metres / 100) / 10} 公里`);

  function parts(alert) {
    const key = JSON.stringify([alert || zhinaoLive.nothing(), state.asked, state.around]);
    if (state.key !== key) {
      state.key = key;
      document.querySelectorAll(".war-part").forEach((each) => each.remove());
      main().append(...(alert ? [story(alert), surroundings()] : [node("section", "panel war-part war-story", node("div", "nothing", `战时：${zhinaoLive.nothing()}`))]));
    }
    document.querySelectorAll(".war-part [data-since]").forEach((each) => {
      const text = stopwatch(zhinao.now() - Number(each.dataset.since));
      if (each.textContent !== text) each.textContent = text;
    });
  }

  /* To the second: somebody watches it. */
  function stopwatch(ms) {
    const seconds = Math.max(0, Math.floor(ms / 1000)), two = (number) => String(number).padStart(2, "0");
    return `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  }

  function story(alert) {
    const log = [[alert.sent, "发布"], [alert.received, "系统收到"]];
    if (alert.count > 1) log.push([alert.received, alert.flapping ? `反复 ${alert.count} 次` : `合并 ${alert.count} 条`]);
    alert.escalations.forEach(({ to, at }) => log.push([at, `升级至${to}`]));
    if (alert.acknowledged) log.push([alert.acknowledged, `${alert.by || ""} 签收`]);
    const isOther = state.asked && state.asked !== alert.id;
    return zhinaoLive.marked(node("section", "panel war-part war-story",
      node("div", "war-head", node("i", "flag"), node("b", "", alert.word), alert.stamp ? node("b", "stamp", alert.stamp) : null),
      isOther ? node("small", "", "原定的预警已不在或已升级，现为最重的一条") : null,
      node("div", "war-event", alert.event),
      node("div", "war-place", alert.place || "位置不明"),
      node("dl", "war-clocks",
        node("dt", "", "已过"), node("dd", "", running(alert.received)),
        node("dt", "", "签收"), node("dd", alert.acknowledged ? "" : "is-open", alert.acknowledged ? `${zhinao.clock(alert.acknowledged)} ${alert.by || ""}` : "未签收"),
        node("dt", "", "处置"), node("dd", "", alert.holder || "未明确"),
        ...(alert.holder ? [node("dt", "", "在该级"), node("dd", "", running(alert.since))] : [])),
      node("h2", "", node("span", "", "过程")),
      node("ol", "war-log", ...log.sort((a, b) => a[0] - b[0]).slice(-ROWS).map(([at, words]) => node("li", "", node("time", "", zhinao.clock(at)), words)))), alert);
  }

  function running(since) {
    const clock = node("b", "");
    clock.dataset.since = since;
    return clock;
  }

  function surroundings() {
    const around = state.around;
    if (!around) return node("section", "panel war-part war-around", node("h2", "", node("span", "", "周边")), node("div", "nothing", "没有周边数据"));
    const cameras = around.resources.filter((each) => each.kind === "camera"), others = around.resources.filter(incidentPins.isPlace);
    const workers = around.workers.filter((each) => each.is_on_duty);
    const row = (each) => node("li", "", incidentPins.mark(each), node("span", "", each.name), node("small", "", `${direction(each.bearing)} ${far(each.metres)}`));
    const fact = (name, figure, unit) => node("div", "war-fact", node("span", "", name), node("b", "", figure.toLocaleString("zh-CN")), node("small", "", unit));
    return node("section", "panel war-part war-around",
      node("h2", "", node("span", "", `周边 ${far(around.metres)}`), node("small", "", `网格 ${around.totals.grids} 个`)),
      node("div", "war-facts", fact("居民", around.people, "人"), fact("网格员在岗", workers.length, "人"), fact("摄像头", cameras.length, "路"), fact("在办事项", around.totals.cases, "件")),
      node("h2", "", node("span", "", "最近的网格员")), node("ol", "war-list is-worker", ...workers.slice(0, 3).map((each) => row({ ...each, role: "worker" }))),
      node("h2", "", node("span", "", "重点场所与力量")), node("ol", "war-list is-place", ...others.slice(0, ROWS).map(row)));
  }

  /* ---- what the map shows ---- */

  /* In an element of its own over the map; the nearest last, so that it lies on top, and the incident over all. */
  function pins(alert) {
    const room = document.querySelector(".map-overlay");
    if (!room) return;
    if (!state.layer || !state.layer.isConnected) {
      state.layer = node("div", "war-layer");
      room.parentElement.append(state.layer);
    }
    if (alert) zhinaoLive.marked(state.layer, alert);
    incidentPins.draw(state.layer, alert && alert.lon !== null ? itemsOf(alert, state.around) : []);
  }

  function itemsOf(alert, around) {
    const here = { lon: alert.lon, lat: alert.lat }, farFirst = (a, b) => b.metres - a.metres;
    const incident = { ...here, role: "incident", word: "现场" };
    if (!around) return [incident];
    const workers = around.workers.filter((each) => each.is_on_duty).sort(farFirst);
    const [places, others] = [true, false].map((is) => around.resources.filter((each) => incidentPins.isPlace(each) === is).sort(farFirst));
    return [
      { ...here, role: "ring", metres: around.metres, word: `${far(around.metres)}内` },
      ...others,
      ...workers.map(({ lon, lat }) => ({ lon, lat, role: "worker", word: "在岗网格员" })),
      ...places,
      incident,
    ];
  }

  window.zhinaoIncident = { shows: (id) => state.mode === "war" && state.incident?.id === id };
  setInterval(draw, 500);
})();
