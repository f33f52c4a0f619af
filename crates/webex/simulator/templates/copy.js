// Shows a button beside each value that can be copied, and says what came of it. Without this script the values are copied by hand.
"use strict";
const said = document.getElementById("copied");
async function copied(field) {
  field.select();
  try {
    await navigator.clipboard.writeText(field.value);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}
for (const button of document.querySelectorAll("button[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  const name = button.querySelector(".hidden").textContent.trim();
  button.hidden = false;
  button.addEventListener("click", async () => {
    const done = await copied(field);
    if (!done) field.select();
    button.firstChild.data = done ? "Copied" : "Not copied";
    said.textContent = done
      ? `${name}: copied.`
      : `${name}: your browser did not allow it. The value is selected: press Ctrl+C (⌘C on a Mac).`;
  });
}
for (const field of document.querySelectorAll("input.copy")) {
  field.addEventListener("focus", () => field.select());
}
