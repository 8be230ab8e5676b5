/** A value of any kind: on one line, or as YAML in a small editor. */
import { Pencil } from "lucide-react";
import type { Json } from "pipeloom-client";
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
  const isNested = isList(value) || isObject(value);
  const label = { ...(isInRow && { "aria-label": schema.title ?? "Value" }) };
  if (typeof value === "string" && value.includes("\n")) return <LongTextControl {...props} {...label} />;
  return isNested ? <Nested {...props} value={value} /> : <AnyLine {...props} {...label} />;
}

function Nested({ path, value, id, schema }: ControlProps & { readonly value: Json }): ReactNode {
  const { readOnlyReason } = useEditing();
  const [isOpen, setOpen] = useState(false);
  if (isOpen) {
    return (
      <Suspense fallback={<pre className={styles.preview}>{preview(value)}</pre>}>
        <ValueYaml path={path} title={schema.title ?? String(path.at(-1))} value={value} onClose={() => setOpen(false)} />
      </Suspense>
    );
  }
  return (
    <div className={styles.nested}>
      <pre id={id} className={cx(styles.preview)} tabIndex={0}>{preview(value)}</pre>
      <Button variant="ghost" icon={<Pencil size={12} />} disabledReason={readOnlyReason} onClick={() => setOpen(true)}>
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
