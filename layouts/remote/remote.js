/* 大屏遥控: shows what each wall is to show, and says otherwise. Needs a device token of kind remote. */
(function () {
  "use strict";
  const EVERY = 2000;
  const AUTO = { key: null, name: "自动" };
  const FIXED = {
    is_paused: [{ key: false, name: "轮播" }, { key: true, name: "暂停" }],
    mode: [{ key: "peace", name: "平时" }, { key: "war", name: "战时" }],
    occasion: [{ key: "normal", name: "日常" }, { key: "visit", name: "参观" }, { key: "exercise", name: "演练" }],
    is_heat: [AUTO, { key: true, name: "开" }, { key: false, name: "关" }],
    palette: [AUTO, { key: "day", name: "日间" }, { key: "night", name: "夜间" }].map((each) => ({ ...each, key: each.key || "auto" })),
  };
  const state = { walls: [], wall: Number(sessionStorage.getItem("zhinao-remote")) || 0, choices: {}, alerts: [] };
  const $ = (id) => document.getElementById(id);

  async function ask(path, options) {
    const reply = await fetch(path, { cache: "no-store", signal: AbortSignal.timeout(5000), ...options });
    if (reply.status === 401) {
      $("sign-in").hidden = false;
      $("remote").hidden = true;
      throw new Error("请先登录");
    }
    if (!reply.ok) throw new Error(await reply.text());
    return reply.status === 204 ? null : reply.json();
  }

  const tell = (path, body) => ask(path, { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) });

  async function refresh() {
    try {
      const told = await ask("/walls");
      state.walls = told.walls;
      state.choices = { scene: [{ key: null, name: "轮流" }, ...told.scenes], region: [{ key: null, name: "全域" }, ...told.regions], measure: [{ key: null, name: "随场景" }, ...told.measures], ...FIXED };
      state.alerts = (await ask("/live")).alerts;
      $("sign-in").hidden = true;
      $("remote").hidden = false;
      say("");
      draw();
    } catch (error) {
      say(error.name === "TypeError" || error.name === "TimeoutError" ? "与服务器失去联系" : error.message);
    }
  }

  const say = (text) => { $("told").textContent = text; };

  function draw() {
    const wall = state.walls.find((each) => each.id === state.wall) || state.walls[0];
    state.wall = wall.id;
    choices("walls", state.walls.map((each) => ({ key: each.id, name: each.name })), wall.id, (key) => {
      state.wall = key;
      sessionStorage.setItem("zhinao-remote", key);
      draw();
    });
    for (const [name, options] of Object.entries(state.choices)) choices(name, options, wall.state[name], (key) => command({ [name]: key }));
    drawAlerts();
  }

  /* Drawn anew only where something changed: a finger may be on its way to a button. */
  function choices(id, options, chosen, act) {
    const box = $(id), key = JSON.stringify([options, chosen, state.wall]);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    box.replaceChildren(...options.map((option) => {
      const button = Object.assign(document.createElement("button"), { type: "button", textContent: option.name });
      button.setAttribute("aria-pressed", String(option.key === chosen));
      button.addEventListener("click", () => act(option.key));
      return button;
    }));
  }

  async function command(changes) {
    try {
      await tell(`/walls/${state.wall}`, changes);
    } catch (error) {
      return say(error.message);
    }
    refresh();
  }

  function drawAlerts() {
    const open = state.alerts.filter((alert) => !alert.acknowledged), box = $("alerts"), key = JSON.stringify(open);
    if (box.dataset.key === key) return;
    box.dataset.key = key;
    const none = Object.assign(document.createElement("p"), { className: "none", textContent: "没有待签收的预警" });
    box.replaceChildren(...(open.length ? open.map(row) : [none]));
  }

  function row(alert) {
    const line = Object.assign(document.createElement("div"), { className: `alert ${alert.signal || ""}` });
    const word = Object.assign(document.createElement("b"), { textContent: (alert.stamp ? `【${alert.stamp}】` : "") + alert.word });
    const what = document.createElement("span");
    what.append(alert.event, document.createElement("br"), Object.assign(document.createElement("small"), { textContent: [alert.place || "位置不明", alert.holder].filter(Boolean).join(" · ") }));
    line.append(word, what, button("签收", () => acknowledge(alert.id)), button("战时", () => command({ mode: "war", incident: alert.id })));
    return line;
  }

  const button = (text, act) => {
    const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
    made.addEventListener("click", act);
    return made;
  };

  async function acknowledge(id) {
    try {
      await tell("/live/acknowledge", { id });
    } catch (error) {
      return say(error.message);
    }
    refresh();
  }

  $("sign-in").addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      await tell("/sign-in", { token: new FormData(event.target).get("token").trim() });
      event.target.reset();
      refresh();
    } catch {
      say("令牌无效或已吊销");
    }
  });

  refresh();
  setInterval(() => document.hidden || refresh(), EVERY);
})();
