// The mocks that are served now, and how they are replaced: requests under way end with the set they began with, new ones see
// the new set. Loaded in bounded memory per mock; it must not know how a request is answered.
import { MockIndex, Recent } from '@echoplane/replay';
import { OperatingError } from '@echoplane/runtime';
import type { Mock, ResponderPlan } from '@echoplane/traffic';
import { splitAuthority } from './channel.ts';
import { holdsToken } from './explain-miss.ts';
import { HeardRequests } from './heard-requests.ts';
import type { KnownRequest } from './known-request.ts';
import { MockLines } from './mock-file.ts';
import type { Prepared } from './prepared.ts';
import { Survey } from './survey.ts';

/** Mocks looked at to see whether the recording is redacted. */
const SAMPLE = 1_000;
/** Recognised requests that are kept, by their bytes. */
const KNOWN_BYTES = 32 << 20;
const PREPARED_BYTES = 64 << 20;

export class MockSet {
  readonly index: MockIndex;
  /** Recorded ports. */
  readonly ports = new Set<number>();
  isRedacted = false;
  readonly survey: Survey;
  /** Whole requests as they were sent. */
  readonly heard = new HeardRequests();
  /** What a request is answered with, by what decides in it. */
  readonly known = new Recent<string, KnownRequest>(KNOWN_BYTES);
  /** Answers as bytes, by number of the mock and how it is sent. */
  readonly prepared = new Recent<number, Prepared>(PREPARED_BYTES);
  readonly #lines: MockLines;
  #users = 0;
  #isRetired = false;

  private constructor(lines: MockLines, generalize: ResponderPlan['generalize']) {
    this.#lines = lines;
    this.survey = new Survey(generalize);
    this.index = new MockIndex([], lines);
  }

  /** Throws OperatingError naming the line that is no mock; nothing stays open then. */
  static async load(path: string, generalize?: ResponderPlan['generalize']): Promise<MockSet> {
    const lines = await MockLines.open(path);
    try {
      const set = new MockSet(lines, generalize);
      for await (const mock of lines.mocks()) set.#add(mock);
      set.index.seal();
      return set;
    } catch (error) {
      lines.close();
      throw error;
    }
  }

  /** A request that waits uses it until `release`. */
  acquire(): void {
    this.#users++;
  }

  release(): void {
    this.#users--;
    this.#closeUnused();
  }

  /** Nobody new will use it. */
  retire(): void {
    this.#isRetired = true;
    this.#closeUnused();
  }

  #add(mock: Mock): void {
    const { host, scheme, signature } = mock;
    this.ports.add(splitAuthority(host)?.port ?? (scheme === 'https' ? 443 : 80));
    if (!this.isRedacted && this.index.size < SAMPLE)
      this.isRedacted = Object.values(signature).some(holdsToken);
    this.survey.add(this.index.size, mock);
    this.index.add(mock);
  }

  #closeUnused(): void {
    if (this.#isRetired && this.#users === 0) this.#lines.close();
  }
}

/** The set that is served, replaced as a whole. */
export class ServedMocks {
  #set: MockSet | null = null;
  #loading: Promise<number> | null = null;
  readonly #path: string;
  readonly #generalize: ResponderPlan['generalize'];

  /** `generalize`: parameters that are looked for in every mock. */
  constructor(path: string, generalize?: ResponderPlan['generalize']) {
    this.#path = path;
    this.#generalize = generalize;
  }

  /** Throws when none was loaded yet. */
  get current(): MockSet {
    if (!this.#set) throw new OperatingError('not_ready', 'The mocks are being loaded; ask again.');
    return this.#set;
  }

  /** Mocks served; null before the first load. */
  get size(): number | null {
    return this.#set?.index.size ?? null;
  }

  /** Reads the file anew and serves it, once for all who ask meanwhile; resolves with how many mocks. A bad file changes nothing. */
  reload(): Promise<number> {
    this.#loading ??= this.#load().finally(() => {
      this.#loading = null;
    });
    return this.#loading;
  }

  async #load(): Promise<number> {
    const loaded = await MockSet.load(this.#path, this.#generalize);
    this.#set?.retire();
    this.#set = loaded;
    return loaded.index.size;
  }
}
