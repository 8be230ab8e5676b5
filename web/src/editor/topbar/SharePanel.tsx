/** The link to the open pipeline, the people of its team, and a way to invite somebody. */
import type { ReactNode } from "react";
import People from "../../team/People";
import { CopyField } from "../../ui/CopyField";
import { usePipelineId } from "../state";
import type { Place } from "./place";
import styles from "./Share.module.css";

export default function SharePanel({ place }: { readonly place: Place | undefined }): ReactNode {
  const path = `/pipelines/${usePipelineId()}`;
  return (
    <>
      <CopyField label="Link to this pipeline" value={`${location.origin}${path}`} action="Copy link" />
      {place?.team === undefined ? null : (
        <>
          <p className={styles.hint}>It opens for the members of {place.team.name}, each in their role.</p>
          <People team={place.team} me={place.me} opens={path} />
        </>
      )}
    </>
  );
}
