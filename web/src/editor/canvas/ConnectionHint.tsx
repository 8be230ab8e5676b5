/** While a connection is drawn: at the pointer why the step below it may not be connected. */
import { useConnection } from "@xyflow/react";
import { Ban } from "lucide-react";
import { type CSSProperties, type ReactNode, useEffect, useState } from "react";
import { useCanvasStore } from "./canvasState";
import styles from "./ConnectionHint.module.css";
import { type Connecting, ends, isAround, stepAt } from "./useConnecting";

/** Says at the pointer what would be refused, and marks the step that would be connected. */
export default function ConnectionHint({ refusal, cancel }: Pick<Connecting, "refusal" | "cancel">): ReactNode {
  const { inProgress, fromNode, fromHandle } = useConnection();
  const begun = inProgress ? fromNode.id : null;
  const isFromInput = inProgress && fromHandle.type === "target";
  const store = useCanvasStore();
  const [hint, setHint] = useState<{ readonly message: string; readonly x: number; readonly y: number } | null>(null);
  useEffect(() => {
    if (begun === null) return;
    const move = ({ clientX: x, clientY: y }: PointerEvent): void => {
      const reached = stepAt(x, y);
      if (reached === null || reached === begun || isAround(store.scene?.items, reached, begun)) {
        setHint(null);
        store.set({ joining: null });
        return;
      }
      const message = refusal(...ends(begun, isFromInput, reached));
      store.set({ joining: message === null ? reached : null });
      setHint(message === null ? null : { message, x, y });
    };
    const press = (event: KeyboardEvent): void => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      cancel();
    };
    document.addEventListener("pointermove", move);
    document.addEventListener("keydown", press, true);
    return () => {
      document.removeEventListener("pointermove", move);
      document.removeEventListener("keydown", press, true);
      store.set({ joining: null });
      setHint(null);
    };
  }, [begun, isFromInput, refusal, cancel, store]);
  if (hint === null) return null;
  return (
    <p role="alert" className={styles.hint} style={{ "--x": `${hint.x + 14}px`, "--y": `${hint.y + 14}px` } as CSSProperties}>
      <Ban size={14} aria-hidden="true" /> {hint.message}
    </p>
  );
}
