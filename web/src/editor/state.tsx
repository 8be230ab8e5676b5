/** What one window shows of a pipeline: views and panels. Nothing of it stands in the document. */
import { createContext, type ReactNode, useContext, useState, useSyncExternalStore } from "react";

export type View = "graph" | "code" | "split";
export type Tool = "select" | "comment";
export type Drawer = "problems" | "comments";

export interface EditorState {
  readonly view: View;
  readonly isLibraryOpen: boolean;
  /** The open tab of the drawer at the bottom, null while it is closed. */
  readonly drawer: Drawer | null;
  /** The step whose comments are open beside it. */
  readonly commenting: string | null;
  /** The history that is shown instead of the present pipeline, null while it is closed. */
  readonly history: History | null;
  /** The id of the user whose part of the canvas is shown here, too. */
  readonly following: string | null;
  /** What was refused last, shown at the pointer or the selection for a moment. */
  readonly refusal: Refusal | null;
  /** An answer that is no refusal, shown in the same way. */
  readonly note: Refusal | null;
  /** What was said last to those who do not see it. */
  readonly said: string;
  readonly isHelpOpen: boolean;
  /** What a click on the canvas does. */
  readonly tool: Tool;
  /** The step that is being connected by keyboard. */
  readonly linking: string | null;
  /** Whether the properties of what is selected are shown. */
  readonly arePropertiesOpen: boolean;
  /** Applies what is edited as code; null while nothing is. */
  readonly applyCode: (() => void) | null;
}

export interface History {
  /** The number of the version that is compared with now; null: none is chosen. */
  readonly base: number | null;
  /** The step of which the changes are shown. */
  readonly stepId: string | null;
}

export interface Refusal {
  readonly message: string;
  /** In pixels of the window. */
  readonly at: { readonly x: number; readonly y: number } | null;
}

const INITIAL: EditorState = {
  view: "graph",
  isLibraryOpen: true,
  drawer: null,
  commenting: null,
  history: null,
  following: null,
  refusal: null,
  note: null,
  said: "",
  isHelpOpen: false,
  tool: "select",
  linking: null,
  arePropertiesOpen: true,
  applyCode: null,
};

class Store {
  private state = INITIAL;

  constructor(readonly pipelineId: string) {}

  private readonly listeners = new Set<() => void>();

  readonly get = (): EditorState => this.state;

  readonly set = (changes: Partial<EditorState>): void => {
    this.state = { ...this.state, ...changes };
    for (const listener of [...this.listeners]) listener();
  };

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => void this.listeners.delete(listener);
  };
}

const Context = createContext<Store | null>(null);

export function ViewState({ pipeline, children }: { readonly pipeline: string; readonly children: ReactNode }): ReactNode {
  const [store] = useState(() => new Store(pipeline));
  return <Context.Provider value={store}>{children}</Context.Provider>;
}

function useStore(): Store {
  const store = useContext(Context);
  if (store === null) throw new Error("expected a <ViewState> around this component");
  return store;
}

/** Read a part of the state, and again when that part has changed. */
export function useEditor<T>(select: (state: EditorState) => T): T {
  const store = useStore();
  return useSyncExternalStore(store.subscribe, () => select(store.get()));
}

/** The id of the open pipeline, for REST. */
export const usePipelineId = (): string => useStore().pipelineId;

/** How to change the state; the same function always. */
export const useSetEditor = (): ((changes: Partial<EditorState>) => void) => useStore().set;

/** How to read the state at the moment of an event; the same function always. */
export const useGetEditor = (): (() => EditorState) => useStore().get;
