import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** Where `vite` finds the hub while the pages are being developed. */
const hub = 'http://127.0.0.1:5001';

export default defineConfig({
  root: 'web',
  base: '/',
  plugins: [react()],
  build: {
    outDir: '../dist/web',
    emptyOutDir: true,
    // Data URIs would need `data:` in the content security policy.
    assetsInlineLimit: 0,
    // Cytoscape alone is 430 kB; it loads with the page that draws a map, not with the first one.
    chunkSizeWarningLimit: 640,
  },
  worker: { format: 'es' },
  server: { proxy: { '/api': hub, '/socket.io': { target: hub, ws: true } } },
});
