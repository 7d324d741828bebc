// The reader's choice of light or dark, in the place of the system's. This is no
// module: the page waits for it, and is never shown in the wrong colours first.
(() => {
  const root = document.documentElement;
  const stored = () => {
    try {
      return localStorage.getItem("theme");
    } catch {
      return null; // a browser that stores nothing
    }
  };
  const choice = stored();
  if (choice === "light" || choice === "dark") root.dataset.theme = choice;
  // Paper is white.
  let onScreen;
  addEventListener("beforeprint", () => {
    onScreen = root.dataset.theme;
    if (onScreen) root.dataset.theme = "light";
  });
  addEventListener("afterprint", () => {
    if (onScreen) root.dataset.theme = onScreen;
  });
  document.addEventListener("click", (event) => {
    if (!event.target.closest(".tone")) return;
    const now = root.dataset.theme ?? (matchMedia("(prefers-color-scheme: dark)").matches ? "dark" : "light");
    root.dataset.theme = now === "dark" ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // then it holds for this page
    }
  });
})();
