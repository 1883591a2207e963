// What is wider than its column scrolls; the keyboard must reach it to scroll it.
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll(".math-inline").forEach((box) => {
    if (box.firstElementChild.getBoundingClientRect().width > box.parentElement.clientWidth) box.classList.add("math-wide");
  });
  document.querySelectorAll(".table-wrapper, .math-block, .math-wide, div.highlight > pre").forEach((box) => {
    if (box.scrollWidth <= box.clientWidth) return;
    box.tabIndex = 0;
    box.setAttribute("role", "group");
    const caption = box.querySelector("caption");
    box.setAttribute("aria-label", caption ? caption.textContent.trim() : "wide content, scrolls");
  });
});
// What the theme leaves without a level and without a name.
addEventListener("DOMContentLoaded", () => {
  document.querySelectorAll('.caption[role="heading"]').forEach((heading) => heading.setAttribute("aria-level", "2"));
  document.querySelectorAll("details > summary[aria-label]").forEach((summary) => summary.removeAttribute("aria-label"));
  document.querySelector(".sidebar-drawer")?.setAttribute("aria-label", "Site");
  document.querySelector(".toc-drawer")?.setAttribute("aria-label", "On this page");
});
