// A real Redis for integration tests, on a free port without persistence, gone when it is stopped. It takes `redis-server` from
// the PATH (Debian: apt-get install redis-server).
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePort } from './ports.ts';

const START_DEADLINE_MS = 50_000;

export interface TestRedis {
  url: string;
  /** Stops it as it stands; its data is gone. */
  stop(): Promise<void>;
  /** It answers nobody any more, and does not close connections either. */
  freeze(): void;
  thaw(): void;
}

export async function startRedis(): Promise<TestRedis> {
  const port = await freePort();
  const options = ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--dir', tmpdir()];
  const server = spawn('redis-server', options, { stdio: 'ignore' });
  const failed = new Promise<never>((_, reject) => {
    server.once('error', (cause) => {
      reject(new Error('there is no redis-server on the PATH: apt-get install redis-server', { cause }));
    });
  });
  process.once('exit', () => server.kill('SIGKILL'));
  await Promise.race([untilReady(port, server), failed]);
  return {
    url: `redis://127.0.0.1:${port}`,
    async stop() {
      if (server.exitCode !== null || server.signalCode !== null) return;
      server.kill('SIGKILL');
      await once(server, 'exit');
    },
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
  };
}

async function untilReady(port: number, server: ChildProcess): Promise<void> {
  for (const deadline = Date.now() + START_DEADLINE_MS; ; ) {
    if (server.exitCode !== null) throw new Error(`Redis ended with code ${server.exitCode} while starting`);
    const socket = connect(port, '127.0.0.1');
    const isUp = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true)).once('error', () => resolve(false));
    });
    socket.destroy();
    if (isUp) return;
    if (Date.now() > deadline) throw new Error('Redis did not start in time');
    await sleep(20);
  }
}
