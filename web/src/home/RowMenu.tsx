/** What can be done with a pipeline of the list. */
import {
  Archive, ArchiveRestore, CircleDashed, CirclePlay, Download, Ellipsis, GitFork, LayoutTemplate, Pencil, Star, StarOff, SquareArrowOutUpRight, Tags, Trash2,
} from "lucide-react";
import type { ListedPipeline } from "pipeloom-client/rest";
import type { ReactNode } from "react";
import { useLocation } from "wouter";
import { starred } from "../session/marks";
import { IconButton } from "../ui/Button";
import { Menu, type MenuItems } from "../ui/Menu";
import type { DialogKind } from "./dialogs/Dialogs";
import { useHome } from "./HomeState";
import { type Actions, deletingRefused } from "./useActions";

export interface RowActions {
  readonly actions: Actions;
  readonly openDialog: (kind: DialogKind, pipeline: ListedPipeline) => void;
}

export function RowMenu({ pipeline, isStarred, actions, openDialog, onRename }: RowActions & {
  readonly pipeline: ListedPipeline;
  readonly isStarred: boolean;
  readonly onRename: () => void;
}): ReactNode {
  const home = useHome();
  const [, navigate] = useLocation();
  const { id, name, status, present, created_by: author } = pipeline;
  const disabledReason = home.readOnly;
  const remove = (): void => (present.length > 0 ? openDialog("delete", pipeline) : void home.attempt(() => actions.remove(pipeline)));
  const items: MenuItems = [
    { label: "Open", icon: <SquareArrowOutUpRight size={16} />, onSelect: () => navigate(`/pipelines/${id}`) },
    { label: "Rename", icon: <Pencil size={16} />, disabledReason, onSelect: onRename },
    { label: "Edit tags and description", icon: <Tags size={16} />, disabledReason, onSelect: () => openDialog("details", pipeline) },
    isStarred
      ? { label: "Remove the star", icon: <StarOff size={16} />, onSelect: () => starred.remove(id) }
      : { label: "Star", icon: <Star size={16} />, onSelect: () => starred.add(id) },
    null,
    { label: "Fork", icon: <GitFork size={16} />, disabledReason: forkingRefused(home), onSelect: () => openDialog("fork", pipeline) },
    { label: "Export YAML", icon: <Download size={16} />, onSelect: () => void home.attempt(() => actions.exportYaml(pipeline)) },
    { label: "Save as a template", icon: <LayoutTemplate size={16} />, disabledReason, onSelect: () => openDialog("template", pipeline) },
    null,
    ...statusItems(status, disabledReason, (next) => void home.attempt(() => actions.setStatus(pipeline, next))),
    { label: "Delete", icon: <Trash2 size={16} />, isDangerous: true, disabledReason: deletingRefused(home, author), onSelect: remove },
  ];
  return (
    <Menu
      label={`Actions for ${name}`}
      align="end"
      items={items}
      trigger={(trigger) => (
        <IconButton label={`Actions for ${name}`} {...trigger}>
          <Ellipsis size={16} />
        </IconButton>
      )}
    />
  );
}

/** A viewer may take a copy along into a team of their own. */
const forkingRefused = ({ readOnly, teams }: ReturnType<typeof useHome>): string | undefined =>
  teams.some(({ role }) => role !== "viewer") ? undefined : readOnly;

type Status = ListedPipeline["status"];

function statusItems(status: Status, disabledReason: string | undefined, set: (status: Status) => void): MenuItems {
  if (status === "archived") {
    return [{ label: "Bring out of the archive", icon: <ArchiveRestore size={16} />, disabledReason, onSelect: () => set("draft") }];
  }
  return [
    status === "draft"
      ? { label: "Mark as active", icon: <CirclePlay size={16} />, disabledReason, onSelect: () => set("active") }
      : { label: "Mark as draft", icon: <CircleDashed size={16} />, disabledReason, onSelect: () => set("draft") },
    { label: "Archive", icon: <Archive size={16} />, disabledReason, onSelect: () => set("archived") },
  ];
}
