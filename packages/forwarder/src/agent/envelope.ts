// Whether a signed envelope is for us, now, and from whom we think: every check comes before a word of it is acted upon.
// Pure: key, time and names are given; what is refused gets a name that is counted.
import { Envelope, Signed, type SigningKey } from '@echoplane/api';
import { type EnvelopeRefusal, verifyEnvelope } from '@echoplane/runtime';
import { z } from 'zod';

/** How far our clock and that of the control plane may be apart. */
export const CLOCK_TOLERANCE_US = 5 * 60_000_000;
/** Longer words are not taken: ids are remembered until their envelopes expire. */
const MAX_LIFE_US = 31 * 24 * 3_600_000_000;

/** Signed words, with commands this version may not know yet. */
const Words = Signed.extend({
  command: z.object({ id: z.uuid(), body: z.looseObject({ kind: z.string().max(64) }) }).optional(),
});
export type Words = z.infer<typeof Words>;

export type Refusal =
  | EnvelopeRefusal
  | 'malformed'
  | 'other-tenant'
  | 'other-agent'
  | 'expired'
  | 'from-the-future'
  | 'lives-too-long';

/** For whom envelopes must be, and who signs them. */
export interface Addressee {
  key: SigningKey;
  tenant: string;
  agent: string;
}

/** The words of an envelope, or the name of the first check it fails. */
export function openEnvelope(
  raw: unknown,
  { key, tenant, agent }: Addressee,
  nowUs: number,
): { words: Words } | { refused: Refusal } {
  const envelope = Envelope.safeParse(raw);
  if (!envelope.success) return { refused: 'malformed' };
  const verified = verifyEnvelope(key, envelope.data);
  if ('refused' in verified) return verified;
  const parsed = Words.safeParse(verified.words);
  if (!parsed.success) return { refused: 'malformed' };
  const words = parsed.data;
  const isOurs = words.agent === agent || (words.agent === undefined && !words.command);
  const checks: [Refusal, boolean][] = [
    ['other-tenant', words.tenant !== tenant],
    ['other-agent', !isOurs],
    ['expired', words.expiresAt + CLOCK_TOLERANCE_US <= nowUs],
    ['from-the-future', words.issuedAt - CLOCK_TOLERANCE_US > nowUs],
    ['lives-too-long', words.expiresAt - words.issuedAt > MAX_LIFE_US],
  ];
  const failed = checks.find(([, fails]) => fails);
  return failed ? { refused: failed[0] } : { words };
}
