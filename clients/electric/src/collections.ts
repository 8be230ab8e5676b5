/**
 * What the page holds: pipelines of a team with steps, connections, comments and users. A shape is of one table; its
 * parameters say which rows and columns. What a user may see is decided by the server, so a page cannot ask for too
 * much: without `where`, a shape is all that its user sees. Browsers keep six connections to a server over HTTP/1.1, of
 * which each shape that is followed takes one. Here are five, and one is left for writing.
 */
import { FetchError, type Row } from "@electric-sql/client";
import { BasicIndex, createCollection } from "@tanstack/db";
import { type ElectricCollectionConfig, electricCollectionOptions } from "@tanstack/electric-db-collection";
import type { Comment, Connection, Pipeline, Step, User } from "./rows";
import { headers, url, write } from "./server";

type Wanted = { table: string; columns: string[]; where?: string; params?: string[] };
/** What a handler returns: the transaction to wait for, or nothing. */
export type MatchingStrategy = Awaited<ReturnType<NonNullable<ElectricCollectionConfig["onInsert"]>>>;

type Handlers<T extends Row<unknown>> = Pick<ElectricCollectionConfig<T>, "onInsert" | "onUpdate" | "onDelete">;

/** Called when a shape cannot be followed any more: the token was refused, or it is too large (400). */
type OnError = (error: Error) => void;

/** While the server cannot be reached: the client's own delays grow to 32 seconds, and so long would lists be old once it is back. */
const backoffOptions = { initialDelay: 500, maxDelay: 5_000, multiplier: 2 };

function shapeOf<T extends Row<unknown> & { id: string }>(onError: OnError, params: Wanted, handlers: Handlers<T> = {}) {
  const shapeOptions = { url: `${url}/v1/shape`, headers, params, backoffOptions, onError: (error: Error) => onError(explained(error)) };
  // What nothing shows any more is followed for no longer than a second.
  const options = { getKey: ({ id }: T) => id, gcTime: 1000, shapeOptions };
  const config = electricCollectionOptions<T>({ ...options, ...handlers });
  // Joins look rows up by columns: without an index each of them reads all rows, and warns of it.
  return createCollection({ ...config, autoIndex: "eager", defaultIndexType: BasicIndex });
}

/** What the page shows of a team. */
export function collectionsOf(team: string, onError: OnError) {
  return {
    pipelines: shapeOf<Pipeline>(onError, { table: "pipelines", columns: PIPELINE, where: "team_id = $1", params: [team] }, {
      onUpdate: ({ transaction: { mutations: [{ original, changes }] } }) =>
        write("PATCH", `/pipelines/${original.id}`, { name: changes.name }),
    }),
    steps: shapeOf<Step>(onError, { table: "steps", columns: STEP }, {
      onInsert: ({ transaction: { mutations: [{ modified }] } }) =>
        write("POST", `/pipelines/${modified.pipeline_id}/steps`, newStep(modified)),
      onUpdate: ({ transaction: { mutations: [{ modified }] } }) =>
        write("PATCH", pathOf(modified), { position: positionOf(modified) }),
      onDelete: ({ transaction: { mutations: [{ original }] } }) => write("DELETE", pathOf(original)),
    }),
    comments: shapeOf<Comment>(onError, { table: "comments", columns: COMMENT }, {
      // The server gives a comment its id: the row that was shown at once makes way for that of the table.
      onInsert: ({ transaction: { mutations: [{ modified }] } }) =>
        write("POST", `/pipelines/${modified.pipeline_id}/comments`, { content: modified.content }),
    }),
    users: shapeOf<User>(onError, { table: "users", columns: ["id", "name", "avatar_url"] }),
    /** What only the canvas shows: the connections of the open pipeline. */
    connectionsOf: (pipeline: string) =>
      shapeOf<Connection>(onError, { table: "connections", columns: CONNECTION, where: "pipeline_id = $1", params: [pipeline] }),
  };
}

const PIPELINE = ["id", "name", "status", "updated_at"];
const STEP = ["id", "pipeline_id", "name", "type", "enabled", "position_x", "position_y", "width", "height", "parent_step_id"];
const COMMENT = ["id", "pipeline_id", "step_id", "user_id", "content", "created_at"];
const CONNECTION = ["id", "pipeline_id", "from_step_id", "to_step_id"];

/** In the words of the server, if it has said any. */
const explained = (error: Error): Error =>
  error instanceof FetchError && error.json ? new Error(String((error.json as { message?: string }).message)) : error;

const pathOf = ({ pipeline_id, id }: Step) => `/pipelines/${pipeline_id}/steps/${id}`;
const positionOf = ({ position_x, position_y }: Step) => ({ x: position_x, y: position_y });
const newStep = (step: Step) => ({ id: step.id, name: step.name, type: step.type, position: positionOf(step) });

export type Collections = ReturnType<typeof collectionsOf>;

/** What changed at once, and may be taken back. */
export type Changed = { isPersisted: { promise: Promise<unknown> } };
