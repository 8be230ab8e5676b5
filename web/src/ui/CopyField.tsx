/** A text that is there to be copied, and a button that does so. */
import { Check, Copy } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import { Button } from "./Button";
import styles from "./CopyField.module.css";

export function CopyField({ label, value, action }: {
  /** What it is, for everybody. */
  readonly label: string;
  readonly value: string;
  /** The words on the button. */
  readonly action: string;
}): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  const [copied, setCopied] = useState<string>();
  const copy = async (): Promise<void> => {
    // Away from localhost and without TLS there is no clipboard: then the marked text can be copied by hand.
    field.current?.select();
    await navigator.clipboard?.writeText(value).then(() => setCopied(value), () => undefined);
  };
  return (
    <div className={styles.field}>
      <input ref={field} readOnly value={value} aria-label={label} onFocus={({ target }) => target.select()} />
      <Button icon={copied === value ? <Check size={16} /> : <Copy size={16} />} onClick={() => void copy()}>
        {copied === value ? "Copied" : action}
      </Button>
    </div>
  );
}
