import { expect, it } from "vitest";
import { partsOf } from "./found";

const marked = (text: string, sought: string): string => partsOf(text, sought).map(({ text: part, isFound }) => (isFound ? `[${part}]` : part)).join("");

it.each([
  ["Genesis of genes", "gene", "[Gene]sis of [gene]s"],
  ["Eugene looks", "gene", "Eugene looks"],
  ["Release notes", "notes rel", "[Rel]ease [notes]"],
  ["gene genesis", "gene genesis", "[gene] [genesis]"],
  ["Übersicht", "über", "[Über]sicht"],
  ["a.b (c)", "a.b (c", "[a].[b] ([c])"],
  ["", "gene", ""],
  ["Release notes", "  ", "Release notes"],
])("marks in %j what %j finds", (text, sought, shown) => {
  expect(marked(text, sought)).toBe(shown);
});
