/** The tool for comments: the next click on the canvas pins one to a step, or writes one about the pipeline. */
import { useEffect } from "react";
import { elementOf } from "../shortcuts/regions";
import { useEditor, useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { useSharedComments } from "./CommentsProvider";

/** What of the canvas has clicks of its own. */
const FLOATING = ".react-flow__panel, .react-flow__minimap, .react-flow__node-toolbar";

/** While it is chosen the canvas drags and selects nothing. */
export function useCommentTool(): void {
  const isChosen = useEditor(({ tool }) => tool === "comment");
  const { reason } = useSharedComments();
  const { refuse } = useCommands();
  const set = useSetEditor();
  useEffect(() => {
    if (!isChosen) return;
    const isOnCanvas = ({ target }: Event): boolean => target instanceof Element && (elementOf("canvas")?.contains(target) ?? false) && target.closest(FLOATING) === null;
    const take = (event: Event): void => {
      if (isOnCanvas(event)) event.stopPropagation();
    };
    const click = (event: Event): void => {
      if (!isOnCanvas(event)) return;
      event.stopPropagation();
      set({ tool: "select" });
      const id = (event.target as Element).closest<HTMLElement>(".react-flow__node")?.dataset["id"];
      if (reason !== undefined) refuse(reason);
      else set(id === undefined ? { drawer: "comments" } : { commenting: id });
    };
    for (const name of PRESSES) document.addEventListener(name, take, true);
    document.addEventListener("click", click, true);
    return () => {
      for (const name of PRESSES) document.removeEventListener(name, take, true);
      document.removeEventListener("click", click, true);
    };
  }, [isChosen, reason, refuse, set]);
}

const PRESSES = ["pointerdown", "mousedown", "touchstart", "dblclick"] as const;
