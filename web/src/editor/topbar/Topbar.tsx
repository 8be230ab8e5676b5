/** The bar at the top: where one is, whether it is saved, who is here. */
import { Ellipsis, History as HistoryIcon, LayoutGrid, MessageSquare, Monitor, Moon, PanelLeftOpen, Sun } from "lucide-react";
import { patchSettings } from "pipeloom-client";
import { useOthers, useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { recent } from "../../session/marks";
import { isEmbedded } from "../../session/parent";
import { choose, useThemeChoice } from "../../theme/theme";
import { Avatars } from "../../ui/Avatar";
import { IconButton } from "../../ui/Button";
import { Menu } from "../../ui/Menu";
import { Segments } from "../../ui/Tabs";
import { useEditor, usePipelineId, useSetEditor, type View } from "../state";
import { useCommands } from "../useCommands";
import { SavedState } from "./SavedState";
import styles from "./Topbar.module.css";

const VIEWS = [
  { id: "graph", label: "Graph" },
  { id: "code", label: "Code" },
  { id: "split", label: "Split" },
] as const;

export function Topbar(): ReactNode {
  const [, navigate] = useLocation();
  const { view, isLibraryOpen, drawer, history } = useEditor((state) => state);
  const set = useSetEditor();
  const others = useOthers();
  const pipelineId = usePipelineId();
  useEffect(() => recent.add(pipelineId), [pipelineId]);
  return (
    <header className={styles.topbar}>
      {isEmbedded ? null : (
        <IconButton label="All pipelines" onClick={() => navigate("/home")}>
          <LayoutGrid size={16} />
        </IconButton>
      )}
      {isLibraryOpen ? null : (
        <IconButton label="Open the library" onClick={() => set({ isLibraryOpen: true })}>
          <PanelLeftOpen size={16} />
        </IconButton>
      )}
      <span className={styles.line} />
      <Name />
      <SavedState />
      <div className={styles.middle}>
        <Segments<View> label="View" tabs={VIEWS} chosen={view} onChoose={(id) => set({ view: id })} />
      </div>
      <div className={styles.right}>
        <Avatars people={others.map(({ user }) => user)} />
        <IconButton label="Comments" pressed={drawer === "comments"} onClick={() => set({ drawer: drawer === "comments" ? null : "comments" })}>
          <MessageSquare size={16} />
        </IconButton>
        <IconButton label="History" pressed={history !== null} onClick={() => set({ history: history === null ? { base: null, stepId: null } : null })}>
          <HistoryIcon size={16} />
        </IconButton>
        <More />
      </div>
    </header>
  );
}

function Name(): ReactNode {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const isReadOnly = useSaved().state === "read only";
  const [name, setName] = useState(pipeline.settings().name);
  useEffect(() => pipeline.subscribe(({ settings }) => settings && setName(pipeline.settings().name)), [pipeline]);
  const write = (): void => {
    const { name: present } = pipeline.settings();
    if (name !== present && !check(patchSettings(pipeline, { name }))) setName(present);
  };
  return (
    <input
      className={styles.name}
      aria-label="Name of the pipeline"
      value={name}
      size={Math.max(8, name.length)}
      readOnly={isReadOnly}
      onChange={({ target }) => setName(target.value)}
      onBlur={write}
      onKeyDown={({ key, currentTarget }) => key === "Enter" && currentTarget.blur()}
    />
  );
}

function More(): ReactNode {
  const theme = useThemeChoice();
  return (
    <Menu
      label="More"
      align="end"
      trigger={(trigger) => (
        <IconButton label="More" {...trigger}>
          <Ellipsis size={16} />
        </IconButton>
      )}
      items={[
        { label: "Light", icon: <Sun size={16} />, checked: theme === "light", onSelect: () => choose("light") },
        { label: "Dark", icon: <Moon size={16} />, checked: theme === "dark", onSelect: () => choose("dark") },
        { label: "As the system", icon: <Monitor size={16} />, checked: theme === "system", onSelect: () => choose("system") },
      ]}
    />
  );
}
