// Sets the theme before the first paint: a module runs too late for that.
"use strict";
{
  const THEMES = ["auto", "light", "dark"];
  const KEY = "kubeserve-theme";
  const root = document.documentElement;

  const stored = () => {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // the browser allows no storage
    }
  };

  const show = (theme) => {
    root.dataset.theme = theme;
    const name = document.getElementById("theme-name");
    if (name) name.textContent = theme;
  };

  const found = stored();
  show(THEMES.includes(found) ? found : "auto");

  document.addEventListener("DOMContentLoaded", () => {
    show(root.dataset.theme);
    document.getElementById("theme").addEventListener("click", () => {
      const next = THEMES[(THEMES.indexOf(root.dataset.theme) + 1) % THEMES.length];
      show(next);
      try {
        localStorage.setItem(KEY, next);
      } catch {
        // it holds until the page is closed
      }
      root.dispatchEvent(new Event("theme"));
    });
  });
}
