"use strict";
// A click on a heading sorts its table by that column: numbers from the greatest, words from A; another click turns the order.
for (const heading of document.querySelectorAll("table.sortable th")) {
  heading.querySelector("button").addEventListener("click", () => {
    const table = heading.closest("table"), body = table.tBodies[0], column = heading.cellIndex;
    const isNumeric = heading.classList.contains("number");
    const before = heading.getAttribute("aria-sort");
    const descends = before ? before === "ascending" : isNumeric;
    const key = (row) => {
      const cell = row.cells[column];
      return isNumeric ? (cell.dataset.sort === undefined ? NaN : Number(cell.dataset.sort)) : cell.textContent.trim();
    };
    const compare = (one, other) => {
      if (!isNumeric) return one.localeCompare(other);
      if (Number.isNaN(one) || Number.isNaN(other)) return 0;
      return one - other;
    };
    const rows = [...body.rows].map((row) => ({ row, value: key(row) }));
    const empty = rows.filter((each) => Number.isNaN(each.value)), filled = rows.filter((each) => !Number.isNaN(each.value));
    filled.sort((one, other) => (descends ? compare(other.value, one.value) : compare(one.value, other.value)));
    for (const { row } of [...filled, ...empty]) body.append(row);
    for (const other of table.querySelectorAll("th")) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", descends ? "descending" : "ascending");
  });
}
