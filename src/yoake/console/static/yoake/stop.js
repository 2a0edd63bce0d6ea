// The stop key: x on a case, or on the row of the inbox that has the focus; a dialog asks once more and takes x again. Enter, which records all day, leaves it.
// Without this file the same link opens a page that asks.
"use strict";

(() => {
  const dialog = document.getElementById("stop");
  if (!dialog) return;
  const form = dialog.querySelector("form");

  function ask(link) {
    form.action = link.href;
    dialog.showModal();
    dialog.querySelector("[data-close]").focus();
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-stop]");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    ask(link);
  });

  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.defaultPrevented || event.isComposing || event.repeat) return;
    if (event.ctrlKey || event.altKey || event.metaKey || document.querySelector("dialog[open]")) return;
    const row = document.activeElement?.closest("li.row");
    const link = row?.querySelector("a[data-stop]");
    if (!link || localStorage.getItem("yoake-keys-off") !== null) return;
    event.preventDefault();
    ask(link);
  });

  dialog.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "x" || event.isComposing || event.repeat) return;
    if (event.ctrlKey || event.altKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    form.requestSubmit();
  });
  dialog.querySelector("[data-close]").addEventListener("click", () => dialog.close());
})();
