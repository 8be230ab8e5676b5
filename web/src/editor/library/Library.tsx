/** The types of steps: beside the canvas where there is room, and beside what asked for a step. */
import { PanelLeftClose } from "lucide-react";
import type { ReactNode } from "react";
import { IconButton } from "../../ui/Button";
import { Kbd } from "../../ui/Kbd";
import { keyFor } from "../shortcuts/table";
import { useEditor, useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { AddPopover } from "./AddPopover";
import styles from "./Library.module.css";
import { StepList } from "./StepList";

export default function Library(): ReactNode {
  return (
    <>
      <Panel />
      <AddPopover />
    </>
  );
}

function Panel(): ReactNode {
  const isOpen = useEditor((state) => state.isLibraryOpen);
  const set = useSetEditor();
  const { add } = useCommands();
  if (!isOpen) return null;
  return (
    <aside className={styles.library} aria-label="Steps" data-region="library">
      <header className={styles.head}>
        <h3>Steps</h3>
        <IconButton label="Close the library" onClick={() => set({ isLibraryOpen: false })}>
          <PanelLeftClose size={16} />
        </IconButton>
      </header>
      <StepList onChoose={(type) => void add(type)} canDrag searchKey={keyFor("search")} />
      <p className={styles.hint}>
        Drag onto the canvas, or press <Kbd keys={keyFor("add")} />
      </p>
    </aside>
  );
}
