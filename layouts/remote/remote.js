/* 大屏遥控: shows what each wall is to show, and says otherwise. Needs a device token of kind remote.
 *
 * Held in one hand: nothing moves away under a finger, and what changes the whole hall (战时, 参观,
 * 演练, and back) is pressed twice. Text is set as text, never as HTML. */
(function () {
  "use strict";
  const EVERY = 2000, KEPT = "zhinao-remote-wall";
  const SURE = 4000;  // ms in which the second press must come
  const SETTLE = 600;  // ms in which a list that has just changed takes no press
  const AUTO = { key: null, name: "自动" };
  const FIXED = {
    is_paused: [{ key: false, name: "轮播" }, { key: true, name: "暂停" }],
    mode: [{ key: "peace", name: "平时" }, { key: "war", name: "战时" }],
    occasion: [{ key: "normal", name: "日常" }, { key: "visit", name: "参观" }, { key: "exercise", name: "演练" }],
    is_heat: [AUTO, { key: true, name: "开" }, { key: false, name: "关" }],
    palette: [{ key: "auto", name: "自动" }, { key: "day", name: "日间" }, { key: "night", name: "夜间" }],
  };
  const TWICE = ["mode", "occasion"];
  const state = { walls: [], wall: kept(), choices: {}, alerts: [], asking: false, heardAt: null };
  const $ = (id) => document.getElementById(id);

  function kept() {
    const id = localStorage.getItem(KEPT);
    return id === null ? null : Number(id);
  }

  /* ---- asking and telling ---- */

  async function ask(path, options) {
    const reply = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000), ...options });
    if (reply.ok) return reply.status === 204 ? null : reply.json();
    if (reply.status === 401) {
      $("sign-in").hidden = false;
      $("remote").hidden = true;
    }
    throw new Error(await reason(reply));
  }

  async function reason(reply) {
    const kind = reply.headers.get("Content-Type") || "", text = await reply.text();
    if (kind.startsWith("text/plain")) return text;
    if (kind.startsWith("application/json")) return JSON.parse(text).error;
    return reply.status === 401 ? "请先登录" : `服务器答复 ${reply.status}`;
  }

  const tell = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json", "X-CSRFToken": shown() }, body: JSON.stringify(body) });
  /* That a page of this site commands, and no other: only ours can read the cookie. */
  const shown = () => (document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/) || ["", ""])[1];
  const isAway = (error) => ["TypeError", "TimeoutError", "AbortError"].includes(error.name);
  const why = (error) => (isAway(error) ? "与服务器失去联系，没有做成" : error.message);
  const say = (text) => { $("told").textContent = text; };

  async function refresh() {
    if (state.asking) return;
    state.asking = true;
    try {
      const told = await ask("/walls"), live = await ask("/live");
      state.walls = told.walls;
      state.choices = { scene: [{ key: null, name: "轮流" }, ...told.scenes], region: [{ key: null, name: "全域" }, ...told.regions], measure: [{ key: null, name: "随场景" }, ...told.measures], ...FIXED };
      state.alerts = live.alerts;
      state.heardAt = Date.now();
      $("sign-in").hidden = true;
      $("remote").hidden = false;
      say(live.problem || "");
      draw();
    } catch (error) {
      say(isAway(error) ? `与服务器失去联系${since()}` : error.message);
    } finally {
      state.asking = false;
    }
  }

  function since() {
    if (state.heardAt === null) return "";
    const seconds = Math.round((Date.now() - state.heardAt) / 1000);
    return ` ${seconds < 120 ? `${seconds} 秒` : `${Math.floor(seconds / 60)} 分钟`}，以下是那时的情况`;
  }

  /* A button is out of use while its command is on the way. */
  async function send(button, path, body) {
    button.disabled = true;
    try {
      await tell(path, body);
      await refresh();
    } catch (error) {
      say(why(error));
    } finally {
      button.disabled = false;
    }
  }

  /* ---- drawing ---- */

  /* The one that was chosen here, else once and for all the one that was on last; 0 stands for all
   * that have not signed in. */
  function wallNow() {
    const known = state.walls.filter((each) => each.seen).sort((a, b) => b.seen - a.seen);
    const wall = state.walls.find((each) => each.id === state.wall) || known[0] || state.walls[0];
    state.wall = wall.id;
    return wall;
  }

  function draw() {
    const wall = wallNow();
    choices("walls", state.walls.map((each) => ({ key: each.id, name: each.name })), wall.id, (_, key) => {
      state.wall = key;
      localStorage.setItem(KEPT, key);
      draw();
    });
    for (const [name, options] of Object.entries(state.choices)) {
      choices(name, options, wall.state[name], (button, key) => send(button, `/walls/${wall.id}`, { [name]: key }), TWICE.includes(name));
    }
    drawAlerts(wall);
  }

  /* Drawn anew only where something changed: a finger may be on its way to a button. */
  function choices(id, options, chosen, act, isTwice = false) {
    const box = $(id), key = JSON.stringify([options, chosen, wallNow().id]);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    box.replaceChildren(...options.map((option) => {
      const button = made(option.name, "", (pressed) => act(pressed, option.key), isTwice && option.key !== chosen);
      button.setAttribute("aria-pressed", String(option.key === chosen));
      return button;
    }));
  }

  function drawAlerts(wall) {
    const open = state.alerts.filter((alert) => !alert.acknowledged), box = $("alerts"), key = JSON.stringify([open, wall.id]);
    if (box.dataset.key === key) return;
    const hadSome = box.querySelector("button") !== null;
    box.dataset.key = key;
    box.replaceChildren(...(open.length ? open.map((alert) => row(alert, wall)) : [part("p", "none", "没有待签收的预警")]));
    if (!hadSome) return;
    const buttons = [...box.querySelectorAll("button")];
    buttons.forEach((each) => { each.disabled = true; });
    setTimeout(() => buttons.forEach((each) => { each.disabled = false; }), SETTLE);
  }

  function row(alert, wall) {
    const line = part("div", `alert ${alert.signal || ""}`);
    const word = part("b", "word", part("i", "flag"), (alert.stamp ? `【${alert.stamp}】` : "") + alert.word);
    const raised = alert.escalation ? `已升级至${alert.escalation.to}` : "";
    const what = part("span", "", alert.event, part("br"), part("small", "", [alert.place || "位置不明", alert.holder, raised].filter(Boolean).join(" · ")));
    line.append(word, what,
      made("签收", "is-main", (button) => send(button, "/live/acknowledge", { id: alert.id })),
      made("战时", "", (button) => send(button, `/walls/${wall.id}`, { mode: "war", incident: alert.id }), true));
    return line;
  }

  function part(kind, className = "", ...children) {
    const element = Object.assign(document.createElement(kind), { className });
    element.append(...children);
    return element;
  }

  function made(text, className, act, isTwice = false) {
    const button = Object.assign(part("button", className, text), { type: "button" });
    let waiting = null;
    const calm = () => {
      clearTimeout(waiting);
      waiting = null;
      button.textContent = text;
    };
    button.addEventListener("click", () => {
      if (!isTwice || waiting) {
        calm();
        return act(button);
      }
      button.textContent = `再按一次：${text}`;
      waiting = setTimeout(calm, SURE);
    });
    return button;
  }

  $("sign-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    const form = event.target;
    try {
      await tell("/sign-in/device", { token: new FormData(form).get("token").trim() });
      form.reset();
      refresh();
    } catch (error) {
      say(why(error));
    }
  });

  refresh();
  setInterval(() => document.hidden || refresh(), EVERY);
  document.addEventListener("visibilitychange", () => document.hidden || refresh());
})();
