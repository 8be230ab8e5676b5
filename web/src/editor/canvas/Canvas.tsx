/** The graph: steps, connections and what floats on them. */
import "@xyflow/react/dist/base.css";
import { Background, type EdgeChange, type NodeChange, ReactFlow, type ReactFlowProps, type ReactFlowState, SelectionMode, useStore, useStoreApi } from "@xyflow/react";
import { usePipelineFlow } from "pipeloom-client/react";
import { memo, type ReactNode, Suspense, useEffect, useMemo, useState } from "react";
import { cx } from "../../ui/cx";
import { useTheme } from "../../theme/theme";
import { useSharedComments } from "../comments/CommentsProvider";
import { useEditor, usePipelineId } from "../state";
import { Cursors } from "../people/Cursors";
import styles from "./Canvas.module.css";
import { type CanvasContent, CanvasContentProvider, FarProvider, useCanvasContent } from "./canvasContext";
import { type CanvasStore, useCanvas, useCanvasStore } from "./canvasState";
import { CanvasSkeleton } from "./CanvasSkeleton";
import { ConnectionEdge } from "./ConnectionEdge";
import { ConnectionLine } from "./ConnectionLine";
import { ContainerNode } from "./ContainerNode";
import { FarEdges } from "./farEdges";
import { loadLater } from "./later";
import { saveLayout } from "./layoutCache";
import { FIT, GRID, TILE_ZOOM, ZOOM } from "./measures";
import { StepNode } from "./StepNode";
import { Strands } from "./Strands";
import { UnchangedNodes } from "./unchangedNodes";
import { useBoxSelection } from "./useBoxSelection";
import { type Connecting, useConnecting } from "./useConnecting";
import { useFirstView } from "./useFirstView";
import { type Menu, useMenu } from "./useMenu";
import { useNodeDrag } from "./useNodeDrag";
import { useSelectedInView } from "./useSelectedInView";
import { type CanvasEdge, type CanvasNode, type View, ViewFlow } from "./viewFlow";
import { later } from "../../ui/later";
import { useStable } from "../../ui/useStable";
import { useReadOnly } from "../useReadOnly";

const Empty = later(() => import("./Empty"));
const Dock = later(() => import("./Dock"));
const Map = later(() => import("./Map"));
const Pins = later(() => import("../comments/Pins"));
const ConnectionHint = later(() => import("./ConnectionHint"));

const NODE_TYPES = { step: StepNode, container: ContainerNode };
const EDGE_TYPES = { connection: ConnectionEdge };
const FITTED = { fitView: true };
const SNAP_GRID: [number, number] = [GRID, GRID];

export const Canvas = (): ReactNode => (
  <CanvasContentProvider value={useContent()}>
    <Graph />
  </CanvasContentProvider>
);

function Graph(): ReactNode {
  useGivenSizes();
  const { isLoading, nodes, edges, onNodesChange, onEdgesChange } = usePipelineFlow();
  const store = useCanvasStore();
  const view = useView(store, nodes, edges);
  const colorMode = useTheme();
  const hasMap = useAfterFirstPaint();
  const isSnapping = useCanvas((state) => state.isSnapping);
  const isReadOnly = useCanvasContent().readOnlyReason !== undefined;
  const edgesChange = useEdgesChange(view, onEdgesChange);
  const nodesChange = useNodeDrag(onNodesChange as (changes: NodeChange<CanvasNode>[]) => void);
  const isDropping = useCanvas(({ drop }) => drop !== null && drop.parent === null);
  const connecting = useConnecting();
  const menu = useMenu();
  const boxSelection = useBoxSelection();
  const handlers = useHandlers(connecting, menu);
  const isTidying = useCanvas((state) => state.isTidying);
  const tool = useEditor((state) => state.tool);
  const isFar = useStore(isTooFar);
  const [far] = useState(() => new FarEdges());
  const shown = useMemo(() => far.shown(view.edges, isFar), [far, view.edges, isFar]);
  const first = useFirstView(store, view.scene, isLoading);
  useSelectedInView();
  if (first.view === undefined) return <CanvasSkeleton place={first.place} />;
  return (
    <FarProvider value={isFar}>
      <div className={cx(styles.canvas, isDropping && styles.dropping, isTidying && styles.tidying)} data-tool={tool}>
        <ReactFlow<CanvasNode, CanvasEdge>
          nodes={view.nodes}
          edges={shown.edges}
          nodeTypes={NODE_TYPES}
          edgeTypes={EDGE_TYPES}
          onNodesChange={nodesChange}
          onEdgesChange={edgesChange}
          {...handlers}
          connectionLineComponent={ConnectionLine}
          connectionRadius={12}
          nodesDraggable={!isReadOnly}
          nodesConnectable={!isReadOnly}
          {...boxSelection}
          selectionOnDrag={!IS_TOUCH}
          selectionMode={SelectionMode.Partial}
          panOnDrag={IS_TOUCH ? true : PAN_BUTTONS}
          panOnScroll={!IS_TOUCH}
          panActivationKeyCode="Space"
          zoomActivationKeyCode={ZOOM_KEYS}
          multiSelectionKeyCode={SELECT_KEYS}
          deleteKeyCode={null}
          disableKeyboardA11y
          tabIndex={0}
          data-region="canvas"
          aria-label="Canvas"
          aria-describedby="react-flow__node-desc-1"
          colorMode={colorMode}
          onlyRenderVisibleElements
          elevateNodesOnSelect={false}
          zIndexMode="manual"
          snapToGrid={isSnapping}
          snapGrid={SNAP_GRID}
          minZoom={ZOOM.min}
          maxZoom={ZOOM.max}
          {...(first.view === null ? FITTED : { defaultViewport: first.view })}
          fitViewOptions={FIT}
          ariaLabelConfig={WORDS}
          proOptions={PRO}
        >
          <Strands strands={shown.strands} />
          <Floating hasMap={hasMap && nodes.length > 0} refusal={connecting.refusal} cancel={connecting.cancel} />
        </ReactFlow>
        {nodes.length === 0 ? (
          <Suspense fallback={null}>
            <Empty />
          </Suspense>
        ) : null}
        {menu.element}
      </div>
    </FarProvider>
  );
}

const isTooFar = ({ transform: [, , zoom] }: ReactFlowState): boolean => zoom < TILE_ZOOM;

/**
 * Every node comes with its size and its ports. React Flow would measure each one that it mounts all the same, and take
 * the ports away from those that are drawn without any from far away. It brings everything into view when it has measured.
 */
function useGivenSizes(): void {
  const store = useStoreApi();
  useState(() => {
    const updateNodeInternals = (): void => {
      const { fitViewQueued, nodes, setNodes } = store.getState();
      if (fitViewQueued) setNodes(nodes);
    };
    store.setState({ updateNodeInternals });
  });
}

/** What lies on the canvas and below it: it is drawn by itself, not with each frame of a drag. */
const Floating = memo(function Floating({ hasMap, refusal, cancel }: { readonly hasMap: boolean } & Pick<Connecting, "refusal" | "cancel">): ReactNode {
  return (
    <>
      <Background gap={GRID} size={1.5} color="var(--canvas-dot)" bgColor="var(--canvas)" />
      <Suspense fallback={null}>
        {hasMap ? <Map /> : null}
        <Dock />
        <Pins />
        <ConnectionHint refusal={refusal} cancel={cancel} />
      </Suspense>
      <Cursors />
    </>
  );
});

/** A finger moves the canvas; a mouse selects with its first button and moves the canvas with the second or the wheel. */
const IS_TOUCH = matchMedia("(pointer: coarse)").matches;
const PAN_BUTTONS = [1];
const ZOOM_KEYS = ["Meta", "Control"];
const SELECT_KEYS = ["Meta", "Control", "Shift"];

/** The licence allows it; Pipeloom names React Flow in its documentation. */
const PRO = { hideAttribution: true };

type Flow = ReturnType<typeof usePipelineFlow>;
type Handlers = Pick<
  ReactFlowProps<CanvasNode, CanvasEdge>,
  "onConnect" | "onConnectEnd" | "isValidConnection" | "onNodeContextMenu" | "onSelectionContextMenu" | "onEdgeContextMenu" | "onPaneContextMenu"
>;

/** The same functions always: React Flow asks every node and edge anew for each one that is another. */
function useHandlers({ join, end, refusal }: Connecting, { open, openAt }: Menu): Handlers {
  return useMemo(() => ({
    onConnect: ({ source, target }) => join(source, target),
    onConnectEnd: end,
    isValidConnection: ({ source, target }) => refusal(source, target) === null,
    onNodeContextMenu: (event, { id, selected }) => open(event, selected ? null : id),
    onSelectionContextMenu: (event) => open(event, null),
    onEdgeContextMenu: (event, { data }) => openAt(event, { kind: "edge", connectionIds: data?.connections.map(({ id }) => id) ?? [] }),
    onPaneContextMenu: (event) => openAt(event, { kind: "canvas" }),
  }), [join, end, refusal, open, openAt]);
}

/** The keys themselves: `shortcuts/`. */
const KEYS = "Tab leads from step to step. The arrow keys move a step, Enter opens its properties, Delete removes it, and Escape leads out. The question mark lists all keys.";

const WORDS = {
  "node.a11yDescription.default": KEYS,
  "node.a11yDescription.keyboardDisabled": KEYS,
  "edge.a11yDescription.default": "Enter selects the connection. Then Delete removes it, and Escape lets go.",
};

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
  useSavedLayout(store);
  return view;
}

const SAVE_MS = 5000;

/** So that the next visit begins with this picture. */
function useSavedLayout(store: CanvasStore): void {
  const pipelineId = usePipelineId();
  useEffect(() => {
    const save = (): void => void (store.scene && saveLayout(pipelineId, store.scene));
    const timer = setInterval(save, SAVE_MS);
    window.addEventListener("pagehide", save);
    return () => {
      clearInterval(timer);
      window.removeEventListener("pagehide", save);
      save();
    };
  }, [store, pipelineId]);
}

/** What is drawn as one edge goes as one. */
function useEdgesChange({ edges }: View, onEdgesChange: Flow["onEdgesChange"]): (changes: EdgeChange<CanvasEdge>[]) => void {
  return useStable((changes) => {
    const drawn = new globalThis.Map(edges.map((edge) => [edge.id, edge.data?.connections ?? []]));
    const all = changes.flatMap((change): EdgeChange[] => {
      if (change.type !== "remove") return [change as EdgeChange];
      return (drawn.get(change.id) ?? []).map(({ id }) => ({ type: "remove", id }));
    });
    onEdgesChange(all as Parameters<typeof onEdgesChange>[0]);
  });
}

export function useContent(): CanvasContent {
  const { byStep } = useSharedComments();
  const readOnlyReason = useReadOnly();
  const counts = useMemo(() => new globalThis.Map([...byStep].map(([id, threads]) => [id, threads.length])), [byStep]);
  return useMemo(() => ({ readOnlyReason, comments: counts }), [readOnlyReason, counts]);
}

/** The map waits until the steps are seen. */
function useAfterFirstPaint(): boolean {
  const [isPainted, setPainted] = useState(false);
  useEffect(() => {
    let second = 0;
    const painted = (): void => {
      setPainted(true);
      void loadLater();
    };
    const first = requestAnimationFrame(() => (second = requestAnimationFrame(painted)));
    return () => [first, second].forEach(cancelAnimationFrame);
  }, []);
  return isPainted;
}
