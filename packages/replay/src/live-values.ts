// Recorded values and what they are this time, as one run or one virtual user knows them: read from live answers, put
// into later requests and expected in later answers. Bounded; it knows no connections and has no clock of its own.
//
//   tokens   look generated, followed everywhere            flows   replaced and expected at their places only
//   seen     generated values that no request carries       times   exact instants
import { bodyText, type HttpResponse, header, type RequestParts, type Test } from '@echoplane/traffic';
import { isPage } from './body-tree.ts';
import { namesNow } from './cookie-names.ts';
import { DigestTails } from './digest-tails.ts';
import { fillRequest, type PlacedValue } from './fill-request.ts';
import { Instants } from './instants.ts';
import { keysOf } from './keyed-values.ts';
import { atomsIn } from './kinds.ts';
import { leafAt } from './leaves.ts';
import { Makers } from './makers.ts';
import { Minted } from './minted.ts';
import { type Observation, takeObserved } from './observed.ts';
import { mentionsAddress, OWN_ADDRESS } from './own-address.ts';
import { pieceOfPage, pieceOfRedacted } from './page-pieces.ts';
import { type Exchange, RunClock } from './run-clock.ts';
import { shiftedTime } from './shifted-time.ts';
import { placedTimes, ShownTimes, timesAmong } from './shown-times.ts';
import {
  isWriting,
  linkedPlaces,
  madeBy,
  mentionsHost,
  namedBy,
  ownTimesOf,
  remembered,
  shownBy,
  textsIn,
} from './test-places.ts';
import { isCoarseTime } from './times.ts';
import { TwoWay } from './two-way.ts';
import { WrittenSizes } from './written-sizes.ts';

/** Values kept of each sort by a run, and by a virtual user with a run above it. */
const MAX_RUN_VALUES = 20_000;
const MAX_USER_VALUES = 2_000;

/**
 * Live values by recorded value, for one pass through the tests: a session that is run again gets new ones. A child looks in
 * its parent for what it lacks, and tells it what the parent lacks.
 */
export class LiveValues {
  /** Recorded values by token id, of the tokens that are switched on. */
  readonly #recorded: ReadonlyMap<string, string>;
  readonly #parent: LiveValues | undefined;
  readonly #known = new Set<string>();
  readonly #produced = new WeakMap<Test, ReadonlySet<string | undefined>>();
  readonly #tokens = new TwoWay(Number.POSITIVE_INFINITY);
  readonly #seen: TwoWay;
  /** Of tokens and seen values, what clients send by itself. */
  readonly #tails: DigestTails;
  readonly #times: Instants;
  /** The client's own times. */
  readonly #sent: TwoWay;
  readonly #flows = new Map<string, TwoWay>();
  readonly #carried = new Set<string>();
  readonly #limit: number;
  readonly #liveHost: string | undefined;
  readonly clock = new RunClock();
  readonly #makers = new Makers();
  readonly #shown: ShownTimes;
  readonly #minted = new Minted();
  readonly #sizes = new WrittenSizes();

  /**
   * `tokens`: recorded value by id, of tokens that are switched on and belong to no flow. `liveHost`: the Host that live
   * requests carry; where the recorded one stands in requests and answers, this one is sent and expected.
   */
  constructor(tokens: ReadonlyMap<string, string>, parent?: LiveValues, options: { liveHost?: string } = {}) {
    this.#recorded = tokens;
    this.#parent = parent;
    this.#liveHost = options.liveHost;
    this.#limit = parent ? MAX_USER_VALUES : MAX_RUN_VALUES;
    this.#seen = new TwoWay(this.#limit);
    this.#tails = new DigestTails(this.#limit, parent ? parent.#tails : undefined);
    this.#times = new Instants(this.#limit);
    this.#shown = new ShownTimes(timesAmong(tokens), this.#limit);
    this.#sent = new TwoWay(this.#limit);
  }

  /**
   * The request with live values in it, and the tokens it consumes for which none came: their recorded values stay. `nowUs`:
   * when it leaves, µs since the epoch; the client's own times stay as they are without it.
   */
  fill(test: Test, nowUs?: number): { request: Test['request']; unresolved: string[] } {
    const unresolved: string[] = [];
    const tokens = this.consumedBy(test, unresolved);
    const host = this.host(test);
    if (host && mentionsHost(test)) tokens.push(host);
    tokens.push(...namesNow(test, host, (name) => this.seen(name)?.live));
    tokens.push(...this.#tails.of(test));
    const server = mentionsAddress(test) ? this.flow(OWN_ADDRESS, test.server!) : undefined;
    if (server !== undefined && server !== test.server) tokens.push([test.server!, server]);
    const places = linkedPlaces(test).flatMap(({ recorded, flow, ...place }) => {
      const live = this.flow(flow, recorded);
      return live === undefined || live === recorded ? [] : [{ ...place, live }];
    });
    places.push(...placedTimes(test, (key) => this.#shownTime(key)));
    if (nowUs !== undefined) places.push(...this.#ownTimes(test, nowUs));
    const keys = this.#keys(test);
    const isAsRecorded = tokens.length === 0 && places.length === 0 && keys.size === 0;
    const request = isAsRecorded ? test.request : fillRequest(test.request, tokens, places, keys);
    return { request, unresolved };
  }

  /** Keys of the request's objects that are ids of things, which are other ones now. */
  #keys(test: Test): Map<string, string> {
    const keys = keysOf(test).flatMap((key): [string, string][] => {
      const [live, ...others] = new Set(this.inFlows(key));
      const known = others.length > 0 ? undefined : (live ?? this.token(key));
      return known === undefined || known === key ? [] : [[key, known]];
    });
    return new Map(keys);
  }

  /** Notes which times of its own the client sent: answers repeat them. */
  noteSent(test: Test, request: RequestParts): void {
    const own = ownTimesOf(test);
    if (own.length === 0) return;
    const sent = textsIn(request);
    for (const { path, recorded } of own) {
      const live = sent.get(path);
      if (live === undefined) continue;
      this.#times.add(recorded, live);
      this.#setSent(recorded, live);
    }
  }

  /** What was sent in the place of a time the client sent before; a user learns it from another one too. */
  sentTime(recorded: string): string | undefined {
    const live = this.#sent.live(recorded);
    return live === undefined && this.#parent ? this.#parent.sentTime(recorded) : live;
  }

  /** Takes from a live answer what later requests and answers will need; after `compareTest` of the same answer. */
  learn(test: Test, live: HttpResponse): void {
    const observed = takeObserved(live);
    for (const observation of observed?.observations ?? []) this.#observe(observation);
    this.#showTimes(test, live, observed?.livePath ?? ((path) => path));
    for (const { token, path } of test.produces) {
      const recorded = this.#recorded.get(token);
      const at = observed?.livePath(path) ?? path;
      const value = recorded === undefined ? undefined : (shownAt(test, live, at) ?? leafAt(live, at));
      if (recorded !== undefined && value !== undefined) this.#setToken(token, recorded, value);
    }
  }

  /** Tokens that a test's request carries whose live values differ; ids of those without one are added to `unresolved`. */
  consumedBy(test: Test, unresolved: string[] = []): [recorded: string, live: string][] {
    const tokens: [string, string][] = [];
    for (const id of test.consumes) {
      const recorded = this.#recorded.get(id);
      if (recorded === undefined) continue;
      const live = this.token(recorded);
      if (live === undefined) unresolved.push(id);
      else if (live !== recorded) tokens.push([recorded, live]);
    }
    return tokens;
  }

  /** Recorded values of the tokens that are read from a test's answer. */
  producedBy(test: Test): ReadonlySet<string | undefined> {
    const values = () => new Set(test.produces.map(({ token }) => this.#recorded.get(token)));
    return remembered(this.#produced, test, values);
  }

  /** The service's own address as the recorded client named it, and as the live one does; null when they are the same. */
  host(test: Test): [recorded: string, live: string] | null {
    const recorded = this.#liveHost === undefined ? undefined : header(test.request.headers, 'host');
    if (!recorded || recorded === this.#liveHost) return null;
    // Without a port a host is a word like others, in paths and in e-mail addresses: an address only behind `//`.
    return recorded.includes(':') ? [recorded, this.#liveHost!] : [`//${recorded}`, `//${this.#liveHost!}`];
  }

  /** The live counterpart of a token's recorded value. */
  token(recorded: string): string | undefined {
    return this.#tokens.live(recorded) ?? this.#parent?.token(recorded);
  }

  /** The live counterpart of a flow's recorded value. */
  flow(flow: string, recorded: string): string | undefined {
    return this.#flows.get(flow)?.live(recorded) ?? this.#parent?.flow(flow, recorded);
  }

  /** The live counterpart of a value that was only seen in answers; `isHint`: another virtual user's. */
  seen(recorded: string): { live: string; isHint: boolean } | undefined {
    const live = this.#seen.live(recorded);
    if (live !== undefined) return { live, isHint: false };
    const hint = this.#parent?.seen(recorded)?.live;
    return hint === undefined ? undefined : { live: hint, isHint: true };
  }

  /** What live answers showed in the place of a generated value; undefined when they did not. */
  shown(recorded: string): string | undefined {
    return this.token(recorded) ?? this.seen(recorded)?.live;
  }

  /** The recorded value of which `live` is the counterpart; `flow` null: of tokens and seen values. */
  recordedOf(live: string, flow: string | null): string | undefined {
    return flow === null
      ? (this.#tokens.recorded(live) ?? this.#seen.recorded(live))
      : this.#flows.get(flow)?.recorded(live);
  }

  /** The live counterparts of a recorded value, in whatever flows it is. */
  inFlows(recorded: string): string[] {
    const own = [...this.#flows.values()].flatMap((values) => values.live(recorded) ?? []);
    return own.length > 0 || !this.#parent ? own : this.#parent.inFlows(recorded);
  }

  /** The live instants that stood where a recorded one stood, and the reverse. */
  times(recorded: string): readonly string[] {
    return this.#times.live(recorded);
  }
  recordedTimes(live: string): readonly string[] {
    return this.#times.recorded(live);
  }

  /** Whether requests carry values of a flow, and none was another one so far. */
  isSteady(flow: string): boolean {
    return this.#isCarried(flow) && !this.#isShifted(flow);
  }

  /** Notes the flows of which a request carries values: bounded by the flows of a snapshot. */
  noteCarried(test: Test): void {
    for (const { flow } of linkedPlaces(test)) this.#carried.add(flow);
  }

  /** Whether any live value differs from its recorded one. */
  get hasDiffering(): boolean {
    if (this.#tokens.differing + this.#seen.differing > 0) return true;
    for (const values of this.#flows.values()) if (values.differing > 0) return true;
    return this.#parent?.hasDiffering ?? false;
  }

  /** A text with the recorded values in it that are known replaced by live ones, but for JWTs: these agree by their claims. */
  apply(text: string): string {
    if (!this.hasDiffering) return text;
    let replaced = '';
    let at = 0;
    const vocabulary = { has: (word: string) => this.token(word) !== undefined };
    for (const { kind, value, index } of atomsIn(text, vocabulary)) {
      if (kind === 'jwt' || (kind === 'timestamp' && isCoarseTime(value))) continue;
      const live = this.token(value) ?? this.#seen.live(value);
      if (live === undefined || live === value) continue;
      replaced += text.slice(at, index) + live;
      at = index + value.length;
    }
    return at === 0 ? text : replaced + text.slice(at);
  }

  /** Takes somebody's word for what a recorded value is this time, wherever it stands. */
  replace(recorded: string, live: string): void {
    if (this.#tokens.size < MAX_RUN_VALUES || this.token(recorded) !== undefined)
      this.#tokens.set(recorded, live);
  }

  /** Notes when a test was run: times in answers are judged by it. */
  noteExchange(exchange: Exchange): void {
    this.clock.add(exchange);
  }

  /** The write that brought a value first. */
  makerOf(value: string): Exchange | undefined {
    return this.#makers.of(value) ?? this.#parent?.makerOf(value);
  }

  /** Whether a write of a value ran at the same time as another write. */
  isWrittenAtOnce(value: string): boolean {
    return this.#makers.isAmidWrites(value) || (this.#parent?.isWrittenAtOnce(value) ?? false);
  }

  /** The writes that named a value, in order. */
  namingOf(value: string): readonly Exchange[] {
    const writes = this.#makers.naming(value);
    return writes.length > 0 ? writes : (this.#parent?.namingOf(value) ?? writes);
  }

  /** Notes what a write brought, and what a read shows: where two of one time stand in a list is not said by the recording. */
  noteMade(test: Test, exchange: Exchange): void {
    const named = namedBy(test);
    // What is not there is named by a refusal, too.
    const isShown = test.response.status < 400;
    this.#makers.add([...madeBy(test), ...(isShown ? shownBy(test) : [])], exchange, isWriting(test));
    this.#makers.addNamed(named, exchange);
    const handedOut = test.produces.flatMap(({ token, path }): [string, string][] => {
      const recorded = this.#recorded.get(token);
      return recorded === undefined ? [] : [[path, recorded]];
    });
    this.#minted.add(test, handedOut, exchange);
    this.#parent?.noteMade(test, exchange);
  }

  /** Whether a token is made of the second in which it is asked for, and this is another one. */
  isOfAnotherSecond(test: Test, path: string, recorded: string, now: Exchange): boolean {
    return (
      this.#minted.isOfAnotherSecond(test, path, recorded, now) ||
      (this.#parent?.isOfAnotherSecond(test, path, recorded, now) ?? false)
    );
  }

  /** Notes with which size a request's body is sent. */
  noteWritten(test: Test): void {
    this.#sizes.add(test);
    this.#parent?.noteWritten(test);
  }

  /** Whether what was written with one size is sent with the other; `isSum`: it may be that of all in a folder. */
  isWrittenSize(recorded: number, live: number, isSum: boolean): boolean {
    return this.#sizes.has(recorded, live, isSum) || !!this.#parent?.isWrittenSize(recorded, live, isSum);
  }

  #ownTimes(test: Test, nowUs: number): PlacedValue[] {
    const { ts } = test;
    if (ts === undefined) return [];
    const own = ownTimesOf(test);
    const here = new Map(
      own.map(({ recorded, isAgain }) => [recorded, isAgain ? null : shiftedTime(recorded, nowUs - ts)]),
    );
    return own.flatMap(({ path, recorded, isAgain }) => {
      const live = here.get(recorded) ?? (isAgain ? this.sentTime(recorded) : undefined);
      return live === undefined ? [] : [{ path, inside: '', live }];
    });
  }

  #showTimes(test: Test, live: HttpResponse, livePath: (path: string) => string): void {
    this.#shown.learn(test, live, livePath);
    if (this.#parent) this.#parent.#showTimes(test, live, livePath);
  }

  /** What an answer showed in the place of a time; a user's own answers come first. */
  #shownTime(key: string): string | undefined {
    const live = this.#shown.live(key);
    return live === undefined && this.#parent ? this.#parent.#shownTime(key) : live;
  }

  #setSent(recorded: string, live: string): void {
    this.#sent.set(recorded, live);
    if (this.#parent) this.#parent.#setSent(recorded, live);
  }

  #isCarried(flow: string): boolean {
    if (this.#carried.has(flow)) return true;
    return this.#parent ? this.#parent.#isCarried(flow) : false;
  }

  #isShifted(flow: string): boolean {
    if ((this.#flows.get(flow)?.differing ?? 0) > 0) return true;
    return this.#parent ? this.#parent.#isShifted(flow) : false;
  }

  #observe({ space, recorded, live }: Observation): void {
    if (space === 'seen') {
      this.#seen.set(recorded, live);
      this.#addTail(recorded, live);
    } else if (space === 'time') this.#times.add(recorded, live);
    else if (space === 'token') this.#renewToken(recorded, live);
    else this.#setFlow(space.flow, recorded, live);
  }

  #addTail(recorded: string, live: string): void {
    const tail = this.#tails.add(recorded, live);
    if (tail) this.#seen.set(...tail);
  }

  #setFlow(flow: string, recorded: string, live: string): void {
    const values = this.#flows.get(flow) ?? new TwoWay(this.#limit);
    this.#flows.set(flow, values);
    values.set(recorded, live);
    const parent = this.#parent;
    if (parent && parent.flow(flow, recorded) === undefined) parent.#setFlow(flow, recorded, live);
  }

  /** A token that was handed out again is a new one from then on. */
  #renewToken(recorded: string, live: string): void {
    if (this.token(recorded) !== undefined) this.#tokens.set(recorded, live);
  }

  #setToken(id: string, recorded: string, live: string): void {
    this.#tokens.set(recorded, live);
    this.#addTail(recorded, live);
    this.#known.add(id);
    const parent = this.#parent;
    if (parent && parent.token(recorded) === undefined) parent.#setToken(id, recorded, live);
  }
}

/** What an answer that is a text shows where the recorded one has a piece, as a whole; undefined when that is not told. */
function shownAt({ response }: Test, live: HttpResponse, path: string): string | undefined {
  const piece = /^body#(\d+)$/.exec(path);
  if (!piece) return undefined;
  const [was, is, n] = [bodyText(response.body) ?? '', bodyText(live.body) ?? '', Number(piece[1])];
  const arePages = [response, live].every(({ headers }) => isPage(headers));
  return (arePages ? pieceOfPage(was, is, n) : undefined) ?? pieceOfRedacted(was, is, n);
}
