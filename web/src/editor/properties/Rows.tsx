/** Fields below each other, short ones in pairs. */
import type { Json } from "pipeloom-client";
import type { ReactNode } from "react";
import { Field } from "./Field";
import styles from "./Form.module.css";
import { type FormField, rowsOf } from "./layout";
import { getAt } from "./paths";

export function Rows({ fields, map, isTitled = false }: {
  readonly fields: readonly FormField[];
  /** In which the fields stand, each under the last key of its path. */
  readonly map: Json | undefined;
  readonly isTitled?: boolean;
}): ReactNode {
  return (
    <>
      {rowsOf(fields).map((row) => (
        <div key={row.map(({ path }) => String(path.at(-1))).join(" ")} className={styles.pair} data-pair={row.length === 2 || undefined}>
          {row.map(({ path, schema }) => (
            <Field key={String(path.at(-1))} path={path} schema={schema} value={getAt(map, path.slice(-1))} isTitled={isTitled} />
          ))}
        </div>
      ))}
    </>
  );
}
