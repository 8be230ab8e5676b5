/** A list of maps that all have the same fields: tasks, turns, operations. */
import { Plus } from "lucide-react";
import type { Json, JsonObject, Path } from "pipeloom-client";
import type { JsonSchema } from "pipeloom-client/rest";
import { type ReactNode, useState } from "react";
import { Button } from "../../ui/Button";
import { AnyValue } from "./AnyValue";
import { Cards } from "./Cards";
import { checkValue } from "./checkValue";
import { useEditing } from "./editing";
import type { FieldProps } from "./Field";
import styles from "./Form.module.css";
import { Wrong } from "./Frame";
import { fieldsIn, type FormField } from "./layout";
import { changeList, isList, isObject } from "./paths";
import { Rows } from "./Rows";

export function Items({ path, schema, value }: FieldProps): ReactNode {
  const { change, readOnlyReason } = useEditing();
  const items = isList(value) ? value : [];
  const noun = nounOf(schema.title ?? String(path.at(-1)));
  const body = (item: Json, at: number): ReactNode =>
    isObject(item) ? (
      <div className={styles.cardBody}>
        <ItemFields schema={schema.items} item={item} path={[...path, at]} />
      </div>
    ) : (
      <AnyValue id={`${noun}-${at}`} aria-describedby="" aria-invalid={undefined} path={[...path, at]} schema={{ title: noun }} value={item} />
    );
  return (
    <div className={styles.list}>
      <Wrong path={["config", ...path]} reason={checkValue({ ...schema, items: {} }, value)} />
      <Cards path={path} items={items} noun={noun} head={(item, at) => <span className={styles.cardTitle}>{titleOf(item, noun, at)}</span>} body={body} />
      <Button variant="ghost" icon={<Plus size={14} />} className={styles.add} disabledReason={readOnlyReason} onClick={() => change((config) => changeList(config, path, (list) => [...list, firstOf(schema)]))}>
        Add {noun}
      </Button>
    </div>
  );
}

/** Of many fields those that are set or needed, and the rest when asked for. */
function ItemFields({ schema, item, path }: { readonly schema: JsonSchema | undefined; readonly item: JsonObject; readonly path: Path }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const fields = fieldsIn(schema, item, path);
  const isUsual = ({ path: each }: FormField): boolean => {
    const key = String(each.at(-1));
    return item[key] !== undefined || (schema?.required ?? []).includes(key);
  };
  const isLong = fields.length > MOST_FIELDS;
  return (
    <>
      <Rows fields={isLong && !isOpen ? fields.filter(isUsual) : fields} map={item} />
      {isLong ? (
        <button type="button" className={styles.link} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {isOpen ? "Less" : "More"}
        </button>
      ) : null}
    </>
  );
}

const MOST_FIELDS = 6;

/** What a new item begins with: the words that it cannot do without. */
function firstOf({ items }: FieldProps["schema"]): JsonObject {
  const needed = (items?.required ?? []).map((key) => [key, items?.properties?.[key]?.enum?.[0] ?? ""] as const);
  return Object.fromEntries(needed);
}

const nounOf = (title: string): string => {
  const noun = title.toLowerCase();
  return noun.endsWith("s") ? noun.slice(0, -1) : "item";
};

/** By what one knows an item in a list. */
function titleOf(item: Json, noun: string, at: number): string {
  const words = isObject(item) ? ["id", "name", "operation", "path"].map((key) => item[key]) : [];
  const word = words.find((each) => typeof each === "string" && each !== "");
  return typeof word === "string" ? word : `${noun.charAt(0).toUpperCase()}${noun.slice(1)} ${at + 1}`;
}
