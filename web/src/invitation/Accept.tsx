/** Joining a team as who one is here. */
import type { LinkOffer } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { rest, sentenceOf } from "../session/rest";
import { session } from "../session/token";
import { Button } from "../ui/Button";
import { enter, pass } from "./enter";
import styles from "./Invitation.module.css";
import type { Visitor } from "./stage";

export function Accept({ offer, secret, visitor: { me }, reload }: {
  readonly offer: LinkOffer;
  readonly secret: string;
  readonly visitor: Visitor;
  readonly reload: () => Promise<void>;
}): ReactNode {
  const [refusal, setRefusal] = useState("");
  const [isBusy, setBusy] = useState(false);
  const accept = async (): Promise<void> => {
    setBusy(true);
    try {
      await rest.links.accept(secret);
      enter(offer);
    } catch (error) {
      setRefusal(sentenceOf(error));
      setBusy(false);
      await reload();
    }
  };
  return (
    <>
      <p>
        You are signed in as <strong>{me.name}</strong>, {me.email}.{" "}
        <button type="button" className={styles.other} onClick={() => session.keep(null)}>Join as somebody else</button>
      </p>
      <p role="alert" className={styles.refusal}>{refusal}</p>
      <span className={styles.buttons}>
        <Button onClick={pass}>Not now</Button>
        <Button variant="primary" onClick={() => void accept()} disabledReason={isBusy ? "Under way" : undefined}>
          Join the team
        </Button>
      </span>
    </>
  );
}
