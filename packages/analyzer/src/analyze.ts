// The analyzer: the RRPairs of a recording in, the artifacts of a snapshot out. Pure and deterministic: the same pairs
// give the same artifacts. It holds the selection in memory.
import {
  endpointOf,
  type Mock,
  type RRPair,
  type SnapshotCounts,
  type SnapshotSummary,
  splitUrl,
  type Test,
  type Token,
  type Transform,
  type Vocabulary,
  type VolatileLeaf,
} from '@echoplane/traffic';
import { correlate } from './correlate.ts';
import { learnMadeAddresses } from './made-addresses.ts';
import { buildMocks } from './mocks.ts';
import { learnNoise } from './noise.ts';
import { valuesMadeByService } from './origin.ts';
import { assignSessions, type SessionIndex } from './sessions.ts';
import { learnShapes } from './shapes.ts';
import { median } from './statistics.ts';
import { targetOf } from './targets.ts';

export const ANALYZER_VERSION = 1;

export interface Analysis {
  tests: Test[];
  mocks: Mock[];
  tokens: Token[];
  transforms: Transform[];
  summary: SnapshotSummary;
  counts: SnapshotCounts;
}

/** The artifacts of a set of RRPairs, in any order. Pairs with gaps or without a response, WebSockets and parts of streams become neither test nor mock. */
export function analyze(pairs: readonly RRPair[]): Analysis {
  const ordered = [...pairs].sort((a, b) => a.ts - b.ts || (a.id < b.id ? -1 : 1));
  const skipped: Record<string, number> = {};
  const usable = ordered.filter((pair) => {
    const reason = unusable(pair);
    if (reason) skipped[reason] = (skipped[reason] ?? 0) + 1;
    return reason === null;
  });
  const inbound = usable.filter((pair) => pair.direction === 'IN');
  const outbound = usable.filter((pair) => pair.direction === 'OUT');
  const shapes = learnShapes(inbound, endpointKey);
  const { vocabulary } = shapes;
  const sessions = assignSessions(inbound, vocabulary);
  const tokens = correlateSessions(inbound, sessions, vocabulary);
  const session = (pair: RRPair) => sessions.sessionOf.get(pair.id)!;
  const counters = learnNoise(inbound, endpointKey, session);
  const madeByService = valuesMadeByService(ordered, vocabulary);
  const addresses = learnMadeAddresses(inbound, { endpointKey, session, madeByService });
  const volatileOf = (endpoint: string) => [
    ...(shapes.volatile.get(endpoint) ?? []),
    ...(counters.get(endpoint) ?? []),
    ...(addresses.get(endpoint) ?? []),
  ];
  const tests = buildTests(inbound, sessions, tokens, volatileOf);
  const mocks = buildMocks(outbound, madeByService, vocabulary);
  return {
    tests,
    mocks,
    tokens,
    transforms: [],
    summary: { endpoints: summarize(usable), notes: notes(skipped, tests) },
    counts: {
      ...{ pairs: ordered.length, tests: tests.length, mocks: mocks.length, tokens: tokens.length, skipped },
      sessions: new Set(sessions.sessionOf.values()).size,
    },
  };
}

function unusable(pair: RRPair): string | null {
  // What generator and responder do not speak.
  if (pair.protocol === 'websocket' || pair.protocol === 'grpc') return pair.protocol;
  // A mock may answer with how a stream began; a test cannot wait for its end.
  if (pair.part && (pair.part.index > 0 || pair.direction === 'IN')) return 'stream-part';
  if (!pair.request) return 'opaque';
  if (pair.gaps) return 'gaps';
  if (pair.error) return pair.error;
  return pair.response ? null : 'no-response';
}

/** Method and template: what is one endpoint in noise, reports and goals. */
function endpointKey(pair: RRPair): string {
  return `${pair.request!.method} ${endpointOf(splitUrl(pair.request!.url).path)}`;
}

function correlateSessions(
  inbound: readonly RRPair[],
  sessions: SessionIndex,
  vocabulary: Vocabulary,
): Token[] {
  const tokens: Token[] = [];
  for (const [session, pairs] of Map.groupBy(inbound, (pair) => sessions.sessionOf.get(pair.id)!)) {
    tokens.push(...correlate(session, pairs, tokens.length + 1, vocabulary));
  }
  return tokens;
}

function buildTests(
  inbound: readonly RRPair[],
  sessions: SessionIndex,
  tokens: readonly Token[],
  volatileOf: (endpoint: string) => VolatileLeaf[],
): Test[] {
  const consumes = new Map<string, Set<string>>();
  const produces = new Map<string, Test['produces']>();
  for (const token of tokens) {
    for (const { test } of token.consumers)
      consumes.set(test, (consumes.get(test) ?? new Set()).add(token.id));
    const list = produces.get(token.producer.test) ?? [];
    list.push({ token: token.id, path: token.producer.path });
    produces.set(token.producer.test, list);
  }
  const start = inbound[0]?.ts ?? 0;
  const next = new Map<string, number>();
  return inbound.map((pair) => {
    const session = sessions.sessionOf.get(pair.id)!;
    const order = next.get(session) ?? 0;
    next.set(session, order + 1);
    const { method, headers, body } = pair.request!;
    return {
      ...{ id: pair.id, session, order, offsetUs: pair.ts - start, headless: sessions.headless.has(session) },
      endpoint: endpointOf(splitUrl(pair.request!.url).path),
      request: { method, target: targetOf(pair), headers, body },
      response: pair.response!,
      durationUs: pair.durationUs,
      consumes: [...(consumes.get(pair.id) ?? [])],
      produces: produces.get(pair.id) ?? [],
      volatile: volatileOf(endpointKey(pair)),
    };
  });
}

function summarize(usable: readonly RRPair[]): SnapshotSummary['endpoints'] {
  const groups = Map.groupBy(usable, (pair) => {
    const { host, path } = splitUrl(pair.request!.url);
    return JSON.stringify([
      pair.direction,
      pair.direction === 'OUT' ? host : '',
      endpointOf(path),
      pair.request!.method,
    ]);
  });
  return [...groups].map(([key, pairs]) => {
    const [direction, host, endpoint, method] = JSON.parse(key) as ['IN' | 'OUT', string, string, string];
    return {
      direction,
      host,
      endpoint,
      method,
      count: pairs.length,
      medianUs: Math.round(median(pairs.map((p) => p.durationUs))),
    };
  });
}

function notes(skipped: Record<string, number>, tests: readonly Test[]): string[] {
  const lines = Object.entries(skipped).map(
    ([reason, n]) => `${n} RRPairs are neither test nor mock: ${reason}`,
  );
  const headless = new Set(tests.filter((test) => test.headless).map((test) => test.session)).size;
  if (headless > 0)
    lines.push(`${headless} sessions began before the recording: replayed and shown, outside the verdict`);
  return lines;
}
