import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";

const CSS = readFileSync(new URL("tokens.css", import.meta.url), "utf8");

type Tokens = Readonly<Record<string, string>>;

function tokensIn(block: string): Tokens {
  return Object.fromEntries([...block.matchAll(/(--[\w-]+):\s*([^;]+);/g)].map(([, name, value]) => [name, value]));
}

const [lightBlock = "", darkBlock = ""] = CSS.split(':root[data-theme="dark"]');
const light = tokensIn(lightBlock);
const dark = { ...light, ...tokensIn(darkBlock) };

type Rgb = readonly [number, number, number];

function rgb(tokens: Tokens, name: string): Rgb {
  const value = tokens[name];
  const reference = /^var\((--[\w-]+)\)$/.exec(value ?? "");
  if (reference?.[1]) return rgb(tokens, reference[1]);
  const hex = /^#([0-9a-f]{6})$/.exec(value ?? "")?.[1];
  if (hex === undefined) throw new Error(`expected ${name} to be a colour of six digits, got ${value}`);
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}

/** Relative luminance (WCAG 2.2). */
function luminance(color: Rgb): number {
  const [r, g, b] = color.map((part) => {
    const share = part / 255;
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
  }) as unknown as Rgb;
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

function contrast(one: Rgb, other: Rgb): number {
  const [low = 0, high = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

const mixed = (color: Rgb, share: number, ground: Rgb): Rgb =>
  color.map((part, at) => part * share + (ground[at] ?? 0) * (1 - share)) as unknown as Rgb;

const TEXT: readonly (readonly [string, readonly string[]])[] = [
  ["--text", ["--surface", "--surface-2", "--surface-3", "--canvas"]],
  ["--text-2", ["--surface", "--surface-2", "--surface-3", "--canvas"]],
  ["--text-3", ["--surface", "--surface-2"]],
  ["--accent-text", ["--surface", "--accent-soft"]],
  ["--on-accent", ["--accent", "--accent-hover"]],
  ["--ok", ["--surface", "--ok-soft"]],
  ["--warn", ["--surface", "--warn-soft"]],
  ["--danger", ["--surface", "--danger-soft"]],
  ["--edge-cond", ["--surface"]],
  ["--text", ["--accent-soft", "--diff-add-soft", "--diff-mod-soft", "--diff-del-soft"]],
  ["--text-2", ["--accent-soft", "--diff-add-soft", "--diff-mod-soft", "--diff-del-soft"]],
  ["--diff-add", ["--surface", "--diff-add-soft"]],
  ["--diff-mod", ["--surface", "--diff-mod-soft"]],
  ["--diff-del", ["--surface", "--diff-del-soft"]],
  ["--surface", ["--ok", "--warn", "--danger", "--fam-gemini", "--fam-data", "--text-2"]],
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`--person-${n}`, ["--surface", "--on-person"]] as const),
];

const SHAPES: readonly (readonly [string, readonly string[]])[] = [
  ["--control-line", ["--surface"]],
  ["--edge", ["--surface", "--canvas"]],
  ["--edge-cond", ["--canvas"]],
  ["--edge-active", ["--surface", "--canvas"]],
  ["--accent", ["--surface", "--canvas"]],
  ["--focus", ["--surface", "--surface-2", "--canvas"]],
  ["--danger", ["--canvas"]],
  ["--ok", ["--surface"]],
  ["--focus", ["--surface-3", "--accent-soft"]],
  ...[1, 2, 3, 4, 5, 6, 7, 8].map((n) => [`--person-${n}`, ["--canvas", "--surface-2"]] as const),
];

describe.each([
  ["light", light],
  ["dark", dark],
] as const)("%s", (_, tokens) => {
  const pairs = (table: typeof TEXT): [string, string][] => table.flatMap(([one, grounds]) => grounds.map((ground): [string, string] => [one, ground]));

  it.each(pairs(TEXT))("text %s on %s has a contrast of 4.5", (text, ground) => {
    expect(contrast(rgb(tokens, text), rgb(tokens, ground))).toBeGreaterThanOrEqual(4.5);
  });

  it.each(pairs(SHAPES))("%s on %s has a contrast of 3", (shape, ground) => {
    expect(contrast(rgb(tokens, shape), rgb(tokens, ground))).toBeGreaterThanOrEqual(3);
  });

  it.each(["claude", "gemini", "flow", "data", "state", "other"])("the icon of %s on its tile has a contrast of 3", (family) => {
    const color = rgb(tokens, `--fam-${family}`);
    const tile = mixed(color, parseFloat(tokens["--fam-tint"] ?? "") / 100, rgb(tokens, "--surface"));
    expect(contrast(color, tile)).toBeGreaterThanOrEqual(3);
  });
});
