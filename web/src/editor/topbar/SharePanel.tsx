/** The link to the open pipeline, the people of its team, and a way to invite somebody. */
import { Check, Link2 } from "lucide-react";
import { type ReactNode, useRef, useState } from "react";
import People from "../../team/People";
import { Button } from "../../ui/Button";
import { usePipelineId } from "../state";
import type { Place } from "./place";
import styles from "./Share.module.css";

export default function SharePanel({ place }: { readonly place: Place | undefined }): ReactNode {
  return (
    <>
      <CopyLink />
      {place?.team === undefined ? null : (
        <>
          <p className={styles.hint}>It opens for the members of {place.team.name}, each in their role.</p>
          <People team={place.team} me={place.me} />
        </>
      )}
    </>
  );
}

function CopyLink(): ReactNode {
  const field = useRef<HTMLInputElement>(null);
  const [isCopied, setCopied] = useState(false);
  const link = `${location.origin}/pipelines/${usePipelineId()}`;
  const copy = async (): Promise<void> => {
    // Away from localhost and without TLS there is no clipboard: then the marked link can be copied by hand.
    field.current?.select();
    await navigator.clipboard?.writeText(link).then(() => setCopied(true), () => undefined);
  };
  return (
    <div className={styles.link}>
      <input ref={field} readOnly value={link} aria-label="Link to this pipeline" onFocus={({ target }) => target.select()} />
      <Button icon={isCopied ? <Check size={16} /> : <Link2 size={16} />} onClick={() => void copy()}>
        {isCopied ? "Copied" : "Copy link"}
      </Button>
    </div>
  );
}
