/** Keys as this machine writes them: `mod` is ⌘ on a Mac, Ctrl elsewhere. */
import type { ReactNode } from "react";
import styles from "./Kbd.module.css";

export const isMac = /Mac|iPhone|iPad/.test(globalThis.navigator?.platform ?? "");

const NAMES: Readonly<Record<string, string>> = isMac
  ? { mod: "⌘", shift: "⇧", alt: "⌥", backspace: "⌫", delete: "⌦" }
  : { mod: "Ctrl", shift: "Shift", alt: "Alt", backspace: "Backspace", delete: "Del" };

const ON_ALL: Readonly<Record<string, string>> = {
  arrowup: "↑", arrowdown: "↓", arrowleft: "←", arrowright: "→", escape: "Esc", enter: "Enter", tab: "Tab", f6: "F6",
};

/** `mod+shift+z` for reading. */
export const keysShown = (keys: string): string =>
  (keys.match(/[^+]+|\+$/gu) ?? [])
    .map((key) => NAMES[key] ?? ON_ALL[key] ?? (key.length === 1 ? key.toUpperCase() : key))
    .join(isMac ? "" : "+");

export const Kbd = ({ keys }: { readonly keys: string }): ReactNode => <kbd className={styles.kbd}>{keysShown(keys)}</kbd>;
