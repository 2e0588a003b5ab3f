// The results of played tests as captured pairs, tagged with what they are results of. What a connection and a test have in
// every result is encoded once. It must not know what was compared.
import { newId, writeNewId } from '@echoplane/runtime';
import { TAG } from '@echoplane/traffic';
import {
  type CapturedPair,
  capturedHttpPair,
  type EncodablePair,
  encodablePair,
  encodeCaptured,
  encodeTag,
  HttpPairEncoder,
} from '@echoplane/wire';
import type { ConnectionFacts } from './outcome.ts';
import type { Played } from './player.ts';
import type { PreparedTest } from './prepared-test.ts';
import type { Target } from './target.ts';
import type { Verdict } from './verdicts.ts';

export interface ResultWriterOptions {
  target: Target;
  replayId: string;
  /** It is done with the pair when it returns. */
  offer(pair: EncodablePair): void;
}

const NONE = new Uint8Array(0);
const NOBODY = { ip: '', port: 0, host: '' };
/** Encoded endings that are kept: most requests leave in time and pass. */
const VERDICTS: readonly Verdict[] = ['passed', 'failed', 'unjudged'];
const MAX_ENDINGS = 1_000;
const MAX_FINDINGS_CHARS = 500;

export class ResultWriter {
  readonly #options: ResultWriterOptions;
  readonly #encoder = new HttpPairEncoder(writeNewId);
  readonly #connections = new WeakMap<ConnectionFacts, { protocol: string; bytes: Uint8Array }>();
  /** By lateness and verdict. */
  readonly #endings = new Map<number, Uint8Array>();
  /** Of the pair that is written: its test's, its ending's, and the name of its session where that is another each time. */
  readonly #tags: [Uint8Array, Uint8Array, Uint8Array] = [NONE, NONE, NONE];

  constructor(options: ResultWriterOptions) {
    this.#options = options;
  }

  write(played: Played, verdict: Verdict): void {
    const { connection, gapReason, messages } = played.outcome;
    const isCommon = connection && gapReason === '' && !messages;
    const pair = isCommon
      ? this.#common(played, verdict, connection)
      : encodablePair(this.#captured(played, verdict));
    this.#options.offer(pair);
  }

  /** With the encoded fields of connection, test and ending, one after the other. */
  #common(played: Played, verdict: Verdict, connection: ConnectionFacts): EncodablePair {
    const { prepared, outcome, user } = played;
    const { raw, error } = outcome;
    prepared.tagBytes ??= encodeCaptured({ tags: this.#tagsOf(prepared, user.runName === '') });
    this.#tags[0] = prepared.tagBytes;
    this.#tags[1] = this.#ending(played, verdict);
    this.#tags[2] = user.runName === '' ? NONE : encodeTag(TAG.session, sessionOf(played));
    const facts = this.#connection(connection, raw.protocol ?? 'http/1.1');
    return this.#encoder.load(raw, facts, error ?? '', this.#tags);
  }

  /** Of a connection, which has one protocol. */
  #connection(connection: ConnectionFacts, protocol: string): Uint8Array {
    const known = this.#connections.get(connection);
    if (known?.protocol === protocol) return known.bytes;
    const bytes = encodeCaptured({ ...this.#about(connection), protocol });
    this.#connections.set(connection, { protocol, bytes });
    return bytes;
  }

  #ending(played: Played, verdict: Verdict): Uint8Array {
    const { lateUs, attempt, filled, findings } = played;
    const isRare = attempt + filled.unresolved.length + findings.length > 0;
    const key = lateUs * VERDICTS.length + VERDICTS.indexOf(verdict);
    const known = isRare ? undefined : this.#endings.get(key);
    if (known) return known;
    const bytes = encodeCaptured({ tags: endingTags(played, verdict) });
    if (!isRare && this.#endings.size < MAX_ENDINGS) this.#endings.set(key, bytes);
    return bytes;
  }

  #captured(played: Played, verdict: Verdict): CapturedPair {
    const { raw, connection, error, gapReason, messages } = played.outcome;
    const id = newId(raw.startedUs);
    const named = { ...this.#tagsOf(played.prepared, false), [TAG.session]: sessionOf(played) };
    const tags = { ...named, ...endingTags(played, verdict) };
    const about = this.#about(connection ?? { id, client: NOBODY, tls: null });
    const stream = messages ? { protocol: 'websocket', messages } : {};
    return { ...capturedHttpPair(raw, { ...about, id, tags }), ...stream, error: error ?? '', gapReason };
  }

  #about({ id: connection, client, tls }: ConnectionFacts) {
    const { scheme, port, hostname: host } = this.#options.target;
    return { direction: 'IN' as const, scheme, client, server: { ip: '', port, host }, tls, connection };
  }

  #tagsOf({ test: { id, session } }: PreparedTest, withSession: boolean): Record<string, string> {
    const tags = { [TAG.replay]: this.#options.replayId, [TAG.test]: id };
    return withSession ? { ...tags, [TAG.session]: session } : tags;
  }
}

function sessionOf({ prepared: { test }, user: { runName } }: Played): string {
  return `${test.session}${runName}`;
}

function endingTags({ filled, lateUs, attempt, findings }: Played, verdict: Verdict): Record<string, string> {
  const { unresolved } = filled;
  return {
    [TAG.lateUs]: String(lateUs),
    ...(verdict === 'unjudged' ? {} : { [TAG.verdict]: verdict }),
    ...(attempt > 0 ? { [TAG.attempt]: String(attempt) } : {}),
    ...(findings.length > 0 ? { [TAG.transform]: findings.join('; ').slice(0, MAX_FINDINGS_CHARS) } : {}),
    ...(unresolved.length > 0 ? { [TAG.unresolved]: unresolved.join(',') } : {}),
  };
}
