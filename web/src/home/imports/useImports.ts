/** The imports of this page in components, and how to choose files for them. */
import { useCallback, useSyncExternalStore } from "react";
import { rest } from "../../session/rest";
import { useHome } from "../HomeState";
import { type Import, Imports, type Taken } from "./imports";

/** What the server calls a pipeline whose file has no name. */
const UNTITLED = "Untitled pipeline";

const imports = new Imports(async (teamId, yaml, fileName): Promise<Taken> => {
  const made = await rest.pipelines.importYaml(teamId, yaml);
  if (made.name !== UNTITLED) return made;
  const name = fileName.replace(/\.\w+$/, "") || UNTITLED;
  // It is there already: without the better name it is taken all the same.
  await rest.pipelines.rename(made.id, name).catch(() => undefined);
  return { ...made, name };
});

export const useImportList = (): readonly Import[] => useSyncExternalStore(imports.subscribe, imports.get);

export const { retry, clear } = imports;

/** `add` takes files for the chosen team; `choose` asks for files first. */
export function useImports(): { readonly add: (files: Iterable<File>) => void; readonly choose: () => void } {
  const { team, readOnly, say } = useHome();
  const add = useCallback(
    (files: Iterable<File>) => {
      if (team === undefined) return;
      if (readOnly === undefined) imports.add(files, team.id);
      else say({ text: `${readOnly}.`, isRefusal: true });
    },
    [team, readOnly, say],
  );
  const choose = useCallback(() => {
    const field = document.createElement("input");
    Object.assign(field, { type: "file", multiple: true, accept: ".yaml,.yml,.json" });
    field.addEventListener("change", () => add(field.files ?? []));
    field.click();
  }, [add]);
  return { add, choose };
}
