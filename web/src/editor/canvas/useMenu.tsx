/** Opens the menu at the pointer; what is in it is loaded when it is first opened. */
import { useSelection } from "pipeloom-client/react";
import { type MouseEvent as ReactMouseEvent, type ReactNode, Suspense, useState } from "react";
import type { Point } from "./measures";
import { later } from "../../ui/later";
import { useStable } from "../../ui/useStable";

const CanvasMenu = later(() => import("./CanvasMenu"));

/** What the pointer was on. */
export type Subject =
  | { readonly kind: "steps"; readonly ids: readonly string[] }
  | { readonly kind: "edge"; readonly connectionIds: readonly string[] }
  | { readonly kind: "canvas" };

export interface OpenMenu {
  readonly at: Point;
  readonly subject: Subject;
}

/** Where a menu opens; from the keyboard, in the middle of what has the focus. */
function menuPoint(event: MouseEvent | ReactMouseEvent): Point {
  if (event.clientX !== 0 || event.clientY !== 0) return { x: event.clientX, y: event.clientY };
  const box = event.target instanceof Element ? event.target.getBoundingClientRect() : new DOMRect();
  return { x: box.x + box.width / 2, y: box.y + box.height / 2 };
}

export interface Menu {
  /** Open it for what is selected, or for a step that is not and then becomes the selection. */
  readonly open: (event: ReactMouseEvent, id: string | null) => void;
  readonly openAt: (event: MouseEvent | ReactMouseEvent, subject: Subject) => void;
  readonly element: ReactNode;
}

export function useMenu(): Menu {
  const [selected, select] = useSelection();
  const [menu, setMenu] = useState<OpenMenu | null>(null);
  const openAt: Menu["openAt"] = useStable((event, subject) => {
    event.preventDefault();
    setMenu({ at: menuPoint(event), subject });
  });
  const open: Menu["open"] = useStable((event, id) => {
    if (id !== null) select([id]);
    openAt(event, { kind: "steps", ids: id === null ? selected : [id] });
  });
  const element = menu === null ? null : (
    <Suspense fallback={null}>
      <CanvasMenu menu={menu} onClose={() => setMenu(null)} />
    </Suspense>
  );
  return { open, openAt, element };
}
