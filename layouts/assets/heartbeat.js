/* The only thing that asks by itself: one tiny poll in flight, with a deadline and a backoff.
 *
 * When the edition or the alerts moved it writes one store, and Dash's callbacks do the rest; when
 * nothing moved nothing runs. Time comes from the server and runs on by `ticks`; of the viewer's clock
 * only jumps are looked at. Ids and intervals come from the page element's data attributes.
 */
(function () {
  "use strict";
  const DEADLINE = 5000, LONGEST_WAIT = 5000, SPREAD = 1000, LATE_PANEL = 8000, LONGEST_PATIENCE = 300000;
  const JUMP = 10000;
  const STATES = { refused: "被拒收", failed: "失败" };  // of a last delivery, however recent
  const AGED = 5 * 60e3, FROZEN = 30 * 60e3, DAY = 24 * 3600e3;
  const state = {
    etag: null, build: null, body: null, fails: 0, beat: 0, pushed: null, pushedAt: 0, sceneAt: 0,
    lastAnswer: performance.now(), serverTime: null, serverTimeAt: 0, wasLost: false, repeats: 0,
    slept: 0, ahead: Date.now() - performance.now(), wake: null, asking: null,
  };

  const page = () => document.querySelector("[data-poll]");
  const sleep = (ms) => new Promise((resolve) => { state.wake = resolve; setTimeout(resolve, ms); });
  const jitter = (ms) => ms * (0.7 + 0.6 * Math.random());
  const poll = () => Number(page().dataset.poll);

  /* performance.now() stands still while a machine sleeps, and its clock then is ahead of it. A clock
   * that is set forward looks the same: until the server answers, what is shown is then said to be
   * older than it is, never younger. */
  const ticks = () => performance.now() + state.slept;
  function noticeSleep() {
    const ahead = Date.now() - performance.now(), jump = ahead - state.ahead;
    state.ahead = ahead;
    if (jump < JUMP) return;
    state.slept += jump;
    hurry();
  }

  /* Ask now: what is under way is of before the sleep, or waits for a network that was away. */
  function hurry() {
    state.fails = 0;
    if (state.asking) state.asking.abort();
    if (state.wake) state.wake();
  }
  window.addEventListener("online", hurry);

  async function run() {
    while (!page() || !(window.dash_clientside && window.dash_clientside.set_props)) await sleep(50);
    for (;;) {
      let wait = poll();
      try {
        await ask();
        state.fails = 0;
      } catch (error) {
        state.fails += 1;
        wait = jitter(Math.min(LONGEST_WAIT, wait * 2 ** Math.min(state.fails, 4)));
      }
      await sleep(wait);
    }
  }

  async function ask() {
    const giveUp = state.asking = new AbortController();
    const deadline = setTimeout(() => giveUp.abort(), DEADLINE);
    try {
      const headers = state.etag ? { "If-None-Match": state.etag } : {};
      const url = page().dataset.heartbeat;
      const reply = await fetch(url, { headers, signal: giveUp.signal, cache: "no-store" });
      if (reply.status === 401 && document.querySelector("[data-person]")) return signInAgain();
      state.isRefused = reply.status === 401;
      if (state.isRefused) Object.assign(state, { lastAnswer: ticks(), wasLost: true });
      if (reply.status !== 200 && reply.status !== 304) throw new Error(reply.status);
      const body = reply.status === 200 ? await reply.json() : state.body;
      answered(reply, body);
    } finally {
      clearTimeout(deadline);
      state.asking = null;
    }
  }

  /* A person's session ends; a screen in a hall is never thrown to a form. */
  function signInAgain() {
    if (state.reloading) return;
    state.reloading = true;
    location.assign(`/sign-in?next=${encodeURIComponent(location.pathname + location.search)}`);
  }

  function answered(reply, body) {
    state.lastAnswer = ticks();
    state.serverTime = Number(reply.headers.get("X-Server-Time"));
    state.serverTimeAt = state.lastAnswer;
    if (reply.status === 200) state.etag = reply.headers.get("ETag");
    const isNewBuild = state.build && body.build !== state.build;
    const isFirstEdition = state.body && state.body.edition === null && body.edition !== null;
    if (isNewBuild || isFirstEdition) return reloadSoon();
    state.build = body.build;
    state.body = body;
    const moved = !state.pushed || body.edition !== state.pushed.edition || body.alerts !== state.pushed.alerts;
    if (moved || state.wasLost) state.repeats = 0;
    if (body.edition !== null && (moved || state.wasLost)) push(state.pushed === null);
    state.wasLost = false;
    document.dispatchEvent(new CustomEvent("zhinao:beat", { detail: body }));
  }

  function reloadSoon() {
    if (state.reloading) return;
    state.reloading = true;
    setTimeout(() => location.reload(), Math.random() * SPREAD);
  }

  function push(atOnce) {
    state.beat += 1;
    state.pushedAt = performance.now();
    state.pushed = { edition: state.body.edition, alerts: state.body.alerts, scale: scale(), beat: state.beat };
    const data = state.pushed;
    setTimeout(() => {
      window.dash_clientside.set_props(page().dataset.pulse, { data });
      document.dispatchEvent(new CustomEvent("zhinao:pulse", { detail: data }));
    }, atOnce ? 0 : Math.random() * SPREAD);
  }

  /* Dash keeps whatever a page ever set, for an undo that no page of ours has. */
  function forget() {
    (window.dash_stores || []).forEach((store) => {
      const { history } = store.getState();
      if (history && history.past.length) history.past = [];
    });
  }

  /* Device pixels for each of the 1920 x 1080 canvas. */
  const scale = () => Math.round(20 * parseFloat(getComputedStyle(document.documentElement).fontSize) / 16) / 20 || 1;
  let resizing = null;
  window.addEventListener("resize", () => {
    clearTimeout(resizing);
    resizing = setTimeout(() => state.pushed && state.pushed.scale !== scale() && push(true), 300);
  });

  /* ---- what is drawn from the clock: nothing here asks the server ---- */

  const now = () => state.serverTime === null ? null : state.serverTime + ticks() - state.serverTimeAt;

  function words(ms) {
    const seconds = Math.max(0, Math.round(ms / 1000));
    if (seconds < 60) return `${seconds} 秒`;
    if (seconds < 3600) return `${Math.floor(seconds / 60)} 分钟`;
    if (seconds < 86400) return `${Math.floor(seconds / 3600)} 小时`;
    return `${Math.floor(seconds / 86400)} 天`;
  }

  const inZone = (ms, options) => format("zh-CN", { hourCycle: "h23", ...options }).format(ms);
  const formats = new Map();  // making one takes long
  function format(locale, options) {
    const timeZone = (state.body && state.body.zone) || "Asia/Shanghai";
    const key = JSON.stringify([locale, timeZone, options]);
    if (!formats.has(key)) formats.set(key, new Intl.DateTimeFormat(locale, { timeZone, ...options }));
    return formats.get(key);
  }

  /* The time of day, with its day where that is not today. */
  function clock(ms) {
    const day = (at) => inZone(at, { month: "numeric", day: "numeric" });
    const at = inZone(ms, { hour: "2-digit", minute: "2-digit" });
    return day(ms) === day(now()) ? at : `${day(ms)} ${at}`;
  }

  function write(part, text, className) {
    const element = document.querySelector(`[data-show="${part}"]`);
    if (!element) return;
    if (element.lastChild === null || element.lastChild.nodeType !== Node.TEXT_NODE) element.append("");
    if (element.lastChild.data !== text) element.lastChild.data = text;
    if (className !== undefined && element.className !== className) element.className = className;
  }

  function drawClock(time) {
    write("clock", inZone(time, { hour: "2-digit", minute: "2-digit", second: "2-digit" }));
    write("date", inZone(time, { year: "numeric", month: "long", day: "numeric", weekday: "long" }));
  }

  function drawTrust(time) {
    const body = state.body;
    if (body.edition === null) return;
    const age = pastTime() === null ? ageOf(time) : "";
    const doubt = age === "is-frozen" ? "，久未更新" : "";
    const told = pastTime() === null ? `${words(time - body.published)}前发布${doubt}` : "历史数据";
    write("data-age", `数据截至 ${shownTime()}，${told}`, age);
    const late = body.sources.filter((source) => isLate(source, time));
    if (late.length) write("sources", lateWords(late, body.sources.length, time), "is-late");
    else write("sources", `数据源 ${body.sources.length} 个全部正常`, "is-fine");
  }

  function drawDuty() {
    const duty = (state.body.duty || []).map(({ post, holder }) => (holder === undefined ? post : `${post} ${holder || "未排班"}`));
    write("duty", duty.join("　"));
  }

  /* What time the pictures are of, where the viewer asked for another than the newest. */
  function pastTime() {
    const map = document.querySelector("[data-time]");
    return map && map.dataset.time ? Number(map.dataset.time) : null;
  }

  function shownTime() {
    const past = pastTime(), ofYear = past === null ? {} : { year: "numeric" };
    return inZone(past === null ? state.body.data_time : past, { ...ofYear, month: "numeric", day: "numeric", hour: "2-digit", minute: "2-digit" });
  }

  /* Frozen looks like fresh: the age is measured from the last publication, or the last delivery
   * that brought nothing new, against the shortest interval that anybody promised. */
  function ageOf(time) {
    const { published, publish_every: publishEvery, sources } = state.body;
    const promised = sources.map((source) => source.every).filter((every) => every !== null);
    const every = 1000 * Math.max(publishEvery || 0, promised.length ? Math.min(...promised) : 0);
    const age = time - Math.max(published, ...sources.map((source) => source.last || 0));
    if (age > Math.max(FROZEN, 3 * every)) return "is-frozen";
    return age > Math.max(AGED, 1.5 * every) ? "is-late" : "";
  }

  /* A source is late half a period after it was due, or when its last delivery was refused. */
  function isLate(source, time) {
    if (source.state !== "ok") return true;
    return source.every !== null && time - source.last > 1500 * source.every;
  }

  function lateWords(late, total, time) {
    const age = (source) => source.last === null ? "从未到达" : `${words(time - source.last)}未更新`;
    const first = `${late[0].title} ${STATES[late[0].state] || age(late[0])}`;
    return `数据源 ${total - late.length}/${total} 正常 · ${first}`;
  }

  /* What is said of today stays true after midnight, though nothing new has come. */
  function drawDays(time) {
    const day = format("sv-SE", {}).format(time);
    document.querySelectorAll("[data-day]").forEach((element) => {
      const text = element.dataset.day === day ? element.dataset.today : element.dataset.otherwise;
      if (element.textContent !== text) element.textContent = text;
    });
  }

  /* How long until a deadline, or since, and how long somebody has had it: runs on although nothing
   * new comes; of a past time it stands still. */
  function drawDurations(time) {
    document.querySelectorAll("time[data-due]").forEach((element) => {
      const left = Number(element.dataset.due) - time;
      const text = left < 0 ? `超期 ${words(-left)}` : `剩 ${words(left)}`;
      if (element.textContent !== text) element.textContent = text;
      element.classList.toggle("is-overdue", left < 0);
      element.classList.toggle("is-soon", left >= 0 && left < DAY);
    });
    document.querySelectorAll("time[data-held]").forEach((element) => {
      const text = words(time - Number(element.dataset.held));
      if (element.textContent !== text) element.textContent = text;
    });
  }

  /* A picture that has just arrived is put right before it is painted. */
  function drawMoments() {
    if (now() === null || !state.body) return;
    drawDays(now());
    drawDurations(pastTime() ?? now());
  }
  new MutationObserver(drawMoments)
    .observe(document.documentElement, { childList: true, characterData: true, subtree: true, attributeFilter: ["data-day", "data-due", "data-held"] });

  /* One banner: the server is gone, or it serves an older edition because the newest is damaged, or
   * it cannot read the live alerts. A screen that is refused has its cover. */
  function drawBanner() {
    const isLost = Boolean(page()) && !state.isRefused && !isInTouch();
    state.wasLost = state.wasLost || isLost;
    const text = isLost ? lostWords(ticks() - state.lastAnswer)
      : state.isRefused ? null : (state.body && state.body.problem) || (window.zhinaoLive && zhinaoLive.problem());
    let banner = document.querySelector(".lost");
    if (!text) return banner && banner.remove();
    if (!banner) {
      banner = document.createElement("div");
      banner.className = "lost";
      banner.setAttribute("role", "alert");
      document.body.append(banner);
    }
    if (banner.textContent !== text) banner.textContent = text;
  }

  function lostWords(silence) {
    const shown = state.body && state.body.edition !== null ? `，屏上是 ${shownTime()} 的数据` : "";
    return `与服务器失去联系 ${words(silence)}${shown}`;
  }

  /* Over everything, while there is nothing to show: no data yet, or this screen is not to see them. */
  function drawCover() {
    const isWaiting = Boolean(state.body) && state.body.edition === null && !state.body.problem;
    const words = state.isRefused ? ["本屏已停用", "请管理员重新登记本屏；登记后自动恢复"]
      : isWaiting ? ["等待首批数据", "第一批数据发布后，本页自动显示"] : null;
    const shown = document.querySelector(".waiting");
    if (shown && (!words || shown.firstChild.textContent !== words[0])) shown.remove();
    if (!words || (shown && shown.isConnected)) return;
    const box = document.createElement("div");
    box.className = "waiting";
    box.setAttribute("role", "status");
    box.append(Object.assign(document.createElement("b"), { textContent: words[0] }));
    box.append(Object.assign(document.createElement("span"), { textContent: words[1] }));
    document.body.append(box);
  }

  /* A panel whose callback failed keeps its last good picture: mark it, and ask again, at first
   * soon and then ever more seldom. One that has just come on screen with its scene has its time. */
  function checkPanels() {
    if (!state.pushed) return;
    const waited = performance.now() - Math.max(state.pushedAt, state.sceneAt);
    const panels = [...document.querySelectorAll("[data-edition]")].filter(isShown);
    const wanted = askedEdition() ?? state.pushed.edition;
    const isBehind = (panel) => Number(panel.dataset.edition) < wanted;
    panels.forEach((panel) => panel.classList.toggle("is-behind", isBehind(panel) && (waited >= LATE_PANEL || panel.classList.contains("is-behind"))));
    if (waited < LATE_PANEL) return;
    if (!panels.some(isBehind)) state.repeats = 0;
    else if (!state.fails && waited >= Math.min(LATE_PANEL * 2 ** state.repeats, LONGEST_PATIENCE)) {
      state.repeats += 1;
      push(false);
    }
  }
  document.addEventListener("zhinao:scene", () => { state.sceneAt = performance.now(); });

  const isShown = (panel) => !panel.closest(".scene:not(.is-shown)");

  /* Who looks at an older edition is not behind for that. */
  function askedEdition() {
    const asked = new URLSearchParams(location.search).get("edition");
    return /^\d{1,9}$/.test(asked || "") ? Number(asked) : null;
  }

  /* What the other scripts of a page need to know. */
  const isInTouch = () => ticks() - state.lastAnswer <= 2 * poll() + 1500;
  const settings = () => JSON.parse(document.querySelector("[data-wall]").dataset.wall);
  window.zhinao = { now, pastTime, words, clock, inZone, write, page, settings, isInTouch, body: () => state.body, pushed: () => state.pushed };

  setInterval(() => {
    noticeSleep();
    const time = now();
    if (time !== null) {
      drawClock(time);
      drawTrust(time);
      drawDuty();
      drawMoments();
    }
    drawBanner();
    drawCover();
    checkPanels();
    forget();
  }, 500);
  run();
})();
