/** Comments as threads: a root and its replies. */
import type { Comment } from "pipeloom-client/rest";

export interface Thread {
  readonly root: Comment;
  readonly replies: readonly Comment[];
}

/** `comments` come oldest first, and so do the threads and what is in them. */
export function threadsOf(comments: readonly Comment[]): readonly Thread[] {
  const replies = new Map<string, Comment[]>();
  for (const comment of comments) {
    if (comment.parent_id === null) continue;
    const list = replies.get(comment.parent_id);
    if (list) list.push(comment);
    else replies.set(comment.parent_id, [comment]);
  }
  return comments.filter(({ parent_id: parent }) => parent === null).map((root) => ({ root, replies: replies.get(root.id) ?? [] }));
}

/** The open threads of each step that is there. */
export function threadsByStep(threads: readonly Thread[]): ReadonlyMap<string, readonly Thread[]> {
  const byStep = new Map<string, Thread[]>();
  for (const thread of threads) {
    const { step_id: id, resolved, detached } = thread.root;
    if (id === null || resolved || detached) continue;
    const list = byStep.get(id);
    if (list) list.push(thread);
    else byStep.set(id, [thread]);
  }
  return byStep;
}
