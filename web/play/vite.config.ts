// The playground's page: web/play → target/play, served by `npm start` on loopback (dev/play). It is never deployed,
// which is why it is not built beside the desk's page. Nothing is inlined: its policy allows no inline script or style.
import { defineConfig } from "vite";

export default defineConfig({
  root: new URL(".", import.meta.url).pathname,
  publicDir: false,
  base: "/play/",
  build: {
    assetsInlineLimit: 0,
    modulePreload: false,
    reportCompressedSize: false,
  },
});
