/* What the answer of a scene says of the alerts that stand, in the places that the scene keeps for it
 * (layouts/sentence.py live): known within a second, without an edition. */
(function () {
  "use strict";
  const state = { fitted: null, sentence: null };
  const WIDTHS = { narrow: 0.58, mark: 1.3 };  // em; layouts/sentence.py
  const PLACED = 5;  // the last that is left out
  const SPARES = [0, 1, 2, 3, 4, 5];

  function drawAnswer() {
    const isKnown = zhinaoLive.isKnown(), alerts = isKnown ? earnest() : [];
    document.querySelectorAll("[data-show='alerts-lead']").forEach((lead) => {
      const said = alerts.length ? saidOf(alerts) : [], answer = lead.closest(".answer");
      const key = said.map((part) => part.outerHTML || part).join("");
      if (lead.dataset.key !== key) {
        lead.dataset.key = key;
        lead.replaceChildren(...said);
      }
      answer.classList.toggle("has-red", alerts.some((alert) => alert.signal === "red" && !alert.stamp));
      fit(answer);
    });
    document.querySelectorAll("[data-show='alerts-none']").forEach((none) => {
      const words = isKnown && !alerts.length ? "；没有现行预警" : "";
      if (none.textContent !== words) none.textContent = words;
    });
  }

  /* Exercises are spoken of only where there is nothing else. */
  function earnest() {
    const real = zhinaoLive.alerts().filter((alert) => !alert.stamp);
    return real.length ? real : zhinaoLive.alerts();
  }

  /* ⚑ 红色预警 星湖街道火情、黄色 1 条，均未签收 59 分钟; 预警 3 条，橙色预警 2 条未签收: the gravest that waits
   * and, of one, where it is and what; how many others, and how long the first of them has waited. */
  function saidOf(alerts) {
    const { elapsed } = zhinaoLive, more = zhinaoLive.more(), count = alerts.length + more;
    const open = alerts.filter((alert) => !alert.acknowledged), waiting = open.length ? open : alerts;
    const isPart = open.length > 0 && open.length < alerts.length, all = waiting.length > 1 ? "，均" : "";
    const waited = open.length ? elapsed(Math.min(...open.map((alert) => alert.received))) : "";
    return [
      flagOf(waiting[0]), waiting[0].stamp || "",
      ...(isPart ? ["预警 ", bold(count), " 条，"] : []), ...bySignal(waiting, isPart ? "" : "预警"),
      !isPart && more ? `、另 ${more} 条` : "", all, open.length ? "未签收" : "已签收",
      ...(count === 1 ? [spare(1, `，${alerts[0].holder || "处置未明确"}`)] : []),
      ...(waited ? [all ? "，最久 " : " ", bold(waited)] : []), "；",
    ].filter(Boolean);
  }

  const flagOf = (alert) => zhinaoLive.marked(zhinaoLive.node("i", "flag"), alert);

  /* 红色预警 星湖街道火情、黄色 1 条: the gravest first, as they stand; none is taken for another. */
  function bySignal(alerts, what) {
    const groups = [...new Set(alerts.map((alert) => alert.signal))].map((signal) => alerts.filter((alert) => alert.signal === signal));
    return groups.flatMap((group, at) => [at ? "、" : "", signalOf(group[0], at ? "" : what), " ", ...(at || group.length > 1 ? counted(group) : named(group))]);
  }

  const counted = (group) => [bold(group.length), " 条"];

  /* Where there is no room for its place it is counted. */
  function named([alert]) {
    const short = zhinaoLive.node("span", "", ...counted([alert]));
    short.dataset.instead = PLACED;
    return [spare(PLACED, bold(`${zhinaoLive.where(alert)}${alert.event}`)), short];
  }

  const signalOf = (alert, what) => zhinaoLive.marked(zhinaoLive.node("b", "signal", alert.word.replace(/预警$/, what)), alert);

  const bold = (words) => zhinaoLive.node("b", "", String(words));

  function spare(rank, words) {
    const made = zhinaoLive.node("span", "", words);
    made.dataset.spare = rank;
    return made;
  }

  /* Words are left out, those of the lowest rank first, until the rest are large enough to be read;
   * how long it then is decides their size (wall.css). */
  function fit(answer) {
    const sentence = answer.querySelector(".sentence");
    if (!sentence || !answer.clientWidth) return;
    const style = getComputedStyle(answer), rem = parseFloat(getComputedStyle(document.documentElement).fontSize);
    const [least, unit, lines] = ["--least", "--u", "--lines"].map((name) => Number(style.getPropertyValue(name)));
    const room = (lines * answer.clientWidth) / (least * unit * rem);
    const key = `${room} ${sentence.innerHTML}`;
    if (key === state.fitted && sentence === state.sentence) return;
    Object.assign(state, { fitted: key, sentence });
    const spared = SPARES.find((rank) => lengthOf(sentence, rank) <= room) ?? SPARES.at(-1);
    SPARES.forEach((rank) => answer.classList.toggle(`spares-${rank}`, rank > 0 && rank <= spared));
    answer.style.setProperty("--live-em", (lengthOf(sentence, spared) - Number(sentence.style.getPropertyValue("--em"))).toFixed(1));
  }

  const lettersOf = (text) => [...text].reduce((em, letter) => em + (letter < "\x80" ? WIDTHS.narrow : 1), 0);

  /* In em, without what is spared. */
  function lengthOf(node, spared) {
    if (node.nodeType === Node.TEXT_NODE) return lettersOf(node.data);
    if (Number(node.dataset.spare) <= spared || Number(node.dataset.instead) > spared || node.matches(".has-red .calm")) return 0;
    if (node.matches("img, .flag")) return WIDTHS.mark;
    return [...node.childNodes].reduce((sum, child) => sum + lengthOf(child, spared), 0);
  }

  window.zhinaoAnswer = { lettersOf };  // in em
  document.addEventListener("zhinao:alerts", drawAnswer);
  document.addEventListener("zhinao:scene", () => window.zhinaoLive && drawAnswer());
})();
