import { expect, it } from "vitest";
import { filtersIn, searchOf, sortOf } from "./filters";

it.each(["", "?q=loom+x&status=draft&tag=a%26b&tag=c&sort=name", "?status=active", "?q=loom&sort=name&order=created"])("keeps %s", (search) => {
  expect(searchOf(filtersIn(search))).toBe(search);
});

it("passes over what is no filter", () => {
  expect(filtersIn("?status=gone&sort=size&order=x&x=1")).toEqual({ sought: "", status: "all", tags: [], sort: "updated", foundSort: "rank" });
});

it.each([
  ["", "updated"],
  ["?sort=name", "name"],
  ["?q=gene", "rank"],
  ["?q=gene&sort=name", "rank"],
  ["?q=gene&order=updated", "updated"],
  ["?q=%20&sort=name&order=updated", "name"],
  ["?order=created", "updated"],
])("sorts %j by %s", (search, sort) => {
  expect(sortOf(filtersIn(search))).toBe(sort);
});
