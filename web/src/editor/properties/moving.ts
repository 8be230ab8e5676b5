/** Moves an item of a shared list. Yjs has no move: what moves is deleted and made anew, and what others type there meanwhile is lost. */
import type { Json } from "pipeloom-client";
import { moveItem } from "./paths";

/**
 * The list without what is made anew, and the list as it is to be. An item in which somebody is stays the
 * same one, if those between it and its new place can be moved instead.
 */
export function steps(list: readonly Json[], from: number, to: number, isBusy: (at: number) => boolean): readonly [Json[], Json[]] {
  const between = range(from, to).filter((at) => at !== from);
  const anew = isBusy(from) && !between.some(isBusy) ? between : [from];
  return [list.filter((_, at) => !anew.includes(at)), moveItem(list, from, to)];
}

const range = (from: number, to: number): number[] => {
  const [low, high] = from < to ? [from, to] : [to, from];
  return Array.from({ length: high - low + 1 }, (_, at) => low + at);
};
