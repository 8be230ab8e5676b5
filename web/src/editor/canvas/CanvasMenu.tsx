/** The menu at the pointer: what can be done with the steps there, with a connection, or with the canvas. */
import { type ReactNode, useEffect, useRef } from "react";
import { MenuList } from "../../ui/Menu";
import popoverStyles from "../../ui/Popover.module.css";
import { place } from "../../ui/place";
import type { OpenMenu } from "./useMenu";
import { useMenuItems } from "./useMenuItems";

export default function CanvasMenu({ menu, onClose }: { readonly menu: OpenMenu; readonly onClose: () => void }): ReactNode {
  const { at } = menu;
  const itemsOf = useMenuItems();
  const panel = useRef<HTMLDivElement>(null);
  const latest = useRef(onClose);
  latest.current = onClose;
  useEffect(() => {
    const element = panel.current;
    if (element === null) return;
    const opener = document.activeElement;
    const toggled = (event: Event): void => {
      if ((event as ToggleEvent).newState === "closed") latest.current();
    };
    element.addEventListener("toggle", toggled);
    element.showPopover();
    place(element, new DOMRect(at.x, at.y, 0, 0), "bottom", "start", 0);
    element.querySelector<HTMLElement>("[role^=menuitem]")?.focus();
    return () => {
      element.removeEventListener("toggle", toggled);
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [at]);
  return (
    <div ref={panel} popover="auto" tabIndex={-1} className={popoverStyles.panel} onContextMenu={(event) => event.preventDefault()}>
      <MenuList label="Commands" items={itemsOf(menu)} close={() => panel.current?.hidePopover()} />
    </div>
  );
}
