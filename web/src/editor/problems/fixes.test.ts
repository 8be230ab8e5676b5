import { expect, test } from "vitest";
import { fixOf, placeOf, respelled } from "./fixes";

const problem = (more: object) =>
  ({ code: "dangling_reference", subject: "step:a", severity: "warning", message: '"clasify" in prompt[1].step: no step of that name can be reached from here.', path: "/config/prompt/1/step", suggestion: 'Did you mean "classify_change"?', ...more }) as Parameters<typeof fixOf>[0];

test("a mistyped name is written right, alone and as a whole name within a text", () => {
  expect(respelled({ prompt: [{ step: "x" }, { step: "clasify" }] }, ["prompt", "1", "step"], "clasify", "classify")).toEqual({
    prompt: [{ step: "x" }, { step: "classify" }],
  });
  expect(respelled({ condition: "clasify.risk > 3 and clasify_all" }, ["condition"], "clasify", "classify")).toEqual({
    condition: "classify.risk > 3 and clasify_all",
  });
});

test("what is not there stays away, and other kinds of values stay as they are", () => {
  expect(respelled({ a: 1 }, ["b", "c"], "x", "y")).toEqual({ a: 1 });
  expect(respelled({ a: 1 }, ["a"], "x", "y")).toEqual({ a: 1 });
});

test("only what a page can know has a fix", () => {
  expect(fixOf(problem({}), [])?.title).toBe("Write classify_change instead");
  const unknown = problem({ suggestion: "Correct the name." });
  expect(fixOf(unknown, ["classify", "other"])?.title).toBe("Write classify instead");
  expect(fixOf(unknown, ["classify", "clarify"])).toBeUndefined();
  expect(fixOf(unknown, ["class", "summary"])).toBeUndefined();
  expect(fixOf(problem({ code: "unreachable_step" }), [])).toBeUndefined();
  expect(fixOf(problem({ code: "duplicate_connection", subject: "connection:b" }), [])?.title).toBe("Delete the connection");
});

test("places are called as people call them", () => {
  expect(placeOf("/config/prompt/1/step")).toBe("prompt 2");
  expect(placeOf("/config/max_turns")).toBe("max turns");
  expect(placeOf("/name")).toBe("name");
  expect(placeOf("")).toBe("");
});
