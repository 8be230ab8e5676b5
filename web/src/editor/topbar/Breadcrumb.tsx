/** The team, the name and the status of the pipeline; name and status can be changed here. */
import { ChevronDown } from "lucide-react";
import { patchSettings } from "pipeloom-client";
import { useRoom } from "pipeloom-client/react";
import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from "react";
import { Link } from "wouter";
import { isEmbedded } from "../../session/parent";
import { Menu } from "../../ui/Menu";
import { useCommands } from "../useCommands";
import { useReadOnly } from "../useReadOnly";
import type { Place } from "./place";
import styles from "./Breadcrumb.module.css";
import { useSettings } from "./useSettings";

export function Breadcrumb({ place }: { readonly place: Place | undefined }): ReactNode {
  return (
    <div className={styles.breadcrumb}>
      {place?.team === undefined ? null : (
        <>
          {isEmbedded ? (
            <span className={styles.team}>{place.team.name}</span>
          ) : (
            <Link href="/home" className={styles.team}>
              {place.team.name}
            </Link>
          )}
          <span aria-hidden="true" className={styles.slash}>
            /
          </span>
        </>
      )}
      <Name />
      <Status />
    </div>
  );
}

function Name(): ReactNode {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const readOnly = useReadOnly();
  const present = useSettings(({ name }) => name);
  const [name, setName] = useState(present);
  const isTyping = useRef(false);
  // What others call it is shown at once, but not in the midst of one's own word.
  useEffect(() => {
    if (!isTyping.current) setName(present);
  }, [present]);
  const finish = (): void => {
    isTyping.current = false;
    const wanted = name.trim();
    if (wanted === present || wanted === "" || !check(patchSettings(pipeline, { name: wanted }))) setName(pipeline.settings().name);
  };
  const press = ({ key, currentTarget }: KeyboardEvent<HTMLInputElement>): void => {
    if (key === "Escape") setName(present);
    // Once the former name is drawn, leaving the field changes nothing.
    if (key === "Enter" || key === "Escape") requestAnimationFrame(() => currentTarget.blur());
  };
  return (
    <input
      className={styles.name}
      aria-label="Name of the pipeline"
      value={name}
      title={readOnly ?? name}
      size={Math.min(40, Math.max(4, name.length))}
      maxLength={500}
      readOnly={readOnly !== undefined}
      onChange={({ target }) => {
        isTyping.current = true;
        setName(target.value);
      }}
      onBlur={finish}
      onKeyDown={press}
    />
  );
}

const STATUSES = [
  ["draft", "Draft"],
  ["active", "Active"],
  ["archived", "Archived"],
] as const;

function Status(): ReactNode {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const readOnly = useReadOnly();
  const status = useSettings((settings) => settings.status);
  const label = STATUSES.find(([id]) => id === status)?.[1];
  return (
    <Menu
      label="Status"
      trigger={(trigger) => (
        <button type="button" className={styles.status} data-status={status} aria-label={`Status: ${label}`} {...trigger}>
          {label}
          <ChevronDown size={12} aria-hidden="true" />
        </button>
      )}
      items={STATUSES.map(([id, text]) => ({
        label: text,
        checked: id === status,
        disabledReason: readOnly,
        onSelect: () => void check(patchSettings(pipeline, { status: id })),
      }))}
    />
  );
}
