"use strict";
// What a layer's bar stands for is told below the picture, for the mouse and for the keyboard.
for (const bar of document.querySelectorAll(".network a")) {
  const told = bar.closest(".picture").querySelector(".told");
  const tell = () => { told.textContent = bar.getAttribute("aria-label"); };
  bar.addEventListener("mouseenter", tell);
  bar.addEventListener("focus", tell);
}
// A click on a heading sorts by its column, a second one the other way round.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const rises = heading.getAttribute("aria-sort") !== "ascending";
      for (const other of headings) other.removeAttribute("aria-sort");
      heading.setAttribute("aria-sort", rises ? "ascending" : "descending");
      const value = (row) => row.cells[column].dataset.value ?? row.cells[column].textContent;
      const order = (a, b) => {
        const [x, y] = [value(a), value(b)];
        const numbers = x !== "" && y !== "" && !isNaN(x) && !isNaN(y);
        return numbers ? x - y : x.localeCompare(y);
      };
      const rows = [...table.tBodies[0].rows].sort((a, b) => (rises ? order(a, b) : order(b, a)));
      table.tBodies[0].append(...rows);
    });
  });
}
// A page that renews itself stays where it is read.
if (document.querySelector("meta[http-equiv=refresh]")) {
  const key = "thresh " + location.pathname;
  addEventListener("beforeunload", () => sessionStorage.setItem(key, scrollY));
  scrollTo(0, sessionStorage.getItem(key) ?? 0);
}
