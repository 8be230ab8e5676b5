/** The left edge of the home page: the team, the lists, oneself. */
import { Check, ChevronDown, Ellipsis, LogOut, Monitor, Moon, Sun, Users } from "lucide-react";
import { type ReactNode, Suspense, useState } from "react";
import { Link } from "wouter";
import { session } from "../session/token";
import { choose as chooseTheme, useThemeChoice } from "../theme/theme";
import { Avatar } from "../ui/Avatar";
import { IconButton } from "../ui/Button";
import { later } from "../ui/later";
import { Menu } from "../ui/Menu";
import { useHome } from "./HomeState";
import styles from "./Sidebar.module.css";
import { type ViewId, VIEWS } from "./views";

export function Sidebar({ view }: { readonly view: ViewId }): ReactNode {
  const { overview } = useHome();
  const counts: Partial<Record<ViewId, number>> = overview
    ? { pipelines: overview.draft + overview.active, archived: overview.archived }
    : {};
  return (
    <aside className={styles.sidebar} aria-label="Team and lists">
      <TeamSwitch />
      <nav aria-label="Lists" className={styles.lists}>
        {VIEWS.map(({ id, title, path, icon: Icon }) => (
          <Link key={id} href={path} aria-current={id === view ? "page" : undefined} className={styles.link} data-list={id}>
            <Icon size={16} aria-hidden="true" />
            <span className={styles.title}>{title}</span>
            {counts[id] ? <span className={styles.count}>{counts[id]}</span> : null}
          </Link>
        ))}
      </nav>
      <Me />
    </aside>
  );
}

const TeamDialog = later(() => import("./TeamDialog"));

function TeamSwitch(): ReactNode {
  const { team, teams, choose, me } = useHome();
  const [isOpen, setOpen] = useState(false);
  const name = (
    <>
      <Logo />
      <span className={styles.name}>{team?.name ?? "Pipeloom"}</span>
    </>
  );
  if (team === undefined || me === undefined) return <p className={styles.team}>{name}</p>;
  const others = teams.map(({ id, name: label }) => ({
    label,
    icon: id === team.id ? <Check size={16} /> : <span className={styles.blank} />,
    onSelect: () => choose(id),
  }));
  return (
    <>
      <Menu
        label="Team"
        trigger={(trigger) => (
          <button type="button" className={styles.team} aria-label={`Team: ${team.name}`} {...trigger}>
            {name}
            <ChevronDown size={16} aria-hidden="true" />
          </button>
        )}
        items={[...(teams.length > 1 ? [...others, null] : []), { label: "People", icon: <Users size={16} />, onSelect: () => setOpen(true) }]}
      />
      {isOpen ? (
        <Suspense>
          <TeamDialog team={team} me={me} onClose={() => setOpen(false)} />
        </Suspense>
      ) : null}
    </>
  );
}

const Logo = (): ReactNode => (
  <svg className={styles.logo} viewBox="0 0 20 20" width={20} height={20} aria-hidden="true">
    <rect width={20} height={20} rx={5} />
    {[5, 11].flatMap((x) => [5, 11].map((y) => <rect key={`${x} ${y}`} x={x} y={y} width={4} height={4} rx={1} className={styles.square} />))}
  </svg>
);

function Me(): ReactNode {
  const { me } = useHome();
  const theme = useThemeChoice();
  if (me === undefined) return null;
  return (
    <footer className={styles.me}>
      <Avatar person={me} />
      <span className={styles.name}>{me.name}</span>
      <Menu
        label="Your settings"
        align="end"
        trigger={(trigger) => (
          <IconButton label="Your settings" side="top" {...trigger}>
            <Ellipsis size={16} />
          </IconButton>
        )}
        items={[
          { label: "Light", icon: <Sun size={16} />, checked: theme === "light", onSelect: () => chooseTheme("light") },
          { label: "Dark", icon: <Moon size={16} />, checked: theme === "dark", onSelect: () => chooseTheme("dark") },
          { label: "As the system", icon: <Monitor size={16} />, checked: theme === "system", onSelect: () => chooseTheme("system") },
          null,
          { label: "Sign out", icon: <LogOut size={16} />, onSelect: () => session.keep(null) },
        ]}
      />
    </footer>
  );
}
