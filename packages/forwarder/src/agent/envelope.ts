// Whether a signed envelope is for us, now, and from whom we think: every check comes before a word of it is acted upon.
// Pure: key, time and names are given; what is refused gets a name that is counted.
import { checkWords, Envelope, type SigningKey, type WordRefusal, type Words } from '@echoplane/api';
import { type EnvelopeRefusal, verifyEnvelope } from '@echoplane/runtime';

export type Refusal = EnvelopeRefusal | WordRefusal;

/** For whom envelopes must be, and who signs them. */
export interface Addressee {
  key: SigningKey;
  tenant: string;
  agent: string;
}

/** The words of an envelope, or the name of the first check it fails. */
export function openEnvelope(
  raw: unknown,
  { key, ...addressee }: Addressee,
  nowUs: number,
): { words: Words } | { refused: Refusal } {
  const envelope = Envelope.safeParse(raw);
  if (!envelope.success) return { refused: 'malformed' };
  const verified = verifyEnvelope(key, envelope.data);
  return 'refused' in verified ? verified : checkWords(verified.words, addressee, nowUs);
}
