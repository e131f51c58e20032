"use strict";
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0], rows = [...body.rows], heads = [...table.tHead.rows[0].cells];
  const key = (row, column) => {
    const cell = row.cells[column], given = cell.dataset.key;
    return given === undefined ? cell.textContent.toLowerCase() : Number(given);
  };
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    button.addEventListener("click", () => {
      const numbers = head.classList.contains("number"), now = head.getAttribute("aria-sort");
      const falling = now === null ? numbers : now === "ascending";
      heads.forEach(each => each.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", falling ? "descending" : "ascending");
      const sign = falling ? -1 : 1;
      rows.sort((a, b) => { const x = key(a, column), y = key(b, column); return x < y ? -sign : x > y ? sign : 0; });
      body.append(...rows);
    });
  });
  const box = document.createElement("p"), label = document.createElement("label");
  const input = document.createElement("input"), found = document.createElement("span");
  box.className = "search";
  input.type = "search";
  label.append("Search these customers ", input);
  found.setAttribute("role", "status");
  box.append(label, " ", found);
  table.closest(".scroll").before(box);
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
      shown += !row.hidden;
    }
    found.textContent = words.length ? `${shown} of ${rows.length}` : "";
  });
}
