import { expect, it } from "vitest";
import { filtersIn, searchOf } from "./filters";

it.each(["", "?q=loom+x&status=draft&tag=a%26b&tag=c&sort=name", "?status=active"])("keeps %s", (search) => {
  expect(searchOf(filtersIn(search))).toBe(search);
});

it("passes over what is no filter", () => {
  expect(filtersIn("?status=gone&sort=size&x=1")).toEqual({ sought: "", status: "all", tags: [], sort: "updated" });
});
