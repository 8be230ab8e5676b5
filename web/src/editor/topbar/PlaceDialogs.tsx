/** The dialogs of the menu at the top: fork, and delete while others are here. */
import { useOthers, useRoom } from "pipeloom-client/react";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { FormDialog } from "../../session/FormDialog";
import { isEmbedded } from "../../session/parent";
import { rest } from "../../session/rest";
import { Select } from "../../ui/Select";
import { TextField } from "../../ui/TextField";
import { usePipelineId } from "../state";
import type { PlaceDialogKind } from "./More";
import type { Place } from "./place";

interface PlaceDialogProps {
  readonly place: Place;
  readonly onClose: () => void;
}

export default function PlaceDialog({ kind, ...props }: PlaceDialogProps & { readonly kind: PlaceDialogKind }): ReactNode {
  return kind === "fork" ? <Fork {...props} /> : <Delete onClose={props.onClose} />;
}

function Fork({ place, onClose }: PlaceDialogProps): ReactNode {
  const id = usePipelineId();
  const { pipeline } = useRoom();
  const [, navigate] = useLocation();
  const open = place.teams.filter(({ role }) => role !== "viewer");
  const [name, setName] = useState(() => `${pipeline.settings().name} (fork)`.slice(0, 500));
  const [teamId, setTeam] = useState((open.find((team) => team.id === place.team?.id) ?? open[0])?.id ?? "");
  const fork = async (): Promise<void> => {
    const made = await rest.pipelines.fork(id, { team_id: teamId, name: name.trim() });
    navigate(`${isEmbedded ? "/embed" : ""}/pipelines/${made.id}`);
  };
  return (
    <FormDialog title="Fork this pipeline" submit="Fork and open" onSubmit={fork} onClose={onClose} disabledReason={name.trim() === "" ? "A pipeline needs a name" : undefined}>
      <p>The copy has a document and a history of its own.</p>
      <TextField label="Name" value={name} onChange={setName} maxLength={500} isFocused />
      {open.length > 1 ? <Select label="Team" value={teamId} onChange={setTeam} options={open.map((team) => [team.id, team.name])} /> : null}
    </FormDialog>
  );
}

function Delete({ onClose }: Pick<PlaceDialogProps, "onClose">): ReactNode {
  const id = usePipelineId();
  const names = useOthers((others) => [...new Set(others.map(({ user }) => user.name))].join(", "));
  return (
    <FormDialog title="Delete this pipeline?" submit="Delete" isDangerous onSubmit={() => rest.pipelines.delete(id)} onClose={onClose}>
      <p>{names === "" ? "It can be brought back for a while." : `Here now: ${names}. It closes for them, too, and can be brought back for a while.`}</p>
    </FormDialog>
  );
}
