/** Light or dark: the person's choice, else the system's. It stands in `data-theme` of the root element. */
import { local } from "../local";
import { useSyncExternalStore } from "react";

export type Choice = "system" | "light" | "dark";
export type Theme = "light" | "dark";

const KEY = "pipeloom.theme";
const dark = window.matchMedia("(prefers-color-scheme: dark)");
const listeners = new Set<() => void>();

export function choice(): Choice {
  const stored = local.getItem(KEY);
  return stored === "light" || stored === "dark" ? stored : "system";
}

export function theme(): Theme {
  const chosen = choice();
  if (chosen !== "system") return chosen;
  return dark.matches ? "dark" : "light";
}

function apply(): void {
  document.documentElement.dataset["theme"] = theme();
  for (const listener of [...listeners]) listener();
}

export function choose(chosen: Choice): void {
  if (chosen === "system") local.removeItem(KEY);
  else local.setItem(KEY, chosen);
  apply();
}

/** Apply the theme now, and again whenever the system or another window changes it. */
export function followTheme(): void {
  dark.addEventListener("change", apply);
  window.addEventListener("storage", ({ key }) => key === KEY && apply());
  apply();
}

const subscribe = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const useTheme = (): Theme => useSyncExternalStore(subscribe, theme);
export const useThemeChoice = (): Choice => useSyncExternalStore(subscribe, choice);
