/** What the list shows, in the address: who goes back from a pipeline finds the same list. */
import { useCallback, useMemo } from "react";
import { useSearch } from "wouter";

export type StatusFilter = "all" | "draft" | "active";
export type Sort = "updated" | "created" | "name";

export interface Filters {
  readonly sought: string;
  readonly status: StatusFilter;
  readonly tags: readonly string[];
  readonly sort: Sort;
}

const STATUSES: readonly string[] = ["draft", "active"];
const SORTS: readonly string[] = ["created", "name"];

export function filtersIn(search: string): Filters {
  const given = new URLSearchParams(search);
  const [status, sort] = [given.get("status") ?? "", given.get("sort") ?? ""];
  return {
    sought: given.get("q") ?? "",
    status: STATUSES.includes(status) ? (status as StatusFilter) : "all",
    tags: given.getAll("tag").slice(0, 20),
    sort: SORTS.includes(sort) ? (sort as Sort) : "updated",
  };
}

export function searchOf({ sought, status, tags, sort }: Filters): string {
  const search = new URLSearchParams();
  if (sought !== "") search.set("q", sought);
  if (status !== "all") search.set("status", status);
  for (const tag of tags) search.append("tag", tag);
  if (sort !== "updated") search.set("sort", sort);
  return search.size > 0 ? `?${search}` : "";
}

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
