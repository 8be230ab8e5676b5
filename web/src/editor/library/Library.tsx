/** The types of steps by family: a click adds one. */
import { PanelLeftClose, Search } from "lucide-react";
import { useSaved } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { IconButton } from "../../ui/Button";
import { Skeleton } from "../../ui/Skeleton";
import { FAMILIES, familyOf, TypeTile } from "../families";
import { useEditor, useSetEditor } from "../state";
import { useStepTypes } from "../stepTypes";
import { useCommands } from "../useCommands";
import styles from "./Library.module.css";
import { matching } from "./matching";

export function Library(): ReactNode {
  const isOpen = useEditor((state) => state.isLibraryOpen);
  const set = useSetEditor();
  const [sought, setSought] = useState("");
  if (!isOpen) return null;
  return (
    <aside className={styles.library} aria-label="Steps">
      <header className={styles.head}>
        <h3>Steps</h3>
        <IconButton label="Close the library" onClick={() => set({ isLibraryOpen: false })}>
          <PanelLeftClose size={16} />
        </IconButton>
      </header>
      <label className={styles.search}>
        <Search size={16} aria-hidden="true" />
        <span className="visually-hidden">Search steps</span>
        <input type="search" placeholder="Search steps" value={sought} onChange={(event) => setSought(event.target.value)} />
      </label>
      <List sought={sought} />
    </aside>
  );
}

function List({ sought }: { readonly sought: string }): ReactNode {
  const types = useStepTypes();
  const { add } = useCommands();
  const isReadOnly = useSaved().state === "read only";
  if (types === undefined) return <Skeleton className={styles.waiting} />;
  const found = matching([...types.values()], sought);
  const groups = FAMILIES.map(({ id, title }) => [title, found.filter(({ type }) => familyOf(type) === id)] as const);
  return (
    <div className={styles.list}>
      {found.length === 0 ? <p className={styles.none}>No step has all these words.</p> : null}
      {groups.map(([title, group]) =>
        group.length === 0 ? null : (
          <section key={title} aria-label={title}>
            <p className={styles.family}>
              {title} <span>{group.length}</span>
            </p>
            {group.map(({ type, title: name, description }) => (
              <button
                key={type}
                type="button"
                className={styles.type}
                aria-disabled={isReadOnly || undefined}
                title={isReadOnly ? "You may read this pipeline, not edit it" : description}
                onClick={isReadOnly ? undefined : () => add(type)}
              >
                <TypeTile type={type} />
                <span className={styles.words}>
                  <span className={styles.name}>{name}</span>
                  <span className={styles.description}>{description}</span>
                </span>
              </button>
            ))}
          </section>
        ),
      )}
    </div>
  );
}
