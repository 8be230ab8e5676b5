/** What keys, the menu and the clipboard do with steps: each is one edit, and where nothing may be edited a refusal. */
import { duplicate, moveSteps, remove } from "pipeloom-client";
import { useRoom, useSelection } from "pipeloom-client/react";
import { useMemo } from "react";
import { useReadOnly } from "../useReadOnly";
import { useCommands } from "../useCommands";
import type { Point } from "./measures";
import { settleAfter } from "./structure";

export interface SelectionEdits {
  /** Each tells whether it was done. */
  readonly duplicate: (ids: readonly string[]) => boolean;
  readonly remove: (ids: readonly string[]) => boolean;
  readonly move: (moves: readonly { readonly id: string; readonly position: Point }[]) => boolean;
}

export function useSelectionEdits(): SelectionEdits {
  const { pipeline } = useRoom();
  const [, select] = useSelection();
  const { check, refuse } = useCommands();
  const reason = useReadOnly();
  return useMemo(() => {
    const allowed = (ids: readonly unknown[]): boolean => {
      if (ids.length > 0 && reason !== undefined) refuse(reason);
      return ids.length > 0 && reason === undefined;
    };
    return {
      duplicate: (ids) => {
        if (!allowed(ids)) return false;
        const copied = duplicate(pipeline, ids);
        if (!check(copied) || !copied.ok) return false;
        select(ids.flatMap((id) => copied.steps[id] ?? []));
        return true;
      },
      remove: (ids) => allowed(ids) && check(remove(pipeline, ids)),
      move: (moves) => {
        if (reason !== undefined) return allowed([reason]);
        let isDone = moves.length === 0;
        if (!isDone) settleAfter(pipeline, moves, () => (isDone = check(moveSteps(pipeline, Object.fromEntries(moves.map(({ id, position }) => [id, position]))))));
        return isDone;
      },
    };
  }, [pipeline, select, check, refuse, reason]);
}
