// A picture that is pasted or dropped goes into the form as if it had been chosen, and is read at once.
"use strict";

(() => {
  const form = document.querySelector("[data-picture-form]");
  if (!form) return;
  const input = form.querySelector("input[type=file]");
  const place = form.querySelector("[data-drop]");

  function take(files, event) {
    const picture = [...files].find((file) => file.type.startsWith("image/"));
    if (!picture) return;
    event.preventDefault();
    const held = new DataTransfer();
    held.items.add(picture);
    input.files = held.files;
    form.requestSubmit();
  }

  document.addEventListener("paste", (event) => take(event.clipboardData.files, event));
  place.addEventListener("dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  place.addEventListener("dragleave", () => place.classList.remove("over"));
  place.addEventListener("drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    take(event.dataTransfer.files, event);
  });
  form.addEventListener("submit", () => (form.querySelector("[data-reading]").hidden = false));
})();
