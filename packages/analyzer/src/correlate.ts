// Correlation: values that the service hands out in one response and the session sends back later. Each becomes a token
// with its evidence; on replay its recorded value is replaced by what the service really returned. Pure.
import {
  atomsIn,
  atomsOfText,
  type Leaf,
  leafPattern,
  type RRPair,
  requestLeaves,
  responseLeaves,
  type Token,
  type Vocabulary,
} from '@echoplane/traffic';
import { targetOf } from './targets.ts';

interface Produced {
  pair: RRPair;
  path: string;
  kind: Token['kind'];
}

/** Recorded values are cut in the evidence: it is read by people, and a token may be a credential. */
const EVIDENCE_CHARS = 12;

/**
 * The tokens of one session, whose pairs are given in time order. `firstToken` numbers them across sessions;
 * `vocabulary` holds random words that do not look random.
 */
export function correlate(
  session: string,
  pairs: readonly RRPair[],
  firstToken: number,
  vocabulary: Vocabulary,
): Token[] {
  const produced = new Map<string, Produced>();
  const sentByClient = new Set<string>();
  const tokens = new Map<string, Token>();
  for (const pair of pairs) {
    if (!pair.request) continue;
    for (const { value, path } of atomLeaves(
      requestLeaves({ ...pair.request, target: targetOf(pair) }),
      vocabulary,
    )) {
      const source = produced.get(value);
      if (!source) {
        sentByClient.add(value);
        continue;
      }
      const token = tokens.get(value) ?? newToken(`t${firstToken + tokens.size}`, session, value, source);
      tokens.set(value, token);
      token.consumers.push({ test: pair.id, path });
    }
    if (!pair.response) continue;
    for (const { value, path, kind } of atomLeaves(responseLeaves(pair.response), vocabulary)) {
      // The newest response that holds the value serves as producer only while nothing has consumed it yet.
      if (!sentByClient.has(value) && !produced.has(value)) produced.set(value, { pair, path, kind });
    }
  }
  for (const token of tokens.values()) token.evidence = evidenceOf(token, produced.get(token.value)!.pair);
  return [...tokens.values()];
}

function newToken(id: string, session: string, value: string, source: Produced): Token {
  const { kind, path, pair } = source;
  return {
    id,
    kind,
    session,
    value,
    producer: { test: pair.id, path },
    consumers: [],
    evidence: '',
    enabled: true,
  };
}

function evidenceOf(token: Token, producer: RRPair): string {
  const where = `${producer.request!.method} ${targetOf(producer)}`;
  const shown =
    token.value.length > EVIDENCE_CHARS ? `${token.value.slice(0, EVIDENCE_CHARS)}…` : token.value;
  const uses = token.consumers.length;
  return (
    `${shown} (${token.kind}) first appears in the response of ${where} at ${leafPattern(token.producer.path)} ` +
    `and is sent back by ${uses} later request${uses === 1 ? '' : 's'} of the session`
  );
}

/** Every generated piece in the leaves, with the leaf path that addresses it. */
export function* atomLeaves(
  leaves: readonly Leaf[],
  vocabulary: Vocabulary,
): Generator<{ value: string; path: string; kind: Token['kind'] }> {
  for (const { path, value } of leaves) {
    if (typeof value !== 'string') continue;
    for (const atom of atomsIn(value, vocabulary)) {
      if (atom.value === value) yield { value, path, kind: atom.kind };
      else {
        const position = atomsOfText(value).indexOf(atom.value);
        if (position >= 0) yield { value: atom.value, path: `${path}#${position}`, kind: atom.kind };
      }
    }
  }
}
