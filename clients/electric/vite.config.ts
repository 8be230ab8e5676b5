import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

/** Where Pipeloom is while `npm run dev` serves the page: to a browser, both are one origin. */
const server = process.env["PIPELOOM_URL"] ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react()],
  base: "./",
  build: { target: "es2022" },
  server: { proxy: { "/api": server, "/v1": server } },
});
