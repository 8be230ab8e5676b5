/** A labelled field for a line or a few, with what is wrong about it below. */
import { type ReactNode, useId } from "react";
import { autofocus } from "./autofocus";
import styles from "./TextField.module.css";

export function TextField({ label, value, onChange, hint, refusal, isLong, isFocused, ...rest }: {
  readonly label: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly hint?: string;
  /** Why the value cannot be taken. */
  readonly refusal?: string | undefined;
  readonly isLong?: boolean;
  /** Whether it has the focus when its dialog opens. */
  readonly isFocused?: boolean;
  readonly maxLength?: number;
  readonly type?: "text" | "email";
  readonly placeholder?: string;
  readonly autoComplete?: string;
}): ReactNode {
  const id = useId();
  const Field = isLong ? "textarea" : "input";
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      <Field
        {...rest}
        id={id}
        value={value}
        autoFocus={isFocused}
        ref={isFocused ? autofocus : null}
        aria-describedby={`${id}-about`}
        aria-invalid={refusal !== undefined || undefined}
        onChange={({ target }: { readonly target: { readonly value: string } }) => onChange(target.value)}
      />
      <p id={`${id}-about`} className={styles.about} data-refusal={refusal !== undefined} role={refusal === undefined ? undefined : "alert"}>
        {refusal ?? hint}
      </p>
    </div>
  );
}
