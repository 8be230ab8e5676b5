/** A field to search in, with the key that leads to it. */
import { Search } from "lucide-react";
import type { KeyboardEvent, ReactNode, RefObject } from "react";
import { cx } from "./cx";
import { Kbd } from "./Kbd";
import styles from "./SearchInput.module.css";

export function SearchInput({ label, value, onChange, field, onKeyDown, shortcut, className }: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly field?: RefObject<HTMLInputElement | null>;
  readonly onKeyDown?: (event: KeyboardEvent) => void;
  readonly shortcut?: string | undefined;
  readonly className?: string | undefined;
}): ReactNode {
  return (
    <label className={cx(styles.search, className)}>
      <Search size={16} aria-hidden="true" />
      <span className="visually-hidden">{label}</span>
      <input
        ref={field ?? null}
        type="search"
        placeholder={label}
        maxLength={500}
        value={value}
        onChange={({ target }) => onChange(target.value)}
        onKeyDown={onKeyDown}
      />
      {shortcut === undefined ? null : <Kbd keys={shortcut} />}
    </label>
  );
}
