/** The fields of a map inside of another one, folded while nothing of it is set. */
import { ChevronRight } from "lucide-react";
import { type ReactNode, useState } from "react";
import type { FieldProps } from "./Field";
import styles from "./Form.module.css";
import { fieldsIn } from "./layout";
import { isObject } from "./paths";
import { Rows } from "./Rows";

export function Group({ path, schema, value, title }: FieldProps & { readonly title: string }): ReactNode {
  const isSet = isObject(value) && Object.keys(value).length > 0;
  const [isOpen, setOpen] = useState(isSet);
  const count = isObject(value) ? Object.keys(value).length : 0;
  return (
    <div className={styles.group}>
      <button type="button" className={styles.fold} aria-expanded={isOpen} title={schema.description} onClick={() => setOpen(!isOpen)}>
        <ChevronRight size={14} aria-hidden="true" />
        {title}
        {count === 0 ? null : <span className={styles.count}>{count} set</span>}
      </button>
      {isOpen ? <Rows fields={fieldsIn(schema, value, path)} map={value} /> : null}
    </div>
  );
}
