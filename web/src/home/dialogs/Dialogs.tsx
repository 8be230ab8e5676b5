/** The dialogs that a row of the list opens. */
import type { ListedPipeline } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { FormDialog } from "../../session/FormDialog";
import { rest } from "../../session/rest";
import { Select } from "../../ui/Select";
import { TextField } from "../../ui/TextField";
import { useHome } from "../HomeState";
import type { Actions } from "../useActions";
import { tagsIn } from "./tagsIn";

export type DialogKind = "details" | "fork" | "template" | "delete";

export interface DialogProps {
  readonly pipeline: ListedPipeline;
  readonly actions: Actions;
  readonly onClose: () => void;
}

export function Dialogs({ kind, ...props }: DialogProps & { readonly kind: DialogKind }): ReactNode {
  const Shown = { details: Details, fork: Fork, template: SaveAsTemplate, delete: Delete }[kind];
  return <Shown {...props} />;
}

function Details({ pipeline, actions, onClose }: DialogProps): ReactNode {
  const [name, setName] = useState(pipeline.name);
  const [description, setDescription] = useState(pipeline.description ?? "");
  const former = pipeline.tags.join(", ");
  const [tags, setTags] = useState(former);
  const [read, refusal] = tagsIn(tags);
  // A tag of a file may have a comma in it: what nobody has touched stays.
  const changed = tags === former ? {} : { tags: read };
  const save = (): Promise<void> => actions.patch(pipeline, { name: name.trim(), description: description || null, ...changed });
  const disabledReason = refusal ?? (name.trim() === "" ? "A pipeline needs a name" : undefined);
  return (
    <FormDialog title="Edit tags and description" submit="Save" onSubmit={save} onClose={onClose} disabledReason={disabledReason}>
      <TextField label="Name" value={name} onChange={setName} maxLength={500} />
      <TextField label="Tags" value={tags} onChange={setTags} hint="With commas between them." refusal={refusal} isFocused />
      <TextField label="Description" value={description} onChange={setDescription} isLong maxLength={10_000} />
    </FormDialog>
  );
}

function Fork({ pipeline, actions, onClose }: DialogProps): ReactNode {
  const { teams, team } = useHome();
  const open = teams.filter(({ role }) => role !== "viewer");
  const [name, setName] = useState(`${pipeline.name} (fork)`.slice(0, 500));
  const [teamId, setTeam] = useState((open.find(({ id }) => id === team?.id) ?? open[0])?.id ?? "");
  const make = (): Promise<void> => actions.fork(pipeline, { team_id: teamId, name: name.trim() });
  return (
    <FormDialog title={`Fork “${pipeline.name}”`} submit="Fork" onSubmit={make} onClose={onClose} disabledReason={name.trim() === "" ? "A pipeline needs a name" : undefined}>
      <p>The copy has a document and a history of its own.</p>
      <TextField label="Name" value={name} onChange={setName} maxLength={500} isFocused />
      {open.length > 1 ? (
        <Select label="Team" value={teamId} onChange={setTeam} options={open.map(({ id, name: text }) => [id, text])} />
      ) : null}
    </FormDialog>
  );
}

function SaveAsTemplate({ pipeline, onClose }: DialogProps): ReactNode {
  const { recount, say } = useHome();
  const [name, setName] = useState(pipeline.name.slice(0, 200));
  const [description, setDescription] = useState(pipeline.description ?? "");
  const save = async (): Promise<void> => {
    await rest.templates.create({ pipeline_id: pipeline.id, name: name.trim(), description: description || null, default_values: {} });
    recount();
    say({ text: `Saved the template “${name.trim()}”.` });
  };
  return (
    <FormDialog title="Save as a template" submit="Save" onSubmit={save} onClose={onClose} disabledReason={name.trim() === "" ? "A template needs a name" : undefined}>
      <p>
        Texts such as <code>{"{{template.topic}}"}</code> are filled in when somebody makes a pipeline of it.
      </p>
      <TextField label="Name" value={name} onChange={setName} maxLength={200} isFocused />
      <TextField label="Description" value={description} onChange={setDescription} isLong maxLength={10_000} />
    </FormDialog>
  );
}

function Delete({ pipeline, actions, onClose }: DialogProps): ReactNode {
  const names = pipeline.present.map(({ name }) => name).join(", ");
  return (
    <FormDialog title={`Delete “${pipeline.name}”?`} submit="Delete" isDangerous onSubmit={() => actions.remove(pipeline)} onClose={onClose}>
      <p>In it now: {names}. It closes for them, and can be brought back for 30 days.</p>
    </FormDialog>
  );
}
