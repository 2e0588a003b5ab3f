// One project per kind of test; `*.integration.test.ts` may use sockets, disks, processes and databases, plain
// `*.test.ts` may not. Browser and fault suites are apart because they are slow.
import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**'];

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'architecture',
          include: [
            'test/architecture.test.ts',
            'test/lockfile.test.ts',
            'test/where-your-data-goes.test.ts',
          ],
          exclude,
        },
      },
      {
        test: {
          name: 'unit',
          // Pure: no test leaves anything behind that another could see.
          isolate: false,
          include: ['packages/*/src/**/*.test.{ts,tsx}'],
          exclude: [...exclude, '**/*.integration.test.ts', '**/*.fuzz.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          include: ['packages/*/src/**/*.integration.test.ts', 'test/*.integration.test.ts'],
          exclude,
          testTimeout: 60_000,
          hookTimeout: 60_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'fault',
          include: ['test/*.fault.test.ts'],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 60_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'fuzz',
          include: ['packages/*/src/**/*.fuzz.test.ts'],
          exclude,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'browser',
          include: ['test/*.browser.test.ts'],
          exclude,
          testTimeout: 120_000,
          hookTimeout: 180_000,
        },
      },
    ],
  },
});
