import type { HeaderList } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import type { Ending } from './chaos.ts';
import { deliver } from './deliver.ts';
import type { Piece } from './paced-body.ts';
import type { Turn } from './turn.ts';

/** A client that notes what reaches it; `take` settles each write. */
function client(take: () => Promise<boolean> = async () => true) {
  const seen: string[] = [];
  const left = new AbortController();
  const note = (what: string) => () => void seen.push(what);
  const turn: Turn = {
    left: left.signal,
    send: async () => true,
    open: () => ({
      write(bytes) {
        seen.push(`write ${bytes}`);
        return take();
      },
      async end(trailers: HeaderList = []) {
        seen.push(`end ${trailers.join()}`);
        return true;
      },
    }),
    destroy: note('destroy'),
    reset: note('reset'),
  };
  return { seen, turn, leave: () => left.abort() };
}

const pieces: Piece[] = ['ab', 'cd', 'ef'].map((text, n) => ({ bytes: Buffer.from(text), atUs: n * 1_000 }));
const reply = {
  status: 200,
  reason: '',
  headers: [],
  trailers: [['x', 'y'] as [string, string]],
  body: Buffer.from('abcdef'),
};
const instant = { nowUs: () => 0, sleep: async () => {} };
const options = (ending: Ending | null = null) => ({
  reply,
  pieces,
  ending,
  clock: instant,
  signal: new AbortController().signal,
});

test('pieces are written in order, then the trailers', async () => {
  const { turn, seen } = client();
  expect(await deliver(turn, options())).toBe(true);
  expect(seen).toEqual(['write ab', 'write cd', 'write ef', 'end x,y']);
});

test('a client that takes nothing more is waited for before the next piece', async () => {
  const gate = Promise.withResolvers<boolean>();
  const { turn, seen } = client(() => gate.promise);
  const done = deliver(turn, options());
  await new Promise(setImmediate);
  expect(seen).toEqual(['write ab']);
  gate.resolve(true);
  expect(await done).toBe(true);
});

test('a client that leaves, or takes no more, gets nothing more', async () => {
  const leaving = client();
  const asleep = { nowUs: () => 0, sleep: async () => leaving.leave() };
  expect(await deliver(leaving.turn, { ...options(), clock: asleep })).toBe(false);
  expect(leaving.seen).toEqual(['write ab', 'destroy']);
  const gone = client(async () => false);
  expect(await deliver(gone.turn, options())).toBe(false);
  expect(gone.seen).toEqual(['write ab', 'destroy']);
});

test.each<[Ending, string[]]>([
  [{ type: 'reset', bytes: null }, ['reset']],
  [{ type: 'close', bytes: null }, ['destroy']],
  [{ type: 'cut', bytes: 3 }, ['write ab', 'write c', 'destroy']],
  [{ type: 'cut', bytes: null }, ['write ab', 'write c', 'destroy']],
  [{ type: 'cut', bytes: 0 }, ['destroy']],
  [{ type: 'cut', bytes: 99 }, ['write ab', 'write cd', 'write ef', 'destroy']],
  [{ type: 'stall', bytes: null }, ['write ab', 'write c', 'destroy']],
])('ending %o: %j', async (ending, wanted) => {
  const { turn, seen } = client();
  expect(await deliver(turn, options(ending))).toBe(false);
  expect(seen).toEqual(wanted);
});
