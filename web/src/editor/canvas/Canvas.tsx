/** The graph: steps, connections and what floats on them. */
import "@xyflow/react/dist/base.css";
import { Background, type EdgeChange, MiniMap, type NodeChange, ReactFlow } from "@xyflow/react";
import { usePipelineFlow, useSaved } from "pipeloom-client/react";
import { lazy, type ReactNode, Suspense, useCallback, useEffect, useMemo, useState } from "react";
import { cx } from "../../ui/cx";
import { useTheme } from "../../theme/theme";
import { familyOf } from "../families";
import { useSharedComments } from "../comments/CommentsProvider";
import { Cursors } from "../people/Cursors";
import styles from "./Canvas.module.css";
import { type CanvasContent, CanvasContentProvider } from "./canvasContext";
import { type CanvasStore, useCanvas, useCanvasStore } from "./canvasState";
import { CanvasSkeleton } from "./CanvasSkeleton";
import { ConnectionEdge } from "./ConnectionEdge";
import { ContainerNode } from "./ContainerNode";
import { Dock } from "./Dock";
import { Empty } from "./Empty";
import { FIT, GRID } from "./measures";
import { StepNode } from "./StepNode";
import { UnchangedNodes } from "./unchangedNodes";
import { useNodeDrag } from "./useNodeDrag";
import { type CanvasEdge, type CanvasNode, type View, ViewFlow } from "./viewFlow";

const Pins = lazy(() => import("../comments/Pins"));

const NODE_TYPES = { step: StepNode, container: ContainerNode };
const EDGE_TYPES = { connection: ConnectionEdge };
const SNAP_GRID: [number, number] = [GRID, GRID];

export function Canvas(): ReactNode {
  const { isLoading, nodes, edges, onNodesChange, onEdgesChange } = usePipelineFlow();
  const store = useCanvasStore();
  const view = useView(store, nodes, edges);
  const colorMode = useTheme();
  const hasMap = useAfterFirstPaint();
  const content = useContent();
  const isSnapping = useCanvas((state) => state.isSnapping);
  const isReadOnly = content.readOnlyReason !== undefined;
  const edgesChange = useEdgesChange(view, onEdgesChange);
  const nodesChange = useNodeDrag(onNodesChange as (changes: NodeChange<CanvasNode>[]) => void);
  const isDropping = useCanvas(({ drop }) => drop !== null && drop.parent === null);
  if (isLoading) return <CanvasSkeleton />;
  return (
    <CanvasContentProvider value={content}>
      <div className={cx(styles.canvas, isDropping && styles.dropping)}>
        <ReactFlow<CanvasNode, CanvasEdge>
          nodes={view.nodes}
          edges={view.edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          onNodesChange={nodesChange}
          onEdgesChange={edgesChange}
          nodesDraggable={!isReadOnly}
          nodesConnectable={!isReadOnly}
          deleteKeyCode={isReadOnly ? null : DELETE_KEYS}
          colorMode={colorMode}
          onlyRenderVisibleElements
          elevateNodesOnSelect={false}
          zIndexMode="manual"
          snapToGrid={isSnapping}
          snapGrid={SNAP_GRID}
          minZoom={0.1}
          maxZoom={2}
          fitView
          fitViewOptions={FIT}
          proOptions={PRO}
        >
          <Background gap={GRID} size={1.5} color="var(--canvas-dot)" bgColor="var(--canvas)" />
          {hasMap && nodes.length > 0 ? <Map /> : null}
          <Dock />
          <Suspense>
            <Pins />
          </Suspense>
          <Cursors />
        </ReactFlow>
        {nodes.length === 0 ? <Empty /> : null}
      </div>
    </CanvasContentProvider>
  );
}

const DELETE_KEYS = ["Delete", "Backspace"];

/** The licence allows it; Pipeloom names React Flow in its documentation. */
const PRO = { hideAttribution: true };

type Flow = ReturnType<typeof usePipelineFlow>;

/** The document's steps and connections as they are drawn. */
function useView(store: CanvasStore, nodes: Flow["nodes"], edges: Flow["edges"]): View {
  const [flow] = useState(() => new ViewFlow());
  const [unchanged] = useState(() => new UnchangedNodes());
  const [kept, keptEdges] = [unchanged.keep(nodes), unchanged.keepEdges(edges)];
  const [folded, waiting, floating, least] = [
    useCanvas((state) => state.folded), useCanvas((state) => state.waiting), useCanvas((state) => state.floating), useCanvas((state) => state.least),
  ];
  const view = useMemo(
    () => flow.update(kept, keptEdges, { folded, waiting, floating, least }),
    [flow, kept, keptEdges, folded, waiting, floating, least],
  );
  store.scene = view.scene;
  return view;
}

/** What is drawn as one edge goes as one. */
function useEdgesChange({ edges }: View, onEdgesChange: Flow["onEdgesChange"]): (changes: EdgeChange<CanvasEdge>[]) => void {
  return useCallback(
    (changes) => {
      const drawn = new globalThis.Map(edges.map((edge) => [edge.id, edge.data?.connections ?? []]));
      const all = changes.flatMap((change): EdgeChange[] => {
        if (change.type !== "remove") return [change as EdgeChange];
        return (drawn.get(change.id) ?? []).map(({ id }) => ({ type: "remove", id }));
      });
      onEdgesChange(all as Parameters<typeof onEdgesChange>[0]);
    },
    [edges, onEdgesChange],
  );
}

function useContent(): CanvasContent {
  const { state, reason } = useSaved();
  const { byStep } = useSharedComments();
  const readOnlyReason = state === "read only" ? (reason ?? "You may read this pipeline, not edit it") : undefined;
  const counts = useMemo(() => new globalThis.Map([...byStep].map(([id, threads]) => [id, threads.length])), [byStep]);
  return useMemo(() => ({ readOnlyReason, comments: counts }), [readOnlyReason, counts]);
}

const mapColor = ({ data, type }: CanvasNode): string => (type === "container" ? "var(--surface-3)" : `var(--fam-${familyOf(data.step.type)})`);

const Map = (): ReactNode => (
  <MiniMap<CanvasNode>
    position="bottom-right"
    className={styles.map}
    nodeColor={mapColor}
    maskColor="var(--map-mask)"
    bgColor="var(--surface)"
    nodeBorderRadius={8}
    ariaLabel="Map of the pipeline"
    pannable
    zoomable
  />
);

/** The map costs as much as all nodes: it waits until these are seen. */
function useAfterFirstPaint(): boolean {
  const [isPainted, setPainted] = useState(false);
  useEffect(() => {
    let second = 0;
    const first = requestAnimationFrame(() => (second = requestAnimationFrame(() => setPainted(true))));
    return () => [first, second].forEach(cancelAnimationFrame);
  }, []);
  return isPainted;
}
