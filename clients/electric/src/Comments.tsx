import { eq, useLiveQuery } from "@tanstack/react-db";
import type { FormEvent } from "react";
import type { Changed, Collections } from "./collections";

type Given = Pick<Collections, "comments" | "users"> & { pipeline: string; me: string; changed: (change: Changed) => void };

export function Comments({ pipeline, me, comments, users, changed }: Given) {
  const { data } = useLiveQuery((q) =>
    q.from({ c: comments })
      .where(({ c }) => eq(c.pipeline_id, pipeline))
      .leftJoin({ u: users }, ({ c, u }) => eq(c.user_id, u.id))
      .orderBy(({ c }) => c.created_at)
      .select(({ c, u }) => ({ id: c.id, content: c.content, author: u?.name })), [pipeline]);
  const say = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    const form = event.currentTarget;
    const content = String(new FormData(form).get("content")).trim();
    if (!content) return;
    const row = { id: crypto.randomUUID(), pipeline_id: pipeline, step_id: null, user_id: me };
    changed(comments.insert({ ...row, content, created_at: new Date().toISOString() }));
    form.reset();
  };
  return (
    <aside aria-label="Comments">
      <ol>
        {data.map(({ id, content, author }) => (
          <li key={id}>
            <b aria-hidden="true">{(author ?? "…").slice(0, 1)}</b>
            <p><strong>{author ?? "…"}</strong> {content}</p>
          </li>
        ))}
      </ol>
      <form onSubmit={say}>
        <input name="content" aria-label="Comment" placeholder="Say something about this pipeline" autoComplete="off" />
        <button>Comment</button>
      </form>
    </aside>
  );
}
