/** A labelled choice of one of several words. */
import { type ReactNode, useId } from "react";
import { cx } from "./cx";
import styles from "./Select.module.css";

export function Select<Value extends string>({ label, value, onChange, options, isLabelHidden, disabledReason }: {
  readonly label: string;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
  readonly options: readonly (readonly [value: Value, label: string])[];
  /** Where the place says what it is; the label is its name all the same. */
  readonly isLabelHidden?: boolean;
  readonly disabledReason?: string | undefined;
}): ReactNode {
  const id = useId();
  return (
    <div className={styles.field}>
      <label htmlFor={id} className={cx(isLabelHidden && "visually-hidden")}>
        {label}
      </label>
      <select
        id={id}
        value={value}
        disabled={disabledReason !== undefined}
        title={disabledReason}
        onChange={({ target }) => onChange(target.value as Value)}
      >
        {options.map(([each, text]) => (
          <option key={each} value={each}>
            {text}
          </option>
        ))}
      </select>
    </div>
  );
}
