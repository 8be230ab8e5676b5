/** What stands around the control of a field: its title, who else is in it, what is wrong with it. */
import { CircleAlert, TriangleAlert } from "lucide-react";
import type { Path } from "pipeloom-client";
import { type CSSProperties, type ReactNode, useId } from "react";
import { personColor } from "../../theme/people";
import { cx } from "../../ui/cx";
import { Tooltip } from "../../ui/Tooltip";
import { Words } from "../../ui/Words";
import { useEditing, useEditorsAt } from "./editing";
import styles from "./Form.module.css";
import { pointerOf } from "./paths";

/** What the element in which one types or chooses needs. */
export interface Labelled {
  readonly id: string;
  readonly "aria-describedby": string;
  readonly "aria-invalid": boolean | undefined;
  /** Where no label stands. */
  readonly "aria-label"?: string;
}

export function Frame({ title, about = "", path, reason = null, isFlag = false, isTitled = false, children }: {
  readonly title: string;
  /** What the field means. */
  readonly about?: string | undefined;
  /** Where it is in the step. */
  readonly path: Path;
  /** What the schema has against the value. */
  readonly reason?: string | null;
  readonly isFlag?: boolean;
  /** Whether its title stands above already. */
  readonly isTitled?: boolean;
  readonly children: (labelled: Labelled) => ReactNode;
}): ReactNode {
  const id = useId();
  const problems = useEditing().problemsAt(pointerOf(path));
  const label = <label htmlFor={id}>{title}</label>;
  const isWrong = reason !== null || problems.some(({ severity }) => severity === "error");
  return (
    <div className={cx(styles.field, isFlag && styles.flag)} data-wrong={isWrong || undefined}>
      <span className={cx(styles.title, isTitled && "visually-hidden")}>
        {about === "" ? label : <Tooltip text={about} side="top">{label}</Tooltip>}
        {isTitled ? null : <Typing path={path} />}
      </span>
      {children({ id, "aria-describedby": `${id}-about ${id}-wrong`, "aria-invalid": isWrong || undefined })}
      <span id={`${id}-about`} className="visually-hidden">{about}</span>
      <Wrong id={`${id}-wrong`} path={path} reason={reason} />
    </div>
  );
}

/** A title above what has no single control. */
export const Titled = ({ title, path, children }: { readonly title: string; readonly path: Path; readonly children: ReactNode }): ReactNode => (
  <div className={styles.field} role="group" aria-label={title}>
    <span className={styles.title}>
      {title} <Typing path={path} />
    </span>
    {children}
  </div>
);

/** What the schema and the server have against a value. */
export function Wrong({ id, path, reason = null }: {
  readonly id?: string;
  readonly path: Path;
  readonly reason?: string | null;
}): ReactNode {
  const problems = useEditing().problemsAt(pointerOf(path));
  return (
    <span id={id} className={styles.reasons}>
      {reason === null ? null : <Reason severity="error">{reason}</Reason>}
      {problems.map(({ code, severity, message, suggestion }) => (
        <Reason key={code} severity={severity} title={suggestion}><Words text={message} /></Reason>
      ))}
    </span>
  );
}

export function Reason({ severity, title, children }: {
  readonly severity: "error" | "warning";
  readonly title?: string;
  readonly children: ReactNode;
}): ReactNode {
  const Icon = severity === "error" ? CircleAlert : TriangleAlert;
  return (
    <span className={styles.reason} data-severity={severity} title={title}>
      <Icon size={12} aria-hidden="true" /> <span>{children}</span>
    </span>
  );
}

/** "Mara is typing", in Mara's colour; of those who only look, the name. */
export function Typing({ path }: { readonly path: Path }): ReactNode {
  const editors = useEditorsAt(path);
  const people = [...new Map(editors.map((each) => [each.user.id, each])).values()];
  const [first, ...more] = people.sort((a, b) => Number(b.isTyping) - Number(a.isTyping));
  if (first === undefined) return null;
  const names = more.length === 0 ? first.user.name : `${first.user.name} and ${more.length} more`;
  const verb = more.length === 0 ? "is" : "are";
  return (
    <span className={styles.typing} style={{ "--person": personColor(first.user.id) } as CSSProperties} title={people.map(({ user }) => user.name).join(", ")}>
      {first.isTyping ? <Dots /> : <i aria-hidden="true" className={styles.dot} />}
      {first.isTyping ? `${names} ${verb} typing` : names}
    </span>
  );
}

const Dots = (): ReactNode => (
  <i aria-hidden="true" className={styles.dots}>
    <b />
    <b />
    <b />
  </i>
);
