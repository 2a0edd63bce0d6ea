// What the bookmarklet brought stands behind the # of the address: it is filled into the form, or kept until sign-in is over.
"use strict";

(() => {
  const KEPT = "yoake-from-page";
  const KEPT_MS = 15 * 60 * 1000;
  let told = "";
  if (location.hash.startsWith("#from=page&")) {
    told = location.hash.slice(1);
    history.replaceState(null, "", location.pathname + location.search); // not into the history
  }
  const form = document.querySelector("[data-add-form]");
  if (!form) {
    if (told) sessionStorage.setItem(KEPT, JSON.stringify({ told, at: Date.now() }));
    return;
  }
  if (!told) {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) || "null");
    if (kept && Date.now() - kept.at < KEPT_MS) told = kept.told;
  }
  sessionStorage.removeItem(KEPT);
  if (!told) return;
  const given = new URLSearchParams(told);
  const fill = (name) => {
    const field = form.elements[name];
    const value = (given.get(name) || "").trim();
    field.value = field.maxLength > 0 ? value.slice(0, field.maxLength) : value;
  };
  fill("url");
  fill("text");
  form.elements.how.value = "bookmarklet";
  const note = form.querySelector("[data-from-page]");
  note.querySelector("bdi").textContent = given.get("title") || given.get("url") || "";
  note.hidden = false;
})();
