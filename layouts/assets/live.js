/* The alerts that stand now, from GET /live, without waiting for an edition.
 *
 * A red one takes the screen, then sits in the strip at the foot until somebody acknowledges it; an
 * escalation brings it back. While visitors are shown round none of it is seen. Text arrives in words
 * of ours only and is set as text, never as HTML. */
(function () {
  "use strict";
  const PATH = "/live", KEPT = "zhinao-taken", STEP = 7000, ROWS = 5;
  const LATEST = 2;  // alerts above the newest cases (layouts/panels/newest.py)
  const FEW = 3;  // alerts that have room for a line more each (live.css)
  const FAR = 2500;  // metres around an alert that the map shows beside it
  const SAME = 0.75;  // rem on the map within which two flags are one alert
  const ORDER = ["red", "orange", "yellow", "blue"];
  // `known` is undefined until the first answer; null while the server cannot read what stands.
  const state = { known: undefined, alerts: [], more: 0, problem: null, asking: false, taken: load(), shown: null, until: 0, line: 0, steppedAt: 0, isVisit: false, place: null };

  function load() {
    try { return JSON.parse(sessionStorage.getItem(KEPT)) || {}; } catch { return {}; }
  }

  document.addEventListener("zhinao:beat", (event) => {
    if (!document.querySelector("[data-live]")) return;  // who reads this page is told of none
    if (event.detail.live !== undefined && event.detail.live !== state.known) ask(event.detail.live);
  });

  async function ask(sequence) {
    if (state.asking) return;
    state.asking = true;
    try {
      const reply = await fetch(PATH, { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!reply.ok) return;  // the next heartbeat asks again
      const { alerts, more, problem } = await reply.json();
      Object.assign(state, { alerts, more, problem, known: sequence });
      arrived();
    } catch {  /* the next heartbeat asks again */
    } finally {
      state.asking = false;
    }
  }

  /* ---- a red alert takes the screen ---- */

  const isKnown = () => state.known !== undefined && !state.problem && zhinao.pastTime() === null;  // and of now
  const isRed = (alert) => alert.signal === "red" && !alert.acknowledged;
  const stage = (alert) => (alert.escalation ? alert.escalation.level : 0);
  const unseen = (alert) => isRed(alert) && !(state.taken[alert.id] >= stage(alert));

  function arrived() {
    if (state.known === undefined) return;
    const ids = new Set(state.alerts.map((alert) => alert.id));
    for (const id of Object.keys(state.taken)) if (!ids.has(id)) delete state.taken[id];
    if (state.shown) state.shown = state.alerts.find((alert) => alert.id === state.shown.id && isRed(alert)) || null;
    const next = state.isVisit || isAtDesk() ? null : state.alerts.find(unseen);
    if (next) take(next);
    draw();
  }

  /* Who writes into a page at a desk is told at its foot, and not covered. */
  const isAtDesk = () => Boolean(document.querySelector("[data-person]") && document.querySelector(".desk"));

  function take(alert) {
    state.shown = alert;
    state.until = performance.now() + 1000 * taken();
    state.alerts.filter(unseen).forEach((each) => { state.taken[each.id] = stage(each); });
    sessionStorage.setItem(KEPT, JSON.stringify(state.taken));
    sound();
  }

  function release() {
    state.shown = null;
    state.until = 0;
  }

  function sound() {
    if (!zhinao.settings().has_sound || !isWall()) return;
    try {
      const audio = new AudioContext(), end = audio.currentTime + 2.4;
      const tone = audio.createOscillator(), loud = audio.createGain();
      tone.frequency.setValueAtTime(880, audio.currentTime);
      tone.frequency.setValueAtTime(660, audio.currentTime + 1.2);
      loud.gain.setValueAtTime(0.25, audio.currentTime);
      loud.gain.linearRampToValueAtTime(0, end);
      tone.connect(loud).connect(audio.destination);
      tone.start();
      tone.stop(end);
      setTimeout(() => audio.close(), 4000);  // also where the browser plays nothing, and so never ends
    } catch {  /* a browser without sound shows the alert all the same */
    }
  }

  /* ---- drawing ---- */

  const isWall = () => Boolean(document.querySelector("main[data-scenes]"));

  function draw() {
    drawTakeover();
    drawStrip();
    drawStanding();
    drawLatest();
    document.dispatchEvent(new CustomEvent("zhinao:alerts"));  // the answers of scenes speak of them (answers.js)
  }

  function node(kind, className, ...children) {
    const element = document.createElement(kind);
    element.className = className;
    element.append(...children.filter((child) => child !== null && child !== ""));
    return element;
  }

  function marked(element, alert) {
    element.style.setProperty("--mark", ORDER.includes(alert.signal) ? `var(--risk-${alert.signal})` : "var(--muted)");
    return element;
  }

  const flag = (alert) => marked(node("i", "flag"), alert);
  const elapsed = (ms) => (zhinao.now() === null ? "" : zhinao.words(zhinao.now() - ms));
  const times = (alert) => (alert.flapping ? `反复 ${alert.count} 次` : alert.count > 1 ? `共 ${alert.count} 条` : "");
  const group = (alert) => (alert.cluster ? `疑似集中上报：${alert.cluster.minutes} 分钟内 ${alert.cluster.n} 条` : "");
  const answer = (alert) => (alert.acknowledged ? `已签收 ${alert.by || ""}`.trim() : "未签收");
  const raised = (alert) => (alert.escalation && !alert.acknowledged ? `已升级至${alert.escalation.to}` : "");
  const where = (alert) => alert.place || "位置不明";

  /* An element is drawn anew only where what it says has changed. */
  function put(parent, selector, key, build) {
    const old = parent.querySelector(`:scope > ${selector}`);
    if (key === null) return old && old.remove();
    if (old && old.dataset.key === key) return old;
    const made = build();
    made.dataset.key = key;
    if (old) old.replaceWith(made); else parent.append(made);
    return made;
  }

  function drawTakeover() {
    if (state.shown && performance.now() >= state.until) release();
    const isThere = state.shown && window.zhinaoIncident?.shows(state.shown.id);  // 战时 says more of it
    const alert = isWall() && !state.isVisit && !isThere ? state.shown : null;
    document.documentElement.classList.toggle("is-taken", Boolean(alert));
    const shell = document.querySelector(".shell");
    if (!shell) return;
    const others = alert ? state.alerts.filter((each) => isRed(each) && each.id !== alert.id).length : 0;
    const made = put(shell, ".takeover", alert ? JSON.stringify([alert, others]) : null, () => takeover(alert, others));
    locate(alert);
    drawPins();
    if (!alert) return;
    made.querySelector(".elapsed").textContent = elapsed(alert.received);
    drawRest(made.querySelector(".rest"));
  }

  /* How long it still has the screen, and what then. */
  function drawRest(rest) {
    const seconds = Math.max(0, Math.ceil((state.until - performance.now()) / 1000));
    rest.firstChild.style.setProperty("--share", seconds / taken());
    const text = `${seconds} 秒后收起，留在屏底直至签收`;
    if (rest.lastChild.textContent !== text) rest.lastChild.textContent = text;
  }

  const taken = () => zhinao.settings().takeover_seconds || 60;  // seconds

  /* The map beside it shows where, and nothing else of the county. */
  function locate(alert) {
    const place = alert && alert.lon !== null ? [alert.lon, alert.lat] : null;
    if (!window.wallMap || JSON.stringify(place) === JSON.stringify(state.place)) return;
    state.place = place;
    const high = FAR / 111_195, wide = place && high / Math.cos((place[1] * Math.PI) / 180);
    wallMap.focus(place && [place[0] - wide, place[1] - high, place[0] + wide, place[1] + high].map((degree) => Math.round(degree * 1e6) / 1e6));
  }

  /* A flag where each alert is; alone the one that takes the screen. */
  function drawPins() {
    const map = document.querySelector(".map");
    if (!map || !window.wallMap) return;
    const shown = (state.isVisit ? [] : state.shown ? [state.shown] : state.alerts).filter((alert) => alert.lon !== null);
    const key = JSON.stringify(shown.map(({ id, signal, lon, lat }) => [id, signal, lon, lat]));
    if (map.dataset.alerts !== key) {
      map.dataset.alerts = key;
      map.querySelectorAll(".alert-pin").forEach((each) => each.remove());
      map.append(...shown.map((alert) => {
        const pin = marked(node("div", "alert-pin", flag(alert)), alert);
        pin.dataset.place = JSON.stringify([alert.lon, alert.lat]);
        return pin;
      }));
    }
    putPins();  // also when the edition's pictures have come since
  }

  /* One that the edition's pictures show too has its flag there. */
  function putPins() {
    const pins = [...document.querySelectorAll(".alert-pin")];
    if (pins.length) hidePins(pins);
    const flags = pins.filter((pin) => !pin.hidden).map((pin) => pin.style.transform).join();
    if (flags === state.flags) return;
    state.flags = flags;
    document.dispatchEvent(new CustomEvent("zhinao:flags"));  // names step aside for them (map.js)
  }

  function hidePins(pins) {
    const near = SAME * parseFloat(getComputedStyle(document.documentElement).fontSize);
    const known = state.shown ? [] : [...document.querySelectorAll(".map-pin.is-alert")].map((each) => new DOMMatrix(getComputedStyle(each).transform));
    pins.forEach((pin) => {
      const at = wallMap.project(JSON.parse(pin.dataset.place));
      pin.hidden = !at || known.some(({ e, f }) => Math.hypot(at.x - e, at.y - f) < near);
      if (at) pin.style.transform = `translate(${at.x}px,${at.y}px)`;
    });
  }
  ["zhinao:map-moved", "zhinao:map-drawn"].forEach((name) => document.addEventListener(name, putPins));

  function takeover(alert, others) {
    const head = node("div", "takeover-head", flag(alert), node("b", "", alert.word), alert.stamp ? node("b", "stamp", alert.stamp) : null);
    const facts = [times(alert), group(alert), raised(alert), others ? `另有 ${others} 条红色预警未签收` : ""].filter(Boolean);
    const box = node("div", "takeover",
      head,
      node("div", "takeover-event", alert.event),
      node("div", "takeover-place", where(alert)),
      node("dl", "takeover-facts",
        node("dt", "", "发布"), node("dd", "", zhinao.clock(alert.sent)),
        node("dt", "", "已过"), node("dd", "elapsed"),
        node("dt", "", zhinaoLive.handles(alert)), node("dd", "", alert.holder || "未明确"),
        node("dt", "", "签收"), node("dd", alert.acknowledged ? "" : "is-open", answer(alert))),
      facts.length ? node("div", "takeover-more", facts.join("　·　")) : null,
      node("div", "rest", node("i", ""), node("span", "")));
    box.setAttribute("role", "alertdialog");
    box.setAttribute("aria-label", alert.word);
    return marked(box, alert);
  }

  /* At the foot, in the place of the ticker: the red ones that nobody has acknowledged. */
  function drawStrip() {
    const foot = document.querySelector(".foot");
    if (!foot) return;
    const open = state.isVisit ? [] : state.alerts.filter(isRed);
    if (performance.now() - state.steppedAt >= STEP) {
      state.line += 1;
      state.steppedAt = performance.now();
    }
    const alert = open.length ? open[state.line % open.length] : null;
    const strip = put(foot, ".strip", alert ? JSON.stringify([alert, open.length]) : null, () => stripOf(alert, open.length));
    foot.classList.toggle("has-strip", Boolean(alert));
    if (alert) strip.querySelector(".elapsed").textContent = `已过 ${elapsed(alert.received)}`;
  }

  function stripOf(alert, count) {
    const words = [alert.event, where(alert), raised(alert) || alert.holder, times(alert)].filter(Boolean).join("　·　");
    const strip = node("div", "strip", flag(alert), node("b", "", `红色预警未签收 ${count}`), alert.stamp ? node("b", "stamp", alert.stamp) : null,
      node("span", "words", words), node("span", "elapsed"));
    strip.setAttribute("role", "alert");
    return marked(strip, alert);
  }

  /* The panel 现行预警; the time beside an alert is since when who handles it has had it. */
  function drawStanding() {
    const place = document.querySelector("[data-show='standing']");
    if (!place) return;
    const shown = state.isVisit ? [] : state.alerts.slice(0, ROWS);
    const rest = state.alerts.length + state.more - shown.length;
    const key = JSON.stringify([nothing(), rest, shown]);
    if (place.dataset.key !== key) {
      place.dataset.key = key;
      place.replaceChildren(...(shown.length ? shown.map((alert) => row(alert, shown.length <= FEW)) : [node("div", "nothing", nothing())]),
        ...(rest > 0 && shown.length ? [node("div", "sum", `另有 ${rest} 条`)] : []));
    }
    place.querySelectorAll("[data-since]").forEach((each) => {
      const text = elapsed(Number(each.dataset.since));
      if (each.textContent !== text) each.textContent = text;
    });
  }

  const nothing = () => (state.isVisit ? "参观模式，不显示预警" : state.known === undefined ? "正在取得预警" : state.problem ? state.problem : "没有现行预警");

  function row(alert, isFew) {
    const what = node("span", "", alert.stamp ? node("b", "stamp", alert.stamp) : null, `${alert.event} ${alert.word}`);
    const since = node("time", "");
    since.dataset.since = alert.since;
    return marked(node("div", `feed-row${alert.acknowledged ? "" : " is-open"}`, flag(alert), what, since, node("div", "rest", ...told(alert, isFew).map((words) => node("small", "", words.filter(Boolean).join(" · "))))), alert);
  }

  /* Where it is and who has it: a line each where few stand, else the most needed in one. */
  function told(alert, isFew) {
    const often = times(alert) || group(alert);
    if (isFew) return [[where(alert), answer(alert), often], [alert.holder, raised(alert)]];
    const answered = alert.acknowledged ? "已签收" : "未签收";
    return [[where(alert), raised(alert) || [alert.holder, answered].filter(Boolean).join(" "), often]];
  }

  /* Above the newest cases; those of the edition stay where nothing is known of now, and of a past
   * time, for then they are of that time. */
  function drawLatest() {
    const place = document.querySelector("[data-show='latest-alerts']");
    if (!place) return;
    const isTold = state.isVisit || isKnown(), shown = isTold && !state.isVisit ? state.alerts.slice(0, LATEST) : [];
    const key = JSON.stringify([isTold, shown]);
    if (place.dataset.key === key) return;
    place.dataset.key = key;
    if (isTold) place.dataset.rows = shown.length; else delete place.dataset.rows;
    place.replaceChildren(...shown.map(latest));
  }

  function latest(alert) {
    const what = node("span", "", alert.stamp ? node("b", "stamp", alert.stamp) : null, `${alert.event} ${alert.word}`);
    const words = node("div", "words", what, node("small", "", `${where(alert)} · ${alert.acknowledged ? "已签收" : "未签收"}`));
    return marked(node("div", `feed-row${alert.acknowledged ? "" : " is-open"}`, flag(alert), words, node("time", "", zhinao.clock(alert.sent))), alert);
  }

  setInterval(() => window.zhinao && draw(), 500);

  window.zhinaoLive = {
    visit(isVisit) {
      state.isVisit = isVisit;
      if (isVisit) release();
      arrived();
    },
    /* What may be shown of them: to visitors nothing. */
    alerts: () => (state.isVisit ? [] : state.alerts),
    more: () => state.more,
    isKnown: () => isKnown() && !state.isVisit,
    elapsed,
    handles: (alert) => (alert.acknowledged ? "处置" : "应处置"),  // nobody has taken it over yet
    where,
    nothing,
    problem: () => state.problem,
    node,
    marked,
    flag,
  };
})();
