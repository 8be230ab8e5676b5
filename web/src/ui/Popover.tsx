/** Something that floats beside its button: closed by Escape, by a click elsewhere and by the button. */
import { type ReactElement, type ReactNode, type RefObject, useEffect, useId, useRef, useState } from "react";
import { cx } from "./cx";
import { type Align, place, type Side } from "./place";
import styles from "./Popover.module.css";

/** What its button needs: spread it into a `Button` or an `IconButton`. */
export interface Trigger {
  readonly ref: RefObject<HTMLButtonElement | null>;
  readonly popoverTarget: string;
  readonly "aria-expanded": boolean;
}

export function Popover({ trigger, children, label, side = "bottom", align = "start", className }: {
  readonly trigger: (trigger: Trigger) => ReactElement;
  /** Rendered only while it is open. */
  readonly children: (close: () => void) => ReactNode;
  readonly label: string;
  readonly side?: Side;
  readonly align?: Align;
  readonly className?: string | undefined;
}): ReactNode {
  const id = useId();
  const button = useRef<HTMLButtonElement>(null);
  const panel = useRef<HTMLDivElement>(null);
  const [isOpen, setOpen] = useState(false);
  useEffect(() => {
    const element = panel.current;
    if (!element) return;
    const toggled = (event: Event): void => setOpen((event as ToggleEvent).newState === "open");
    element.addEventListener("beforetoggle", toggled);
    return () => element.removeEventListener("beforetoggle", toggled);
  }, []);
  useEffect(() => {
    if (!isOpen) return;
    // It is filled before it is shown, and has its size only then.
    const frame = requestAnimationFrame(() => {
      if (!panel.current || !button.current) return;
      place(panel.current, button.current.getBoundingClientRect(), side, align);
      (panel.current.querySelector<HTMLElement>("[autofocus], [role^=menuitem]") ?? panel.current).focus();
    });
    return () => cancelAnimationFrame(frame);
  }, [isOpen, side, align]);
  const close = (): void => {
    panel.current?.hidePopover();
    button.current?.focus();
  };
  return (
    <>
      {trigger({ ref: button, popoverTarget: id, "aria-expanded": isOpen })}
      <div id={id} ref={panel} popover="auto" tabIndex={-1} aria-label={label} role="dialog" className={cx(styles.panel, className)}>
        {isOpen ? children(close) : null}
      </div>
    </>
  );
}
