// A drill-in that the control plane cannot answer from a store: the segment is not there yet, or the store is private. The
// agent that holds it is asked, and the answer waited for on whichever replica the question was put. The recorded bytes
// pass through the commands table and are taken out of it as soon as they are read.
import type { CommandBody, CommandResults } from '@echoplane/api';
import type { RRPair } from '@echoplane/traffic';
import type { z } from 'zod';
import { bellKey } from './agent-bell.ts';
import { AWAY_AFTER_US } from './agents.ts';
import { enqueueCommand } from './commands.ts';
import type { Services } from './handlers.ts';
import { ProblemError } from './problems.ts';

/** As long as the command lives. */
const PATIENCE_MS = 10_000;
/** Drill-ins of one tenant that wait on this replica. */
const MAX_WAITING = 16;

const SEEN = 'SELECT name, seen_at_us FROM agents WHERE id = $1';
const ANSWER = 'SELECT state, message, result FROM commands WHERE id = $1';
const FORGET = 'UPDATE commands SET result = NULL WHERE id = $1';

interface Answer {
  state: string;
  message: string | null;
  result: z.output<(typeof CommandResults)['fetch-pair']> | null;
}

export type PairQuestion = Extract<CommandBody, { kind: 'fetch-pair' }>;

export class PairFetcher {
  readonly #services: Services;
  readonly #waiting = new Map<string, number>();

  constructor(services: Services) {
    this.#services = services;
  }

  /** The RRPair as its agent has it. Throws `agent_away` when there is no answer in time. */
  async fetch(tenant: string, agent: string, question: PairQuestion): Promise<RRPair> {
    const waiting = this.#waiting.get(tenant) ?? 0;
    if (waiting >= MAX_WAITING)
      throw new ProblemError(
        'unavailable',
        'Many RRPairs are being fetched from the cluster; try again in a moment.',
      );
    this.#waiting.set(tenant, waiting + 1);
    try {
      return pairOf(await this.#ask(tenant, agent, question), question.id);
    } finally {
      const left = this.#waiting.get(tenant)! - 1;
      if (left > 0) this.#waiting.set(tenant, left);
      else this.#waiting.delete(tenant);
    }
  }

  async #ask(tenant: string, agent: string, body: PairQuestion): Promise<Answer> {
    const { withTenant, bell, clock } = this.#services;
    const id = await withTenant(tenant, async (db) => {
      const seen = (await db.query<{ name: string; seen_at_us: number }>(SEEN, [agent])).rows[0];
      if (!seen || seen.seen_at_us < clock.nowUs() - AWAY_AFTER_US) throw away();
      return enqueueCommand(db, { tenant, agent, body }, clock);
    });
    const deadlineUs = clock.nowUs() + PATIENCE_MS * 1000;
    for (;;) {
      const rung = new AbortController();
      const silence = bell.on(bellKey.outcome(tenant, id), () => rung.abort());
      try {
        const answer = await withTenant(
          tenant,
          async (db) => (await db.query<Answer>(ANSWER, [id])).rows[0]!,
        );
        if (answer.state !== 'waiting' && answer.state !== 'running') {
          await withTenant(tenant, (db) => db.query(FORGET, [id]));
          return answer;
        }
        const leftMs = (deadlineUs - clock.nowUs()) / 1000;
        if (leftMs <= 0) throw away();
        await clock.sleep(leftMs, rung.signal);
      } finally {
        silence();
      }
    }
  }
}

function pairOf({ state, message, result }: Answer, id: string): RRPair {
  if (state === 'expired') throw away();
  if (state === 'succeeded' && result?.pair.id === id) return result.pair;
  throw new ProblemError(
    'unavailable',
    message ?? 'The data plane answered with something else; update its forwarder.',
  );
}

function away(): ProblemError {
  return new ProblemError(
    'agent_away',
    'Headers and bodies are in the cluster, and the forwarder that holds them does not answer; check that it runs and reaches the control plane.',
  );
}
