/** A field for a comment: Enter sends, Shift and Enter begins a line. What was refused stays in the field. */
import { type FormEvent, type KeyboardEvent, type ReactNode, useState } from "react";
import { Button } from "../../ui/Button";
import styles from "./Comments.module.css";
import { useSharedComments } from "./CommentsProvider";

const LONGEST = 10_000;

export function Write({ label, verb = "Comment", initial = "", isFocused = false, send }: {
  readonly label: string;
  readonly verb?: string;
  readonly initial?: string;
  readonly isFocused?: boolean;
  /** Resolves to whether it was taken. */
  readonly send: (content: string) => Promise<boolean>;
}): ReactNode {
  const { reason } = useSharedComments();
  const [text, setText] = useState(initial);
  const [refusal, setRefusal] = useState("");
  const submit = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (text.trim() === "" || reason !== undefined) return;
    const isTaken = await send(text.trim());
    setRefusal(isTaken ? "" : "The comment was not saved: try again.");
    if (isTaken) setText("");
  };
  const press = (event: KeyboardEvent<HTMLTextAreaElement>): void => {
    if (event.key === "Enter" && !event.shiftKey) event.currentTarget.form?.requestSubmit();
    if (event.key === "Enter" && !event.shiftKey) event.preventDefault();
  };
  return (
    <form onSubmit={(event) => void submit(event)} className={styles.write}>
      <textarea
        rows={Math.min(6, text.split("\n").length)}
        value={text}
        maxLength={LONGEST}
        autoFocus={isFocused}
        aria-label={label}
        placeholder={label}
        onChange={({ target }) => setText(target.value)}
        onKeyDown={press}
      />
      <Button type="submit" disabledReason={reason}>{verb}</Button>
      <span role="alert" className={styles.refusal}>{refusal}</span>
    </form>
  );
}
