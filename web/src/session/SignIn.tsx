/** What somebody sees who has no token, or whose token has expired. */
import { type FormEvent, type ReactNode, useState } from "react";
import { autofocus } from "../ui/autofocus";
import { Button } from "../ui/Button";
import { Dialog } from "../ui/Dialog";
import { Door } from "../ui/Door";
import styles from "./SignIn.module.css";
import { session } from "./token";

/** What to type for a token, if the server has written it into the page: it does so on a machine of one's own. */
const tokenCommand = commandIn(document.querySelector<HTMLMetaElement>('meta[name="token-command"]')?.content);

export const SignIn = (): ReactNode => (
  <Door title="Sign in to Pipeloom">
    <SignInForm />
  </Door>
);

/** The same above an open pipeline, whose edits stay. */
export const SignInDialog = ({ onClose }: { readonly onClose: () => void }): ReactNode => (
  <Dialog title="Sign in again" onClose={onClose}>
    <SignInForm onDone={onClose} />
  </Dialog>
);

export function SignInForm({ onDone }: { readonly onDone?: () => void }): ReactNode {
  const [given, setGiven] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const what = refusalOf(given.trim());
    setRefusal(what);
    if (what === "") onDone?.();
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <p>Open your link to this server again, here or in another window, or paste a token.</p>
      <label className={styles.label}>
        Token
        <input value={given} onChange={({ target }) => setGiven(target.value)} autoComplete="off" spellCheck={false} autoFocus ref={autofocus} />
      </label>
      <p role="alert" className={styles.refusal}>
        {refusal}
      </p>
      <p className={styles.hint}>
        {tokenCommand === null ? "On your own machine the server prints a link when it starts. Whoever runs it elsewhere makes tokens by " : "The server has printed a link when it started. A token is printed by "}
        <code>{tokenCommand ?? "pipeloom token --email EMAIL --renewable"}</code>
      </p>
      <Button variant="primary" type="submit">
        Sign in
      </Button>
    </form>
  );
}

/** Sign in, or say why not; whether the token is genuine only the server knows. */
function refusalOf(given: string): string {
  if (!/^[\w-]+\.[\w-]+\.[\w-]+$/.test(given)) return "Expected a token: three parts with dots between them.";
  session.keep(given);
  return session.current() === null ? "This token has expired: ask for a new one." : "";
}

/** Nothing for an empty one, and for the mark that the server fills: in development no server has. */
function commandIn(content: string | undefined): string | null {
  return content === undefined || content === "" || content.startsWith("__") ? null : content;
}
