// Deciding together: how many are ticked, and all or none at once. The page works without.
"use strict";

(() => {
  const boxes = () => [...document.querySelectorAll("input[name=with]")];
  const told = document.querySelector("[data-ticked]");
  const tell = () => told && (told.textContent = `${1 + boxes().filter((box) => box.checked).length}`);
  for (const hidden of document.querySelectorAll(".scripted[hidden]")) hidden.hidden = false;
  document.addEventListener("change", tell);
  for (const button of document.querySelectorAll("[data-tick]"))
    button.addEventListener("click", () => {
      for (const box of boxes()) box.checked = button.dataset.tick === "all";
      tell();
    });
  tell();
})();
