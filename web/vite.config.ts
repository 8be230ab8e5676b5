/** Builds the page into the folder from which the server serves it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));

/** The library's entry points, from its source: what `exports` of its package names, and nothing deeper. */
function entryPoints(): { find: RegExp; replacement: string }[] {
  const { exports } = JSON.parse(readFileSync(here("../clients/js/package.json"), "utf8")) as {
    exports: Record<string, { default: string }>;
  };
  return Object.entries(exports).map(([name, { default: built }]) => ({
    find: new RegExp(`^pipeloom-client${name.slice(1)}$`),
    replacement: here(`../clients/js/${built.replace("./dist/", "src/").replace(/\.js$/, ".ts")}`),
  }));
}

/** Writes a compressed copy beside each script and style sheet: the server compresses nothing. */
const compressed: Plugin = {
  name: "pipeloom-compressed",
  apply: "build",
  writeBundle({ dir = "" }, bundle) {
    for (const name of Object.keys(bundle).filter((each) => /\.(js|css|svg)$/.test(each))) {
      writeFileSync(join(dir, `${name}.gz`), gzipSync(readFileSync(join(dir, name)), { level: 9 }));
    }
  },
};

/**
 * Takes the names away that React Flow writes on its components: what is written to is kept, and with it parts that
 * nobody uses, such as its own map and its handles for resizing.
 */
const unnamed: Plugin = {
  name: "pipeloom-unnamed",
  apply: "build",
  transform: (code, id) => (id.includes("@xyflow/react/") ? code.replace(/^\w+\.displayName = .*;$/gm, "") : null),
};

/** A group of modules that become one file: those whose paths match one of these. */
const group = (name: string, priority: number, ...parts: readonly string[]) => ({ name, priority, test: new RegExp(`[/\\0](${parts.join("|")})`) });

/**
 * What is loaded first, in few files: each module that several chunks share would otherwise be one of its own, and small
 * files compress badly. `page` is what every page needs, `editing` what an open pipeline needs besides.
 */
const GROUPS = [
  group(
    "page", 2,
    "vite/preload-helper",
    "node_modules/(react|react-dom|scheduler|use-sync-external-store|wouter)/",
    "node_modules/lucide-react/dist/esm/(?!icons/)",
    // What only parts that come later show is left out.
    "web/src/(ui|theme|session)/(?!Dialog|FormDialog|Menu|Select|SearchInput|TextField|SignIn|download)",
    "web/src/own\\.",
    "web/src/editor/familyOf\\.",
    "clients/js/src/(rest/|listeners)",
  ),
  group(
    "editing", 1,
    "node_modules/(@xyflow|d3-[a-z]+|zustand|classcat|yjs|lib0|y-protocols|y-indexeddb|@hocuspocus|@lifeomic|fractional-indexing)/",
    // All but what only editors of text and edits of switches need.
    "clients/js/src/(?!(cases|carets)\\.)",
    "web/src/editor/(state|useCommands|pointer)\\.",
    "web/src/editor/canvas/(scene|measures|canvasState|canvasContext|facts|slots|viewFlow|wires|surroundings|same|routing|targets|later)\\.",
    "web/src/editor/(comments/(CommentsProvider|threads)|problems/useProblemsOf)\\.",
  ),
];

/** Where the API is while `npm run dev` serves the page. */
const server = process.env["PIPELOOM_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), unnamed, compressed],
  resolve: {
    alias: entryPoints(),
    // The library's source lies beside its own packages: the page has each only once.
    dedupe: ["@hocuspocus/provider", "@xyflow/react", "fractional-indexing", "react", "react-dom", "y-protocols", "yjs"],
  },
  build: {
    outDir: "../app/web_assets",
    emptyOutDir: true,
    target: "es2022",
    // A style sheet or font in a data: address would need a weaker content security policy.
    assetsInlineLimit: 0,
    manifest: "manifest.json",
    // Swagger UI is that large, and only the documentation of the API loads it.
    chunkSizeWarningLimit: 1600,
    rolldownOptions: {
      input: { index: here("index.html"), "api-docs": here("api-docs.html") },
      output: { codeSplitting: { groups: GROUPS } },
      treeshake: { manualPureFunctions: ["memo", "forwardRef"] },
    },
  },
  server: {
    proxy: { "/api": server, "/collab": { target: server, ws: true } },
  },
});
