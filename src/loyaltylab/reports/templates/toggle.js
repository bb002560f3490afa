(() => {
  "use strict";
  const button = document.getElementById("toggle-code");
  const folds = Array.from(document.querySelectorAll("details.code"));
  if (!button || folds.length === 0) return;
  const allOpen = () => folds.every((fold) => fold.open);
  const name = () => { button.textContent = allOpen() ? "Hide code" : "Show code"; };
  button.addEventListener("click", () => {
    const open = !allOpen();
    folds.forEach((fold) => { fold.open = open; });
    name();
  });
  folds.forEach((fold) => fold.addEventListener("toggle", name));
  button.hidden = false;
})();
