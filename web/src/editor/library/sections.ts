/** The sections of the library, and which types stand in each. */
import { type Family, familyOf } from "../families";

const SECTIONS: readonly { readonly title: string; readonly families: readonly Family[] }[] = [
  { title: "AI providers", families: ["claude", "gemini"] },
  { title: "Control flow", families: ["flow"] },
  { title: "Data and files", families: ["data"] },
  { title: "State", families: ["state"] },
  { title: "Other", families: ["other"] },
];

export interface Section<T> {
  readonly title: string;
  readonly types: readonly T[];
}

/** Those with types, by family and in the order given. */
export function sectionsOf<T extends { readonly type: string }>(types: readonly T[]): readonly Section<T>[] {
  return SECTIONS.map(({ title, families }) => {
    const found = families.flatMap((family) => types.filter(({ type }) => familyOf(type) === family));
    return { title, types: found };
  }).filter((section) => section.types.length > 0);
}
