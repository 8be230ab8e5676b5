import type { Path, Room } from "pipeloom-client";

/** Whether the document has a shared text at a path of a step's config. */
export const isSharedText = (room: Room, step: string, path: Path): boolean => room.pipeline.text(step, path) !== null;
