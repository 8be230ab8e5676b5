/** A menu of commands, by the pattern of WAI-ARIA: arrows move, Enter chooses, Escape closes. */
import { type KeyboardEvent, type ReactElement, type ReactNode } from "react";
import { cx } from "./cx";
import { Kbd } from "./Kbd";
import styles from "./Menu.module.css";
import type { Align } from "./place";
import { Popover, type Trigger } from "./Popover";

export interface MenuItem {
  readonly label: string;
  readonly icon?: ReactNode;
  readonly shortcut?: string;
  readonly isDangerous?: boolean;
  /** Of one of several: whether it is the chosen one. */
  readonly checked?: boolean;
  readonly disabledReason?: string | undefined;
  readonly onSelect: () => void;
}

/** `null` draws a line between items. */
export type MenuItems = readonly (MenuItem | null)[];

export function Menu({ trigger, label, items, align = "start" }: {
  readonly trigger: (trigger: Trigger) => ReactElement;
  readonly label: string;
  readonly items: MenuItems;
  readonly align?: Align;
}): ReactNode {
  return (
    <Popover trigger={trigger} label={label} align={align}>
      {(close) => <MenuList label={label} items={items} close={close} />}
    </Popover>
  );
}

/** The list alone, for menus that open at the pointer. */
export function MenuList({ label, items, close }: {
  readonly label: string;
  readonly items: MenuItems;
  readonly close: () => void;
}): ReactNode {
  return (
    <div role="menu" aria-label={label} className={styles.menu} onKeyDown={move}>
      {items.map((item, at) =>
        item === null ? <hr key={at} className={styles.line} /> : <Item key={item.label} item={item} close={close} />,
      )}
    </div>
  );
}

function Item({ item, close }: { readonly item: MenuItem; readonly close: () => void }): ReactNode {
  const isDisabled = item.disabledReason !== undefined;
  const choose = (): void => {
    close();
    item.onSelect();
  };
  return (
    <button
      type="button"
      role={item.checked === undefined ? "menuitem" : "menuitemradio"}
      aria-checked={item.checked}
      aria-disabled={isDisabled || undefined}
      title={item.disabledReason}
      tabIndex={-1}
      className={cx(styles.item, item.isDangerous && styles.dangerous)}
      onClick={isDisabled ? undefined : choose}
    >
      <span className={styles.icon}>{item.icon}</span>
      <span className={styles.label}>{item.label}</span>
      {item.checked ? <span aria-hidden="true">✓</span> : null}
      {item.shortcut === undefined ? null : <Kbd keys={item.shortcut} />}
    </button>
  );
}

function move(event: KeyboardEvent<HTMLDivElement>): void {
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("[role^=menuitem]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const steps: Readonly<Record<string, number>> = {
    ArrowDown: (at + 1) % items.length,
    ArrowUp: (at - 1 + items.length) % items.length,
    Home: 0,
    End: items.length - 1,
  };
  const next = steps[event.key] ?? byLetter(items, at, event.key);
  if (next === undefined) return;
  event.preventDefault();
  items[next]?.focus();
}

/** The next item that begins with a letter. */
function byLetter(items: readonly HTMLElement[], at: number, key: string): number | undefined {
  if (key.length !== 1 || key === " ") return undefined;
  const order = items.map((_, offset) => (at + 1 + offset) % items.length);
  return order.find((index) => items[index]?.textContent?.toLowerCase().startsWith(key.toLowerCase()));
}
