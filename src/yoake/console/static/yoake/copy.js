// Copies what stands in another element: <button data-copy="#id" data-copied="Copied">. Where the browser lets no page copy
// (an address without TLS), the words are selected, ready for Ctrl+C. Without script people select them themselves.
"use strict";

(() => {
  const words = (element) => ("value" in element ? element.value : element.textContent);

  function select(element) {
    if ("select" in element) return element.select();
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  }

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("button[data-copy]");
    const source = button && document.querySelector(button.dataset.copy);
    if (!source) return;
    const said = button.textContent;
    try {
      await navigator.clipboard.writeText(words(source));
      button.textContent = button.dataset.copied || said;
      setTimeout(() => (button.textContent = said), 2000);
    } catch {
      select(source);
    }
  });
})();
