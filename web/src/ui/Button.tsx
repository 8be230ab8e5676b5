/** Buttons: with text, and with an icon alone. */
import type { ComponentPropsWithRef, ReactNode } from "react";
import styles from "./Button.module.css";
import { cx } from "./cx";
import { Tooltip } from "./Tooltip";

export interface ButtonProps extends ComponentPropsWithRef<"button"> {
  /** One `primary` a view. */
  readonly variant?: "primary" | "secondary" | "ghost" | "danger";
  readonly icon?: ReactNode;
  /** Why it cannot be pressed now: it stays reachable, so that everybody learns the reason. */
  readonly disabledReason?: string | undefined;
}

export function Button({ variant = "secondary", icon, disabledReason, className, children, onClick, ...rest }: ButtonProps): ReactNode {
  const isDisabled = disabledReason !== undefined;
  return (
    <button
      type="button"
      {...rest}
      className={cx(styles.button, styles[variant], className)}
      aria-disabled={isDisabled || undefined}
      title={disabledReason ?? rest.title}
      onClick={isDisabled ? undefined : onClick}
    >
      {icon}
      {children}
    </button>
  );
}

export interface IconButtonProps extends Omit<ComponentPropsWithRef<"button">, "aria-label" | "title"> {
  /** What it does, for everybody: its name and its tooltip. */
  readonly label: string;
  readonly shortcut?: string;
  readonly pressed?: boolean;
  readonly disabledReason?: string | undefined;
  /** Where the tooltip stands. */
  readonly side?: "top" | "bottom";
}

export function IconButton({ label, shortcut, pressed, disabledReason, side = "bottom", className, onClick, children, ...rest }: IconButtonProps): ReactNode {
  const isDisabled = disabledReason !== undefined;
  return (
    <Tooltip text={disabledReason ?? label} side={side} {...(shortcut === undefined ? {} : { shortcut })}>
      <button
        type="button"
        {...rest}
        className={cx(styles.iconButton, className)}
        aria-label={label}
        aria-pressed={pressed}
        aria-disabled={isDisabled || undefined}
        onClick={isDisabled ? undefined : onClick}
      >
        {children}
      </button>
    </Tooltip>
  );
}
