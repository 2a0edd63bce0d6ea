// Elements tied to words of the post, the reason they make, and a draft that outlives a session. The page works without.
"use strict";

(() => {
  const form = document.querySelector("[data-decide]");
  if (!form) return;

  const key = `${window.yoake.drafts}${form.dataset.case}:${form.dataset.version}`; // a draft outlives the session, see desk.js
  const reason = form.elements.reason;
  const composed = form.elements.composed;
  const box = () => form.querySelector("[data-elements]");
  const lines = () => [...form.querySelectorAll("[data-element]")];

  // --- from what is selected to places in the original, and back --------------------------------------------------------
  // Every character stands in the page once; those that cannot be seen are an empty .unseen, the first of CR LF a .folded.
  const NOT_TEXT = ".ref, .tip";
  const COUNTED = ".unseen, .folded";

  function offset(root, node, at) {
    const range = document.createRange();
    range.setStart(root, 0);
    range.setEnd(node, at);
    const part = range.cloneContents();
    for (const other of part.querySelectorAll(NOT_TEXT)) other.remove();
    const found = [...part.textContent].length + part.querySelectorAll(COUNTED).length;
    return Math.min(found, Number(root.dataset.length)); // the template ends with a line feed
  }

  function place(root, wanted) {
    let left = wanted;
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT, (node) =>
      node.nodeType === Node.ELEMENT_NODE && node.matches(NOT_TEXT) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT,
    );
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      if (node.nodeType === Node.TEXT_NODE) {
        const letters = [...node.data];
        if (left <= letters.length) return [node, letters.slice(0, left).join("").length];
        left -= letters.length;
      } else if (node.matches(COUNTED)) {
        if (left === 0) return [node, 0];
        left -= 1;
      }
    }
    return [root, root.childNodes.length];
  }

  function picked() {
    const selection = getSelection();
    if (!selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    const inside = (node) => (node.nodeType === Node.TEXT_NODE ? node.parentElement : node).closest("[data-field]");
    const root = inside(range.startContainer);
    if (!root || root !== inside(range.endContainer)) return null;
    const start = offset(root, range.startContainer, range.startOffset);
    const end = offset(root, range.endContainer, range.endOffset);
    return start < end ? { root, field: root.dataset.field, start, end } : null;
  }

  function rangeOf(value) {
    const [, , field, start, end] = value.split(" ");
    const root = document.querySelector(`[data-field="${CSS.escape(field || "")}"]`);
    if (!root) return null;
    const range = document.createRange();
    range.setStart(...place(root, Number(start)));
    range.setEnd(...place(root, Number(end)));
    return range;
  }

  const wordsOf = (range) => {
    const part = range.cloneContents();
    for (const other of part.querySelectorAll(NOT_TEXT)) other.remove();
    return part.textContent.replace(/\s+/g, " ").trim();
  };
  const short = (words) => {
    const letters = [...words];
    return letters.length <= 60 ? words : `${letters.slice(0, 40).join("")}……${letters.slice(-18).join("")}`;
  };

  // --- ticking ----------------------------------------------------------------------------------------------------------
  function show(line) {
    const shown = line.closest(".element-line").querySelector(".element-words");
    const own = line.checked && line.value !== line.dataset.proposed;
    const range = own ? rangeOf(line.value) : null;
    const words = own ? (range ? short(wordsOf(range)) : "") : line.dataset.proposedWords;
    shown.hidden = !words;
    shown.querySelector("bdi").textContent = words;
    shown.querySelector(".element-state").hidden = line.checked;
    const root = range && range.startContainer.parentElement.closest("[data-field]");
    shown.querySelector(".element-field").textContent = own
      ? (root && root.dataset.field !== "text" ? root.getAttribute("aria-label") : "")
      : line.dataset.proposedField;
  }

  function highlight() {
    if (!window.CSS?.highlights || !window.Highlight) return;
    const ranges = lines().filter((line) => line.checked && line.value).map((line) => rangeOf(line.value)).filter(Boolean);
    CSS.highlights.set("ticked", new Highlight(...ranges));
  }

  const say = (words) => (form.querySelector("[data-elements-said]").textContent = words);

  function tick(line, selected) {
    const { root, field, start, end } = selected;
    line.value = `${box().dataset.elements} ${line.dataset.element} ${field} ${start} ${end}`;
    line.checked = true;
    show(line);
    say(`${box().dataset.sayTied}: ${line.closest(".element-line").querySelector("bdi").textContent}`);
    getSelection().collapseToEnd();
    if (document.activeElement === root) root.focus();
  }

  form.addEventListener("mousedown", (event) => {
    if (event.target.closest("[data-elements]") && picked()) event.preventDefault(); // a click would take the selection away
  });
  form.addEventListener("click", (event) => {
    const line = event.target.closest("[data-element]");
    if (!line) return;
    const selected = picked();
    if (selected) {
      tick(line, selected); // the browser tells "change" after this
    } else if (line.checked && !line.value) {
      event.preventDefault();
      say("");
      requestAnimationFrame(() => say(box().dataset.saySelect));
      const first = document.querySelector('[data-field="text"]');
      box().classList.add("wants-words");
      if (first && document.activeElement === document.body) first.focus({ preventScroll: true });
    }
  });
  form.addEventListener("change", (event) => {
    const line = event.target.closest("[data-element]");
    if (!line) return;
    box().classList.remove("wants-words");
    if (!line.checked) {
      line.value = line.dataset.proposed;
      say(box().dataset.sayOpen);
    }
    show(line);
    changed();
  });

  function changed() {
    highlight();
    compose();
    keep();
  }

  // --- the reason -------------------------------------------------------------------------------------------------------
  let asked = 0;
  async function compose() {
    if (composed.value === "no" || (composed.value === "" && reason.value.trim())) return;
    const mark = ++asked;
    try {
      const answer = await fetch(form.dataset.reason, {
        method: "POST",
        body: new FormData(form),
        headers: { "HX-Request": "true" },
        redirect: "error",
      });
      const text = await answer.text();
      const plain = answer.ok && (answer.headers.get("Content-Type") || "").startsWith("text/plain");
      if (!plain || mark !== asked || composed.value === "no") return; // signed out: the lease says so
      reason.value = text;
      composed.value = "yes";
      keep();
    } catch (error) {
      if (!(error instanceof TypeError)) throw error; // no network: it is written when the decision is recorded
    }
  }
  reason.addEventListener("input", () => (composed.value = "no"));

  // --- a keyboard in the text: one character is selected, arrows move it, with Shift they widen it -----------------------
  const MOVES = { ArrowRight: ["forward", "character"], ArrowLeft: ["backward", "character"], ArrowDown: ["forward", "line"], ArrowUp: ["backward", "line"] };
  for (const root of document.querySelectorAll("[data-field]")) {
    root.addEventListener("keydown", (event) => {
      const move = MOVES[event.key];
      if (!move || event.target !== root || event.altKey || event.metaKey || event.isComposing) return;
      event.preventDefault();
      const [direction, unit] = [move[0], event.ctrlKey && move[1] === "character" ? "word" : move[1]];
      const selection = getSelection();
      const inside = selection.rangeCount && root.contains(selection.focusNode);
      if (!inside) {
        selection.collapse(...place(root, 0));
        selection.modify("extend", "forward", "character");
        return;
      }
      const before = [selection.anchorNode, selection.anchorOffset, selection.focusNode, selection.focusOffset];
      if (event.shiftKey) {
        selection.modify("extend", direction, unit);
      } else {
        if (direction === "forward") selection.collapseToEnd();
        else selection.collapseToStart();
        if (direction === "backward" || unit === "line") selection.modify("move", direction, unit);
        selection.modify("extend", "forward", "character");
      }
      if (!root.contains(selection.anchorNode) || !root.contains(selection.focusNode)) selection.setBaseAndExtent(...before);
      const at = selection.focusNode.nodeType === Node.TEXT_NODE ? selection.focusNode.parentElement : selection.focusNode;
      at.scrollIntoView({ block: "nearest" });
    });
  }

  // --- drafts -----------------------------------------------------------------------------------------------------------
  function keep() {
    const data = new FormData(form);
    const draft = {
      verdict: data.get("verdict"),
      category: data.get("category"),
      also: data.getAll("also"),
      elements: data.getAll("element").filter(Boolean),
      reason: data.get("reason"),
      composed: data.get("composed"),
      duplicate: data.get("duplicate_of"),
    };
    sessionStorage.setItem(key, JSON.stringify(draft));
  }
  form.addEventListener("input", keep);
  form.addEventListener("change", keep);

  function restoreElements(values) {
    for (const value of values) {
      const [slug, name] = value.split(" ");
      const line = lines().find((one) => one.dataset.element === name && box().dataset.elements === slug);
      if (line) {
        line.value = value;
        line.checked = true;
        show(line);
      }
    }
    highlight();
  }

  let wanted = null; // elements of a category whose checklist is on its way
  document.body.addEventListener("htmx:afterSwap", (event) => {
    if (event.target.id !== "checklist" && event.detail.target?.id !== "checklist") return; // lease, thread, similar cases
    if (wanted && box()) restoreElements(wanted);
    wanted = null;
    highlight();
  });
  form.elements.category.addEventListener("change", () => {
    if (!wanted && composed.value === "yes") [reason.value, composed.value] = ["", ""]; // it spoke of another category
  });

  const kept = form.dataset.refused === undefined ? sessionStorage.getItem(key) : null;
  if (kept) {
    const draft = JSON.parse(kept);
    const chosen = form.querySelector(`input[name=verdict][value="${CSS.escape(draft.verdict || "")}"]`);
    if (chosen) chosen.checked = true;
    for (const one of form.querySelectorAll("input[name=also]")) one.checked = draft.also.includes(one.value);
    if (draft.category !== null && form.elements.category.value !== draft.category) {
      form.elements.category.value = draft.category;
      wanted = draft.elements;
      htmx.ajax("GET", form.elements.category.getAttribute("hx-get"), {
        target: "#checklist",
        swap: "outerHTML",
        values: { category: draft.category },
      });
    } else restoreElements(draft.elements);
    reason.value = draft.reason || "";
    composed.value = draft.composed || "";
    if (form.elements.duplicate_of) form.elements.duplicate_of.value = draft.duplicate || "";
  }
  for (const line of lines()) if (line.checked) show(line);
  highlight();
})();
