import { RestError } from "pipeloom-client/rest";
import { expect, it, vi } from "vitest";
import { type Create, Imports, MOST_FILES, reasonsOf } from "./imports";

const file = (name: string, content: BlobPart = "workflow: {}"): File => new File([content], name);
const made = { id: "1", name: "made", findings: [] };

async function done(imports: Imports): Promise<readonly [string, string][]> {
  await vi.waitFor(() => expect(imports.get().some(({ state }) => state.kind === "waiting" || state.kind === "sending")).toBe(false));
  return imports.get().map(({ file: { name }, state }) => [name, state.kind === "refused" ? state.reasons.join("; ") : state.kind]);
}

it("takes files one after the other, and goes on after a refusal", async () => {
  let atOnce = 0;
  const create: Create = async (_, yaml) => {
    expect(++atOnce).toBe(1);
    await Promise.resolve();
    atOnce--;
    if (yaml === "bad") throw new RestError(422, "invalid_file", null, "it is no pipeline");
    return made;
  };
  const imports = new Imports(create);
  imports.add([file("a.yaml"), file("b.yml", "bad"), file("c.YAML")], "team");
  expect(await done(imports)).toEqual([["a.yaml", "taken"], ["b.yml", "it is no pipeline"], ["c.YAML", "taken"]]);
});

it("sends nothing that cannot be a pipeline", async () => {
  const create = vi.fn(async () => made);
  const imports = new Imports(create);
  imports.add([file("photo.png"), file("latin.yaml", new Uint8Array([0x66, 0xfc]))], "team");
  const results = await done(imports);
  expect(results[0]?.[1]).toMatch(/^Expected a file of Pipeline YAML/);
  expect(results[1]?.[1]).toMatch(/^It cannot be read/);
  expect(create).not.toHaveBeenCalled();
});

it("keeps what the server could not take now, for another attempt", async () => {
  const create = vi.fn<Create>().mockRejectedValueOnce(new RestError(0, "unreachable", null, "away")).mockResolvedValue(made);
  const imports = new Imports(create);
  imports.add([file("a.yaml")], "team");
  await done(imports);
  expect(imports.get()[0]?.state).toEqual({ kind: "refused", reasons: ["away"], mayRetry: true });
  imports.retry(imports.get()[0]?.key ?? -1);
  expect(await done(imports)).toEqual([["a.yaml", "taken"]]);
  imports.clear();
  expect(imports.get()).toEqual([]);
});

it("says of each file beyond the most that it was not taken", async () => {
  const imports = new Imports(async () => made);
  imports.add(Array.from({ length: MOST_FILES + 1 }, (_, at) => file(`${at}.yaml`)), "team");
  const results = await done(imports);
  expect(results.filter(([, state]) => state === "taken")).toHaveLength(MOST_FILES);
  expect(results.at(-1)?.[1]).toMatch(/^Only 200 files/);
});

it("names the line of each fault", () => {
  const errors = [
    { path: "yaml", detail: "expected a mapping", line: 3, column: 5 },
    { path: "body.name", detail: "too long", line: null, column: null },
    { path: "yaml", detail: "no steps", line: null, column: null },
  ];
  const problem = { errors } as unknown as RestError["problem"];
  expect(reasonsOf(new RestError(422, "invalid_file", problem, "it is no pipeline"))).toEqual([
    "Line 3, column 5: expected a mapping",
    "name: too long",
    "no steps",
  ]);
});
