// The first reading of a recording: every pair once, in time order. Feeds what learns (shapes, flows, noise, times, sessions)
// and writes the occurrences of values to be sorted. Knows the pairs one at a time. Pure.
import {
  isRedacted,
  isTimeTag,
  kindOf,
  type Leaf,
  requestLeaves,
  responseLeaves,
  withInnerLeaves,
} from '@echoplane/replay';
import { header, type RRPair } from '@echoplane/traffic';
import { clientKey, requestKey } from './askers.ts';
import { BackgroundWork } from './background-work.ts';
import { withBasic } from './basic-credentials.ts';
import { ClientTimeLearner } from './client-times.ts';
import { CoinedNames } from './coined-names.ts';
import { Conversations } from './conversations.ts';
import { EchoedPieces, type PiecedText, piecesIn } from './echoed-pieces.ts';
import { FlowLearner } from './flows.ts';
import { FormFields, isFormLeaves } from './form-fields.ts';
import { GluedValues } from './glued-values.ts';
import { variableNaming } from './graph-variables.ts';
import { Insisting } from './insisting.ts';
import { LedReads } from './led-reads.ts';
import { jsonPieces, linkedPieces, namedPieces } from './linked-pieces.ts';
import { Measures } from './measures.ts';
import { NoiseLearner } from './noise.ts';
import { MessageObjects } from './object-facts.ts';
import { isWrite, unusable } from './operations.ts';
import { OrderLearner } from './orders.ts';
import { Outages } from './outages.ts';
import { Overlaps, writtenNames } from './overlaps.ts';
import { PairOperations } from './pair-operations.ts';
import type { FlowValue } from './place-stats.ts';
import type { Operation, Place, Places } from './places.ts';
import { Polls } from './polls.ts';
import { isRare } from './rare-texts.ts';
import { Recommender } from './recommend.ts';
import { Resources } from './resources.ts';
import { type PlacedValue, SerialLearner } from './serials.ts';
import { Sessions } from './sessions.ts';
import { ShapeLearner } from './shapes.ts';
import type { Steps } from './steps.ts';
import { SummaryCount } from './summary.ts';
import { requestParts } from './targets.ts';
import type { Templates } from './templates.ts';
import { TextSets } from './text-sets.ts';
import { AWAITED, EDGE, edgeLine } from './tokens.ts';
import {
  type Credential,
  credentialEvent,
  credentialsOf,
  eventLine,
  type KnownWords,
  piecesOf,
  ROLE,
  type Role,
  ValueKeys,
} from './value-events.ts';
import { type LineSorter, sortable, type Workspace } from './workspace.ts';

/** Texts at least this long tell one client from another. */
const MIN_IDENTITY_CHARS = 10;
const MAX_IDENTITIES = 24;
const MAX_FLOW_CHARS = 256;
const ADDRESS = /^https?:\/\//;
/** Greater numbers are no quantities. */
const MAX_AMOUNT = 1e12;
const QUERIED_NUMBER = /^[1-9]\d{0,11}$/;

export class Survey {
  readonly operations: PairOperations;
  readonly shapes = new ShapeLearner();
  readonly flows = new FlowLearner();
  readonly echoes = new EchoedPieces();
  readonly serials = new SerialLearner();
  readonly measures = new Measures();
  readonly coined = new CoinedNames();
  readonly sets = new TextSets();
  readonly background = new BackgroundWork();
  readonly orders = new OrderLearner();
  readonly noise: NoiseLearner;
  readonly polls = new Polls();
  readonly clientTimes = new ClientTimeLearner();
  readonly sessions = new Sessions();
  readonly resources = new Resources();
  readonly summary = new SummaryCount();
  readonly conversations = new Conversations();
  readonly recommender = new Recommender();
  readonly events: LineSorter;
  readonly identities: LineSorter;
  readonly edges: LineSorter;
  readonly #places: Places;
  readonly #overlaps = new Overlaps();
  readonly #led = new LedReads();
  readonly #forms = new FormFields();
  readonly insisting = new Insisting();
  readonly outages = new Outages();
  readonly #keys = new ValueKeys();
  readonly #glued = new GluedValues();
  readonly #known: KnownWords;
  pairs = 0;
  from: number | null = null;
  to: number | null = null;
  /** Begin of the first test, µs since the epoch. */
  firstTest: number | null = null;

  /** `known`: credentials that do not look generated. */
  constructor(workspace: Workspace, templates: Templates, known: KnownWords) {
    this.#known = known;
    this.events = workspace.sorter('values');
    this.identities = workspace.sorter('identities');
    this.edges = workspace.sorter('edges');
    this.operations = new PairOperations(templates);
    this.#places = this.operations.places;
    this.noise = new NoiseLearner(this.#places);
  }

  /** What the second reading asks for; the rest may be let go. After all were observed. */
  surveyed() {
    const { operations, sessions, resources, summary, insisting, outages, edges } = this;
    const { states, lagging } = this.polls;
    const learned = { operations, sessions, resources, summary, insisting, outages, states, lagging, edges };
    return { ...learned, pairs: this.pairs, from: this.from, to: this.to, firstTest: this.firstTest };
  }

  /** The next pair. */
  *observe(pair: RRPair): Steps<void> {
    const number = this.pairs++;
    this.from ??= pair.ts;
    this.to = pair.ts;
    const reason = unusable(pair);
    const outage = this.outages.observe(pair, number);
    for (const failed of outage?.pairs ?? [])
      yield* push(this.edges, edgeLine(failed, EDGE.outage, outage!.host));
    const isTest = reason === null && pair.direction === 'IN';
    const credentials = isTest ? credentialsOf(pair.request!) : [];
    this.sessions.add(pair, isTest, credentials);
    if (reason !== null) {
      this.operations.remember(number, null);
      const part = this.conversations.part(pair, this.#keys);
      if (part) yield* push(this.edges, part.edge);
      else this.summary.unusable(pair, reason);
      for (const line of part?.values ?? []) yield* push(this.events, line);
      return;
    }
    if (isTest) this.firstTest ??= pair.ts;
    const operation = this.operations.of(pair);
    this.conversations.opened(pair, number, operation.key);
    this.operations.remember(number, operation);
    this.summary.usable(pair, operation.endpoint);
    const asked = requestLeaves(requestParts(pair));
    const answered = responseLeaves(pair.response!);
    this.recommender.observe(pair, { endpoint: operation.endpoint, asked, answered });
    if (isTest) yield* this.#test({ pair, number, operation, asked, answered, credentials });
    else yield* this.#mock({ pair, number, operation, asked, answered });
  }

  *#test(exchange: Exchange & { credentials: readonly Credential[] }): Steps<void> {
    const { pair, number, operation, asked, answered, credentials } = exchange;
    const askedAt = yield* this.#sent(exchange);
    const writes = isWrite(
      pair,
      operation.key.slice(operation.method.length + 1 + operation.endpoint.length),
    );
    const texts: PiecedText[] = [];
    const values: PlacedValue[] = [];
    const answeredAt: (Place | undefined)[] = [];
    for (const { path, value, inner } of answered) {
      const isValue = typeof value === 'string' || typeof value === 'number';
      if (isValue) this.clientTimes.answered(value);
      const place = isValue ? this.#places.place(operation, 'response', path) : undefined;
      answeredAt.push(place);
      if (!place) continue;
      values.push({ place, path, value });
      if (typeof value !== 'string') continue;
      this.shapes.observe(place, value);
      const pieces = inner || this.echoes.isSettled(place) ? null : piecesIn(value);
      if (pieces) texts.push({ place, path, pieces, text: value });
    }
    this.serials.observe(values, writes, asked);
    const span = { fromUs: pair.ts, toUs: pair.ts + pair.durationUs };
    this.measures.observe(values, asked, span);
    this.coined.observe(asked, values, writes && pair.response!.status < 400);
    const isOk = pair.response!.status < 400;
    this.background.observe({ operation, asked, answered, isWrite: writes, isOk, ...span });
    const names = writes ? writtenNames(operation, asked, answered) : null;
    for (const edge of this.#overlaps.add(pair, number, names, asked)) yield* push(this.edges, edge);
    const request = writes ? null : this.#keys.of(requestKey(pair));
    this.noise.observe(pair, operation, request, exchange);
    const read = {
      client: clientKey(pair),
      operation: operation.key,
      pair: number,
      request,
      asked,
      answered,
    };
    for (const { pair: of, changes, field } of this.polls.observe({ ...read, ...span }))
      for (const [path, later] of changes)
        yield* push(this.edges, edgeLine(of, EDGE.settling, path, JSON.stringify(later), field ?? AWAITED));
    yield* this.#insists(pair, number, operation.key, writes);
    const sent = this.#flowValues(operation, 'request', asked, askedAt);
    // A user's own id may stand in their token only, or there first.
    const whole = withClaims(answered);
    const about = { written: writes ? asked : [], host: header(pair.request!.headers, 'host') };
    const got = this.#flowValues(operation, 'response', whole, answeredAt, about);
    const facts = { isWrite: writes, isLed: this.#led.observe(pair, writes), isOk, leaves: whole };
    this.flows.observe(sent, got, facts);
    this.#forms.observe(pair, got);
    this.echoes.observe(texts, sent, got);
    for (const credential of credentials) {
      const at = { key: this.#keys.of(credential.value), timeUs: pair.ts, pair: number, id: pair.id };
      const waits = this.events.push(eventLine(credentialEvent(credential, at)));
      if (waits) yield waits;
    }
    this.sets.observe(operation, asked, answered);
    for (const list of this.orders.observe(operation, whole, asked, writes))
      yield* push(this.edges, edgeLine(number, EDGE.asked, list));
    yield* this.#values({ ...exchange, answered: whole }, ROLE.client, ROLE.service);
    if (credentials.length === 0) yield* this.#identify(number, asked, answered);
  }

  /** What a client sent; the places of its leaves. */
  *#sent({ pair, number, operation, asked }: Exchange): Steps<(Place | undefined)[]> {
    const places: (Place | undefined)[] = [];
    const isForm = isFormLeaves(asked);
    for (const leaf of asked) {
      if (typeof leaf.value === 'string') {
        this.shapes.sent(leaf.value);
        this.echoes.sent(leaf.value);
      }
      const naming = isForm
        ? this.#forms.naming(pair, operation, leaf.path)
        : variableNaming(operation, leaf.path, asked);
      const place = this.#places.linkedPlace(operation, 'request', leaf.path, naming);
      places.push(place);
      const sign = place ? this.clientTimes.observe(place, leaf, pair.ts) : null;
      if (sign !== null) yield* push(this.edges, edgeLine(number, EDGE.ownTime, sign, leaf.path));
    }
    return places;
  }

  /** What is known of the refusals of a write that was refused first and taken then. */
  *#insists(pair: RRPair, number: number, operation: string, isWrite: boolean): Steps<void> {
    const request = isWrite ? this.#keys.of(requestKey(pair)) : null;
    const tries = this.insisting.observe({
      ...{ client: clientKey(pair), operation, pair: number, request },
      ...{ status: pair.response!.status, fromUs: pair.ts, toUs: pair.ts + pair.durationUs },
    });
    for (const earlier of tries?.pairs ?? []) yield* push(this.edges, edgeLine(earlier, EDGE.repeated));
  }

  *#mock(exchange: Exchange): Steps<void> {
    const { pair, number, asked } = exchange;
    this.resources.observe(pair);
    for (const { kind, path } of piecesOf(asked)) {
      if (kind !== 'timestamp' || !isSignificant(path)) continue;
      const waits = this.edges.push(edgeLine(number, EDGE.volatile, path));
      if (waits) yield waits;
    }
    const answered = withClaims(exchange.answered);
    yield* this.#values({ ...exchange, answered }, ROLE.outbound, ROLE.dependency);
  }

  /** The occurrences of generated values, in the request and in the answer with its claims. */
  *#values(
    { pair, number, operation, asked, answered }: Exchange,
    request: Role,
    response: Role,
  ): Steps<void> {
    const about = { pair: number, id: pair.id, where: '', value: '' };
    const isClients = request === ROLE.client;
    const sent = isClients ? this.#glued.sent(withBasic(asked), this.#known) : piecesOf(asked);
    for (const { value, kind, path } of sent) {
      if (request === ROLE.outbound && !isSignificant(path)) continue;
      const key = this.#keys.of(value);
      const waits = this.events.push(
        eventLine({ ...about, key, timeUs: pair.ts, role: request, kind, path }),
      );
      if (waits) yield waits;
    }
    const timeUs = pair.ts + (pair.ttfbUs ?? pair.durationUs);
    const isService = response === ROLE.service;
    const pieces = piecesOf(answered, isService ? this.#known : undefined);
    if (isService) this.#glued.shown(pieces);
    for (const { value, kind, path } of pieces) {
      const full = isService ? { where: operation.key, value } : {};
      const key = this.#keys.of(value);
      const waits = this.events.push(
        eventLine({ ...about, ...full, key, timeUs, role: response, kind, path }),
      );
      if (waits) yield waits;
    }
  }

  /** What tells who sent a request without a credential. */
  *#identify(number: number, asked: readonly Leaf[], answered: readonly Leaf[]): Steps<void> {
    let left = MAX_IDENTITIES;
    for (const { path, value } of [...asked, ...answered]) {
      if (typeof value !== 'string' || value.length < MIN_IDENTITY_CHARS || path === 'header.content-type')
        continue;
      if (--left < 0) return;
      const waits = this.identities.push(`${this.#keys.of(value)}\t${sortable(number)}`);
      if (waits) yield waits;
    }
  }

  /** `places`: of the first leaves; `written`: what a write said; `host`: which was asked. */
  #flowValues(
    operation: Operation,
    side: Place['in'],
    leaves: readonly Leaf[],
    places: readonly (Place | undefined)[],
    { written = [], host }: { written?: readonly Leaf[]; host?: string | undefined } = {},
  ): FlowValue[] {
    const values: FlowValue[] = [];
    const objects = new MessageObjects(leaves, this.from ?? 0, written);
    const isForm = side === 'request' && isFormLeaves(leaves);
    for (let n = 0; n < leaves.length; n++) {
      const { path, value } = leaves[n]!;
      const isValue = typeof value === 'string' || typeof value === 'number';
      if (!isValue || path === 'status' || path === 'method') continue;
      const text = String(value);
      const place = n < places.length ? places[n] : this.#places.place(operation, side, path);
      if (path.endsWith('.key') && objects.around(path)?.isPair) continue;
      const isText = typeof value === 'string';
      const inJson = isText && side === 'request' ? jsonPieces(path, text, operation.endpoint) : null;
      const pieces =
        inJson ??
        (!isText ? [] : side === 'request' ? namedPieces(path, text) : linkedPieces(path, text, host));
      // An address is followed by what it names, JSON by what it holds.
      const isNamed = inJson !== null || (pieces.length > 0 && ADDRESS.test(text));
      if (place && !isNamed && isFlowValue(place, value, text, isForm && path.startsWith('body.')))
        values.push({ place, at: path, value: text, facts: objects.around(path) });
      for (const piece of pieces) {
        const at = this.#places.linkedPlace(operation, side, piece.path, piece.naming);
        if (at && isFlowValue(at, piece.value, piece.value))
          values.push({ place: at, at: piece.path, value: piece.value });
      }
    }
    return values;
  }
}

/** What is asked for when the pairs are read again. */
export type Surveyed = ReturnType<Survey['surveyed']>;

interface Exchange {
  pair: RRPair;
  number: number;
  operation: Operation;
  asked: readonly Leaf[];
  answered: readonly Leaf[];
}

/** The leaves and those inside JWTs and JSON behind base64, where a user may first see their own id. */
function withClaims(leaves: readonly Leaf[]): readonly Leaf[] {
  const holders = leaves.filter(({ value }) => typeof value === 'string' && value.includes('eyJ'));
  if (holders.length === 0) return leaves;
  return [...leaves, ...withInnerLeaves(holders).filter(({ inner }) => inner)];
}

/** Whether a signature holds the leaf. */
function isSignificant(path: string): boolean {
  return !path.startsWith('header.') && !path.startsWith('cookie.');
}

const FOLLOWED_BY_VALUE = new Set(['uuid', 'jwt', 'timestamp', 'email']);

/** Whether a value may belong to a flow: by its place's name, and because tokens do not follow it already. */
function isFlowValue({ naming, path }: Place, value: string | number, text: string, isForm = false): boolean {
  if (text === '' || text.length > MAX_FLOW_CHARS || /\s/.test(text)) return false;
  if (path === 'header.location' && text.includes('/')) return false;
  if (naming.role === 'other' && naming.entity !== '') {
    const isTextual = isForm || path.startsWith('query.') || path.startsWith('body.link');
    const number = isTextual && QUERIED_NUMBER.test(text) ? Number(text) : value;
    if (typeof number === 'number' && number < MAX_AMOUNT) return Number.isSafeInteger(number) && number > 0;
  }
  // A large number that is no time is an id, whatever its name: field 2 of a message has none.
  if (naming.role === 'other')
    return typeof value === 'string'
      ? isRare(text) && !isTimeTag(text)
      : value > MAX_AMOUNT && kindOf(value) === null;
  if (naming.role === 'cursor')
    return typeof value === 'string' && !/^\d{1,5}$/.test(text) && !isFollowed(text) && !isTimeTag(text);
  return typeof value === 'number' ? Number.isSafeInteger(value) && value >= 0 : !isFollowed(text);
}

function isFollowed(text: string): boolean {
  return text.length >= 8 && (FOLLOWED_BY_VALUE.has(kindOf(text) ?? '') || isRedacted(text));
}

function* push(sorter: LineSorter, line: string): Steps<void> {
  const waits = sorter.push(line);
  if (waits) yield waits;
}
