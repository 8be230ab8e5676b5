/** The teams of one's own that were deleted and are kept: owners bring them back. */
import type { DeletedTeam } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { daysLeft } from "../session/ago";
import { rest } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Button } from "../ui/Button";
import { DeletedBy } from "./DeletedBy";
import { useHome } from "./HomeState";
import styles from "./Lists.module.css";

export function DeletedTeams(): ReactNode {
  const { data } = useAsked("", () => rest.deletedTeams.list({ limit: 200 }));
  if (data === undefined || data.items.length === 0) return null;
  return (
    <section aria-label="Deleted teams">
      <h2 className={styles.heading}>Deleted teams</h2>
      <ul className={styles.list}>
        {data.items.map((team) => (
          <TeamRow key={team.id} team={team} />
        ))}
      </ul>
    </section>
  );
}

function TeamRow({ team }: { readonly team: DeletedTeam }): ReactNode {
  const home = useHome();
  const { id, name, role, pipelines, organization_name: organization, kept_until: until } = team;
  const bringBack = (): void =>
    void home.attempt(async () => {
      await rest.deletedTeams.bringBack(id);
      await home.join(id);
      home.say({ text: `The team “${name}” is back.` });
    });
  return (
    <li className={styles.row}>
      <span className={styles.words}>
        <span className={styles.name}>{name}</span>
        <span className={styles.more}>
          {organization}, {pipelines === 1 ? "1 pipeline" : `${pipelines} pipelines`}
        </span>
      </span>
      <DeletedBy what={team} />
      <span className={styles.left} title={`It is kept until ${new Date(until).toLocaleString()}`}>{daysLeft(until)}</span>
      <Button disabledReason={role === "owner" ? undefined : "Only an owner brings a team back"} onClick={bringBack} aria-label={`Bring back the team ${name}`}>
        Bring back
      </Button>
    </li>
  );
}
