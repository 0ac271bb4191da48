// The desk's page: web/src → web/dist/desk, served by Cloudflare as static assets of the Worker.
//
// Invariant: the page loads nothing inline and nothing from elsewhere, so that the policy in web/public/_headers can
// forbid both. Every file but index.html has a digest in its name and may be cached for ever.
//
// Deliberately not here: copying web/public, the type check and the size limit (dev/web.mjs).
import { defineConfig } from "vite";

export default defineConfig({
  root: new URL("src", import.meta.url).pathname,
  publicDir: false,
  base: "/desk/",
  // tsconfig.json stands one folder above the root and is not looked for there.
  oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
  build: {
    outDir: new URL("dist/desk", import.meta.url).pathname,
    emptyOutDir: true,
    // A small file in the page as data: would be refused by the policy.
    assetsInlineLimit: 0,
    target: "es2022",
    reportCompressedSize: false,
  },
});
