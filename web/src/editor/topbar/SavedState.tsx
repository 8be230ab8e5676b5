/** Whether the edits are on the server: one place, one height; what it means is announced once it lasts. */
import { Check, CircleAlert, CloudAlert, CloudOff, Eye, LoaderCircle, LogIn } from "lucide-react";
import type { Saved } from "pipeloom-client";
import { useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, Suspense, useEffect, useState } from "react";
import { cx } from "../../ui/cx";
import { kindOf, type Kind, titleOf, wordsOf } from "./savedWords";
import styles from "./SavedState.module.css";
import { later } from "../../ui/later";

const SignInDialog = later(() => import("../../session/SignIn").then((module) => ({ default: module.SignInDialog })));

const ICONS: Readonly<Record<Kind, ReactNode>> = {
  saved: <Check size={14} className={styles.check} />,
  saving: <LoaderCircle size={14} className={styles.turning} />,
  behind: <CloudAlert size={14} />,
  offline: <CloudOff size={14} />,
  readOnly: <Eye size={14} />,
  signedOut: <LogIn size={14} />,
  notSaved: <CircleAlert size={14} />,
};

const LOOKS: Readonly<Record<Kind, string | undefined>> = {
  saved: styles.plain,
  saving: styles.plain,
  behind: styles.warning,
  offline: styles.warning,
  readOnly: styles.muted,
  signedOut: styles.danger,
  notSaved: styles.danger,
};

export function SavedState(): ReactNode {
  const saved = useSaved();
  const room = useRoom();
  const [isSigningIn, setSigningIn] = useState(false);
  const kind = kindOf(saved);
  return (
    <>
      {/* Announced by what stands below: not with each edit. */}
      <span role="status" aria-live="off" data-saved className={cx(styles.state, LOOKS[kind])} title={titleOf(kind, saved)}>
        {ICONS[kind]}
        {wordsOf(kind, saved)}
        {kind === "signedOut" ? <Action label="Sign in" run={() => setSigningIn(true)} /> : null}
        {kind === "notSaved" ? <Action label="Retry" run={() => room.reconnect()} /> : null}
      </span>
      <Announced kind={kind} saved={saved} />
      {isSigningIn ? (
        <Suspense>
          <SignInDialog onClose={() => setSigningIn(false)} />
        </Suspense>
      ) : null}
    </>
  );
}

const Action = ({ label, run }: { readonly label: string; readonly run: () => void }): ReactNode => (
  <button type="button" className={styles.action} onClick={run}>
    {label}
  </button>
);

const LASTS_MS = 1000;

/** A state is announced politely once it has lasted; that edits are on their way is none. */
function Announced({ kind, saved }: { readonly kind: Kind; readonly saved: Saved }): ReactNode {
  const [said, setSaid] = useState("");
  const sentence = kind === "saving" ? null : `${wordsOf(kind, saved)}. ${titleOf(kind, saved)}`;
  useEffect(() => {
    if (sentence === null) return;
    const timer = setTimeout(() => setSaid(sentence), LASTS_MS);
    return () => clearTimeout(timer);
  }, [sentence]);
  return (
    <span aria-live="polite" className="visually-hidden">
      {said}
    </span>
  );
}
