// Security keys: joins allauth's scripts to the pages. Without a key in hand nothing here does anything.
"use strict";

document.addEventListener("allauth.error", (event) => {
  event.preventDefault(); // said on the page, not on the console
  document.getElementById("key-problem").hidden = false;
});

document.addEventListener("DOMContentLoaded", () => {
  const button = document.querySelector("[data-key]");
  if (!button) return;
  const ids = { credential: "id_credential", data: "js_data", add: button.id, authenticate: button.id };
  const forms = window.allauth.webauthn.forms;
  (button.dataset.key === "add" ? forms.addForm : forms.authenticateForm)({ ids });
});
