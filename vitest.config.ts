// One project per kind of test; `*.integration.test.ts` may use sockets, disks, processes and databases, plain
// `*.test.ts` may not. Those of whole systems, browser and fault suites are apart because they are slow.
import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', '**/dist/**'];
/** A limit is there to end a test that hangs, not to judge how fast the machine is: it is far above what any test takes. */
const patient = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 30_000 } } };
/** The same for a dozen programs at once: a machine that is ten times slower, or stands still for a while, is no failure. */
const mostPatient = { testTimeout: 600_000, hookTimeout: 300_000, expect: { poll: { timeout: 120_000 } } };

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'architecture',
          ...patient,
          include: [
            'test/architecture.test.ts',
            'test/lockfile.test.ts',
            'test/where-your-data-goes.test.ts',
            'test/kubernetes-pages.test.ts',
          ],
          exclude,
        },
      },
      {
        test: {
          name: 'unit',
          ...patient,
          // Pure: no test leaves anything behind that another could see.
          isolate: false,
          include: ['packages/*/src/**/*.test.{ts,tsx}', 'test/exam/**/*.test.ts'],
          exclude: [...exclude, '**/*.{integration,system,fuzz}.test.ts'],
        },
      },
      {
        test: {
          name: 'integration',
          ...patient,
          include: ['packages/*/src/**/*.integration.test.ts', 'test/*.integration.test.ts'],
          exclude,
          // Some start several programs one after the other.
          testTimeout: 180_000,
          hookTimeout: 180_000,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'system',
          ...mostPatient,
          include: ['packages/*/src/**/*.system.test.ts', 'test/*.system.test.ts'],
          exclude,
          maxWorkers: 2,
        },
      },
      {
        test: {
          name: 'fault',
          ...mostPatient,
          include: ['test/*.fault.test.ts'],
          exclude,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'fuzz',
          ...patient,
          include: ['packages/*/src/**/*.fuzz.test.ts'],
          exclude,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          name: 'redirection',
          ...patient,
          include: ['test/cluster/redirection.cluster.test.ts'],
          exclude,
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'cluster',
          ...patient,
          include: ['test/cluster/**/*.cluster.test.ts'],
          exclude: [...exclude, 'test/cluster/redirection.cluster.test.ts'],
          globalSetup: ['test/cluster/global-setup.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          maxWorkers: 1,
        },
      },
      {
        test: {
          name: 'browser',
          ...patient,
          include: ['test/*.browser.test.ts'],
          exclude,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
