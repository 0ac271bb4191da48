// Light or dark: as the device says, or as was chosen here.
//
// Invariant: `data-theme` on the root is always "light" or "dark", so that the style sheet asks one question.
//
// Deliberately not here: colours (style/base.css).

import { remember, remembered } from "./remember";

export const THEMES = ["auto", "light", "dark"] as const;
export type Theme = (typeof THEMES)[number];

const dark = matchMedia("(prefers-color-scheme: dark)");
export const chosenTheme = (): Theme => THEMES.find((theme) => theme === remembered("theme")) ?? "auto";

function apply() {
  const chosen = chosenTheme();
  const theme = chosen === "auto" ? (dark.matches ? "dark" : "light") : chosen;
  if (document.documentElement.dataset.theme === theme) return;
  document.documentElement.dataset.theme = theme;
  dispatchEvent(new Event("baton:theme"));
}

export function startTheme() {
  dark.addEventListener("change", apply);
  apply();
}

export function chooseTheme(theme: Theme) {
  remember("theme", theme);
  apply();
}
