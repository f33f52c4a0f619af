// Shows a field that narrows a long list of boxes down. Without this script the list stays whole.
"use strict";
for (const field of document.querySelectorAll("input[data-filters]")) {
  const rows = [...document.querySelectorAll(`${field.dataset.filters} li`)];
  const count = document.getElementById("count");
  const groups = [...document.querySelectorAll("fieldset")];
  const narrow = () => {
    const words = field.value.toLowerCase().split(/\s+/).filter(Boolean);
    for (const row of rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
    }
    for (const group of groups) group.hidden = !group.querySelector("li:not([hidden])");
    const shown = rows.filter((row) => !row.hidden).length;
    const chosen = rows.filter((row) => row.querySelector("input").checked).length;
    count.textContent = `${shown} of ${rows.length} shown, ${chosen} chosen`;
  };
  field.closest("[hidden]").hidden = false;
  field.addEventListener("input", narrow);
  field.addEventListener("keydown", (event) => {
    if (event.key === "Enter") event.preventDefault();
  });
  for (const row of rows) row.addEventListener("change", narrow);
  narrow();
}
