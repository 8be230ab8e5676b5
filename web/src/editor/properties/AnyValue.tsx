/** A value of any kind: on one line, or as YAML in a small editor. */
import { Pencil } from "lucide-react";
import type { Json } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { type ReactNode, Suspense, useState } from "react";
import { Button } from "../../ui/Button";
import { cx } from "../../ui/cx";
import { AnyLine, type ControlProps, LongTextControl } from "./controls";
import { useEditing } from "./editing";
import styles from "./Form.module.css";
import { isList, isObject } from "./paths";
import { later } from "../../ui/later";

const ValueYaml = later(() => import("./ValueYaml"));

export function AnyValue({ isInRow = false, ...props }: ControlProps & { readonly isInRow?: boolean }): ReactNode {
  const { value, schema } = props;
  const isNested = isList(value) || isObject(value) || (value === undefined && isNestedOnly(schema));
  const label = { ...(isInRow && { "aria-label": schema.title ?? "Value" }) };
  if (typeof value === "string" && value.includes("\n")) return <LongTextControl {...props} {...label} />;
  return isNested ? <Nested {...props} value={value ?? null} /> : <AnyLine {...props} {...label} />;
}

/** Whether nothing that fits on a line may stand there. */
function isNestedOnly({ type, anyOf = [] }: JsonSchema): boolean {
  const types = [type ?? [], ...anyOf.map((each) => each.type ?? [])].flat();
  return types.length > 0 && types.every((each) => each === "array" || each === "object");
}

function Nested({ path, value, id, schema }: ControlProps & { readonly value: Json }): ReactNode {
  const { readOnlyReason } = useEditing();
  const [isOpen, setOpen] = useState(false);
  if (isOpen) {
    return (
      <Suspense fallback={<pre className={styles.preview}>{preview(value)}</pre>}>
        <ValueYaml path={path} title={schema.title ?? String(path.at(-1))} value={value ?? []} onClose={() => setOpen(false)} />
      </Suspense>
    );
  }
  return (
    <div className={styles.nested}>
      {value === null ? null : <pre id={id} className={cx(styles.preview)} tabIndex={0}>{preview(value)}</pre>}
      <Button variant="ghost" icon={<Pencil size={12} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => setOpen(true)}>
        Edit as YAML
      </Button>
    </div>
  );
}

const MOST = 400;

/** The beginning of a value, as JSON that is easy to read. */
function preview(value: Json): string {
  const text = JSON.stringify(value, null, 2);
  return text.length > MOST ? `${text.slice(0, MOST)}…` : text;
}
