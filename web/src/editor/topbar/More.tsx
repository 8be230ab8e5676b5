/** What is done seldom: export, fork, archive, delete, and how the page looks. */
import { Archive, ArchiveRestore, Download, Ellipsis, GitFork, Keyboard, Monitor, Moon, PanelsLeftBottom, Sun, Trash2 } from "lucide-react";
import { patchSettings } from "pipeloom-client";
import { useOthers, useRoom } from "pipeloom-client/react";
import { type ReactNode, Suspense, useState } from "react";
import { rest } from "../../session/rest";
import { choose, useThemeChoice } from "../../theme/theme";
import { IconButton } from "../../ui/Button";
import { Menu, type MenuItems } from "../../ui/Menu";
import { usePipelineId, useSetEditor } from "../state";
import { useCommands } from "../useCommands";
import { useNarrow } from "../useNarrow";
import { useReadOnly } from "../useReadOnly";
import { isAdmin, type Place } from "./place";
import { keyFor } from "../shortcuts/table";
import { useIsAnyPanelOpen, useTogglePanels } from "../shortcuts/useTogglePanels";
import { useAttempt, useExport } from "./useExport";
import { useSettings } from "./useSettings";
import { later } from "../../ui/later";

const PlaceDialog = later(() => import("./PlaceDialogs"));

export type PlaceDialogKind = "fork" | "delete";

export default function More({ place }: { readonly place: Place | undefined }): ReactNode {
  const [dialog, setDialog] = useState<PlaceDialogKind | null>(null);
  const items = usePipelineItems(place, setDialog);
  const panels = usePanelItems();
  const theme = useThemeItems();
  const set = useSetEditor();
  const keys = { label: "Keyboard shortcuts", icon: <Keyboard size={16} />, shortcut: keyFor("help"), onSelect: () => set({ isHelpOpen: true }) };
  return (
    <>
      <Menu
        label="More"
        align="end"
        trigger={(trigger) => (
          <IconButton label="More" {...trigger}>
            <Ellipsis size={16} />
          </IconButton>
        )}
        items={[...items, null, ...panels, keys, null, ...theme]}
      />
      {dialog === null || place === undefined ? null : (
        <Suspense>
          <PlaceDialog kind={dialog} place={place} onClose={() => setDialog(null)} />
        </Suspense>
      )}
    </>
  );
}

const WAITS = "The server has not answered yet";

function usePipelineItems(place: Place | undefined, open: (kind: PlaceDialogKind) => void): MenuItems {
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const readOnly = useReadOnly();
  const status = useSettings((settings) => settings.status);
  const attempt = useAttempt();
  const exportYaml = useExport();
  const othersHere = useOthers((others) => others.length > 0);
  const id = usePipelineId();
  const setStatus = (next: typeof status): void => void check(patchSettings(pipeline, { status: next }));
  const remove = (): void => (othersHere ? open("delete") : attempt(() => rest.pipelines.delete(id)));
  return [
    { label: "Export YAML", icon: <Download size={16} />, shortcut: keyFor("exportYaml"), onSelect: exportYaml },
    { label: "Fork", icon: <GitFork size={16} />, disabledReason: forkingRefused(place), onSelect: () => open("fork") },
    null,
    status === "archived"
      ? { label: "Bring out of the archive", icon: <ArchiveRestore size={16} />, disabledReason: readOnly, onSelect: () => setStatus("draft") }
      : { label: "Archive", icon: <Archive size={16} />, disabledReason: readOnly, onSelect: () => setStatus("archived") },
    { label: "Delete", icon: <Trash2 size={16} />, isDangerous: true, disabledReason: deletingRefused(place), onSelect: remove },
  ];
}

/** In a narrow window there is none of them. */
function usePanelItems(): MenuItems {
  const isNarrow = useNarrow();
  const isAnyOpen = useIsAnyPanelOpen();
  const toggle = useTogglePanels();
  const label = isAnyOpen ? "Hide the panels" : "Show the panels";
  return isNarrow ? [] : [{ label, icon: <PanelsLeftBottom size={16} />, shortcut: keyFor("panels"), onSelect: toggle }];
}

function useThemeItems(): MenuItems {
  const theme = useThemeChoice();
  return [
    { label: "Light", icon: <Sun size={16} />, checked: theme === "light", onSelect: () => choose("light") },
    { label: "Dark", icon: <Moon size={16} />, checked: theme === "dark", onSelect: () => choose("dark") },
    { label: "As the system", icon: <Monitor size={16} />, checked: theme === "system", onSelect: () => choose("system") },
  ];
}

function forkingRefused(place: Place | undefined): string | undefined {
  if (place === undefined) return WAITS;
  return place.teams.some(({ role }) => role !== "viewer") ? undefined : "Your role lets you read: ask an owner of the team";
}

function deletingRefused(place: Place | undefined): string | undefined {
  if (place === undefined) return WAITS;
  const isMine = place.team?.role === "member" && place.pipeline.created_by === place.me.id;
  return isMine || isAdmin(place) ? undefined : "Who made it, and admins of the team, delete it";
}
