import { describe, expect, test } from 'vitest';
import { TookTooLong, within } from './deadline.ts';
import { SteppedClock } from './stepped-clock.fixture.ts';

const never = new AbortController().signal;

describe('within()', () => {
  test('gives what comes in time, and the failure that comes in time', async () => {
    const limit = { clock: new SteppedClock(), ms: 10, what: 'it' };
    expect(await within(limit, never, async () => 7)).toBe(7);
    await expect(within(limit, never, () => Promise.reject(new Error('its own')))).rejects.toThrow('its own');
  });

  test('aborts what takes too long and says so, even when it does not listen', async () => {
    const clock = new SteppedClock();
    let seen: AbortSignal | undefined;
    const late = within({ clock, ms: 10, what: 'it' }, never, (signal) => {
      seen = signal;
      return new Promise(() => {});
    });
    clock.advance(9);
    expect(seen?.aborted).toBe(false);
    clock.advance(1);
    await expect(late).rejects.toThrow(new TookTooLong('it took longer than 10 ms'));
    expect(seen?.aborted).toBe(true);
  });

  test('passes an abort on', async () => {
    const stopping = new AbortController();
    const limit = { clock: new SteppedClock(), ms: 10, what: 'it' };
    const aborted = within(limit, stopping.signal, () => new Promise(() => {}));
    stopping.abort(new Error('stop'));
    await expect(aborted).rejects.toThrow('stop');
  });
});
