// Runs suites and closes with `N passed, N failed`, the sum over all of them. A suite that did not run counts as one
// failure, so that nothing is green by not being there. `node test/run.ts [SUITE …]`; without names: what `npm test` is.
import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { findProgram } from './object-stores.ts';

interface Tally {
  passed: number;
  failed: number;
  /** The names of those that failed, or why nothing ran: said again at the end, where a long log is read first. */
  failures: string[];
}

interface Suite {
  command: (reportFile: string) => string[];
  /** Programs that must be on the machine; what provides them is in the README. */
  needs: string[];
  /** How the outcome is counted: vitest's own report, or one check that passes with exit code 0. */
  counts: 'vitest' | 'exit-code';
}

const ROOT = join(import.meta.dirname, '..');
const bin = (name: string) => join(ROOT, 'node_modules', '.bin', name);

function vitest(project: string, needs: string[] = []): Suite {
  const command = (report: string) => [
    bin('vitest'),
    'run',
    '--project',
    project,
    '--reporter=default',
    '--reporter=json',
    `--outputFile.json=${report}`,
  ];
  return { command, needs, counts: 'vitest' };
}

const check = (...command: string[]): Suite => ({ command: () => command, needs: [], counts: 'exit-code' });

const INTEGRATION_TOOLS = [
  ...[
    'curl',
    'haproxy',
    'ip',
    'iptables',
    'java',
    'jq',
    'keytool',
    'nft',
    'openssl',
    'psql',
    'setpriv',
    'zstd',
  ],
];
/** Real clients, servers and network namespaces; and the emulators that `test/emulators.sh` installs. */
const FAULT_TOOLS = [
  ...[
    'curl',
    'h2load',
    'haproxy',
    'ip',
    'iptables',
    'jq',
    'keytool',
    'mariadb',
    'mariadbd',
    'minio',
    'moto_server',
  ],
  ...['nft', 'nghttp', 'nghttpd', 'nginx', 'nsenter', 'openssl', 'otlp_python', 'psql', 'python3', 'setpriv'],
  ...['unshare', 'wrk', 'zstd'],
];
/** What a node is made of; `test/cluster/` builds or fetches the rest. */
const CLUSTER_TOOLS = [
  ...['busybox', 'conntrack', 'containerd', 'ctr', 'ethtool', 'gcc', 'ip', 'ipset', 'iptables', 'nft', 'npm'],
  ...['nsenter', 'openssl', 'runc', 'setpriv', 'socat', 'unshare', 'unzip'],
];

const SUITES: Record<string, Suite> = {
  types: check(bin('tsc'), '--noEmit'),
  'dashboard-types': check(bin('tsc'), '--noEmit', '-p', 'packages/dashboard'),
  lint: check(bin('biome'), 'check', '--error-on-warnings', '.'),
  architecture: vitest('architecture'),
  unit: vitest('unit'),
  integration: vitest('integration', INTEGRATION_TOOLS),
  system: vitest('system', INTEGRATION_TOOLS),
  fault: vitest('fault', FAULT_TOOLS),
  fuzz: vitest('fuzz'),
  // Without Kubernetes, and first, so that nothing of it keeps them from running.
  redirection: vitest('redirection', CLUSTER_TOOLS),
  cluster: vitest('cluster', CLUSTER_TOOLS),
  browser: vitest('browser', ['chromium', 'zstd']),
  demo: check(process.execPath, 'packages/cli/src/main.ts', 'demo', '--once'),
  'demo-private': check(process.execPath, 'packages/cli/src/main.ts', 'demo', '--once', '--private'),
};
const EVERYDAY = ['types', 'dashboard-types', 'lint', 'architecture', 'unit', 'integration'];

async function runSuite(name: string): Promise<Tally> {
  const suite = SUITES[name];
  if (!suite) return didNotRun(name, `there is no such suite; there are ${Object.keys(SUITES).join(', ')}`);
  const missing = suite.needs.filter((program) => !findProgram(program));
  if (missing.length > 0)
    return didNotRun(
      name,
      `${missing.join(', ')} must be installed first (the README names their Debian packages; test/emulators.sh installs moto and MinIO)`,
    );
  const folder = mkdtempSync(join(tmpdir(), 'echoplane-suite-'));
  try {
    const report = join(folder, 'report.json');
    console.log(`\n=== ${name}`);
    const code = await exitCode(suite.command(report), { NODE_COMPILE_CACHE: join(folder, 'compiled') });
    if (suite.counts === 'exit-code')
      return code === 0
        ? { passed: 1, failed: 0, failures: [] }
        : { passed: 0, failed: 1, failures: [`it ended with ${code}`] };
    return readReport(name, report, code);
  } finally {
    // A program that is just ending may still write its compiled code there.
    rmSync(folder, { recursive: true, force: true, maxRetries: 30, retryDelay: 100 });
  }
}

function readReport(name: string, report: string, code: number | null): Tally {
  try {
    const { numPassedTests, numFailedTests, numPendingTests, numTodoTests, testResults } = JSON.parse(
      readFileSync(report, 'utf8'),
    );
    const failed = numFailedTests + numPendingTests + numTodoTests;
    if (numPassedTests + failed === 0) return didNotRun(name, 'it holds no test');
    const failures = notPassed(testResults);
    // A file that cannot be loaded has no tests to count, yet vitest ends with an error.
    if (failed === 0 && code !== 0)
      return { passed: numPassedTests, failed: 1, failures: [...failures, `vitest ended with ${code}`] };
    return { passed: numPassedTests, failed, failures };
  } catch {
    return didNotRun(name, `vitest ended with ${code} and left no report`);
  }
}

/** vitest's report of one test file, as far as it is read here. */
interface FileReport {
  name: string;
  status: string;
  message: string;
  assertionResults: { fullName: string; status: string; failureMessages: string[] }[];
}

/** A line for each test that did not pass, with the first line of its failure; a line for each file that failed as a whole. */
function notPassed(files: FileReport[]): string[] {
  return files.flatMap(({ name, status, message, assertionResults }) => {
    const file = relative(ROOT, name);
    const tests = assertionResults.filter((test) => test.status !== 'passed');
    if (tests.length === 0 && status === 'failed') return [`${file}: ${firstLine(message)}`];
    return tests.map(
      (test) => `${file} > ${test.fullName}: ${firstLine(test.failureMessages[0] ?? test.status)}`,
    );
  });
}

const firstLine = (text: string) => text.split('\n', 1)[0]!.slice(0, 300);

function didNotRun(name: string, why: string): Tally {
  console.error(`The suite ${name} did not run: ${why}.`);
  return { passed: 0, failed: 1, failures: [`it did not run: ${why}`] };
}

function exitCode(command: string[], env: Record<string, string>): Promise<number | null> {
  return new Promise((resolve) => {
    const child = spawn(command[0]!, command.slice(1), {
      cwd: ROOT,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', () => resolve(null));
    child.on('exit', resolve);
  });
}

const names = process.argv.length > 2 ? process.argv.slice(2) : EVERYDAY;
const sum: Tally = { passed: 0, failed: 0, failures: [] };
for (const name of names) {
  const started = performance.now();
  const tally = await runSuite(name);
  sum.passed += tally.passed;
  sum.failed += tally.failed;
  sum.failures.push(...tally.failures.map((failure) => `FAILED ${name}: ${failure}`));
  console.log(
    `--- ${name}: ${tally.passed} passed, ${tally.failed} failed (${((performance.now() - started) / 1000).toFixed(1)} s)`,
  );
}
if (sum.failures.length > 0) console.log(`\n${sum.failures.join('\n')}`);
console.log(`\n${sum.passed} passed, ${sum.failed} failed`);
process.exitCode = sum.failed === 0 ? 0 : 1;
