// A table wider than the page scrolls; the keyboard must reach it to scroll it.
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".table-wrapper, .math-block, div.highlight > pre").forEach((box) => {
    if (box.scrollWidth <= box.clientWidth) return;
    box.tabIndex = 0;
    box.setAttribute("role", "region");
    const caption = box.querySelector("caption");
    box.setAttribute("aria-label", caption ? caption.textContent.trim() : "wide content, scrolls");
  });
});
