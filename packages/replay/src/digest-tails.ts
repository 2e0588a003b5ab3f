// Digests behind a number or a word, `1-3ec740d7…` for the first revision of a document: clients send what is behind the dash alone as
// well, as in a list of the revisions before. Known with the whole value. Pure.
import { bodyText, type Test } from '@echoplane/traffic';
import { remembered } from './test-places.ts';
import { TwoWay } from './two-way.ts';

const HEX = '[0-9a-f]{32}(?:[0-9a-f]{8}|[0-9a-f]{32})?';
const TAILED = new RegExp(`^(\\d{1,6}|[A-Za-z]{1,12})-(${HEX})$`);
const DIGEST = new RegExp(`(?<![\\w-])${HEX}(?![\\w-])`, 'g');
const NONE: readonly string[] = [];

const digests = new WeakMap<Test, readonly string[]>();

/** Live digests by recorded ones, for one pass through the tests; what a user lacks the run may know. Bounded as `limit` says. */
export class DigestTails {
  readonly #live: TwoWay;
  readonly #run: DigestTails | undefined;

  constructor(limit: number, run?: DigestTails) {
    this.#live = new TwoWay(limit);
    this.#run = run;
  }

  /** Takes what is behind the dash of two values with the same before it, and gives it back; null of others. */
  add(recorded: string, live: string): [recorded: string, live: string] | null {
    const [, was, tail] = TAILED.exec(recorded) ?? [];
    const [, is, liveTail] = TAILED.exec(live) ?? [];
    if (tail === undefined || liveTail?.length !== tail.length || was !== is) return null;
    this.#live.set(tail, liveTail);
    return [tail, liveTail];
  }

  /** The digests that a request carries by themselves and that are other ones now. */
  of(test: Test): [recorded: string, live: string][] {
    if (!this.hasDiffering) return [];
    return digestsIn(test).flatMap((digest): [string, string][] => {
      const live = this.liveOf(digest);
      return live === undefined || live === digest ? [] : [[digest, live]];
    });
  }

  private get hasDiffering(): boolean {
    return this.#live.differing > 0 || (this.#run?.hasDiffering ?? false);
  }

  private liveOf(digest: string): string | undefined {
    return this.#live.live(digest) ?? this.#run?.liveOf(digest);
  }
}

function digestsIn(test: Test): readonly string[] {
  return remembered(digests, test, ({ request }) => {
    const found = `${request.target}\n${bodyText(request.body) ?? ''}`.match(DIGEST);
    return found ? [...new Set(found)] : NONE;
  });
}
