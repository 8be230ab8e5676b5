/** What somebody sees who has no token, or whose token has expired. */
import { type FormEvent, type ReactNode, useState } from "react";
import { Button } from "../ui/Button";
import styles from "./SignIn.module.css";
import { claimsOf, keepToken } from "./token";

export function SignIn(): ReactNode {
  const [given, setGiven] = useState("");
  const [refusal, setRefusal] = useState("");
  const submit = (event: FormEvent): void => {
    event.preventDefault();
    const claims = claimsOf(given.trim());
    if (claims === null) setRefusal("Expected a token: three parts with dots between them.");
    else if (claims.exp * 1000 <= Date.now()) setRefusal("This token has expired: ask for a new one.");
    else keepToken(given);
  };
  return (
    <main className={styles.page}>
      <form className={styles.card} onSubmit={submit}>
        <h1>Sign in to Pipeloom</h1>
        <p>
          Open the link that <code>make run</code> has printed, or paste a token here. One is made by{" "}
          <code>pipeloom token --email EMAIL --renewable</code>.
        </p>
        <label className={styles.label}>
          Token
          <input
            value={given}
            onChange={(event) => setGiven(event.target.value)}
            autoComplete="off"
            spellCheck={false}
            autoFocus
          />
        </label>
        <p role="alert" className={styles.refusal}>
          {refusal}
        </p>
        <Button variant="primary" type="submit">
          Sign in
        </Button>
      </form>
    </main>
  );
}
