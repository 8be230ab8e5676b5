/** Stands for a part that is still being loaded and will take the keyboard: until it is there, keys are no commands. */
import { type ReactNode, useEffect } from "react";

export function Held({ keys, onClose }: {
  /** Where the keys go, for the part: as events name them, Shift with Tab as `shift+Tab`. */
  readonly keys?: string[];
  readonly onClose: () => void;
}): ReactNode {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      // Those belong to the browser.
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      if (event.key === "Escape") onClose();
      else keys?.push(event.key === "Tab" && event.shiftKey ? "shift+Tab" : event.key);
    };
    document.addEventListener("keydown", press, true);
    return () => document.removeEventListener("keydown", press, true);
  }, [keys, onClose]);
  return null;
}
