/** Make a pipeline of a template: its name, and a value for each variable. */
import type { Template } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { useLocation } from "wouter";
import { FormDialog } from "../../session/FormDialog";
import { rest, sentenceOf } from "../../session/rest";
import { useAsked } from "../../session/useAsked";
import { Skeleton } from "../../ui/Skeleton";
import { TextField } from "../../ui/TextField";
import { useHome } from "../HomeState";
import { own } from "../../own";

export function UseTemplate({ template, onClose }: { readonly template: Template; readonly onClose: () => void }): ReactNode {
  const { team, recount } = useHome();
  const [, navigate] = useLocation();
  const { data: whole, error } = useAsked(template.id, () => rest.templates.get(template.id));
  const [name, setName] = useState(template.name);
  const [given, setGiven] = useState<Readonly<Record<string, string>>>({});
  const make = async (): Promise<void> => {
    if (team === undefined) return;
    const { id } = await rest.templates.instantiate(template.id, { team_id: team.id, name: name.trim(), variables: given });
    recount();
    navigate(`/pipelines/${id}`);
  };
  const missing = whole?.variables.find((each) => !Object.hasOwn(template.default_values, each) && !own(given, each));
  return (
    <FormDialog
      title={`Use “${template.name}”`}
      submit="Make the pipeline"
      onSubmit={make}
      onClose={onClose}
      disabledReason={reasonFor(whole !== undefined, missing, name)}
    >
      {template.description ? <p>{template.description}</p> : null}
      <TextField label="Name" value={name} onChange={setName} maxLength={500} isFocused />
      {error ? <p role="alert">{sentenceOf(error)}</p> : null}
      {whole === undefined && !error ? <Skeleton /> : null}
      {whole?.variables.map((each) => (
        <TextField
          key={each}
          label={each}
          value={own(given, each) ?? shown(own(template.default_values, each))}
          onChange={(value) => setGiven({ ...given, [each]: value })}
        />
      ))}
    </FormDialog>
  );
}

const shown = (value: unknown): string => (value === undefined ? "" : typeof value === "string" ? value : JSON.stringify(value));

function reasonFor(isRead: boolean, missing: string | undefined, name: string): string | undefined {
  if (!isRead) return "The template is being read";
  if (name.trim() === "") return "A pipeline needs a name";
  return missing === undefined ? undefined : `Fill in ${missing} first`;
}
