/** The chunk with the editor of shared texts: asked for once, and again after a failure. */
type Loaded = typeof import("./textEditor");

let loading: Promise<Loaded> | undefined;

export function loadTextEditor(): Promise<Loaded> {
  loading ??= import("./textEditor").catch((error: unknown) => {
    loading = undefined;
    throw error;
  });
  return loading;
}
