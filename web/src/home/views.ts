/** The lists of the home page. */
import { Archive, Clock, LayoutGrid, LayoutTemplate, type LucideIcon, Star, Trash2 } from "lucide-react";

export type ViewId = "pipelines" | "recent" | "starred" | "templates" | "archived" | "deleted";

export interface View {
  readonly id: ViewId;
  readonly title: string;
  readonly path: string;
  readonly icon: LucideIcon;
}

export const VIEWS: readonly View[] = [
  { id: "pipelines", title: "Pipelines", path: "/home", icon: LayoutGrid },
  { id: "recent", title: "Recent", path: "/home/recent", icon: Clock },
  { id: "starred", title: "Starred", path: "/home/starred", icon: Star },
  { id: "templates", title: "Templates", path: "/home/templates", icon: LayoutTemplate },
  { id: "archived", title: "Archived", path: "/home/archived", icon: Archive },
  { id: "deleted", title: "Deleted", path: "/home/deleted", icon: Trash2 },
];

export const viewAt = (name: string | undefined): View => VIEWS.find(({ id }) => id === name) ?? (VIEWS[0] as View);
