/** What differs between a version and now, drawn on the canvas. */
import "@xyflow/react/dist/base.css";
import { Background, ReactFlow, ReactFlowProvider, useReactFlow } from "@xyflow/react";
import { type ReactNode, useMemo, useState } from "react";
import { useTheme } from "../../theme/theme";
import { Button } from "../../ui/Button";
import { Skeleton } from "../../ui/Skeleton";
import { FIT, GRID } from "../canvas/measures";
import { type CanvasEdge, type CanvasNode, ViewFlow } from "../canvas/viewFlow";
import { useEditor, useSetEditor } from "../state";
import { motion } from "../useCommands";
import styles from "./Comparison.module.css";
import { type Comparison as Compared, countsOf } from "./comparison";
import { DiffEdge, Kinds } from "./DiffEdge";
import { Changes, DiffNode } from "./DiffNode";

const NODE_TYPES = { step: DiffNode, container: DiffNode };
const EDGE_TYPES = { connection: DiffEdge };
const PRO = { hideAttribution: true };
const JUMP_MS = 240;

interface ComparisonProps {
  readonly title: string;
  readonly comparison: Compared | null;
  readonly error: string | null;
}

export function Comparison({ title, comparison, error }: ComparisonProps): ReactNode {
  return (
    <ReactFlowProvider>
      <section className={styles.comparison} aria-label={`${title} compared with now`}>
        <Bar title={title} comparison={comparison} error={error} />
        {comparison === null ? <div className={styles.canvas}>{error === null ? <Skeleton className={styles.waiting} /> : null}</div> : <Drawing comparison={comparison} />}
      </section>
    </ReactFlowProvider>
  );
}

function Bar({ title, comparison, error }: ComparisonProps): ReactNode {
  return (
    <header className={styles.bar}>
      <span className={styles.what}>
        {title} <span aria-hidden="true">→</span> <strong>Now</strong>
      </span>
      {comparison === null ? null : <Counts comparison={comparison} />}
      <span role="alert" className={styles.error}>{error}</span>
      {comparison === null || comparison.changes.length === 0 ? null : <Walk comparison={comparison} />}
    </header>
  );
}

function Counts({ comparison: { changes, kinds, settings } }: { readonly comparison: Compared }): ReactNode {
  const { added, changed, removed } = countsOf(changes);
  if (kinds.size === 0) return <span role="status">{settings.length > 0 ? "Only settings differ" : "Nothing differs"}</span>;
  return (
    <span role="status" className={styles.counts}>
      {added > 0 ? <span className={styles.added}>+{added} added</span> : null}
      {changed > 0 ? <span className={styles.changed}>~{changed} changed</span> : null}
      {removed > 0 ? <span className={styles.removed}>−{removed} removed</span> : null}
    </span>
  );
}

/** From change to change, in reading order. */
function Walk({ comparison: { changes } }: { readonly comparison: Compared }): ReactNode {
  const chosen = useEditor(({ history }) => history?.stepId ?? null);
  const choose = useChoice();
  const at = changes.findIndex(({ id }) => id === chosen);
  const go = (by: number): void => {
    const next = changes.at((at + by + changes.length) % changes.length) ?? changes[0];
    if (next) choose(next.id, true);
  };
  return (
    <span className={styles.walk}>
      <Button onClick={() => go(at < 0 ? 0 : -1)}>Previous</Button>
      <span>{at < 0 ? `${changes.length} ${changes.length === 1 ? "change" : "changes"}` : `${at + 1} of ${changes.length}`}</span>
      <Button onClick={() => go(1)}>Next</Button>
    </span>
  );
}

/** Choose a step of the comparison; bring it into view if wanted. */
function useChoice(): (stepId: string | null, isShown?: boolean) => void {
  const history = useEditor((state) => state.history);
  const set = useSetEditor();
  const flow = useReactFlow();
  return (stepId, isShown = false) => {
    if (history) set({ history: { ...history, stepId } });
    if (isShown && stepId !== null) void flow.fitView({ nodes: [{ id: stepId }], maxZoom: 1, duration: motion(JUMP_MS) });
  };
}

function Drawing({ comparison }: { readonly comparison: Compared }): ReactNode {
  const { nodes, edges, kinds, changes } = comparison;
  const [flow] = useState(() => new ViewFlow());
  const view = useMemo(() => flow.update(nodes, edges, {}), [flow, nodes, edges]);
  const byId = useMemo(() => new Map(changes.map((change) => [change.id, change])), [changes]);
  const chosen = useEditor(({ history }) => history?.stepId ?? null);
  const choose = useChoice();
  const shown = useMemo(() => view.nodes.map((node) => (node.id === chosen ? { ...node, selected: true } : node)), [view, chosen]);
  const colorMode = useTheme();
  return (
    <div className={styles.canvas}>
      <Changes.Provider value={byId}>
        <Kinds.Provider value={kinds}>
          <ReactFlow<CanvasNode, CanvasEdge>
            nodes={shown}
            edges={view.edges}
            nodeTypes={NODE_TYPES}
            edgeTypes={EDGE_TYPES}
            onNodeClick={(_, { id }) => choose(id)}
            onPaneClick={() => choose(null)}
            nodesDraggable={false}
            nodesConnectable={false}
            edgesFocusable={false}
            deleteKeyCode={null}
            colorMode={colorMode}
            onlyRenderVisibleElements
            zIndexMode="manual"
            minZoom={0.1}
            maxZoom={2}
            fitView
            fitViewOptions={FIT}
            proOptions={PRO}
          >
            <Background gap={GRID} size={1.5} color="var(--canvas-dot)" bgColor="var(--canvas)" />
          </ReactFlow>
        </Kinds.Provider>
      </Changes.Provider>
    </div>
  );
}
