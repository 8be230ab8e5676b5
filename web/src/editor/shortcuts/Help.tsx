/** All keys, made of the table; loaded when somebody asks. */
import type { ReactNode } from "react";
import { Dialog } from "../../ui/Dialog";
import { Kbd } from "../../ui/Kbd";
import { useSetEditor } from "../state";
import styles from "./Help.module.css";
import { SHORTCUTS, type Shortcut } from "./table";

const ALL = Object.values(SHORTCUTS);
const GROUPS = [...new Set(ALL.map(({ group }) => group))];

export default function Help(): ReactNode {
  const set = useSetEditor();
  return (
    <Dialog title="Keyboard shortcuts" isWide onClose={() => set({ isHelpOpen: false })}>
      <div className={styles.scroll} tabIndex={0} role="group" aria-label="Keys by subject">
        <div className={styles.groups}>
          {GROUPS.map((group) => (
            <section key={group} aria-label={group} className={styles.group}>
              <h3>{group}</h3>
              <dl>
                {ALL.filter((each) => each.group === group).map((shortcut) => (
                  <Row key={shortcut.does} {...shortcut} />
                ))}
              </dl>
            </section>
          ))}
        </div>
      </div>
      <p className={styles.hint}>Keys do nothing while you type in a field; only F6 and those to save work there, too.</p>
    </Dialog>
  );
}

const Row = ({ does, keys }: Shortcut): ReactNode => (
  <div className={styles.row}>
    <dt>{does}</dt>
    <dd>
      {keys.map((each) => (
        <Kbd key={each} keys={each} />
      ))}
    </dd>
  </div>
);
