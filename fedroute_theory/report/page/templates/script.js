"use strict";
// Sorting and filtering; without it the page is whole, in the order written.
(() => {
  const collator = new Intl.Collator("en", { numeric: true });
  const said = (cell) => cell.textContent.trim();

  function compare(column, kind, sign) {
    return (first, second) => {
      const cells = [first.cells[column], second.cells[column]];
      if (kind === "number") {
        const [a, b] = cells.map((cell) => ("key" in cell.dataset ? Number(cell.dataset.key) : NaN));
        if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b); // no number: last, either way
        return sign * (a - b);
      }
      return sign * collator.compare(said(cells[0]), said(cells[1]));
    };
  }

  function sort(table, head) {
    const ascending = head.getAttribute("aria-sort") !== "ascending";
    for (const other of table.tHead.rows[0].cells) other.setAttribute("aria-sort", "none");
    head.setAttribute("aria-sort", ascending ? "ascending" : "descending");
    const body = table.tBodies[0];
    const rows = [...body.rows].sort(compare(head.cellIndex, head.dataset.kind, ascending ? 1 : -1));
    body.append(...rows);
  }

  for (const table of document.querySelectorAll("table.sortable")) {
    if (table.tBodies[0].rows.length < 2) continue;
    for (const head of table.tHead.rows[0].cells) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = said(head);
      head.replaceChildren(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => sort(table, head));
    }
  }

  function filter(form) {
    const rows = document.getElementById(form.dataset.for).tBodies[0].rows;
    const wanted = [...form.querySelectorAll("select")].filter((choice) => choice.value);
    const text = form.querySelector("[data-text]").value.trim().toLowerCase();
    let shown = 0;
    for (const row of rows) {
      const fits =
        wanted.every((choice) => row.getAttribute("data-" + choice.dataset.tag) === choice.value) &&
        (!text || row.textContent.toLowerCase().includes(text));
      row.hidden = !fits;
      shown += fits;
    }
    form.querySelector("output").value = `${shown} of ${rows.length} rows`;
  }

  for (const form of document.querySelectorAll("form.controls")) {
    form.hidden = false;
    form.addEventListener("input", () => filter(form));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("reset", () => setTimeout(() => filter(form)));
    filter(form);
  }

  // A link into folded text unfolds it; paper has nothing folded.
  function target() {
    try {
      return document.getElementById(decodeURIComponent(location.hash.slice(1)));
    } catch {
      return null; // no percent code of anything
    }
  }
  function unfold() {
    for (let at = target(); at; at = at.parentElement) if (at.tagName === "DETAILS") at.open = true;
  }
  addEventListener("hashchange", unfold);
  unfold();
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details:not([open])")];
    for (const one of folded) one.open = true;
  });
  addEventListener("afterprint", () => {
    for (const one of folded) one.open = false;
  });
})();
