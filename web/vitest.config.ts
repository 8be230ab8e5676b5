import { mergeConfig } from "vite";
import { defineConfig } from "vitest/config";
import page from "./vite.config";

// In one thread, which loads what is tested once: forty processes that load it each cost ten times the tests.
export default mergeConfig(page, defineConfig({ test: { include: ["src/**/*.test.ts"], pool: "threads", isolate: false, maxWorkers: 1 } }));
