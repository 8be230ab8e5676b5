/** A pipeline in a narrow window: read from top to bottom, seen as a graph, and talked about. */
import { ChevronLeft, Ellipsis, Eye, X } from "lucide-react";
import { useDiagnostics, useOthers, useSelection } from "pipeloom-client/react";
import { type ReactNode, Suspense, useEffect, useState } from "react";
import { useLocation } from "wouter";
import { isEmbedded } from "../../session/parent";
import { Avatars } from "../../ui/Avatar";
import { IconButton } from "../../ui/Button";
import { later } from "../../ui/later";
import { Skeleton } from "../../ui/Skeleton";
import { Segments } from "../../ui/Tabs";
import { Canvas } from "../canvas/Canvas";
import { useSharedComments } from "../comments/CommentsProvider";
import { PropertiesArea } from "../properties/PropertiesArea";
import { usePlace } from "../topbar/place";
import { SavedState } from "../topbar/SavedState";
import { useSettings } from "../topbar/useSettings";
import { NARROW, useReadOnly } from "../useReadOnly";
import { Outline, useSteps } from "./Outline";
import styles from "./Reading.module.css";

const ProblemList = later(() => import("../problems/ProblemList"));
const Comments = later(() => import("../comments/Comments"));
const More = later(() => import("../topbar/More"));

type Tab = "outline" | "graph" | "problems" | "comments";

export default function Reading(): ReactNode {
  const [tab, setTab] = useState<Tab>("outline");
  const isSheetOpen = useSheet();
  return (
    <div className={styles.reading}>
      <div className={styles.page} inert={isSheetOpen}>
        <Head />
        <Notice />
        <main className={styles.main} aria-label="Pipeline">
          <Views tab={tab} onChoose={setTab} />
          {tab === "graph" ? <Canvas /> : <div className={styles.body}><Content tab={tab} /></div>}
        </main>
      </div>
      <PropertiesArea />
    </div>
  );
}

/** The keyboard goes with the sheet, and back to where it was opened. */
function useSheet(): boolean {
  const [selected] = useSelection();
  const isOpen = selected.length > 0;
  useEffect(() => {
    if (!isOpen) return;
    const opener = document.activeElement;
    document.querySelector<HTMLElement>("[data-panel]")?.focus();
    return () => {
      if (opener instanceof HTMLElement && opener.isConnected) opener.focus();
    };
  }, [isOpen]);
  return isOpen;
}

function Head(): ReactNode {
  const [, navigate] = useLocation();
  const place = usePlace();
  const name = useSettings((settings) => settings.name);
  const { size } = useSteps();
  const people = useOthers((others) => others.map(({ user }) => ({ id: user.id, name: user.name })));
  return (
    <header className={styles.head}>
      {isEmbedded ? null : (
        <IconButton label="All pipelines" onClick={() => navigate("/home")}>
          <ChevronLeft size={20} />
        </IconButton>
      )}
      <div className={styles.title}>
        <h1 title={name}>{name}</h1>
        <p><SavedState /><span className={styles.size}>· {size === 1 ? "1 step" : `${size} steps`}</span></p>
      </div>
      <Avatars people={people} most={2} />
      <Suspense fallback={<IconButton label="More" disabledReason="Loading"><Ellipsis size={18} /></IconButton>}>
        <More place={place} />
      </Suspense>
    </header>
  );
}

/** Why nothing can be changed, until somebody has read it. */
function Notice(): ReactNode {
  const reason = useReadOnly();
  const [isRead, setRead] = useState(false);
  if (isRead || reason === undefined) return null;
  return (
    <div role="note" className={styles.notice}>
      <Eye size={16} aria-hidden="true" />
      <p>{reason === NARROW ? `You can read and comment. ${NARROW}.` : `${reason}.`}</p>
      <IconButton label="Close the note" onClick={() => setRead(true)}>
        <X size={16} />
      </IconButton>
    </div>
  );
}

function Views({ tab, onChoose }: { readonly tab: Tab; readonly onChoose: (tab: Tab) => void }): ReactNode {
  const { length: problems } = useDiagnostics();
  const { threads } = useSharedComments();
  const comments = threads.filter(({ root }) => !root.resolved).length;
  return (
    <div className={styles.views}>
      <Segments<Tab>
        label="View"
        tabs={[
          { id: "outline", label: "Outline" },
          { id: "graph", label: "Graph" },
          { id: "problems", label: "Problems", count: problems },
          { id: "comments", label: "Comments", count: comments },
        ]}
        chosen={tab}
        onChoose={onChoose}
      />
    </div>
  );
}

function Content({ tab }: { readonly tab: Exclude<Tab, "graph"> }): ReactNode {
  const diagnostics = useDiagnostics();
  if (tab === "outline") return <Outline />;
  return (
    <Suspense fallback={<Skeleton className={styles.waiting} />}>
      {tab === "problems" ? <ProblemList diagnostics={diagnostics} /> : <Comments />}
    </Suspense>
  );
}
