import { count, eq, useLiveQuery } from "@tanstack/react-db";
import { useMemo, useState } from "react";
import { Canvas } from "./Canvas";
import type { Changed, Collections } from "./collections";
import { Comments } from "./Comments";
import { boxesOf, extentOf } from "./layout";

export function App({ me, team, all }: { me: string; team: string; all: Collections }) {
  const { data: pipelines, isLoading } = usePipelines(all);
  const [chosen, choose] = useState<string>();
  const open = pipelines.find(({ id }) => id === chosen) ?? pipelines[0];
  return (
    <div className="page">
      <nav aria-label="Pipelines">
        <h1>{team}</h1>
        <ul>
          {pipelines.map(({ id, name, status, steps, comments }) => (
            <li key={id}>
              <button aria-current={id === open?.id} onClick={() => choose(id)}>
                <strong>{name}</strong>
                <span>
                  {plural(steps ?? 0, "step")}, {plural(comments ?? 0, "comment")}
                  {status !== "draft" && <em>{status}</em>}
                </span>
              </button>
            </li>
          ))}
        </ul>
      </nav>
      {open ? <Pipeline key={open.id} id={open.id} name={open.name} me={me} all={all} />
        : <p className="remark">{isLoading ? "Loading…" : "No pipelines yet."}</p>}
    </div>
  );
}

/** All pipelines of the team with their counts, those first that have changed last. */
function usePipelines({ pipelines, steps, comments }: Collections) {
  return useLiveQuery((q) => {
    const ofSteps = q.from({ steps }).groupBy(({ steps: s }) => s.pipeline_id)
      .select(({ steps: s }) => ({ pipeline: s.pipeline_id, number: count(s.id) }));
    const ofComments = q.from({ comments }).groupBy(({ comments: c }) => c.pipeline_id)
      .select(({ comments: c }) => ({ pipeline: c.pipeline_id, number: count(c.id) }));
    return q.from({ p: pipelines })
      .leftJoin({ ofSteps }, ({ p, ofSteps: s }) => eq(p.id, s.pipeline))
      .leftJoin({ ofComments }, ({ p, ofComments: c }) => eq(p.id, c.pipeline))
      .orderBy(({ p }) => p.updated_at, "desc")
      .select(({ p, ofSteps: s, ofComments: c }) => ({
        id: p.id, name: p.name, status: p.status, steps: s?.number, comments: c?.number,
      }));
  });
}

function Pipeline({ id, name, me, all }: { id: string; name: string; me: string; all: Collections }) {
  const connections = useMemo(() => all.connectionsOf(id), [all, id]);
  const [failure, setFailure] = useState<string>();
  /** Shows what the server refuses; what was shown at once is taken back by then. */
  const changed = ({ isPersisted }: Changed) => {
    setFailure(undefined);
    isPersisted.promise.catch(({ message }: Error) => setFailure(message));
  };
  const rename = (wanted: string) => {
    if (wanted && wanted !== name) changed(all.pipelines.update(id, (draft) => void (draft.name = wanted)));
  };
  const add = () => {
    // Below all that there is.
    const { height: y } = extentOf(boxesOf(all.steps.toArray.filter(({ pipeline_id }) => pipeline_id === id)));
    const step = { id: crypto.randomUUID(), pipeline_id: id, name: `step_${Date.now() % 100000}`, type: "claude", enabled: true };
    changed(all.steps.insert({ ...step, position_x: 40, position_y: y, width: 200, height: 100, parent_step_id: null }));
  };
  return (
    <main>
      <header>
        <input key={name} aria-label="Name" defaultValue={name} onBlur={({ target }) => rename(target.value.trim())}
          onKeyDown={({ key, currentTarget }) => key === "Enter" && currentTarget.blur()} />
        <button onClick={add}>Add step</button>
      </header>
      {failure && <p className="remark" role="alert">{failure}</p>}
      <Canvas pipeline={id} connections={connections} changed={changed} {...all} />
      <Comments pipeline={id} me={me} changed={changed} {...all} />
    </main>
  );
}

const plural = (number: number, thing: string): string => `${number} ${thing}${number === 1 ? "" : "s"}`;
