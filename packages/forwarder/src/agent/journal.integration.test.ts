import { appendFile, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CLOCK_TOLERANCE_US } from '@echoplane/api';
import { silentLogger } from '@echoplane/runtime';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Cleanup, temporaryHome } from '../forwarder.fixture.ts';
import { type CommandRecord, type Journal, openJournal } from './journal.ts';
import { SteppedClock } from './stepped-clock.fixture.ts';

const MINUTE_US = 60_000_000;
const clock = new SteppedClock();
const SETTLED = { settled: true, body: null, outcome: null };

let cleanup: Cleanup;
let dir: string;
beforeEach(async () => {
  cleanup = new Cleanup();
  dir = await temporaryHome(cleanup);
});
afterEach(() => cleanup.run());

async function opened(maxIds?: number): Promise<Journal> {
  const options = { files: { dir, fsync: true }, clock, log: silentLogger() };
  const journal = await openJournal(maxIds === undefined ? options : { ...options, maxIds });
  cleanup.add(() => journal.close());
  return journal;
}

function text(): Promise<string> {
  return readFile(join(dir, 'commands.jsonl'), 'utf8');
}

function command(n: number, lifeUs = MINUTE_US) {
  const id = `0190a0a0-0000-7000-8000-${String(n).padStart(12, '0')}`;
  const now = clock.nowUs();
  return { id, expiresAt: now + lifeUs, beginBy: now + lifeUs, body: { kind: 'flush', of: n } };
}

describe('the journal', () => {
  test('knows in the next life what it was told in this one', async () => {
    const first = await opened();
    const [one, two, three] = [command(1), command(2), command(3)];
    const begun = (await first.take(one)) as CommandRecord;
    await first.note(begun, { begun: 1 });
    await first.note((await first.take(two)) as CommandRecord, SETTLED);
    await first.note((await first.take(three)) as CommandRecord, {
      outcome: { state: 'failed', message: 'No.' },
    });
    const second = await opened();
    expect(second.unsettled()).toEqual([
      { ...one, begun: 1, paused: 0, outcome: null, settled: false },
      { ...three, begun: 0, paused: 0, outcome: { state: 'failed', message: 'No.' }, settled: false },
    ]);
    for (const { id } of [one, two, three]) expect(second.has(id)).toBe(true);
    expect(await second.take(two)).toBe('known');
  });

  test('has a command on the disk when it says that it took it', async () => {
    const journal = await opened();
    const ids = await Promise.all(
      [1, 2, 3].map(async (n) => {
        const record = (await journal.take(command(n))) as CommandRecord;
        expect(await text()).toContain(record.id);
        return record.id;
      }),
    );
    expect(new Set(ids).size).toBe(3);
  });

  test('cuts off a torn last line, skips a broken one, and goes on behind them', async () => {
    const first = await opened();
    await first.take(command(1));
    await appendFile(join(dir, 'commands.jsonl'), 'broken\n{"id":"x"}\n');
    await appendFile(join(dir, 'commands.jsonl'), JSON.stringify(command(2)).slice(0, -9));
    const second = await opened();
    expect(second.size).toBe(1);
    await second.take(command(3));
    expect((await opened()).unsettled().map(({ body }) => body?.of)).toEqual([1, 3]);
  });

  test('overwrites what a failed write may have left behind', async () => {
    const first = await opened();
    await first.take(command(1));
    await appendFile(join(dir, 'commands.jsonl'), `{"id":"${'half a line'.repeat(100)}`);
    await first.take(command(2));
    expect(await text()).toMatch(/^\{.*\}\n\{.*\}\n$/);
    expect((await opened()).size).toBe(2);
  });

  test('forgets an id when its envelope is refused by its own age, and no command that is not settled', async () => {
    const journal = await opened();
    const [old, open] = [command(1), command(2)];
    await journal.note((await journal.take(old)) as CommandRecord, SETTLED);
    await journal.take(open);
    clock.advance((MINUTE_US + CLOCK_TOLERANCE_US) / 1_000 - 1);
    await journal.take(command(3));
    expect(journal.has(old.id)).toBe(true);
    clock.advance(2);
    await journal.take(command(4));
    expect([journal.has(old.id), journal.has(open.id)]).toEqual([false, true]);
  });

  test('takes nothing more when it is full of ids that are not to be forgotten yet', async () => {
    const journal = await opened(2);
    const first = command(1);
    await journal.note((await journal.take(first)) as CommandRecord, SETTLED);
    await journal.take(command(2));
    expect(await journal.take(command(3))).toBe('full');
    expect(await journal.take(first)).toBe('known');
    clock.advance((MINUTE_US + CLOCK_TOLERANCE_US) / 1_000 + 1);
    expect(await journal.take(command(4))).toMatchObject({ settled: false });
  });

  test('stays as small as what it knows, and drops what settled commands were about', async () => {
    const journal = await opened();
    const record = (await journal.take(command(1))) as CommandRecord;
    for (let turn = 1; turn <= 2_000; turn++) await journal.note(record, { begun: turn });
    expect((await stat(join(dir, 'commands.jsonl'))).size).toBeLessThan(300 * 100);
    await journal.note(record, SETTLED);
    await journal.compact();
    expect(await text()).not.toContain('flush');
    expect((await opened()).has(record.id)).toBe(true);
  });

  test('has nothing of an erasure, or of what was asked before, in its file once that is settled', async () => {
    const journal = await opened();
    const search = { ...command(1), body: { kind: 'search', filter: 'the value' } };
    await journal.note((await journal.take(search)) as CommandRecord, SETTLED);
    const erase = { ...command(2), body: { kind: 'erase', documents: [{ value: 'the value' }] } };
    const taken = (await journal.take(erase)) as CommandRecord;
    expect(await text()).toContain('the value');
    await journal.note(taken, SETTLED);
    expect(await text()).not.toContain('the value');
    expect((await opened()).has(erase.id)).toBe(true);
  });

  test('that cannot write takes no command', async () => {
    const journal = await opened();
    await journal.close();
    const { id } = command(1);
    await expect(journal.take(command(1))).rejects.toThrow('closed');
    expect(journal.has(id)).toBe(false);
  });

  test('starts empty beside a file that is something else', async () => {
    await writeFile(join(dir, 'commands.jsonl'), '\0\0\0\n[]\nnull\n');
    expect((await opened()).size).toBe(0);
  });
});
