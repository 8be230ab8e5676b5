import { expect, it } from "vitest";
import { placeIn, stepsNamedIn } from "./yamlPlaces";

/** The place at the caret `|` of a text, with items as `-`. */
function at(text: string): unknown {
  const caret = text.indexOf("|");
  const place = placeIn(text.replace("|", ""), caret);
  return place && [place.path.map((each) => ("key" in each ? each.key : `-${each.item.get("type") ?? ""}`)).join(" "), place.key, place.typed, place.siblings.join(",")];
}

it.each([
  ["na|", ["", null, "na", ""]],
  ["name: a\ntype: cl|", ["", "type", "cl", "name"]],
  ["name: a\ncla|\ntype: claude", ["", null, "cla", "name,type"]],
  ["claude_options:\n  mo|", ["claude_options", null, "mo", ""]],
  ["claude_options:\n  output_format: |\n  model: x", ["claude_options", "output_format", "", "model"]],
  ["prompt:\n  - type: st|", ["prompt -st", "type", "st", ""]],
  ["prompt:\n  - type: static\n    con|", ["prompt -static", null, "con", "type"]],
  ["prompt:\n- type: static\n  content: x\n- ty|", ["prompt -", null, "ty", ""]],
  ["workflow:\n  steps:\n    - name: a\n      type: switch\n      cases:\n        low:\n          - name: b\n            type: gem|", ["workflow steps -switch cases low -gem", "type", "gem", "name"]],
  ["workflow:\n  steps:\n    - name: a\n      type: claude\n    - |", ["workflow steps -", null, "", ""]],
  ["tools:\n  - Re|", ["tools -", null, "Re", ""]],
  ["prompt:\n  - type: static\n    content: >\n      one: t|", null],
  ["prompt:\n  - content: |-\n      one\n    ", ["prompt -", "content", "", ""]],
  ["a: 1 # na|", null],
  ["prompt: [{type: st|", null],
  ["a:\n  b: 1\n\n  c|", ["a", null, "c", "b"]],
  ["a:\n  b:\n    c: 1\n  d|: 2", ["a", null, "d", "b,d"]],
])("finds the place in %j", (text, expected) => {
  expect(at(text)).toEqual(expected);
});

it("finds the steps of all lists, and neither tasks nor texts", () => {
  const text = "workflow:\n  steps:\n    - name: a\n      type: claude\n      prompt:\n        - type: static\n          content: |\n            - name: no\n              type: no\n    - type: for_loop\n      steps:\n        - name: 'b c'\n          type: bash\n      name: loop\n";
  expect(stepsNamedIn(text)).toEqual([{ name: "a", type: "claude" }, { name: "loop", type: "for_loop" }, { name: "b c", type: "bash" }]);
});

it("takes a long line and a long text without going back over them", () => {
  const times = [1, 2, 3].map(() => {
    const began = performance.now();
    placeIn(`${"a:".repeat(20_000)}\nname: x`, 3);
    placeIn("- name: a\n  type: b\n".repeat(10_000), 150_000);
    return performance.now() - began;
  });
  // The machine may do something else meanwhile, but not each time.
  expect(Math.min(...times)).toBeLessThan(500);
});
