/** The left edge of the home page: the team, the lists, oneself. */
import { Ellipsis, LayoutGrid, LogOut, Monitor, Moon, Sun } from "lucide-react";
import type { Team } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { rest } from "../session/rest";
import { session } from "../session/token";
import { useAsked } from "../session/useAsked";
import { choose, useThemeChoice } from "../theme/theme";
import { Avatar } from "../ui/Avatar";
import { IconButton } from "../ui/Button";
import { Menu } from "../ui/Menu";
import styles from "./Sidebar.module.css";

export function Sidebar({ team }: { readonly team: Team | undefined }): ReactNode {
  return (
    <aside className={styles.sidebar} aria-label="Team">
      <p className={styles.team}>{team?.name ?? "Pipeloom"}</p>
      <nav aria-label="Lists">
        <a href="/home" aria-current="page" className={styles.link}>
          <LayoutGrid size={16} aria-hidden="true" />
          Pipelines
        </a>
      </nav>
      <Me />
    </aside>
  );
}

function Me(): ReactNode {
  const { data: me } = useAsked("", rest.me);
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
          { label: "Light", icon: <Sun size={16} />, checked: theme === "light", onSelect: () => choose("light") },
          { label: "Dark", icon: <Moon size={16} />, checked: theme === "dark", onSelect: () => choose("dark") },
          { label: "As the system", icon: <Monitor size={16} />, checked: theme === "system", onSelect: () => choose("system") },
          null,
          { label: "Sign out", icon: <LogOut size={16} />, onSelect: () => session.keep(null) },
        ]}
      />
    </footer>
  );
}
