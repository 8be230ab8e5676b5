/** The types of steps: beside the canvas where there is room, and beside what asked for a step. */
import { PanelLeftClose } from "lucide-react";
import { type ReactNode, useEffect, useRef } from "react";
import { IconButton } from "../../ui/Button";
import { Kbd } from "../../ui/Kbd";
import { useCanvasStore } from "../canvas/canvasState";
import { keyOf } from "../shortcuts/keyOf";
import { useEditor, useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { AddPopover } from "./AddPopover";
import styles from "./Library.module.css";
import { StepList } from "./StepList";

export default function Library(): ReactNode {
  const panel = useRef<HTMLElement>(null);
  useKeys(panel);
  return (
    <>
      <Panel panel={panel} />
      <AddPopover />
    </>
  );
}

function Panel({ panel }: { readonly panel: { current: HTMLElement | null } }): ReactNode {
  const isOpen = useEditor((state) => state.isLibraryOpen);
  const set = useSetEditor();
  const { add } = useCommands();
  if (!isOpen) return null;
  return (
    <aside ref={panel} className={styles.library} aria-label="Steps">
      <header className={styles.head}>
        <h3>Steps</h3>
        <IconButton label="Close the library" onClick={() => set({ isLibraryOpen: false })}>
          <PanelLeftClose size={16} />
        </IconButton>
      </header>
      <StepList onChoose={(type) => void add(type)} canDrag searchKey="/" />
      <p className={styles.hint}>
        Drag onto the canvas, or press <Kbd keys="a" />
      </p>
    </aside>
  );
}

/** `/` searches the library, and `A` opens it beside the pointer's canvas where it is not seen. */
function useKeys(panel: { current: HTMLElement | null }): void {
  const store = useCanvasStore();
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      const key = keyOf(event);
      if ((key !== "a" && key !== "/") || event.defaultPrevented) return;
      event.preventDefault();
      const search = panel.current?.querySelector<HTMLElement>("input");
      const isSeen = search?.checkVisibility() ?? false;
      if (isSeen && key === "/") search?.focus();
      else store.set({ adding: { beside: besideCanvas(), target: null } });
    };
    document.addEventListener("keydown", press);
    return () => document.removeEventListener("keydown", press);
  }, [panel, store]);
}

/** The upper edge of the canvas, in its middle. */
export function besideCanvas(): DOMRect {
  const pane = document.querySelector(".react-flow")?.getBoundingClientRect() ?? new DOMRect(0, 48, innerWidth, 0);
  return new DOMRect(pane.x + pane.width / 2, pane.y + 8, 0, 0);
}
