/** Hides the panels around the canvas, and brings them back: for a key and for the menu. */
import { useMemo } from "react";
import { type EditorState, useEditor, useGetEditor, useSetEditor } from "../state";

type Panels = Pick<EditorState, "isLibraryOpen" | "drawer">;

/** What was open when the panels went, by the state of its editor. */
const hidden = new WeakMap<object, Panels>();

const isAnyOpen = ({ isLibraryOpen, drawer, arePropertiesOpen }: EditorState): boolean => isLibraryOpen || drawer !== null || arePropertiesOpen;

/** Whether any panel is open. */
export const useIsAnyPanelOpen = (): boolean => useEditor(isAnyOpen);

/** All panels go, and those that were there come back. */
export function useTogglePanels(): () => void {
  const get = useGetEditor();
  const set = useSetEditor();
  return useMemo(() => () => {
    const state = get();
    const { isLibraryOpen, drawer } = state;
    if (!isAnyOpen(state)) return set({ isLibraryOpen: true, ...hidden.get(get), arePropertiesOpen: true });
    hidden.set(get, { isLibraryOpen, drawer });
    set({ isLibraryOpen: false, drawer: null, arePropertiesOpen: false });
  }, [get, set]);
}
