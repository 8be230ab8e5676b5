/** One field of a form: the control that its schema asks for, with what stands around it. */
import type { Json, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { memo, type ReactNode } from "react";
import { AnyValue } from "./AnyValue";
import { checkValue } from "./checkValue";
import { ChoiceControl, type ControlProps, FlagControl, LongTextControl, NumberControl, TextControl } from "./controls";
import { Conditions } from "./Conditions";
import { useEditing } from "./editing";
import { type FieldKind, kindOf } from "./fieldKinds";
import { Frame, Titled } from "./Frame";
import { Group } from "./Group";
import { stepsInSight } from "./inSight";
import { Items } from "./Items";
import { isSharedText } from "./isSharedText";
import { MapRows } from "./MapRows";
import { same } from "./paths";
import { Prompt } from "./Prompt";
import { SharedText } from "./SharedText";
import { Checks, TextList } from "./TextList";

export interface FieldProps {
  /** In the config. */
  readonly path: Path;
  readonly schema: JsonSchema;
  readonly value: Json | undefined;
  /** Whether the section around it has its title. */
  readonly isTitled?: boolean;
}

/** Drawn anew only when its value is another one: a form follows every key that is typed in its step. */
export const Field = memo(AnyField, (a, b) => a.isTitled === b.isTitled && same(a.path, b.path) && same(a.value, b.value) && same(a.schema, b.schema));

function AnyField({ path, schema, value, isTitled = false }: FieldProps): ReactNode {
  const { room, stepId } = useEditing();
  const kind = kindOf(schema, value, path, isSharedText(room, stepId, path));
  const title = schema.title ?? String(path.at(-1));
  const props = { path, schema, value };
  if (kind === "parts" || kind === "items") {
    const List = kind === "parts" ? Prompt : Items;
    return isTitled ? <List {...props} /> : <Titled title={title} path={["config", ...path]}><List {...props} /></Titled>;
  }
  if (kind === "group") return <Group {...props} title={title} />;
  return (
    <Frame title={title} about={schema.description} path={["config", ...path]} reason={checkValue(schema, value)} isFlag={kind === "flag"} isTitled={isTitled}>
      {(labelled) => <Control kind={kind} {...props} {...labelled} />}
    </Frame>
  );
}

type Plain = Exclude<FieldKind, "parts" | "items" | "group">;

function Control({ kind, ...props }: ControlProps & { readonly kind: Plain }): ReactNode {
  switch (kind) {
    case "flag":
      return <FlagControl {...props} />;
    case "choice":
      return <ChoiceControl {...props} />;
    case "number":
      return <NumberControl {...props} />;
    case "text":
      return <Text {...props} />;
    case "long text":
      return <LongTextControl {...props} />;
    case "shared text":
      return <SharedText {...props} label={props.schema.title ?? String(props.path.at(-1))} placeholder={String(props.schema.examples?.[0] ?? "")} />;
    case "texts":
      return <TextList {...props} />;
    case "checks":
      return <Checks {...props} />;
    case "map":
      return <MapRows {...props} />;
    case "condition":
      return <Conditions {...props} />;
    case "any":
      return <AnyValue {...props} />;
  }
}

/** Texts that name a step and what of it. */
const SOURCES: readonly (string | number | undefined)[] = ["data_source", "input_source", "right_source"];

function Text(props: ControlProps): ReactNode {
  const { room, stepId } = useEditing();
  if (!SOURCES.includes(props.path.at(-1))) return <TextControl {...props} />;
  const names = stepsInSight(room.pipeline.steps(), stepId).map(({ name }) => `previous_response:${name}`);
  return <TextControl {...props} suggestions={names} />;
}
