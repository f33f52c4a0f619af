// Shows a button beside each value that can be copied. Without this script the values are copied by hand.
"use strict";
for (const button of document.querySelectorAll("button[data-copies]")) {
  const field = document.getElementById(button.dataset.copies);
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    try {
      await navigator.clipboard.writeText(field.value);
    } catch {
      document.execCommand("copy");
    }
    button.textContent = "Copied";
  });
}
for (const field of document.querySelectorAll("input.copy")) {
  field.addEventListener("focus", () => field.select());
}
