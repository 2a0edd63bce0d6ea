// How long the case is still before one: counted here while nobody asks the server, so that an end never comes unseen.
"use strict";

(() => {
  const SOON = 2; // minutes
  function count() {
    for (const time of document.querySelectorAll("time[data-left]")) {
      const minutes = Math.ceil((Date.parse(time.dateTime) - Date.now()) / 60000);
      time.textContent = minutes > 0 ? time.dataset.left.replace("%d", minutes) : time.dataset.over;
      time.classList.toggle("soon", minutes <= SOON);
    }
  }
  document.body.addEventListener("htmx:afterSwap", count);
  setInterval(count, 10000);

  // The list of colleagues opens with the focus in it.
  document.addEventListener(
    "toggle",
    (event) => {
      if (event.target.matches?.(".hand-on") && event.target.open) event.target.querySelector("select").focus();
    },
    true,
  );
})();
