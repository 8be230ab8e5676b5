/** The team's templates: pipelines to begin with, with variables to fill in. */
import { Ellipsis, LayoutTemplate, Trash2 } from "lucide-react";
import { everyItem, type Template } from "pipeloom-client/rest";
import { type ReactNode, useRef, useState } from "react";
import { rest } from "../session/rest";
import { useAsked } from "../session/useAsked";
import { Button, IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import { UseTemplate } from "./dialogs/UseTemplate";
import { Failed } from "./Failed";
import { useHome } from "./HomeState";
import styles from "./Lists.module.css";
import { Loading } from "./Loading";
import { SearchField } from "./Toolbar";

const MOST = 500;

export function Templates(): ReactNode {
  const { team } = useHome();
  const [sought, setSought] = useState("");
  const [used, setUsed] = useState<Template | null>(null);
  const search = useRef<HTMLInputElement>(null);
  const { data, error, reload } = useAsked(team?.id ?? "", async () => (team === undefined ? undefined : allTemplates(team.id)));
  if (error && data === undefined) return <Failed error={error} retry={() => void reload()} />;
  if (data === undefined) return <Loading />;
  const words = sought.trim().toLowerCase();
  const found = data.filter(({ name, description }) => `${name}\n${description ?? ""}`.toLowerCase().includes(words));
  return (
    <>
      <SearchField label="Search the templates" value={sought} onChange={setSought} field={search} onDown={() => undefined} />
      {found.length === 0 ? (
        <p className={styles.empty}>
          {data.length === 0 ? "There is no template yet: save a pipeline as one, from the menu of its row." : "No template has these words."}
        </p>
      ) : (
        <ul className={styles.list}>
          {found.map((template) => (
            <TemplateRow key={template.id} template={template} onUse={() => setUsed(template)} onGone={() => void reload()} />
          ))}
        </ul>
      )}
      {used === null ? null : <UseTemplate template={used} onClose={() => setUsed(null)} />}
    </>
  );
}

async function allTemplates(team: string): Promise<readonly Template[]> {
  const found: Template[] = [];
  for await (const each of everyItem((page) => rest.templates.list({ team, limit: 200, ...page }))) {
    if (found.push(each) >= MOST) break;
  }
  return found;
}

function TemplateRow({ template, onUse, onGone }: {
  readonly template: Template;
  readonly onUse: () => void;
  readonly onGone: () => void;
}): ReactNode {
  const { team, readOnly, attempt, recount, say } = useHome();
  const { id, name, description, category, usage_count: uses } = template;
  const isAdmin = team?.role === "owner" || team?.role === "admin";
  const remove = (): void =>
    void attempt(async () => {
      await rest.templates.remove(id);
      recount();
      onGone();
      say({ text: `Deleted the template “${name}”. Pipelines made of it stay.` });
    });
  return (
    <li className={styles.row}>
      <LayoutTemplate size={16} aria-hidden="true" />
      <span className={styles.words}>
        <span className={styles.name}>{name}</span>
        <span className={styles.more}>{description}</span>
      </span>
      {category === null ? null : <span className={styles.tag}>{category}</span>}
      <span className={styles.left}>{uses === 0 ? "Not used yet" : `Used ${uses}×`}</span>
      <Button disabledReason={readOnly} onClick={onUse} aria-label={`Use ${name}`}>
        Use
      </Button>
      <Menu
        label={`Actions for ${name}`}
        align="end"
        trigger={(trigger) => (
          <IconButton label={`Actions for ${name}`} {...trigger}>
            <Ellipsis size={16} />
          </IconButton>
        )}
        items={[
          {
            label: "Delete",
            icon: <Trash2 size={16} />,
            isDangerous: true,
            disabledReason: isAdmin ? undefined : "Admins delete templates: ask an admin of the team",
            onSelect: remove,
          },
        ]}
      />
    </li>
  );
}
