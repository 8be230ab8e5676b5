/**
 * The library's nodes and edges with what the canvas adds: a component, a size and where the ports
 * are. With these React Flow need not measure, so edges are drawn to nodes that are not mounted. What
 * has not changed stays the same object, else React Flow would draw every node anew.
 */
import { MarkerType, Position, type NodeHandle } from "@xyflow/react";
import type { ConnectionEdge, StepNode } from "pipeloom-client/react";
import { NODE_HEIGHT, NODE_WIDTH } from "./sizes";

const nodes = new WeakMap<StepNode, StepNode>();
const edges = new WeakMap<ConnectionEdge, ConnectionEdge>();

/** The size a step has on the canvas: that of the document for containers, else one for all. */
export function sizeOf(node: StepNode): { width: number; height: number } {
  if (!node.data.isContainer) return { width: NODE_WIDTH, height: NODE_HEIGHT };
  const { width, height } = node.data.step.size;
  return { width: Math.max(width, NODE_WIDTH + 40), height: Math.max(height, NODE_HEIGHT * 2) };
}

/** The two ports of a node: in at the top, out at the bottom. */
function ports(width: number, height: number): NodeHandle[] {
  const port = { x: width / 2 - 4, width: 8, height: 8 };
  return [
    { ...port, type: "target", position: Position.Top, y: -4 },
    { ...port, type: "source", position: Position.Bottom, y: height - 4 },
  ];
}

export function viewNode(node: StepNode): StepNode {
  const known = nodes.get(node);
  if (known) return known;
  const { width, height } = sizeOf(node);
  const { initialWidth: _, initialHeight: __, style: ___, ...rest } = node;
  const made: StepNode = {
    ...rest,
    type: node.data.isContainer ? "container" : "step",
    width,
    height,
    handles: ports(width, height),
    ...(node.data.isContainer ? { zIndex: -1 } : {}),
  };
  nodes.set(node, made);
  return made;
}

export function viewEdge(edge: ConnectionEdge): ConnectionEdge {
  const known = edges.get(edge);
  if (known) return known;
  const color = edge.selected ? "var(--edge-active)" : "var(--edge)";
  const made: ConnectionEdge = {
    ...edge,
    type: "connection",
    markerEnd: { type: MarkerType.ArrowClosed, width: 14, height: 14, color },
  };
  edges.set(edge, made);
  return made;
}
