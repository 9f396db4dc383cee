import { defineConfig } from "vite";

// The page is served as /, everything it loads as /playground/NAME-HASH, and all links are relative, so that Callboard also works below a path
// of a reverse proxy. There is no inline script and no data URL for scripts: the server's content policy forbids both.
export default defineConfig({
  base: "./",
  publicDir: false,
  build: {
    outDir: "../gateway/server/playground/dist",
    emptyOutDir: true,
    assetsDir: "playground",
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 5000, // Monaco is what it is
    target: "es2022",
    license: { fileName: "licenses.md" }, // the notices of what is bundled: they go into the binary with it
    rolldownOptions: {
      onLog(level, log, print) {
        if (log.code !== "MODULE_LEVEL_DIRECTIVE") print(level, log); // "use client" means nothing in a page without server components
      },
    },
  },
  worker: { format: "es" },
});
