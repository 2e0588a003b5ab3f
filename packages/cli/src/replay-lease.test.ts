import { type ApiClient, ApiError } from '@echoplane/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { keepReplay, LEASE_SECONDS } from './replay-lease.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** A control plane that notes what it is told, and answers as it is made to. */
function stage(answer: (route: string, told: number) => void = () => {}) {
  const told: string[] = [];
  const client = {
    call: async (route: string) => {
      told.push(route);
      answer(route, told.length);
    },
  } as unknown as ApiClient;
  return { told, client };
}

const conflict = () =>
  new ApiError(409, {
    ...{ type: 'urn:echoplane:problem:conflict', title: 'Conflict', status: 409, code: 'conflict' },
    ...{ detail: 'This one is failed: Nothing was heard.', requestId: 'r' },
  });

test('words go out until the end, and none after it', async () => {
  const { told, client } = stage();
  const lease = keepReplay(client, 'id', new AbortController().signal);
  await vi.advanceTimersByTimeAsync((LEASE_SECONDS / 2) * 1_000);
  expect(told).toEqual(['keepReplay', 'keepReplay', 'keepReplay']);
  lease.end();
  await vi.advanceTimersByTimeAsync(LEASE_SECONDS * 1_000);
  expect(told).toHaveLength(3);
});

test('a replay that ended there is lost here, with the reason; a network that is away loses nothing', async () => {
  const { client } = stage((_, told) => {
    if (told < 3) throw new TypeError('fetch failed');
    throw conflict();
  });
  const lease = keepReplay(client, 'id', new AbortController().signal);
  const lost = expect(lease.lost).rejects.toThrow(
    'The replay was ended while it ran. This one is failed: Nothing was heard.',
  );
  await vi.advanceTimersByTimeAsync(LEASE_SECONDS * 1_000);
  await lost;
  lease.end();
});

test('an interruption cancels at once, and once', async () => {
  const { told, client } = stage(() => {
    throw conflict();
  });
  const interrupted = new AbortController();
  const lease = keepReplay(client, 'id', interrupted.signal);
  interrupted.abort();
  expect(told).toEqual(['cancelReplay']);
  await lease.cancel();
  expect(told).toEqual(['cancelReplay']);
});
