// What the tests of commands share: a sound command and result of each kind, and the words to ask, watch and end them.
import type { CommandOutcome, CommandResults } from '@echoplane/api';
import type { RRPair } from '@echoplane/traffic';
import type { z } from 'zod';
import { type Run, Stage } from './agent.fixture.ts';

export const POSITION = { segment: id(900), frame: 0, frameOffset: 0, frameLength: 10, line: 0 };
const ADDRESS = { ip: '127.0.0.1', port: 1, host: null };
const BODY = { size: 4, encoding: 'identity', text: 'ping' };
const PAIR: RRPair = {
  ...{ v: 1, id: id(901), ts: 1, durationUs: 1, ttfbUs: 1, direction: 'IN', protocol: 'http/1.1' },
  source: { cluster: 'c', namespace: 'n', workload: { kind: 'Pod', name: 'w' }, pod: 'p', container: 'c' },
  ...{ client: ADDRESS, server: ADDRESS, tls: null, connection: { id: 'k', seq: 0 }, session: null },
  request: { method: 'GET', url: 'http://shop/recorded', headers: [], body: BODY },
  response: { status: 200, headers: [], body: BODY },
  ...{ error: null, tags: {}, redactions: [] },
};
const QUERY = { from: 0, to: 1 };
export const BODIES = {
  flush: { kind: 'flush' },
  'fetch-pair': { kind: 'fetch-pair', id: id(901), key: null, position: POSITION },
  recall: { kind: 'recall', from: 0, to: 1, limit: 10 },
  search: { kind: 'search', filter: 'true', limit: 10, selection: { query: QUERY, rows: 0 } },
  erase: { kind: 'erase', erasure: id(902), sealed: 'x' },
  'edit-snapshot': { kind: 'edit-snapshot', snapshot: id(904), from: 't/snapshots/s/1/', edits: {} },
} as const;
export const RESULTS = {
  'fetch-pair': { pair: PAIR },
  flush: { flushed: true },
  recall: { pairs: 1, segment: null, complete: true },
  search: { ids: [id(903)], scanned: 7, complete: true },
  erase: { segments: 1, pairs: 2, scannedBytes: 3, rewritten: [], snapshots: [], after: null, documents: [] },
} satisfies { [K in keyof typeof BODIES]?: z.input<(typeof CommandResults)[K]> };

export function id(n: number): string {
  return `0190a0a0-0000-7000-8000-${String(n).padStart(12, '0')}`;
}

export class CommandStage extends Stage {
  /** Sends a command that lives for an hour. */
  ask(n: number, kind: keyof typeof BODIES): void {
    const expiresAt = this.clock.nowUs() + 3_600_000_000;
    this.plane.send('command', this.plane.command(id(n), BODIES[kind], { expiresAt }));
  }

  /** Waits until it runs, in the given life of the forwarder (from 1). */
  async began(n: number, life = 1): Promise<Run> {
    await this.until(`command ${n} runs`, () => this.runsOf(n).length === life);
    return this.runsOf(n)[life - 1]!;
  }

  runsOf(n: number): Run[] {
    return this.runs.filter((run) => run.id === id(n));
  }

  async outcome(n: number): Promise<CommandOutcome> {
    await this.until(`the outcome of ${n}`, () => this.plane.outcomeOf(id(n)) !== undefined);
    return this.plane.outcomeOf(id(n))!;
  }

  /** Waits until an outcome was sent, whatever became of it. */
  async toldInVain(): Promise<void> {
    await this.until('an outcome was sent', () =>
      this.plane.requests.some(({ path }) => path.endsWith('/outcome')),
    );
  }

  /** A command that comes after what was sent before it: when it has ended, all that was judged. */
  async passed(n: number): Promise<void> {
    this.ask(n, 'flush');
    (await this.began(n)).end(RESULTS.flush);
    await this.outcome(n);
  }
}
