/** A list of maps as cards: added, removed, moved by drag and by keyboard. */
import { GripVertical, X } from "lucide-react";
import type { Json, Path } from "pipeloom-client";
import { type ReactNode, useState } from "react";
import { Button, IconButton } from "../../ui/Button";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { steps as movingSteps } from "./moving";
import { changeList, pointerOf } from "./paths";
import { useItemKeys } from "./useItemKeys";
import { useReorder } from "./useReorder";

/** Cards that are drawn until more are asked for: each may have an editor. */
const SOME = 20;

export function Cards({ path, items, noun, head, body }: {
  readonly path: Path;
  readonly items: readonly Json[];
  /** What one of them is called: "part". */
  readonly noun: string;
  readonly head: (item: Json, at: number) => ReactNode;
  readonly body: (item: Json, at: number) => ReactNode;
}): ReactNode {
  const { readOnlyReason, change } = useEditing();
  const keys = useItemKeys(path, items.length);
  const [most, setMost] = useState(SOME);
  const move = useMove(path);
  const { list, handle, drag, news } = useReorder(items.length, move);
  const remove = (at: number): void => {
    change((config) => changeList(config, path, (all) => all.filter((_, place) => place !== at)));
  };
  return (
    <>
      <ol ref={list} className={styles.cards}>
        {items.slice(0, most).map((item, at) => (
          <li key={keys[at]} className={styles.card} data-dragged={drag?.from === at || undefined} data-gap={gapOf(drag, at, items.length)}>
            <header className={styles.cardHead}>
              <button
                type="button"
                className={styles.handle}
                aria-label={`Move ${noun} ${at + 1} of ${items.length}`}
                aria-description="Up and down arrows move it"
                title={readOnlyReason ?? "Drag to move, or use the arrows"}
                disabled={readOnlyReason !== undefined}
                {...handle(at)}
              >
                <GripVertical size={14} />
              </button>
              {head(item, at)}
              <IconButton label={`Remove ${noun} ${at + 1}`} disabledReason={readOnlyReason} onClick={() => remove(at)} className={styles.small}>
                <X size={14} />
              </IconButton>
            </header>
            {body(item, at)}
          </li>
        ))}
      </ol>
      {items.length > most ? (
        <Button variant="ghost" onClick={() => setMost(most + 5 * SOME)}>
          Show {Math.min(items.length - most, 5 * SOME)} more of {items.length}
        </Button>
      ) : null}
      <span role="status" className="visually-hidden">{news}</span>
    </>
  );
}

/** Where the line stands that shows the place to which something is dragged. */
function gapOf(drag: ReturnType<typeof useReorder>["drag"], at: number, count: number): "before" | "after" | undefined {
  if (drag === null || drag.gap === drag.from || drag.gap === drag.from + 1) return undefined;
  if (drag.gap === at) return "before";
  return drag.gap === count && at === count - 1 ? "after" : undefined;
}

function useMove(path: Path): (from: number, to: number) => boolean {
  const { room, change, editors } = useEditing();
  const isBusy = (at: number): boolean => editors.at(pointerOf(["config", ...path, at])).length > 0;
  return (from, to) => {
    let isDone = false;
    room.doc.transact(() => {
      let wanted: readonly Json[] = [];
      isDone = change((config) =>
        changeList(config, path, (list) => {
          const [rest, moved] = movingSteps(list, from, to, isBusy);
          wanted = moved;
          return rest;
        }),
      );
      if (isDone) isDone = change((config) => changeList(config, path, () => wanted));
    }, room.pipeline.origin);
    return isDone;
  };
}
