/** One field: what is typed is kept until it is left or Enter is pressed, and written then. */
import type { Json } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { type ReactNode, useEffect, useId, useState } from "react";
import { cx } from "../../ui/cx";
import styles from "./Field.module.css";
import { kindOf } from "./fieldKinds";

interface FieldProps {
  readonly name: string;
  readonly schema: JsonSchema;
  readonly value: Json | undefined;
  readonly isReadOnly: boolean;
  /** Null takes the field away; returns whether the edit was taken. */
  readonly onChange: (value: Json) => boolean;
}

export function Field({ name, schema, value, isReadOnly, onChange }: FieldProps): ReactNode {
  const id = useId();
  const kind = kindOf(schema);
  const about = { id, name, disabled: isReadOnly, "aria-describedby": `${id}-about` };
  return (
    <div className={cx(styles.field, kind === "flag" && styles.flag)}>
      <label htmlFor={id}>{schema.title ?? name}</label>
      {kind === "flag" ? (
        <input {...about} type="checkbox" checked={Boolean(value ?? schema.default)} onChange={({ target }) => onChange(target.checked)} />
      ) : kind === "choice" ? (
        <select {...about} value={String(value ?? "")} onChange={({ target }) => onChange(target.value || null)}>
          <option value="">{schema.default === undefined ? "Not set" : `${String(schema.default)} (default)`}</option>
          {schema.enum?.map((word) => <option key={String(word)}>{String(word)}</option>)}
        </select>
      ) : (
        <Typed {...about} isNumber={kind === "number"} placeholder={String(schema.default ?? schema.examples?.[0] ?? "")} value={value} onChange={onChange} />
      )}
      <p id={`${id}-about`} className={styles.about}>{schema.description}</p>
    </div>
  );
}

function Typed({ value, isNumber, onChange, ...about }: {
  readonly id: string;
  readonly name: string;
  readonly disabled: boolean;
  readonly placeholder: string;
  readonly isNumber: boolean;
} & Pick<FieldProps, "value" | "onChange">): ReactNode {
  const shown = value === undefined || value === null ? "" : String(value);
  const [typed, setTyped] = useState(shown);
  useEffect(() => setTyped(shown), [shown]);
  const write = (): void => {
    if (typed === shown) return;
    const wanted = typed === "" ? null : isNumber ? Number(typed) : typed;
    if (!onChange(wanted)) setTyped(shown);
  };
  return (
    <input
      {...about}
      type={isNumber ? "number" : "text"}
      step="any"
      value={typed}
      onChange={({ target }) => setTyped(target.value)}
      onBlur={write}
      onKeyDown={({ key }) => key === "Enter" && write()}
    />
  );
}
