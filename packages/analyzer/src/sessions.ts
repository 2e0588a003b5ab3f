// Which pairs belong to one user's session. Evidence in order of strength: the credential that requests carry, the answer
// that hands it out, a value that only one session mentions, the connection, the client. A union-find over the numbers of
// the pairs: a few bytes for each, however long the recording. Pure.
import { header, type RRPair } from '@echoplane/traffic';
import type { Credential } from './value-events.ts';

const CARRIES = 1;
const HANDS_OUT = 2;
/** A credential of it came from an answer of the recording. */
const ISSUED = 4;
const FOREIGN_JWT = 8;
const FOREIGN_BEARER = 16;
const FOREIGN_COOKIE = 32;
const IS_TEST = 64;

const MAX_NAMES = 50_000;
/** Connections with fewer requests say nothing of who uses them. */
const MIN_CONNECTION = 3;

export class Sessions {
  #parents = new Int32Array(1024);
  #flags = new Uint8Array(1024);
  #connections = new Int32Array(1024);
  #clients = new Int32Array(1024);
  #size = 0;
  readonly #connectionNumbers = new Numbers();
  readonly #clientNumbers = new Numbers();
  /** Answers to a credential that hand out another one, and the first use of that: [answer, use, answer, use, …]. */
  readonly #renewals: number[] = [];
  /** Requests that gave the service a credential of the client's own making, and its first use: [request, use, …]. */
  readonly #gifts: number[] = [];
  #issuesBearers = false;
  #numbers: Int32Array = new Int32Array(0);
  #headless: Uint8Array = new Uint8Array(0);
  /** Those whose credentials the recording does not show being made, signed anew or not. */
  #predating: Uint8Array = new Uint8Array(0);

  /** The next pair of the recording; `isTest`: whether it needs a session. */
  add(pair: RRPair, isTest: boolean, credentials: readonly Credential[]): void {
    const at = this.#size++;
    if (at >= this.#parents.length) this.#grow();
    this.#parents[at] = at;
    this.#flags[at] = (isTest ? IS_TEST : 0) | (credentials.length > 0 ? CARRIES : 0);
    if (!isTest) return;
    this.#connections[at] = this.#connectionNumbers.of(pair.connection.id);
    const { headers } = pair.request!;
    const origin = header(headers, 'x-forwarded-for') ?? pair.client.ip;
    this.#clients[at] = this.#clientNumbers.of(`${origin} ${header(headers, 'user-agent') ?? ''}`);
  }

  /** Whether a pair has a session by its credential. */
  isKnown(pair: number): boolean {
    return (this.#flags[pair]! & (CARRIES | HANDS_OUT)) !== 0;
  }

  /** Two requests carry one credential. */
  joined(a: number, b: number): void {
    this.#union(a, b);
  }

  /** A pair used a credential that an answer handed out before, or that none did. */
  used(pair: number, kind: string, isIssued: boolean): void {
    if (isIssued) {
      this.#flags[pair]! |= ISSUED;
      if (kind === 'bearer' || kind === 'jwt') this.#issuesBearers = true;
    } else if (kind === 'jwt') this.#flags[pair]! |= FOREIGN_JWT;
    else if (kind === 'bearer') this.#flags[pair]! |= FOREIGN_BEARER;
    else if (kind === 'cookie') this.#flags[pair]! |= FOREIGN_COOKIE;
  }

  /** Whether a request carries a credential of its own. */
  carries(pair: number): boolean {
    return (this.#flags[pair]! & CARRIES) !== 0;
  }

  /** The request `giver` told the service a credential that the client made up, first used by `user`. */
  given(giver: number, user: number): void {
    this.#gifts.push(giver, user);
  }

  /** The answer `issuer` handed out the credential first used by `user`. */
  issued(issuer: number, user: number): void {
    if (issuer === user) return;
    if (this.#flags[issuer]! & CARRIES) {
      this.#renewals.push(issuer, user);
      return;
    }
    this.#flags[issuer]! |= HANDS_OUT;
    this.#union(issuer, user);
  }

  /** After all credentials: a renewed one continues the session whose credential is not used any more. */
  settleCredentials(): void {
    const lastUse = new Int32Array(this.#size).fill(-1);
    for (let at = 0; at < this.#size; at++) if (this.#flags[at]! & CARRIES) lastUse[this.#find(at)] = at;
    for (let i = 0; i < this.#renewals.length; i += 2) {
      const [issuer, user] = [this.#renewals[i]!, this.#renewals[i + 1]!];
      if (lastUse[this.#find(issuer)]! <= user) this.#union(issuer, user);
    }
  }

  /** `pairs` mention one value: those without a session join the one session among them, if it is one. */
  mention(pairs: readonly number[]): void {
    let owner = -1;
    for (const pair of pairs) {
      if (!this.isKnown(pair)) continue;
      const root = this.#find(pair);
      if (owner >= 0 && owner !== root) return;
      owner = root;
    }
    if (owner < 0) return;
    for (const pair of pairs) if (!this.isKnown(pair)) this.#mentioned.push(pair, owner);
  }
  readonly #mentioned: number[] = [];

  /** After everything was told: gives each test its session. */
  finish(): void {
    for (let i = 0; i < this.#mentioned.length; i += 2) {
      const pair = this.#mentioned[i]!;
      if (this.isKnown(pair)) continue;
      this.#flags[pair]! |= HANDS_OUT;
      this.#union(this.#mentioned[i + 1]!, pair);
    }
    this.#joinBy(this.#connections, this.#connectionNumbers.count, MIN_CONNECTION);
    this.#joinBy(this.#clients, this.#clientNumbers.count, 1);
    this.#number();
  }

  /** Pairs without a session that share a number become one, where it is shared by enough of them. */
  #joinBy(numbers: Int32Array, count: number, least: number): void {
    const first = new Int32Array(count).fill(-1);
    const counts = new Int32Array(count);
    for (let at = 0; at < this.#size; at++) if (this.#isLone(at)) counts[numbers[at]!]!++;
    for (let at = 0; at < this.#size; at++) {
      const number = numbers[at]!;
      if (!this.#isLone(at) || counts[number]! < least) continue;
      if (first[number]! < 0) first[number] = at;
      else this.#union(first[number]!, at);
    }
    for (let at = 0; at < this.#size; at++)
      if (this.#isLone(at) && counts[numbers[at]!]! >= least) this.#flags[at]! |= HANDS_OUT;
  }

  #isLone(at: number): boolean {
    return (this.#flags[at]! & IS_TEST) !== 0 && !this.isKnown(at);
  }

  #number(): void {
    this.#numbers = new Int32Array(this.#size);
    this.#headless = new Uint8Array(this.#size + 1);
    const numberOf = new Int32Array(this.#size);
    for (let at = 0; at < this.#size; at++) {
      if (!(this.#flags[at]! & IS_TEST)) continue;
      const root = this.#find(at);
      if (numberOf[root] === 0) numberOf[root] = ++this.#count;
      this.#numbers[at] = numberOf[root]!;
      if (this.#predates(at)) this.#headless[numberOf[root]!] = 1;
    }
    this.#inherit();
    this.#predating = this.#headless.slice();
    this.#orders = new Int32Array(this.#count + 1);
  }
  #count = 0;
  #orders = new Int32Array(0);

  /** A credential that nobody handed out. A static one (Basic, a key, the bearer of a service that issues none) is no sign. */
  #predates(at: number): boolean {
    const flags = this.#flags[at]!;
    if (flags & ISSUED) return false;
    if (flags & (FOREIGN_JWT | FOREIGN_COOKIE)) return true;
    return (flags & FOREIGN_BEARER) !== 0 && this.#issuesBearers;
  }

  /** After the sessions are numbered: tokens that nobody handed out are signed anew in a replay, so they are no sign either. */
  admitTokens(): void {
    this.#headless.fill(0);
    for (let at = 0; at < this.#size; at++) {
      if (!(this.#flags[at]! & IS_TEST)) continue;
      this.#flags[at]! &= ~FOREIGN_JWT;
      if (this.#predates(at)) this.#headless[this.#numbers[at]!] = 1;
    }
    this.#inherit();
  }

  /** A credential that a session made which began before the recording is not made in a replay either. */
  #inherit(): void {
    for (let i = 0; i < this.#gifts.length; i += 2) {
      const [giver, user] = [this.#numbers[this.#gifts[i]!]!, this.#numbers[this.#gifts[i + 1]!]!];
      if (this.#headless[giver] === 1) this.#headless[user] = 1;
    }
  }

  get count(): number {
    return this.#count;
  }

  get headlessCount(): number {
    return this.#headless.reduce((sum, one) => sum + one, 0);
  }

  /** The session of a test, and the test's place in it: asked once for each test, in order. */
  next(pair: number): { session: string; order: number; headless: boolean } {
    const number = this.#numbers[pair]!;
    const order = this.#orders[number]!++;
    return { session: `s${number}`, order, headless: this.#headless[number] === 1 };
  }

  /** Whether all of the pairs are of sessions that began before the recording; after `finish`. */
  predate(pairs: readonly number[]): boolean {
    return pairs.every((pair) => this.#predating[this.#numbers[pair]!] === 1);
  }

  /** Two pairs are known to be of different sessions; after `finish`. */
  sessionOf(pair: number): number {
    return this.#numbers[pair]!;
  }

  #find(at: number): number {
    let root = at;
    while (this.#parents[root] !== root) root = this.#parents[root]!;
    for (let i = at; i !== root; ) {
      const next = this.#parents[i]!;
      this.#parents[i] = root;
      i = next;
    }
    return root;
  }

  /** The earlier pair is the root. */
  #union(a: number, b: number): void {
    const [x, y] = [this.#find(a), this.#find(b)];
    if (x !== y) this.#parents[Math.max(x, y)] = Math.min(x, y);
  }

  #grow(): void {
    const wider = <T extends Int32Array | Uint8Array>(old: T, made: T): T => {
      made.set(old);
      return made;
    };
    const length = this.#parents.length * 2;
    this.#parents = wider(this.#parents, new Int32Array(length));
    this.#flags = wider(this.#flags, new Uint8Array(length));
    this.#connections = wider(this.#connections, new Int32Array(length));
    this.#clients = wider(this.#clients, new Int32Array(length));
  }
}

/** Names as numbers from 0. The oldest names are forgotten: they get another number if they come again. */
class Numbers {
  readonly #numbers = new Map<string, number>();
  count = 0;

  of(name: string): number {
    const known = this.#numbers.get(name);
    if (known !== undefined) return known;
    if (this.#numbers.size >= MAX_NAMES) this.#numbers.delete(this.#numbers.keys().next().value!);
    this.#numbers.set(name, this.count);
    return this.count++;
  }
}
