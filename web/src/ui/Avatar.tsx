/** A person as a disc with initials in the person's colour; the name is its label. */
import type { CSSProperties, ReactNode } from "react";
import { initials, personColor } from "../theme/people";
import styles from "./Avatar.module.css";

export interface Person {
  readonly id: string;
  readonly name: string;
}

export const Avatar = ({ person, size = 24 }: { readonly person: Person; readonly size?: number }): ReactNode => (
  <span
    role="img"
    aria-label={person.name}
    title={person.name}
    className={styles.avatar}
    style={{ "--person": personColor(person.id), "--size": `${size}px` } as CSSProperties}
  >
    {initials(person.name)}
  </span>
);

/** Several avatars in a row, each person once, the rest as a number. */
export function Avatars({ people, most = 4, size = 24 }: {
  readonly people: readonly Person[];
  readonly most?: number;
  readonly size?: number;
}): ReactNode {
  const each = [...new Map(people.map((person) => [person.id, person])).values()];
  const more = each.slice(most);
  return (
    <span className={styles.avatars}>
      {each.slice(0, most).map((person) => (
        <Avatar key={person.id} person={person} size={size} />
      ))}
      {more.length > 0 ? (
        <span className={styles.more} style={{ "--size": `${size}px` } as CSSProperties} title={more.map(({ name }) => name).join(", ")}>
          +{more.length}
        </span>
      ) : null}
    </span>
  );
}
