/* The answer of 战时 in one sentence, in the header where each scene has its own: where it is, who has it and for
 * how long, who is nearest. It is written here, for it is of what stands now and not of an edition; what it says
 * beyond that it says where there is room for it at full size. Its type and letters are those of answers.js. */
(function () {
  "use strict";
  const PLACES = 2;  // kinds of places that it counts

  /* Into an element `.answer`; `others` is how many alerts stand beside this one, which may be null. */
  function write(element, alert, around, others) {
    const room = roomOf(element);
    const words = alert ? fitting(required(alert, around), optional(around, others), room) : [zhinaoLive.nothing()];
    const key = JSON.stringify(words);
    if (element.dataset.key === key) return;
    element.dataset.key = key;
    const sentence = node("p", "sentence", ...words.map((word) => (typeof word === "string" ? word : node("b", word.className || "", word.text))));
    sentence.style.setProperty("--em", lengthOf(words).toFixed(1));
    element.replaceChildren(sentence);
  }

  const node = (...told) => zhinaoLive.node(...told);
  const strong = (text) => ({ text });
  const lengthOf = (words) => words.reduce((em, word) => em + zhinaoAnswer.lettersOf(word.text ?? word), 0);

  /* How many em it has at full size: as the type is without a length (wall.css). */
  function roomOf(element) {
    const probe = node("p", "sentence");
    probe.style.setProperty("--em", "1");
    element.append(probe);
    const size = parseFloat(getComputedStyle(probe).fontSize);
    probe.remove();
    return element.clientWidth / size;
  }

  function fitting(words, more, room) {
    return more.reduce((all, clause) => (lengthOf(all) + lengthOf(clause) <= room ? [...all, ...clause] : all), words);
  }

  const required = (alert, around) => [...exercise(alert), ...where(alert), "，", ...held(alert), ...nearest(alert, around)];
  const exercise = ({ stamp }) => (stamp ? [{ text: stamp, className: "stamp" }] : []);
  const where = ({ place, event }) => (place ? [strong(`${place}${event}`)] : [strong(event), "，位置不明"]);

  function held({ acknowledged, holder, since, received }) {
    const ago = (from) => zhinao.words(zhinao.now() - from);
    if (acknowledged) return [...(holder ? [strong(holder), "处置，"] : []), `${ago(acknowledged)}前签收`];
    return [...(holder ? [strong(holder), " "] : []), strong(`${ago(holder ? since : received)}未签收`)];
  }

  function nearest({ lon }, around) {
    if (lon === null) return ["；没有坐标，周边不详"];
    if (!around) return [];
    const { workers: { is_loaded: isLoaded, on_duty: onDuty, nearest: worker } } = around, { far, roundly } = zhinaoIncident;
    if (!isLoaded) return ["；没有导入网格员"];
    if (!worker) return ["；没有在岗网格员"];
    return onDuty ? ["；最近网格员 ", strong(roundly(worker.metres))] : [`；${far(around.metres)}内没有网格员，最近 `, strong(roundly(worker.metres))];
  }

  function optional(around, others) {
    const clauses = others ? [[`；另有预警 ${others} 条`]] : [];
    if (!around) return clauses;
    const places = around.kinds.filter(({ role, within }) => role === "place" && within).slice(0, PLACES);
    clauses.push(...places.map(({ word, within }) => [`，${word} ${within} 处`]));
    if (around.people) clauses.push([`，居民 ${around.people.toLocaleString("zh-CN")} 人`]);
    return clauses;
  }

  window.incidentAnswer = { write };
})();
