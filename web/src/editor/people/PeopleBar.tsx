/** Who is here: each person once. A click shows what the person sees, and follows it. */
import { useOthers } from "pipeloom-client/react";
import type { Other } from "pipeloom-client";
import type { CSSProperties, ReactNode } from "react";
import { initials, personColor } from "../../theme/people";
import { Menu } from "../../ui/Menu";
import { Tooltip } from "../../ui/Tooltip";
import { useEditor, useSetEditor } from "../state";
import styles from "./PeopleBar.module.css";

const MOST = 4;

interface Person {
  readonly id: string;
  readonly name: string;
}

/** Users by id, the longest here first. */
function peopleOf(others: readonly Other[]): readonly Person[] {
  const people = new Map(others.map(({ user: { id, name } }) => [id, { id, name }]));
  return [...people.values()];
}

export function PeopleBar(): ReactNode {
  const people = useOthers(peopleOf);
  const following = useEditor((state) => state.following);
  const follow = useFollow();
  if (people.length === 0) return null;
  const more = people.slice(MOST);
  return (
    <div role="group" aria-label="People here" className={styles.people}>
      {people.slice(0, MOST).map((person) => (
        <Tooltip key={person.id} text={person.id === following ? `Stop following ${person.name}` : `Follow ${person.name}`}>
          <button
            type="button"
            aria-label={person.name}
            aria-pressed={person.id === following}
            className={styles.person}
            style={{ "--person": personColor(person.id) } as CSSProperties}
            data-initials={initials(person.name)}
            onClick={() => follow(person.id)}
          />
        </Tooltip>
      ))}
      {more.length === 0 ? null : (
        <Menu
          label="More people"
          align="end"
          trigger={(trigger) => (
            <button type="button" aria-label={`${more.length} more people`} className={styles.more} {...trigger}>
              +{more.length}
            </button>
          )}
          items={more.map(({ id, name }) => ({ label: name, checked: id === following, onSelect: () => follow(id) }))}
        />
      )}
    </div>
  );
}

/** Follow somebody, or stop that. In the view of the text there is no canvas to follow on: the graph opens. */
function useFollow(): (userId: string) => void {
  const set = useSetEditor();
  const { following, view } = useEditor((state) => state);
  return (userId) => set({ following: following === userId ? null : userId, ...(view === "code" ? { view: "graph" } : {}) });
}
