/** The bar at the top: where one is, whether it is saved, who is here. */
import { Ellipsis, History as HistoryIcon, LayoutGrid, MessageSquare, PanelLeftOpen } from "lucide-react";
import { type ReactNode, Suspense, useEffect } from "react";
import { useLocation } from "wouter";
import { recent } from "../../session/marks";
import { isEmbedded } from "../../session/parent";
import { IconButton } from "../../ui/Button";
import { Segments } from "../../ui/Tabs";
import { PeopleBar } from "../people/PeopleBar";
import { useEditor, usePipelineId, useSetEditor, type View } from "../state";
import { Breadcrumb } from "./Breadcrumb";
import { usePlace } from "./place";
import { SavedState } from "./SavedState";
import { Share } from "./Share";
import styles from "./Topbar.module.css";
import { later } from "../../ui/later";

const More = later(() => import("./More"));

const VIEWS = [
  { id: "graph", label: "Graph" },
  { id: "code", label: "Code" },
  { id: "split", label: "Split" },
] as const;

export function Topbar(): ReactNode {
  const [, navigate] = useLocation();
  const { view, isLibraryOpen, drawer, history } = useEditor((state) => state);
  const set = useSetEditor();
  const place = usePlace();
  const pipelineId = usePipelineId();
  useEffect(() => recent.add(pipelineId), [pipelineId]);
  return (
    <header className={styles.topbar} data-region="topbar">
      <div className={styles.left}>
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
        <Breadcrumb place={place} />
        <SavedState />
      </div>
      <div className={styles.middle}>
        {/* The history stands in the place of all three, and each of them leads out of it. */}
        <Segments<View> label="View" tabs={VIEWS} chosen={history === null ? view : null} onChoose={(id) => set({ view: id, history: null })} />
      </div>
      <div className={styles.right}>
        <PeopleBar />
        <span className={styles.line} />
        <IconButton label="Comments" className={styles.comments} pressed={drawer === "comments"} onClick={() => set({ drawer: drawer === "comments" ? null : "comments" })}>
          <MessageSquare size={16} />
        </IconButton>
        <IconButton label="History" pressed={history !== null} onClick={() => set({ history: history === null ? { base: null, stepId: null } : null })}>
          <HistoryIcon size={16} />
        </IconButton>
        <Suspense fallback={<IconButton label="More" disabledReason="Loading"><Ellipsis size={16} /></IconButton>}>
          <More place={place} />
        </Suspense>
        <Share place={place} />
      </div>
    </header>
  );
}
