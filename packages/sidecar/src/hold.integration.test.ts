// What holds a pod: the responder ends it, or its own deadline, or a setting that is no good; never an error.
import { createServer } from 'node:net';
import type { Clock } from '@echoplane/runtime';
import { afterEach, expect, test } from 'vitest';
import { freePort } from '../../../test/ports.ts';
import { hold } from './hold.ts';
import { closeAll, listening } from './sidecar.fixture.ts';

afterEach(closeAll);

/** Sleeping takes no time and is counted. */
function fakeClock(onSleep: (count: number) => void | Promise<void> = () => {}): Clock & { slept: number } {
  let nowUs = 1;
  return {
    slept: 0,
    nowUs: () => nowUs,
    async sleep(ms) {
      nowUs += ms * 1000;
      await onSleep(++this.slept);
    },
  };
}

const settings = (port: number, seconds: string) => ({
  ECHOPLANE_RESPONDER_HOST: '127.0.0.1',
  ECHOPLANE_RESPONDER_PORT: String(port),
  ECHOPLANE_HOLD_SECONDS: seconds,
});

test('a responder that is there ends it at once', async () => {
  const clock = fakeClock();
  expect(await hold(settings(await listening(createServer()), '60'), clock)).toBe(0);
  expect(clock.slept).toBe(0);
});

test('a responder that comes later ends it then', async () => {
  const port = await freePort();
  const clock = fakeClock(async (count) => {
    if (count === 3) await new Promise<void>((resolve) => late.listen(port, '127.0.0.1', resolve));
  });
  const late = createServer();
  expect(await hold(settings(port, '60'), clock)).toBe(0);
  expect(clock.slept).toBe(3);
  late.close();
});

test('without a responder it ends at its deadline with code 0', async () => {
  const clock = fakeClock();
  expect(await hold(settings(await freePort(), '2'), clock)).toBe(0);
  expect(clock.slept).toBe(8);
});

test('without settings it ends at once with code 0', async () => {
  expect(await hold({}, fakeClock())).toBe(0);
});
