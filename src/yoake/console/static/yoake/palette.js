// The palette (Ctrl+K) and the cheat sheet (?): native dialogs, so focus is kept inside and given back.
"use strict";

(() => {
  const palette = document.getElementById("palette");
  const sheet = document.getElementById("cheat-sheet");
  if (!palette || !sheet) return;
  const asked = document.getElementById("palette-asked");
  const list = document.getElementById("palette-list");
  const said = document.getElementById("palette-said");
  const commands = JSON.parse(palette.dataset.commands);
  let screens = null; // of the server, fetched once
  let found = []; // cases of this question
  let shown = [];
  let at = 0;

  // Japanese and English, wide and narrow, hiragana and katakana alike.
  const plain = (text) =>
    text
      .normalize("NFKC")
      .toLowerCase()
      .replace(/[ァ-ヶ]/g, (one) => String.fromCharCode(one.charCodeAt(0) - 0x60));
  const pressable = (command) => {
    const element = document.querySelector(`main [data-keys~="${CSS.escape(command.key)}"], header [data-keys~="${CSS.escape(command.key)}"]`);
    return element && !element.matches(":disabled") && element.checkVisibility() ? element : null;
  };
  const matches = (item, words) => {
    const told = plain(`${item.label} ${item.also || ""}`);
    return words.every((word) => told.includes(word));
  };

  function draw() {
    const words = plain(asked.value).split(/\s+/).filter(Boolean);
    const here = commands.filter(pressable);
    const known = [...here, ...(screens || [])].filter((item) => matches(item, words)).slice(0, 40);
    const cases = found.slice(0, -1); // the last one offers to search for the words
    shown = [...cases, ...known, ...found.slice(-1)];
    at = Math.max(0, Math.min(at, shown.length - 1));
    list.replaceChildren(
      ...shown.map((item, n) => {
        const option = document.createElement("li");
        option.id = `palette-${n}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", String(n === at));
        option.append(Object.assign(document.createElement("bdi"), { textContent: item.label }));
        if (item.shown) option.append(Object.assign(document.createElement("kbd"), { textContent: item.shown }));
        else if (item.note) option.append(Object.assign(document.createElement("span"), { className: "fine", textContent: item.note }));
        return option;
      }),
    );
    mark();
    said.textContent = shown.length ? `${shown.length} ${palette.dataset.found}` : palette.dataset.nothing;
  }

  function mark() {
    for (const [n, option] of [...list.children].entries()) option.setAttribute("aria-selected", String(n === at));
    const option = list.children[at];
    if (option) {
      asked.setAttribute("aria-activedescendant", option.id);
      option.scrollIntoView({ block: "nearest" });
    } else asked.removeAttribute("aria-activedescendant");
  }

  async function fetched(question) {
    const answer = await fetch(`${palette.dataset.find}?q=${encodeURIComponent(question)}`, { headers: { "HX-Request": "true" } });
    const json = answer.ok && (answer.headers.get("Content-Type") || "").includes("json");
    return json ? (await answer.json()).items : [];
  }

  let timer = 0;
  function ask() {
    const question = asked.value.normalize("NFKC").trim();
    clearTimeout(timer);
    at = 0;
    found = [];
    draw();
    if (!question) return;
    timer = setTimeout(async () => {
      const items = await fetched(question);
      if (asked.value.normalize("NFKC").trim() === question && palette.open) {
        found = items;
        draw();
      }
    }, 120);
  }

  function choose(item) {
    if (!item) return;
    palette.close();
    if (item.href) location.assign(item.href);
    else {
      const element = pressable(item);
      if (element) window.yoake.press(element);
    }
  }

  async function open() {
    if (palette.open || document.querySelector("dialog[open]")) return;
    asked.value = "";
    at = 0;
    found = [];
    palette.showModal();
    asked.focus();
    draw();
    if (screens === null) {
      screens = await fetched("");
      if (palette.open) draw();
    }
  }

  asked.addEventListener("input", ask);
  asked.addEventListener("keydown", (event) => {
    if (event.isComposing || event.keyCode === 229) return; // the IME's own arrows and Enter
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && shown.length) {
      event.preventDefault();
      at = (at + step + shown.length) % shown.length;
      mark();
    } else if (event.key === "Enter") {
      event.preventDefault();
      choose(shown[at]);
    }
  });
  list.addEventListener("click", (event) => choose(shown[[...list.children].indexOf(event.target.closest("li"))]));
  for (const dialog of [palette, sheet])
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close(); // beside it
    });

  document.addEventListener("keydown", (event) => {
    if (event.isComposing || event.altKey || event.repeat) return;
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && event.key.toLowerCase() === "k") {
      event.preventDefault();
      if (palette.open) palette.close();
      else open();
    } else if (event.key === "?" && !event.ctrlKey && !event.metaKey && window.yoake.keysOn() && !window.yoake.typing(event.target)) {
      if (document.querySelector("dialog[open]")) return;
      event.preventDefault();
      sheet.showModal();
    }
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-open-keys]")) sheet.showModal();
    if (event.target.closest("[data-open-palette]")) open();
  });
})();
