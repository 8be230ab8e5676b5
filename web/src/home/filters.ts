/** What the list shows, in the address: who goes back from a pipeline finds the same list. */
import { useCallback, useMemo } from "react";
import { useSearch } from "wouter";

export type StatusFilter = "all" | "draft" | "active";
export type Sort = "updated" | "created" | "name";
/** How what a search finds is sorted: by how well it fits, unless somebody wants it otherwise. */
export type FoundSort = Sort | "rank";

export interface Filters {
  readonly sought: string;
  readonly status: StatusFilter;
  readonly tags: readonly string[];
  /** Of the list without a search. */
  readonly sort: Sort;
  readonly foundSort: FoundSort;
}

const STATUSES: readonly string[] = ["draft", "active"];
const SORTS: readonly string[] = ["created", "name"];
const FOUND_SORTS: readonly string[] = ["updated", ...SORTS];

export function filtersIn(search: string): Filters {
  const given = new URLSearchParams(search);
  const [status, sort, foundSort] = [given.get("status") ?? "", given.get("sort") ?? "", given.get("order") ?? ""];
  return {
    sought: given.get("q") ?? "",
    status: STATUSES.includes(status) ? (status as StatusFilter) : "all",
    tags: given.getAll("tag").slice(0, 20),
    sort: SORTS.includes(sort) ? (sort as Sort) : "updated",
    foundSort: FOUND_SORTS.includes(foundSort) ? (foundSort as Sort) : "rank",
  };
}

export function searchOf({ sought, status, tags, sort, foundSort }: Filters): string {
  const search = new URLSearchParams();
  if (sought !== "") search.set("q", sought);
  if (status !== "all") search.set("status", status);
  for (const tag of tags) search.append("tag", tag);
  if (sort !== "updated") search.set("sort", sort);
  if (sought !== "" && foundSort !== "rank") search.set("order", foundSort);
  return search.size > 0 ? `?${search}` : "";
}

/** The order of what is shown now; `rank` only while there are words. */
export const sortOf = ({ sought, sort, foundSort }: Filters): FoundSort => (sought.trim() === "" ? sort : foundSort);

export const isFiltered = ({ sought, status, tags }: Filters): boolean => sought.trim() !== "" || status !== "all" || tags.length > 0;

export function useFilters(): readonly [Filters, (changes: Partial<Filters>) => void] {
  const search = useSearch();
  const filters = useMemo(() => filtersIn(search), [search]);
  const change = useCallback((changes: Partial<Filters>) => {
    const next = searchOf({ ...filtersIn(location.search), ...changes });
    history.replaceState(history.state, "", `${location.pathname}${next}`);
  }, []);
  return [filters, change];
}
