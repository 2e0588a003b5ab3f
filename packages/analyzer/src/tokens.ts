// Tokens: generated values that the service hands out in one answer and that clients send back later. Reads every value's
// life from the sorted events, over all sessions, and writes what follows from it: which test consumes and produces what,
// which keys of mocks the service makes anew, which requests share a credential. Pure.
import { isSaid } from '@echoplane/replay';
import { leafPattern, type Token } from '@echoplane/traffic';
import type { Sessions } from './sessions.ts';
import { stableId } from './stable-id.ts';
import { type Steps, settled } from './steps.ts';
import { parseEvent, ROLE, type ValueEvent } from './value-events.ts';
import { type LineReader, type LineSorter, sortable } from './workspace.ts';

/** Recorded values are cut in the evidence: it is read by people, and a token may be a credential. */
const EVIDENCE_CHARS = 12;
/** Consumers that are named; `Test.consumes` names them all. */
const MAX_CONSUMERS = 1_000;
const MAX_ADDRESS_GROUPS = 20_000;
/** Requests that may have sent a value before an answer showed it, for it to be the service's all the same. */
const MAX_SENDERS = 8;
/** Answers that show such a value, of which the first to somebody new counts as its producer. */
const MAX_SHOWN = 16;
/** Requests with one credential among which an answer's own is looked for. */
const RECENT_USES = 64;

/**
 * What is known of a pair from the values in it, in lines that sort by the pair; `amid` other requests' writes, `beside` those
 * things; `settling` is what was asked for again until it changed; `repeated`
 * is a write that was sent again and taken then, `lost` one that broke off beside another one; `outage` names who was away while it failed.
 */
export const EDGE = {
  amid: 'a',
  asked: 'l',
  beside: 'b',
  consumes: 'c',
  lost: 'y',
  outage: 'x',
  repeated: 'r',
  produces: 'p',
  settling: 's',
  volatile: 'v',
  messages: 'w',
  ownTime: 'o',
} as const;

/** Of what settles: its client asked for it again. */
export const AWAITED = 'asked';

export function edgeLine(pair: number, kind: string, ...rest: string[]): string {
  return `${sortable(pair)}\t${kind}\t${rest.join('\t')}`;
}

/** A redacted e-mail address the service made: the places and pairs that hold it. */
export interface MadeAddress {
  isMade: boolean;
  seen: { pair: number; operation: string; path: string }[];
}

/**
 * Whether what a line says of a token holds. `before`: the pairs that held the value earlier, by comma, where a client sent it
 * first. It is the client's own, unless their sessions all began before the recording, and then so did the value.
 */
export function holds(sessions: Sessions, before: string | undefined, producer?: number): boolean {
  if (!before) return true;
  return (
    sessions.predate(before.split(',').map(Number)) &&
    (producer === undefined || !sessions.predate([producer]))
  );
}

export interface ValueScan {
  /** Sorted events. */
  events: LineReader;
  edges: LineSorter;
  /** Where tokens go, as JSON behind the number of their producer. */
  tokens: LineSorter;
  sessions: Sessions;
  /** Random words that do not look random. */
  vocabulary: ReadonlySet<string>;
}

/** Reads all events. Gives the addresses that answers held. */
export function* scanValues(scan: ValueScan): Steps<MadeAddress[]> {
  const addresses: MadeAddress[] = [];
  const told: Told = { edges: [], tokens: [] };
  let life: ValueLife | null = null;
  for (;;) {
    const batch = yield* settled(scan.events.next());
    for (const line of batch ?? []) {
      const event = parseEvent(line);
      if (event.kind === 'word' && !scan.vocabulary.has(event.key)) continue;
      if (life?.key !== event.key) {
        life?.end(addresses);
        life = new ValueLife(event, scan, told);
      }
      life.add(event);
      for (const edge of told.edges) {
        const waits = scan.edges.push(edge);
        if (waits) yield waits;
      }
      told.edges.length = 0;
      if (told.tokens.length > 0) yield* writeTokens(told.tokens, scan);
    }
    if (batch === null) break;
  }
  life?.end(addresses);
  yield* writeTokens(told.tokens, scan);
  return addresses;
}

/** Lines that lives have told and that are not in their sorters yet. */
interface Told {
  edges: string[];
  tokens: string[];
}

function* writeTokens(lines: string[], { tokens }: ValueScan): Steps<void> {
  for (const line of lines) {
    const waits = tokens.push(line);
    if (waits) yield waits;
  }
  lines.length = 0;
}

/** One value from its first occurrence to its last. */
class ValueLife {
  readonly key: string;
  readonly #scan: ValueScan;
  readonly #told: Told;
  readonly #madeByService: boolean;
  #producer: ValueEvent | null = null;
  /** Answers that hold a value which was sent before. */
  readonly #shown: ValueEvent[] = [];
  /** Pairs that sent the value before an answer held it. */
  readonly #senders: number[] = [];
  /** The first request that had the value in its body before any answer did. */
  #giver: number | null = null;
  #token: Token | null = null;
  #consumed = 0;
  readonly #users: number[] = [];
  #user: ValueEvent | null = null;
  /** Answers that hand the value out to somebody who does not send it. */
  #handouts = 0;
  readonly #address: MadeAddress | null;

  constructor(first: ValueEvent, scan: ValueScan, told: Told) {
    this.key = first.key;
    this.#scan = scan;
    this.#told = told;
    this.#madeByService = first.role === ROLE.service || first.role === ROLE.outbound;
    this.#address = first.kind === 'email' ? { isMade: this.#madeByService, seen: [] } : null;
  }

  add(event: ValueEvent): void {
    switch (event.role) {
      case ROLE.outbound:
        if (this.#madeByService) this.#edge(event.pair, EDGE.volatile, event.path);
        break;
      case ROLE.service:
        this.#answered(event);
        if (!this.#users.includes(event.pair)) this.#handouts++;
        if (this.#address && this.#address.seen.length < MAX_CONSUMERS)
          this.#address.seen.push({ pair: event.pair, operation: event.where, path: event.path });
        break;
      case ROLE.client:
        this.#sent(event);
        break;
      case ROLE.credential:
        this.#used(event);
    }
  }

  #answered(event: ValueEvent): void {
    if (this.#senders.length === 0) {
      if (!this.#producer || (!this.#token && isSteadier(event, this.#producer))) this.#producer = event;
      else if (this.#token && isSetAgain(event, this.#producer)) this.#produced(event, 0);
      return;
    }
    const isKnown = this.#senders.includes(event.pair) || this.#shown.at(-1)?.pair === event.pair;
    if (isKnown || this.#senders.length > MAX_SENDERS || this.#shown.length === MAX_SHOWN) return;
    this.#shown.push(event);
    this.#producer ??= event;
    if (this.#token) this.#produced(event, this.#shown.length - 1);
  }

  /** The token and, of those that hold a value which was sent before, the number of the answer. */
  #produced({ pair, path }: ValueEvent, at: number): void {
    this.#edge(pair, EDGE.produces, this.#token!.id, path, this.#before(at));
  }

  #before(answers: number): string {
    if (this.#senders.length === 0 && answers === 0) return '';
    return [...this.#senders, ...this.#shown.slice(0, answers).map(({ pair }) => pair)].join();
  }

  #sent(event: ValueEvent): void {
    const producer = this.#producer;
    if (!producer) {
      if (this.#senders.length <= MAX_SENDERS && this.#senders.at(-1) !== event.pair)
        this.#senders.push(event.pair);
      if (event.path.startsWith('body.')) this.#giver ??= event.pair;
      return;
    }
    if (!this.#token) {
      this.#token = newToken(producer);
      if (this.#isIssued) this.#produced(producer, 0);
      for (const [at, answer] of this.#shown.entries()) this.#produced(answer, at);
    }
    this.#consumed++;
    if (this.#token.consumers.length < MAX_CONSUMERS)
      this.#token.consumers.push({ test: event.id, path: event.path });
    this.#edge(event.pair, EDGE.consumes, this.#token.id, this.#before(0));
  }

  #edge(pair: number, kind: string, ...rest: string[]): void {
    this.#told.edges.push(edgeLine(pair, kind, ...rest));
  }

  get #isIssued(): boolean {
    return this.#producer !== null && this.#senders.length === 0;
  }

  #used(event: ValueEvent): void {
    const { sessions } = this.#scan;
    // One value for many clients (a variant, a locale) is nobody's credential.
    if (event.kind === 'cookie' && this.#handouts > 1) return;
    // A static token that a user chose: the service knows it from their request that set it. One that nobody yet
    // known shows in a body asks whether it is valid.
    const giver = event.kind === 'bearer' && this.#giver !== event.pair ? this.#giver : null;
    const isGiven = giver !== null && sessions.carries(giver);
    if (!isGiven) sessions.used(event.pair, event.kind, this.#isIssued);
    this.#users.push(event.pair);
    if (this.#users.length > RECENT_USES) this.#users.shift();
    if (this.#user) sessions.joined(this.#user.pair, event.pair);
    else {
      this.#user = event;
      if (this.#isIssued) sessions.issued(this.#producer!.pair, event.pair);
      else if (isGiven) sessions.given(giver, event.pair);
    }
  }

  end(addresses: MadeAddress[]): void {
    if (this.#address && addresses.length < MAX_ADDRESS_GROUPS) addresses.push(this.#address);
    if (!this.#token) return;
    const producers = this.#isIssued ? [this.#producer!] : this.#shown;
    for (const [at, { id, pair, path, where }] of producers.entries()) {
      const token = { ...this.#token, producer: { test: id, path } };
      token.evidence = evidenceOf(token, where, this.#consumed);
      const line = [sortable(pair), path, pair, this.#before(at), JSON.stringify(token)];
      this.#told.tokens.push(line.join('\t'));
    }
  }
}

/** A cookie that is sealed anew with each answer, and comes out the same within a second: the client sends what was set last. */
function isSetAgain({ path }: ValueEvent, first: ValueEvent): boolean {
  return path === first.path && path.startsWith('cookie.') && !/[;#]/.test(path);
}

/**
 * A named place (a field of a form) in the same answer: the n-th word of a page is another one when words before it change. And an
 * answer, when others were told of it on a WebSocket first: who asked waits for it, and for nothing else.
 */
function isSteadier({ pair, path }: ValueEvent, other: ValueEvent): boolean {
  if (isSaid(other.path) !== isSaid(path)) return isSaid(other.path);
  return pair === other.pair && other.path.includes('#') && !path.includes('#');
}

function newToken(producer: ValueEvent): Token {
  const { id, path, value } = producer;
  const kind = producer.kind === 'word' ? 'token' : (producer.kind as Token['kind']);
  return {
    ...{ id: stableId('t', id, path), kind, session: '', value, producer: { test: id, path } },
    ...{ consumers: [], evidence: '', enabled: true },
  };
}

function evidenceOf({ value, kind, producer }: Token, where: string, uses: number): string {
  const shown = value.length > EVIDENCE_CHARS ? `${value.slice(0, EVIDENCE_CHARS)}…` : value;
  return (
    `${shown} (${kind}) first appears in the response of ${where} at ${leafPattern(producer.path)} ` +
    `and is sent back by ${uses} later request${uses === 1 ? '' : 's'}`
  );
}
