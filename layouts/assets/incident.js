/* 战时: one incident takes the wall: the map around it with who and what is near, its log, and clocks
 * that run. What is near comes from GET /incident/<id>, the incident itself from what stands now. */
(function () {
  "use strict";
  const EVERY = 15e3, ROWS = 5;
  const WORKERS = 3, PLACES = 3, BOTH = 7;  // rows: at most, and of places and forces together
  // Of these the nearest is told wherever it is; of other places and things, what lies within the circle.
  const SENT = ["force", "support"], ASKED_FOR = ["hospital", "hydrant"];
  const DIRECTIONS = ["北", "东北", "东", "东南", "南", "西南", "西", "西北"];
  const state = { mode: "peace", asked: null, incident: null, around: null, askedAt: -Infinity, layer: null, answer: null, key: "" };

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
    if (isNew) Object.assign(state, { around: null, isAsked: false });
    state.incident = alert;
    if (alert.lon === null) return;
    try {
      const reply = await fetch(`/incident/${alert.id}`, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (reply.ok && state.incident?.id === alert.id) state.around = await reply.json();
    } catch {  /* what was near stays on screen */
    }
    state.isAsked = state.incident?.id === alert.id;
  }

  function draw() {
    if (!main() || !window.zhinao || !window.zhinaoLive || !window.wallMap || !window.incidentPins || !window.incidentAnswer) return;
    const isWar = state.mode === "war", alert = isWar ? incident() : null;
    main().classList.toggle("is-war", isWar);
    wallMap.plain(isWar || isTaken());
    if (!isWar) return leave();
    main().classList.remove("is-mapless");
    zhinao.write("scene", "战时");
    zhinao.write("question", "现场在哪里，周边有谁，处置到了哪一步？");
    if (alert) look(alert);
    parts(alert);
    answer(alert);
    pins(alert);
    if (isTaken()) return;  // live.js has the map
    const hasPlace = alert && alert.lon !== null;
    wallMap.focus(hasPlace ? boxAround(alert, state.around ? state.around.metres : 1000) : null);
  }

  /* A red alert has the screen; its map, too, says nothing but where. */
  const isTaken = () => document.documentElement.classList.contains("is-taken");

  function leave() {
    if (!state.layer) return;
    document.querySelectorAll(".war-part, .war-layer, .war-answer").forEach((each) => each.remove());
    Object.assign(state, { layer: null, answer: null, incident: null, around: null, key: "" });
    if (!isTaken()) wallMap.focus(null);
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
  const ABOUT = 100;  // metres to which a wall knows where people are (data/wall_views.py)
  const roundly = (metres) => (metres < ABOUT ? `${ABOUT} 米内` : far(ABOUT * Math.round(metres / ABOUT)));
  const far = (metres) => (metres < 1000 ? `${metres} 米` : `${Math.round(metres / 100) / 10} 公里`);

  function answer(alert) {
    if (!state.answer?.isConnected) main().append(state.answer = node("div", "answer war-answer"));
    if (zhinao.now() !== null) incidentAnswer.write(state.answer, alert, state.around, zhinaoLive.alerts().length - 1);
  }

  function parts(alert) {
    const key = JSON.stringify([alert || zhinaoLive.nothing(), zhinaoLive.alerts().length, state.asked, state.isAsked, state.around]);
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
    const others = zhinaoLive.alerts().length - 1;
    const isOther = state.asked && state.asked !== alert.id;
    return zhinaoLive.marked(node("section", "panel war-part war-story",
      node("div", "war-head", node("i", "flag"), node("b", "", alert.word), alert.stamp ? node("b", "stamp", alert.stamp) : null, others ? node("small", "", `另有预警 ${others} 条`) : null),
      isOther ? node("small", "", "原定的预警已不在或已升级，现为最重的一条") : null,
      node("div", "war-event", alert.event),
      node("div", "war-place", alert.place || "位置不明"),
      node("dl", "war-clocks",
        node("dt", "", "已过"), node("dd", "", running(alert.received)),
        node("dt", "", "签收"), node("dd", alert.acknowledged ? "" : "is-open", alert.acknowledged ? `${zhinao.clock(alert.acknowledged)} ${alert.by || ""}` : "未签收"),
        node("dt", "", zhinaoLive.handles(alert)), node("dd", "", alert.holder || "未明确"),
        ...(alert.holder ? [node("dt", "", "在该级"), node("dd", "", running(alert.since))] : [])),
      node("h2", "", node("span", "", "过程")),
      node("ol", "war-log", ...log.sort((a, b) => a[0] - b[0]).slice(alert.acknowledged ? -ROWS : 1 - ROWS).map(([at, words]) => node("li", "", node("time", "", zhinao.clock(at)), words)), awaited(alert))), alert);
  }

  /* The step that is to come, and whose it is. */
  const awaited = ({ acknowledged, holder }) => (acknowledged ? null : node("li", "is-open", node("time", "", "待"), `${holder || ""}签收`));

  function running(since) {
    const clock = node("b", "");
    clock.dataset.since = since;
    return clock;
  }

  function surroundings() {
    const around = state.around;
    if (!around) return node("section", "panel war-part war-around", heading("周边"), node("div", "nothing", unknown()));
    const { workers, cases } = around, camera = around.kinds.find(({ kind }) => kind === "camera");
    const places = around.resources.filter(({ role }) => role === "place"), shown = places.slice(0, PLACES);
    return node("section", "panel war-part war-around",
      heading(`周边 ${far(around.metres)}`, `网格 ${around.grids} 个`),
      node("div", "war-facts",
        fact("涉及网格居民", around.people, "人"),
        fact("网格员在岗", workers.is_loaded ? workers.on_duty : null, "人"),
        fact("摄像头", camera ? camera.within : null, "路"),
        fact("在办事项", cases.all, "件", [["红色", "is-red", cases.red], ["超期", "is-overdue", cases.overdue]])),
      heading("最近的网格员"), list("is-worker", workersNear(workers)),
      heading("重点场所", places.length ? `${places.length} 处` : ""), list("is-place", shown.length ? shown.map((each) => row(each)) : [note(nonePlaces())]),
      ...forces(around, shown));
  }

  const unknown = () => (state.incident?.lon === null ? "没有坐标，周边不详" : state.isAsked ? "没有取得周边数据" : "正在取得周边数据");
  const heading = (name, more = "") => node("h2", "", node("span", "", name), more ? node("small", "", more) : null);
  const list = (className, rows) => node("ol", `war-list ${className}`, ...rows);
  const note = (text) => node("li", "war-note", text);
  const isOutside = ({ metres }) => metres > state.around.metres;

  function row(each, isSaid = false) {
    const isPerson = each.role === "worker", isHere = isPerson && each.metres < ABOUT;
    const place = [isOutside(each) && !isSaid ? "圈外" : "", isHere ? "" : direction(each.bearing), isHere ? roundly(each.metres) : isPerson ? `约 ${roundly(each.metres)}` : far(each.metres)].filter(Boolean).join(" ");
    return node("li", isOutside(each) ? "is-outside" : "", incidentPins.mark(each), node("span", "", each.name), node("small", "", place));
  }

  /* `more` are parts of it that are told where there are any; a figure of null was not loaded. */
  function fact(name, figure, unit, more = []) {
    const some = more.filter(([, , count]) => count).map(([word, className, count]) => node("span", className, `${word} ${count.toLocaleString("zh-CN")}`));
    return node("div", "war-fact", node("span", "", name),
      node("b", figure === null ? "is-absent" : "", figure === null ? "没有导入" : figure.toLocaleString("zh-CN")),
      figure === null ? null : node("small", "", unit), some.length ? node("small", "war-more", ...some) : null);
  }

  const asWorker = (each) => ({ ...each, role: "worker" });
  const within = () => `${far(state.around.metres)}内没有`;

  function workersNear({ is_loaded: isLoaded, pins: near, nearest }) {
    if (near.length) return near.slice(0, WORKERS).map((each) => row(asWorker(each)));
    if (!isLoaded) return [note("没有导入网格员")];
    return nearest ? [note(`${within()}在岗的，最近的在圈外`), row(asWorker(nearest), true)] : [note("没有在岗的，或没有位置")];
  }

  const nonePlaces = () => (state.around.kinds.some(({ role }) => role === "place") ? within() : "没有导入");

  /* Of each kind of force the nearest, within the circle or not, and, where there is room, of what else will be
   * asked for; in order of distance. */
  function forces({ kinds, absent, metres }, shown) {
    const isWanted = ({ role, kind }) => SENT.includes(role) || ASKED_FOR.includes(kind), isForce = ({ role }) => role === "force";
    const names = new Set(shown.map(({ name }) => name)), order = (a, b) => isForce(b) - isForce(a) || a.metres - b.metres;
    const near = kinds.filter(isWanted).map(({ nearest }) => nearest).filter((each) => each && !names.has(each.name)).sort(order);
    const missing = absent.filter(isForce).map(({ word }) => word).join("、");
    const room = Math.min(ROWS, BOTH - Math.max(1, shown.length)) - (missing ? 1 : 0);
    const told = near.slice(0, room).sort((a, b) => a.metres - b.metres);
    const areAllOutside = told.length > 0 && told.every(isOutside);
    const rows = told.map((each) => row(each, areAllOutside));
    if (missing) rows.push(note(`没有导入：${missing}`));
    return [heading("力量与支援", areAllOutside ? `都在 ${far(metres)}外` : ""), list("is-force", rows.length ? rows : [note(within())])];
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
    const { grid, kinds } = around, workers = [...around.workers.pins].sort(farFirst);
    const known = around.resources.map((each) => ({ ...each, word: limited(each.word, around.resources.filter(({ kind }) => kind === each.kind).length, kinds.find(({ kind }) => kind === each.kind).within) }));
    const [places, others] = [true, false].map((is) => known.filter((each) => incidentPins.isPlace(each) === is).sort(farFirst));
    const onDuty = limited("在岗网格员", workers.length, around.workers.on_duty);
    return [
      ...(grid ? [{ ...here, role: "grid", shape: grid.shape, word: "所在网格" }] : []),
      { ...here, role: "ring", metres: around.metres, word: `${far(around.metres)}内` },
      ...others,
      ...workers.map(({ lon, lat }) => ({ lon, lat, role: "worker", word: onDuty })),
      ...places,
      { ...incident, name: grid ? `${grid.within}${grid.name}` : "" },
    ];
  }

  /* What a mark is called where there are more of it than marks. */
  const limited = (word, shown, all) => (all > shown ? `${word}（图上最近 ${shown}）` : word);

  window.zhinaoIncident = { far, roundly, shows: (id) => state.mode === "war" && state.incident?.id === id };
  setInterval(draw, 500);
})();
