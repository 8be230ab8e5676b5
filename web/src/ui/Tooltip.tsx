/** A word on what an element does, after a moment of pointing at it, and at once by the keyboard. */
import { type ReactElement, type ReactNode, useRef } from "react";
import { Kbd } from "./Kbd";
import styles from "./Tooltip.module.css";
import { place } from "./place";

const DELAY_MS = 500;

export function Tooltip({ text, shortcut, side = "bottom", children }: {
  readonly text: string;
  readonly shortcut?: string;
  readonly side?: "top" | "bottom";
  readonly children: ReactElement;
}): ReactNode {
  const around = useRef<HTMLSpanElement>(null);
  const tip = useRef<HTMLSpanElement>(null);
  const timer = useRef(0);
  const show = (): void => {
    const target = around.current?.firstElementChild;
    if (!target || !tip.current?.isConnected || tip.current.matches(":popover-open")) return;
    tip.current.showPopover();
    place(tip.current, target.getBoundingClientRect(), side, "center", 6);
  };
  const hide = (): void => {
    clearTimeout(timer.current);
    if (tip.current?.matches(":popover-open")) tip.current.hidePopover();
  };
  return (
    <span
      ref={around}
      className={styles.around}
      onPointerEnter={() => (timer.current = window.setTimeout(show, DELAY_MS))}
      onPointerLeave={hide}
      onPointerDown={hide}
      onFocus={({ target }) => target.matches(":focus-visible") && show()}
      onBlur={hide}
    >
      {children}
      <span ref={tip} popover="manual" className={styles.tip} aria-hidden="true">
        {text}
        {shortcut === undefined ? null : <Kbd keys={shortcut} />}
      </span>
    </span>
  );
}
