// Whether signed words are for us and for now, once the signature was found good: every check comes before a word is acted
// upon. Pure: time and names are given; what is refused gets a name that is counted.
import { z } from 'zod';
import { Signed } from './agent.ts';

/** How far our clock and that of the control plane may be apart. */
export const CLOCK_TOLERANCE_US = 5 * 60_000_000;
/** Longer words are not taken: ids are remembered until their envelopes expire. */
const MAX_LIFE_US = 31 * 24 * 3_600_000_000;

/** Signed words, with commands this version may not know yet. */
export const Words = Signed.extend({
  command: z.object({ id: z.uuid(), body: z.looseObject({ kind: z.string().max(64) }) }).optional(),
});
export type Words = z.infer<typeof Words>;

export type WordRefusal =
  | 'malformed'
  | 'other-tenant'
  | 'other-agent'
  | 'expired'
  | 'from-the-future'
  | 'lives-too-long';

/** The words, or the name of the first check they fail. */
export function checkWords(
  raw: unknown,
  { tenant, agent }: { tenant: string; agent: string },
  nowUs: number,
): { words: Words } | { refused: WordRefusal } {
  const parsed = Words.safeParse(raw);
  if (!parsed.success) return { refused: 'malformed' };
  const words = parsed.data;
  const isOurs = words.agent === agent || (words.agent === undefined && !words.command);
  const checks: [WordRefusal, boolean][] = [
    ['other-tenant', words.tenant !== tenant],
    ['other-agent', !isOurs],
    ['expired', words.expiresAt + CLOCK_TOLERANCE_US <= nowUs],
    ['from-the-future', words.issuedAt - CLOCK_TOLERANCE_US > nowUs],
    ['lives-too-long', words.expiresAt - words.issuedAt > MAX_LIFE_US],
  ];
  const failed = checks.find(([, fails]) => fails);
  return failed ? { refused: failed[0] } : { words };
}
