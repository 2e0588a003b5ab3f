// Runs one foreign command for as long as its parent lives: `node guard.ts [--signal NAME] [--remove DIR]… -- COMMAND…`.
// Its stdin is a pipe held by the parent; when that ends, for whatever reason, the command is stopped and the folders are
// removed. It is what keeps Ctrl-C and even a killed parent from leaving a database or a temporary folder behind.
import { spawn } from 'node:child_process';
import { rmSync } from 'node:fs';

const KILL_AFTER_MS = 8_000;

const args = process.argv.slice(2);
const split = args.indexOf('--');
const options = args.slice(0, split);
const valuesOf = (name: string) => options.flatMap((option, i) => (option === name ? [options[i + 1]!] : []));
const signal = (valuesOf('--signal')[0] ?? 'SIGTERM') as NodeJS.Signals;
const [command, ...rest] = args.slice(split + 1);

const child = spawn(command!, rest, { stdio: ['ignore', 'inherit', 'inherit'] });
let stopping = false;

function stop(): void {
  if (stopping) return;
  stopping = true;
  child.kill(signal);
  setTimeout(() => child.kill('SIGKILL'), KILL_AFTER_MS).unref();
}

child.on('error', (err) => {
  process.stderr.write(`${command} cannot be started: ${err.message}\n`);
  process.exit(1);
});
child.on('exit', (code, by) => {
  if (stopping)
    for (const folder of valuesOf('--remove'))
      rmSync(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
  process.exit(code ?? (by === signal ? 0 : 1));
});
for (const name of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(name, stop);
process.stdin.on('end', stop).on('error', stop).resume();
