/** Joining a team as somebody new, or by signing in first. */
import { type LinkOffer, RestError } from "pipeloom-client/rest";
import { type FormEvent, type ReactNode, useState } from "react";
import { rest, sentenceOf } from "../session/rest";
import { SignInForm } from "../session/SignIn";
import { session } from "../session/token";
import { Button } from "../ui/Button";
import { TextField } from "../ui/TextField";
import { enter } from "./enter";
import styles from "./Invitation.module.css";

interface Joining {
  readonly offer: LinkOffer;
  readonly secret: string;
  readonly reload: () => Promise<void>;
}

export function Join(joining: Joining): ReactNode {
  const [hasAccount, setHasAccount] = useState(false);
  return (
    <>
      {hasAccount ? <SignInForm /> : <Newcomer {...joining} />}
      <p className={styles.else}>
        <button type="button" className={styles.other} onClick={() => setHasAccount(!hasAccount)}>
          {hasAccount ? "I am new here" : "I have an account: sign in"}
        </button>
      </p>
    </>
  );
}

function Newcomer({ offer, secret, reload }: Joining): ReactNode {
  const [name, setName] = useState("");
  const [email, setEmail] = useState("");
  const [refusal, setRefusal] = useState("");
  const [isBusy, setBusy] = useState(false);
  const disabledReason = isBusy ? "Under way" : whatIsMissing(name, email);
  const join = async (event: FormEvent): Promise<void> => {
    event.preventDefault();
    if (disabledReason !== undefined) return;
    setBusy(true);
    try {
      const { token } = await rest.links.join(secret, { name: name.trim(), email: email.trim() });
      session.keep(token);
      enter(offer);
    } catch (error) {
      setRefusal(sentenceOf(error));
      setBusy(false);
      // It was revoked or used up while somebody wrote their name.
      if (error instanceof RestError && error.status === 401) await reload();
    }
  };
  return (
    <form className={styles.form} onSubmit={(event) => void join(event)}>
      <TextField label="Your name" value={name} onChange={setName} maxLength={200} isFocused autoComplete="name" />
      <TextField label="Your email address" type="email" value={email} onChange={setEmail} maxLength={320} autoComplete="email" />
      <p role="alert" className={styles.refusal}>{refusal}</p>
      <span className={styles.buttons}>
        <Button type="submit" variant="primary" disabledReason={disabledReason}>Join the team</Button>
      </span>
    </form>
  );
}

function whatIsMissing(name: string, email: string): string | undefined {
  if (name.trim() === "") return "Fill in your name first: others see it";
  return email.trim() === "" ? "Fill in your email address first" : undefined;
}
