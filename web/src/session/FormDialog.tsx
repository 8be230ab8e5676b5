/** A dialog whose button asks the server for something. */
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import styles from "./FormDialog.module.css";
import { sentenceOf } from "./rest";

/** A dialog with fields: what is refused is said in it, and what was filled in stays. */
export function FormDialog({ title, submit, onSubmit, onClose, isDangerous, disabledReason, children }: {
  readonly title: string;
  /** The word on the button. */
  readonly submit: string;
  /** Rejects with what is to be said. */
  readonly onSubmit: () => Promise<void>;
  readonly onClose: () => void;
  readonly isDangerous?: boolean;
  readonly disabledReason?: string | undefined;
  readonly children: ReactNode;
}): ReactNode {
  const id = useId();
  const [refusal, setRefusal] = useState("");
  const [isBusy, setBusy] = useState(false);
  const send = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (isBusy || disabledReason !== undefined) return;
    setBusy(true);
    await onSubmit().then(onClose, (error: unknown) => setRefusal(sentenceOf(error)));
    setBusy(false);
  };
  const buttons = (
    <>
      <Button onClick={onClose}>Cancel</Button>
      <Button type="submit" form={id} variant={isDangerous ? "danger" : "primary"} disabledReason={isBusy ? "Under way" : disabledReason}>
        {submit}
      </Button>
    </>
  );
  return (
    <Dialog title={title} onClose={onClose} actions={buttons}>
      <form id={id} className={styles.form} onSubmit={(event) => void send(event)}>
        {children}
        <p role="alert" className={styles.refusal}>{refusal}</p>
      </form>
    </Dialog>
  );
}
