// The responder assembled: face up ─▶ mocks loaded ─▶ proxy up ─▶ ready; and stopped in reverse. It must not read the
// environment. Nothing here opens a connection but the capture sender it is given.
import { readFile } from 'node:fs/promises';
import { defaultRules, parseRules, type RulesDocument } from '@echoplane/rules';
import {
  type Authority,
  type CaptureSender,
  type Clock,
  createFace,
  type Logger,
  listen,
  loadAuthority,
  OperatingError,
  readRedactionKey,
  type Sample,
  type Stopper,
} from '@echoplane/runtime';
import { type Mock, MockIndex } from '@echoplane/traffic';
import { Answerer } from './answerer.ts';
import type { ResponderConfig } from './config.ts';
import { holdsToken } from './explain-miss.ts';
import { ForwardProxy } from './forward-proxy.ts';
import { readMocks } from './mock-file.ts';
import { RedactedSpace } from './redacted-space.ts';
import { Tally } from './tally.ts';
import { TlsTerminator } from './tls-terminator.ts';

const NO_KEY =
  'the recording is redacted and its key is not known: requests that hold what was redacted will find no mock; name the key with ECHOPLANE_REDACTION_KEY_FILE';

export interface ResponderContext {
  sender: Pick<CaptureSender, 'offer' | 'counters'>;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  stopper: Stopper;
}

export interface RunningResponder {
  port: number;
  adminPort: number;
  mocks: number;
  tally: Tally;
  /** Ends the proxy and every connection to it; the face stays up until the stopper takes it down. */
  close(): void;
}

/** Starts everything. Throws OperatingError when a file or a port cannot be had. */
export async function startResponder(
  config: ResponderConfig,
  context: ResponderContext,
): Promise<RunningResponder> {
  const { sender, clock, log, signal, stopper } = context;
  const tally = new Tally();
  let index: MockIndex | null = null;
  const stats = () => ({ ...tally.counts(), mocks: index?.size ?? 0, pairs: sender.counters() });
  const face = createFace({
    notReady: () => (index ? null : 'the mocks are being loaded'),
    metrics: () => [...tally.samples(), ...gauges(index?.size ?? 0)],
    pages: { '/misses': () => tally.misses(), '/stats': stats },
  });
  const adminPort = await listen(face, config.adminPort, '127.0.0.1', 'the responder’s health page');
  stopper.add('face', () => {
    face.close();
    face.closeAllConnections();
  });
  const authority = await readAuthority(config);
  const mocks = await readMocks(config.mocksFile);
  const space = await openSpace(config);
  if (!space && mocks.some(isRedactedMock)) log.warn({ mocks: mocks.length }, NO_KEY);
  index = new MockIndex(mocks);
  const { latency, missStatus, replayId } = config;
  const record = sender.offer.bind(sender);
  const answerer = new Answerer({
    ...{ index, space, tally, clock, log, latency, missStatus, replayId, record, signal },
  });
  const proxy = new ForwardProxy({ answerer, terminator: new TlsTerminator(authority), clock });
  const port = await listen(proxy.server, config.port, '127.0.0.1', 'the responder');
  return { port, adminPort, mocks: index.size, tally, close: () => proxy.close() };
}

/** Null without a key: then requests are matched as they are. */
async function openSpace({ redactionKeyFile, rulesFile }: ResponderConfig): Promise<RedactedSpace | null> {
  if (redactionKeyFile === undefined) return null;
  const key = await readRedactionKey(redactionKeyFile);
  return new RedactedSpace({ rules: await readRules(rulesFile), key });
}

async function readRules(path: string | undefined): Promise<RulesDocument> {
  if (path === undefined) return defaultRules();
  try {
    return parseRules(await readFile(path, 'utf8'));
  } catch (cause) {
    const sentence = `${path} is not a rules document: ${(cause as Error).message}.`;
    throw new OperatingError('rules_unreadable', sentence, { cause });
  }
}

function isRedactedMock({ signature }: Mock): boolean {
  return Object.values(signature).some(holdsToken);
}

async function readAuthority({ caCertFile, caKeyFile }: ResponderConfig): Promise<Authority> {
  try {
    return await loadAuthority(await readFile(caCertFile, 'utf8'), await readFile(caKeyFile, 'utf8'));
  } catch (cause) {
    const files = `${caCertFile} and ${caKeyFile}`;
    throw new OperatingError(
      'authority_unreadable',
      `${files} are not a certificate authority and its key: ${(cause as Error).message}.`,
      { cause },
    );
  }
}

function gauges(mocks: number): Sample[] {
  return [
    { name: 'echoplane_responder_mocks', help: 'Mocks loaded.', type: 'gauge', values: [{ value: mocks }] },
  ];
}
