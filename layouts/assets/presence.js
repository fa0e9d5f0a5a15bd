/* Whether somebody is at the page: it tells the server, for what a page asks by itself keeps no
 * session awake. On a screen in a hall nobody is signed in, and nothing is told. */
(function () {
  "use strict";
  const EVERY = 60000;  // ms between two words
  let told = performance.now();  // opening the page was one

  async function here(event) {
    if (!event.isTrusted || performance.now() - told < EVERY || !document.querySelector("[data-person]")) return;
    told = performance.now();
    const shown = (document.cookie.match(/(?:^|; )_csrf_token=([^;]*)/) || ["", ""])[1];
    try {
      await fetch("/account/active", { method: "POST", headers: { "X-CSRFToken": shown }, signal: AbortSignal.timeout(5000) });
    } catch {
      told = -EVERY;  // said again with the next movement
    }
  }

  for (const name of ["pointerdown", "keydown", "wheel", "touchstart"]) window.addEventListener(name, here, { passive: true });
})();
