// The index line and a segment that goes while one of its frames is on the way.
import { join } from 'node:path';
import type { ApiClient } from '@echoplane/api';
import { type Clock, silentLogger } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { Cleanup, clock as realClock, temporaryHome, until } from '../forwarder.fixture.ts';
import { Ledger } from '../spool/ledger.ts';
import { Bell } from './bell.ts';
import { CatchUp } from './catch-up.ts';
import { Gate } from './gate.ts';
import { IndexLine } from './index-line.ts';

const cleanup = new Cleanup();
afterEach(() => cleanup.run());

test('a frame that fails while its segment is given up is not tried for ever', async () => {
  const waiting: (() => void)[] = [];
  const clock: Clock = {
    nowUs: () => 1,
    sleep: (_, signal) =>
      new Promise((resolve) => {
        waiting.push(resolve);
        signal?.addEventListener('abort', () => resolve());
      }),
  };
  const bell = new Bell();
  const line = new IndexLine({
    client: { call: () => Promise.reject(new Error('away')) } as unknown as ApiClient,
    ...{ ledger: new Ledger('forwarder', 'life'), clock, log: silentLogger(), bell, agent: 'a' },
    ...{ catchUp: new CatchUp(realClock, 1 << 30), gate: new Gate(bell) },
  });
  const halt = new AbortController();
  const running = line.run(halt.signal);
  cleanup.add(() => {
    halt.abort();
    bell.ring();
    return running;
  });
  const path = join(await temporaryHome(cleanup), 'gone.closed');
  const segment = {
    ...{ id: '0190a0a0-0000-7000-8000-000000000000', path, closed: true, sizeBytes: 10, pairs: 1 },
    ...{ frames: [{ offset: 0, length: 10, lines: 1 }], unsettled: 1, refused: 0 },
  };
  line.push(segment, 0);
  await until('a failed attempt', () => line.failures === 1 && waiting.length > 0);
  expect(line.lagFrames).toBe(1);
  line.forget(segment);
  for (const wake of waiting.splice(0)) wake();
  await until('the line to be empty', () => line.lagFrames === 0);
});
