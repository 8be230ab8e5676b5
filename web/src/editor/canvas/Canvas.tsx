/** The graph: steps, connections and what floats on them. */
import "@xyflow/react/dist/base.css";
import { Background, type Connection, MiniMap, ReactFlow } from "@xyflow/react";
import { connect } from "pipeloom-client";
import { type StepNode as StepNodeType, usePipelineFlow, useRoom, useSaved } from "pipeloom-client/react";
import { type ReactNode, useCallback, useEffect, useState } from "react";
import { useTheme } from "../../theme/theme";
import { familyOf } from "../families";
import { Cursors } from "../people/Cursors";
import { useCommands } from "../useCommands";
import styles from "./Canvas.module.css";
import { ConnectionEdge } from "./ConnectionEdge";
import { ContainerNode } from "./ContainerNode";
import { Dock } from "./Dock";
import { Empty } from "./Empty";
import { StepNode } from "./StepNode";
import { viewEdge, viewNode } from "./viewNodes";

const NODE_TYPES = { step: StepNode, container: ContainerNode };
const EDGE_TYPES = { connection: ConnectionEdge };
const FIT = { padding: 0.15, maxZoom: 1 };
const GRID: [number, number] = [20, 20];

export function Canvas(): ReactNode {
  const { isLoading, nodes, edges, onNodesChange, onEdgesChange } = usePipelineFlow();
  const { pipeline } = useRoom();
  const { check } = useCommands();
  const isReadOnly = useSaved().state === "read only";
  const colorMode = useTheme();
  const hasMap = useAfterFirstPaint();
  const onConnect = useCallback(
    ({ source, target }: Connection) => void check(connect(pipeline, { from_step_id: source, to_step_id: target })),
    [pipeline, check],
  );
  if (isLoading) return <div role="status" aria-label="Loading the steps" className={styles.canvas} />;
  return (
    <div className={styles.canvas}>
      <ReactFlow
        nodes={nodes.map(viewNode)}
        edges={edges.map(viewEdge)}
        nodeTypes={NODE_TYPES}
        edgeTypes={EDGE_TYPES}
        onNodesChange={onNodesChange}
        onEdgesChange={onEdgesChange}
        onConnect={onConnect}
        nodesDraggable={!isReadOnly}
        nodesConnectable={!isReadOnly}
        deleteKeyCode={isReadOnly ? null : ["Delete", "Backspace"]}
        colorMode={colorMode}
        onlyRenderVisibleElements
        elevateNodesOnSelect={false}
        snapToGrid
        snapGrid={GRID}
        minZoom={0.1}
        maxZoom={2}
        fitView
        fitViewOptions={FIT}
        proOptions={PRO}
      >
        <Background gap={20} size={1.5} color="var(--canvas-dot)" bgColor="var(--canvas)" />
        {hasMap && nodes.length > 0 ? <Map /> : null}
        <Dock />
        <Cursors />
      </ReactFlow>
      {nodes.length === 0 ? <Empty /> : null}
    </div>
  );
}

/** The licence allows it; Pipeloom names React Flow in its documentation. */
const PRO = { hideAttribution: true };

const familyColor = ({ data }: StepNodeType): string => `var(--fam-${familyOf(data.step.type)})`;

const Map = (): ReactNode => (
  <MiniMap<StepNodeType>
    position="bottom-right"
    className={styles.map}
    nodeColor={familyColor}
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
