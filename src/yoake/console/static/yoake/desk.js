// Keys, ages and giving leases back. Every page works without this file; nothing here decides anything.
"use strict";

(() => {
  const KEYS_OFF = "yoake-keys-off";
  const IDLE_MS = 8 * 60 * 1000; // a lease lasts ten minutes: whoever went to lunch gives the post back
  let leaving = false; // the judgement is on its way: recording it gives the lease back
  let active = Date.now();

  // --- keys ---------------------------------------------------------------------------------------------------------
  const keysOn = () => localStorage.getItem(KEYS_OFF) === null;

  const typing = (element) =>
    element.closest("textarea, select, [contenteditable], input:not([type=radio], [type=checkbox])") !== null;

  function step(by) {
    const rows = [...document.querySelectorAll("[data-row]")];
    const at = rows.indexOf(document.activeElement);
    const next = rows[at === -1 ? (by > 0 ? 0 : rows.length - 1) : at + by];
    if (next) {
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    }
    return rows.length > 0;
  }

  function press(element) {
    if (element.matches("input[type=radio]")) {
      element.checked = true;
      element.focus();
    } else if (element.matches("input:not([type=checkbox])")) {
      element.focus();
      element.select();
    } else if (element.matches("form")) {
      element.requestSubmit();
    } else if (element.matches("textarea, select, blockquote")) {
      element.focus();
    } else {
      element.click();
    }
  }

  // One keystroke that records and goes on; the toast takes it back.
  function atOnce(event) {
    const choice = document.querySelector(`[data-at-once~="${CSS.escape(event.code)}"]`);
    if (!choice || choice.disabled || choice.matches(":disabled") || choice.form.hasAttribute("data-sent")) return;
    event.preventDefault();
    choice.checked = true;
    choice.form.requestSubmit();
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey || event.metaKey || event.repeat) return;
    if (document.querySelector("dialog[open]")) return;
    const form = document.querySelector("[data-decide]");
    if (event.key === "Enter" && event.ctrlKey && form) {
      const own = event.target.closest("form"); // a note is sent by Ctrl+Enter as the note, not as the judgement
      const locked = form.querySelector("fieldset:disabled") !== null;
      event.preventDefault();
      if (own && own !== form) own.requestSubmit();
      else if (!locked) form.requestSubmit();
      return;
    }
    if (event.ctrlKey || typing(event.target)) return;
    if (event.shiftKey) {
      if (keysOn()) atOnce(event);
      return;
    }
    if (event.key === "Enter" && event.target !== document.body && event.target.id !== "main") return; // its own meaning
    if (event.key !== "Enter" && !keysOn()) return;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const row = event.target.closest?.("li");
    const ofRow = row?.querySelector("[data-row]") ? row.querySelector(`[data-row-keys~="${CSS.escape(key)}"]`) : null;
    const meant = ofRow || document.querySelector(`[data-keys~="${CSS.escape(key)}"]`);
    if (meant) {
      event.preventDefault();
      press(meant);
    } else if ((key === "j" && step(1)) || (key === "k" && step(-1))) {
      event.preventDefault();
    }
  });

  for (const box of document.querySelectorAll("[data-keys-on]")) {
    box.checked = keysOn();
    box.addEventListener("change", () =>
      box.checked ? localStorage.removeItem(KEYS_OFF) : localStorage.setItem(KEYS_OFF, "1"),
    );
  }

  // --- drafts: in this tab only, of this person only; gone once recorded or signed out --------------------------------
  const DRAFT = "yoake-draft:";
  const drafts = `${DRAFT}${document.body.dataset.person || ""}:`;
  const forget = (meant) => {
    for (const key of Object.keys(sessionStorage)) if (key.startsWith(DRAFT) && meant(key)) sessionStorage.removeItem(key);
  };
  forget((key) => !key.startsWith(drafts));
  const recorded = document.querySelector("[data-recorded]");
  if (recorded) forget((key) => key.startsWith(`${drafts}${recorded.dataset.recorded}:`));
  for (const form of document.querySelectorAll("[data-sign-out]")) form.addEventListener("submit", () => forget(() => true));

  window.yoake = { keysOn, typing, press, drafts };

  // --- choosing a category means "in scope" ---------------------------------------------------------------------------
  document.addEventListener("change", (event) => {
    const verdict = event.target.type === "checkbox" && !event.target.checked ? "" : event.target.dataset?.verdict;
    if (verdict) document.querySelector(`input[name=verdict][value=${verdict}]`).checked = true;
  });

  // --- a form is sent once --------------------------------------------------------------------------------------------
  document.addEventListener("submit", (event) => {
    if (event.target.hasAttribute("data-sent")) {
      event.preventDefault();
      return;
    }
    if (!event.target.hasAttribute("data-again")) event.target.setAttribute("data-sent", "");
    if (event.target.hasAttribute("data-decide")) leaving = true;
  });

  // --- leases ---------------------------------------------------------------------------------------------------------
  const decide = document.querySelector("[data-decide]");
  if (decide) {
    window.addEventListener("pagehide", () => {
      if (leaving) return;
      const told = new FormData();
      told.set("csrfmiddlewaretoken", decide.querySelector("[name=csrfmiddlewaretoken]").value);
      navigator.sendBeacon(decide.dataset.release, told);
    });
    document.body.addEventListener("htmx:afterSwap", (event) => {
      if (event.target.id !== "lease") return;
      const locked = event.target.querySelector("[data-lock]") !== null;
      for (const part of decide.querySelectorAll("fieldset, button, textarea")) part.disabled = locked;
    });
  }
  window.addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload(); // "back": the lease was given back, the list is old
  });

  // --- nothing is asked for while nobody looks ------------------------------------------------------------------------
  for (const sign of ["keydown", "pointermove", "pointerdown", "scroll"])
    document.addEventListener(sign, () => (active = Date.now()), { passive: true, capture: true });
  document.body.addEventListener("htmx:beforeRequest", (event) => {
    const polled = event.target.id === "lease" || event.target.id === "news";
    if (polled && (document.hidden || (event.target.id === "lease" && Date.now() - active > IDLE_MS))) event.preventDefault();
  });

  // --- the list made anew: nothing jumps, the focus stays on its row ----------------------------------------------------
  let place = null; // the row that was read: its id, its number, where it stood on the screen
  document.body.addEventListener("htmx:beforeSwap", (event) => {
    if (event.detail.target.id !== "queue") return;
    const rows = [...document.querySelectorAll("[data-row]")];
    const focused = rows.indexOf(document.activeElement);
    const at = focused >= 0 ? focused : rows.findIndex((row) => row.getBoundingClientRect().bottom > 0);
    place = at < 0 ? null : { id: rows[at].id, at, top: rows[at].getBoundingClientRect().top };
  });
  document.body.addEventListener("htmx:afterSettle", (event) => {
    if (event.detail.target.id !== "queue" || place === null) return;
    const rows = [...document.querySelectorAll("[data-row]")];
    const row = document.getElementById(place.id) || rows[Math.min(place.at, rows.length - 1)];
    if (row) {
      row.focus({ preventScroll: true });
      scrollBy({ top: row.getBoundingClientRect().top - place.top, behavior: "instant" });
    }
    place = null;
    age();
  });

  // --- ages -----------------------------------------------------------------------------------------------------------
  const [now, minutes, hours, days] = (document.body.dataset.ages || "").split("|");
  function age() {
    for (const time of document.querySelectorAll("time[data-age]")) {
      const seconds = (Date.now() - Date.parse(time.dateTime)) / 1000;
      const say = (text, unit) => text.replace("%d", Math.floor(seconds / unit));
      const whole = time.dataset.age === "minutes"; // a clock of danger runs in minutes, however long
      const text =
        seconds < 60 ? now
        : whole || seconds < 3600 ? say(minutes, 60)
        : seconds < 86400 ? say(hours, 3600)
        : say(days, 86400);
      if (time.textContent !== text) time.textContent = text;
    }
  }
  if (days) setInterval(age, 20000);
})();
