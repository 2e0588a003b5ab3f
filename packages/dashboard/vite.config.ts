// How the dashboard is built: one page with its assets under `dist/`, which the control plane serves at `/`.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: import.meta.dirname,
  plugins: [react()],
  build: {
    chunkSizeWarningLimit: 1_500,
    // The first versions with `light-dark()`, which a lowered form would not follow Mantine's colour scheme.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    rolldownOptions: {
      onLog(level, log, report) {
        // The contract's schemas share an entry with code that hashes and compresses. No page calls it, so Vite's
        // empty stand-ins for `node:crypto` and `node:zlib` are what is wanted.
        if (/"node:(crypto|zlib)" has been externalized/.test(log.message)) return;
        report(level, log);
      },
    },
  },
});
