/** Keys as this machine writes them: `mod` is ⌘ on a Mac, Ctrl elsewhere. */
import type { ReactNode } from "react";
import styles from "./Kbd.module.css";

export const isMac = /Mac|iPhone|iPad/.test(navigator.platform);

const NAMES: Readonly<Record<string, string>> = isMac
  ? { mod: "⌘", shift: "⇧", alt: "⌥", backspace: "⌫" }
  : { mod: "Ctrl", shift: "Shift", alt: "Alt", backspace: "Del" };

/** `mod+shift+z` for reading. */
export const keysShown = (keys: string): string =>
  keys
    .split("+")
    .map((key) => NAMES[key] ?? (key.length === 1 ? key.toUpperCase() : key))
    .join(isMac ? "" : "+");

export const Kbd = ({ keys }: { readonly keys: string }): ReactNode => <kbd className={styles.kbd}>{keysShown(keys)}</kbd>;
