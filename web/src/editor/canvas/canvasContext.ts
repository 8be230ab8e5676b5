/** What all nodes need and none should ask for by itself. */
import { createContext, useContext } from "react";

export interface CanvasContent {
  /** Why nothing can be edited; undefined where it can. */
  readonly readOnlyReason: string | undefined;
  /** How many open threads each step has. */
  readonly comments: ReadonlyMap<string, number>;
}

const Context = createContext<CanvasContent>({ readOnlyReason: undefined, comments: new Map() });

export const CanvasContentProvider = Context.Provider;
export const useCanvasContent = (): CanvasContent => useContext(Context);

const Far = createContext(false);

export const FarProvider = Far.Provider;

/** Whether the canvas is so far away that nobody could read it. Each node that asked React Flow would be asked with each change. */
export const useIsFar = (): boolean => useContext(Far);
