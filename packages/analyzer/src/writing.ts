// The second reading of a recording: each pair becomes a test or a mock, with what the survey learned of its operation and
// the edges say of itself. Written as it is made; what a test has of its pair is taken over as it stands in its JSON. Pure.
import type { Scalar } from '@echoplane/replay';
import {
  type Flow,
  type FlowLink,
  type ListOrder,
  leafPattern,
  type OptionalLeaf,
  type OwnTime,
  type RRPair,
  type Source,
  type StreamMessage,
  serviceOf,
  type Test,
  type VolatileLeaf,
} from '@echoplane/traffic';
import { type AskedList, answerListOf } from './asked-lists.ts';
import { messagesOf } from './conversations.ts';
import type { EditBook } from './edits.ts';
import { JsonFields } from './json-fields.ts';
import { grpcMessages, MockMaker } from './mocks.ts';
import { besideOf, kindsShown } from './overlaps.ts';
import { ownAddress } from './own-address.ts';
import type { Operation } from './places.ts';
import { SettlingLeaves } from './polls.ts';
import { type Steps, settled } from './steps.ts';
import { LEFT_OUT } from './summary.ts';
import type { Surveyed } from './survey.ts';
import { targetOf } from './targets.ts';
import { AWAITED, EDGE, holds } from './tokens.ts';
import type { LineReader } from './workspace.ts';

/** What was learned of operations. */
export interface Learned {
  volatile: ReadonlyMap<string, VolatileLeaf[]>;
  /** Of headers and cookies, alike for every operation that has them. */
  headers: readonly VolatileLeaf[];
  links: ReadonlyMap<string, FlowLink[]>;
  flows: ReadonlyMap<string, Flow>;
  unordered: ReadonlyMap<string, ReadonlySet<string>>;
  orders: ReadonlyMap<string, readonly ListOrder[]>;
  /** Lists without an order where the request names the things in them. */
  asked: ReadonlySet<AskedList>;
  /** Of answers: what tells how many writes there were. */
  counters: ReadonlyMap<string, ReadonlySet<string>>;
  /** What the service makes by itself, sooner or later. */
  optional: ReadonlyMap<string, readonly OptionalLeaf[]>;
  /** Patterns of request leaves that hold times of the client's own. */
  ownTimes: ReadonlyMap<string, ReadonlySet<string>>;
}

/** What the edges say of one pair. */
interface PairEdges {
  consumes: string[];
  produces: Test['produces'];
  volatile: string[];
  messages: StreamMessage[];
  /** Lists of the answer whose things the request named. */
  asked: AskedList[];
  /** Leaves of the request that may hold times of the client's own. */
  ownTimes: [sign: string, path: string][];
  /** Other requests' writes were under way at the same time. */
  isAmidWrites: boolean;
  /** What others were writing meanwhile. */
  beside: Set<string>;
  /** Leaves that its client asked for again until they changed. */
  settling: SettlingLeaves;
  /** It was refused, and taken when its client sent it again. */
  isRepeated: boolean;
  /** It broke off beside another write like it. */
  isLost: boolean;
  /** Who was away while it failed. */
  outages: string[];
}

/** Ids of things that others wrote, kept of a test. */
const MAX_BESIDE = 64;
const COUNTED = 'counts the writes so far, and others were under way at the same time';

/** A test before its messages, and behind them. */
type Head = Pick<Test, 'id' | 'session' | 'service' | 'order' | 'offsetUs' | 'endpoint' | 'headless'>;
type Tail = Omit<Test, keyof Head | 'request' | 'response'>;

const MAX_SERVICES = 1_000;

type OperationFacts = Pick<Test, 'volatile'> & {
  links: FlowLink[];
  unordered: string[];
  orders: ListOrder[];
  optional: OptionalLeaf[];
  /** Of things in its answers. */
  kinds: ReadonlySet<string>;
};

export class ArtifactMaker {
  readonly #survey: Surveyed;
  readonly #learned: Learned;
  readonly #edits: EditBook;
  readonly #edges: EdgeReader;
  readonly #mocks: MockMaker;
  readonly #facts = new Map<string, OperationFacts>();
  readonly #fields = new JsonFields();
  readonly #request = new JsonFields();
  /** Of pairs' sources, by their JSON. */
  readonly #services = new Map<string, string>();
  #pair = 0;

  constructor(survey: Surveyed, learned: Learned, edits: EditBook) {
    this.#survey = survey;
    this.#learned = learned;
    this.#edits = edits;
    this.#edges = new EdgeReader(survey.edges.reader(), survey);
    this.#mocks = new MockMaker(survey.resources);
  }

  /** The next pair, as JSON, as a test or a mock, as JSON; null when it is neither. Asked for every pair, in order. */
  *next(json: string): Steps<{ test: string } | { mock: string } | null> {
    const number = this.#pair++;
    const edges = yield* this.#edges.of(number);
    const operation = this.#survey.operations.at(number, json);
    if (operation === null) return null;
    const leftOut = this.#leftOut(edges);
    if (leftOut) {
      this.#survey.summary.leftOut(leftOut);
      return null;
    }
    const fields = this.#fields.read(json);
    if (fields.raw('direction') === '"IN"') {
      const test = this.#test(json, number, operation, edges);
      return this.#edits.hasTest(parsed<string>(fields, 'id')) ? { test } : null;
    }
    const pair = JSON.parse(json) as RRPair;
    const volatile = [...new Set(edges.volatile.map((path) => path.split('#')[0]!))].sort();
    const { messages } = edges;
    const mock = this.#mocks.mock(pair, { pair: number, endpoint: operation.endpoint, volatile, messages });
    return this.#edits.hasMock(pair.id) ? { mock: JSON.stringify(mock) } : null;
  }

  #leftOut({ isRepeated, isLost, outages }: PairEdges) {
    if (isRepeated) return LEFT_OUT.repeated;
    if (isLost) return LEFT_OUT.lost;
    return outages.some((host) => this.#survey.outages.isPassing(host)) ? LEFT_OUT.outage : null;
  }

  #test(json: string, number: number, operation: Operation, edges: PairEdges): string {
    const fields = this.#fields;
    const { session, order, headless } = this.#survey.sessions.next(number);
    const { volatile, links, unordered, orders, optional, kinds } = this.#factsOf(operation, edges);
    const beside = besideOf(edges.beside, kinds);
    const settling = edges.settling.list();
    const isAsked = settling.some(({ lags }) => !lags);
    const awaits = isAsked ? [] : (this.#survey.states.get(operation.key) ?? []);
    const ownTimes = this.#ownTimesOf(operation, edges);
    const ts = parsed<number>(fields, 'ts');
    const protocol = parsed<string>(fields, 'protocol');
    const messages =
      edges.messages.length > 0 || protocol !== 'grpc'
        ? edges.messages
        : grpcMessages(JSON.parse(json) as RRPair);
    const head: Head = {
      ...{ id: parsed(fields, 'id'), session, service: this.#serviceOf(fields.raw('source')!), order },
      ...{ offsetUs: ts - (this.#survey.firstTest ?? ts), endpoint: operation.endpoint, headless },
    };
    const request = this.#requestOf(json);
    const response = fields.raw('response')!;
    const insists = this.#refusalsOf(operation, response);
    const server = ownAddress(parsed(fields, 'server'), `${request}${response}`);
    const tail: Tail = {
      durationUs: parsed(fields, 'durationUs'),
      consumes: [...new Set(edges.consumes)],
      ...{ produces: edges.produces, volatile, ts },
      protocol: edges.messages.length > 0 ? 'websocket' : protocol,
      ...(links.length > 0 ? { links } : {}),
      ...(unordered.length > 0 ? { unordered } : {}),
      ...(orders.length > 0 ? { orders } : {}),
      ...(optional.length > 0 ? { optional } : {}),
      ...(settling.length > 0 ? { settling } : {}),
      ...(awaits.length > 0 ? { awaits } : {}),
      ...(ownTimes.length > 0 ? { ownTimes } : {}),
      ...(insists.length > 0 ? { insists } : {}),
      ...(server === undefined ? {} : { server }),
      ...(beside.length > 0 ? { beside } : {}),
      ...(messages.length > 0 ? { messages } : {}),
    };
    const around = [JSON.stringify(head).slice(0, -1), JSON.stringify(tail).slice(1)];
    return `${around[0]},"request":${request},"response":${response},${around[1]}`;
  }

  /** Statuses with which writes like one that was taken were refused first. */
  #refusalsOf({ key }: Operation, response: string): number[] {
    const refusals = this.#survey.insisting.statusesOf(key);
    const isTaken = refusals.length > 0 && (JSON.parse(response) as Test['response']).status < 400;
    return isTaken ? refusals : [];
  }

  /** The request as a test has it. */
  #requestOf(json: string): string {
    const request = this.#request.read(json, this.#fields.at('request'));
    const target = JSON.stringify(targetOf(parsed(request, 'url')));
    const [method, headers, body] = ['method', 'headers', 'body'].map((name) => request.raw(name));
    return `{"method":${method},"target":${target},"headers":${headers},"body":${body}}`;
  }

  #serviceOf(source: string): string {
    let service = this.#services.get(source);
    if (service === undefined) {
      service = serviceOf(JSON.parse(source) as Source);
      if (this.#services.size >= MAX_SERVICES) this.#services.clear();
      this.#services.set(source, service);
    }
    return service;
  }

  #ownTimesOf(operation: Operation, { ownTimes }: PairEdges): OwnTime[] {
    const learned = this.#learned.ownTimes.get(operation.key);
    return ownTimes.flatMap(([sign, path]): OwnTime[] => {
      if (this.#edits.isKeptTime(operation, path)) return [];
      if (sign === 'again') return [{ path, again: true }];
      return learned?.has(leafPattern(path)) ? [{ path }] : [];
    });
  }

  #factsOf(operation: Operation, { isAmidWrites, asked }: PairEdges): OperationFacts {
    const counters = isAmidWrites ? this.#learned.counters.get(operation.key) : undefined;
    const loose = asked.filter((list) => this.#learned.asked.has(list)).map(answerListOf);
    const key = `${operation.key}${counters ? ' amid writes' : ''} ${loose.join(' ')}`;
    let facts = this.#facts.get(key);
    if (facts) return facts;
    const { volatile, headers, links, flows, unordered } = this.#learned;
    const own = headers.filter(({ path }) => operation.response.has(path));
    const counted = [...(counters ?? [])].map((path) => ({ path, kind: 'sequence' as const, why: COUNTED }));
    const learned = [...(volatile.get(operation.key) ?? []), ...own, ...counted];
    const kept = this.#edits.links(links.get(operation.key) ?? [], flows);
    facts = {
      volatile: this.#edits.volatile(operation, learned),
      links: kept,
      unordered: this.#edits.unordered(operation, [...(unordered.get(operation.key) ?? []), ...loose]),
      orders: this.#edits.orders(operation, this.#learned.orders.get(operation.key) ?? []),
      optional: this.#edits.optional(operation, this.#learned.optional.get(operation.key) ?? []),
      kinds: kindsShown(operation, kept, flows),
    };
    this.#facts.set(key, facts);
    return facts;
  }
}

function parsed<T>(fields: JsonFields, name: string): T {
  return JSON.parse(fields.raw(name)!) as T;
}

/** Reads the edges along with the pairs they are of. */
class EdgeReader {
  readonly #reader: LineReader;
  readonly #survey: Surveyed;
  #lines: readonly string[] = [];
  #at = 0;
  #isOver = false;

  constructor(reader: LineReader, survey: Surveyed) {
    this.#reader = reader;
    this.#survey = survey;
  }

  *of(pair: number): Steps<PairEdges> {
    const edges: PairEdges = {
      ...{ consumes: [], produces: [], volatile: [], messages: [], asked: [], ownTimes: [] },
      ...{ isAmidWrites: false, beside: new Set(), settling: new SettlingLeaves() },
      ...{ isRepeated: false, isLost: false, outages: [] },
    };
    for (;;) {
      if (this.#at >= this.#lines.length && !(yield* this.#load())) return edges;
      const [number, kind, ...rest] = this.#lines[this.#at]!.split('\t') as [string, string, ...string[]];
      if (Number(number) > pair) return edges;
      this.#at++;
      const [token, path] = rest as [string, string];
      if (kind === EDGE.consumes) {
        if (holds(this.#survey.sessions, rest[1])) edges.consumes.push(token);
      } else if (kind === EDGE.produces) {
        if (holds(this.#survey.sessions, rest[2], pair)) edges.produces.push({ token, path });
      } else if (kind === EDGE.volatile) edges.volatile.push(rest[0]!);
      else if (kind === EDGE.amid) edges.isAmidWrites = true;
      else if (kind === EDGE.repeated) edges.isRepeated = true;
      else if (kind === EDGE.lost) edges.isLost = true;
      else if (kind === EDGE.outage) edges.outages.push(rest[0]!);
      else if (kind === EDGE.ownTime) edges.ownTimes.push([rest[0]!, rest[1]!]);
      else if (kind === EDGE.asked) edges.asked.push(rest[0]!);
      else if (kind === EDGE.beside)
        for (const name of rest.slice(0, MAX_BESIDE - edges.beside.size)) edges.beside.add(name);
      else if (kind === EDGE.settling) this.#settle(edges, rest as [string, string, string]);
      else edges.messages.push(...messagesOf(rest));
    }
  }

  #settle({ settling }: PairEdges, [path, later, field]: [string, string, string]): void {
    const isKnown = field === AWAITED || this.#survey.lagging.has(field);
    if (isKnown) settling.add(path, JSON.parse(later) as Scalar, field === AWAITED);
  }

  *#load(): Steps<boolean> {
    if (this.#isOver) return false;
    const batch = yield* settled(this.#reader.next());
    this.#isOver = batch === null;
    this.#lines = batch ?? [];
    this.#at = 0;
    return batch !== null;
  }
}
