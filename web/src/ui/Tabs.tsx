/** Tabs, and a switch between a few views; both are one stop of the keyboard, arrows move. */
import type { KeyboardEvent, ReactNode } from "react";
import { cx } from "./cx";
import styles from "./Tabs.module.css";

export interface Tab<Id extends string> {
  readonly id: Id;
  readonly label: string;
  readonly count?: number;
}

interface TabsProps<Id extends string> {
  readonly label: string;
  readonly tabs: readonly Tab<Id>[];
  readonly chosen: Id | null;
  readonly onChoose: (id: Id) => void;
}

/** Tabs above a panel; the panel has `id={panelId(…)}` and `role="tabpanel"`. */
export function Tabs<Id extends string>({ label, tabs, chosen, onChoose }: TabsProps<Id>): ReactNode {
  return (
    <div role="tablist" aria-label={label} className={styles.tabs} onKeyDown={move}>
      {tabs.map(({ id, label: text, count }, at) => (
        <button
          key={id}
          type="button"
          role="tab"
          aria-selected={id === chosen}
          tabIndex={id === chosen || (chosen === null && at === 0) ? 0 : -1}
          className={styles.tab}
          onClick={() => onChoose(id)}
        >
          <Words text={text} count={count} />
        </button>
      ))}
    </div>
  );
}

/** A switch between a few views of the same thing. */
export function Segments<Id extends string>({ label, tabs, chosen, onChoose }: TabsProps<Id>): ReactNode {
  return (
    <div role="radiogroup" aria-label={label} className={styles.segments} onKeyDown={move}>
      {tabs.map(({ id, label: text, count }, at) => (
        <button
          key={id}
          type="button"
          role="radio"
          aria-checked={id === chosen}
          tabIndex={id === chosen || (chosen === null && at === 0) ? 0 : -1}
          className={cx(styles.segment, id === chosen && styles.chosen)}
          onClick={() => onChoose(id)}
        >
          <Words text={text} count={count} />
        </button>
      ))}
    </div>
  );
}

const Words = ({ text, count }: { readonly text: string; readonly count: number | undefined }): ReactNode => (
  <>
    {text}
    {count ? <> <span className={styles.count}>{count}</span></> : null}
  </>
);

function move(event: KeyboardEvent<HTMLDivElement>): void {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (step === undefined) return;
  event.preventDefault();
  const items = [...event.currentTarget.querySelectorAll<HTMLElement>("[role=tab], [role=radio]")];
  const at = items.indexOf(document.activeElement as HTMLElement);
  const next = items[(at + step + items.length) % items.length];
  next?.focus();
  next?.click();
}
