/** The library beside what asked for a step: a lane, an empty canvas, or the key `A`. */
import { type ReactNode, useEffect, useRef } from "react";
import { place } from "../../ui/place";
import { useCanvas, useCanvasStore } from "../canvas/canvasState";
import { useCommands } from "../useCommands";
import styles from "./AddPopover.module.css";
import { StepList } from "./StepList";

export function AddPopover(): ReactNode {
  const adding = useCanvas((state) => state.adding);
  const store = useCanvasStore();
  const { add } = useCommands();
  const panel = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = panel.current;
    if (element === null || adding === null) return;
    const opener = document.activeElement;
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") store.set({ adding: null });
    };
    element.addEventListener("toggle", toggled);
    element.showPopover();
    const { x, y, width, height } = adding.beside;
    place(element, new DOMRect(x, y, width, height), "bottom", "center");
    element.querySelector("input")?.focus();
    return () => {
      element.removeEventListener("toggle", toggled);
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [adding, store]);
  if (adding === null) return null;
  const choose = (type: string): void => {
    store.set({ adding: null });
    add(type, adding.target ?? undefined);
  };
  return (
    <div ref={panel} popover="auto" role="dialog" aria-label="Add a step" className={styles.panel}>
      <StepList onChoose={choose} />
    </div>
  );
}
