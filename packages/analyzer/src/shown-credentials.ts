// Credentials that an answer showed in the clear, as nothing told what they are (a field of protobuf has no name), and that are
// redacted in the headers which carry them. The redaction says which answer that was: here these headers are read with the
// value, so that it is followed like any other. The recording stays as it is. Bounded; pure.
import { responseLeaves } from '@echoplane/replay';
import { isMarked, pairOfMark, type RRPair } from '@echoplane/traffic';

const MAX_MARKS = 20_000;
const OF_HEADER = /^request\.header\.(.+)$/;
const TOKEN = /rdx_[a-z0-9]+/;

export class ShownCredentials {
  /** Tokens by mark, by the pair whose answer showed the value. */
  readonly #marks = new Map<string, Map<string, string>>();
  readonly #values = new Map<string, string>();
  readonly #words = new Set<string>();
  #count = 0;

  /** Any pair of the recording, in any order, before the first is read. */
  note(pair: RRPair): void {
    for (const [mark, , token] of shownIn(pair)) {
      const id = pairOfMark(mark);
      const marks = this.#marks.get(id) ?? new Map<string, string>();
      if (marks.has(mark) || this.#count >= MAX_MARKS) continue;
      this.#marks.set(id, marks.set(mark, token));
      this.#count++;
    }
  }

  /** The pair as it is to be read; in time order, so that answers come before the requests that carry what they showed. */
  read(pair: RRPair): RRPair {
    this.#learn(pair);
    const { request } = pair;
    const shown = shownIn(pair).filter(([, , token]) => this.#values.has(token));
    if (!request || shown.length === 0) return pair;
    const headers = request.headers.map(([name, value]): [string, string] => {
      const [, , token] = shown.find(([, header]) => header === name.toLowerCase()) ?? [];
      return [name, token === undefined ? value : value.replace(token, this.#values.get(token)!)];
    });
    return { ...pair, request: { ...request, headers } };
  }

  /** How many words were read so far. */
  get size(): number {
    return this.#words.size;
  }

  /** Whether a word is one of those. */
  has(word: string): boolean {
    return this.#words.has(word);
  }

  /** As `read`, of its JSON. */
  text(json: string): string {
    if (this.#count === 0 || !json.includes('"shown":"')) return json;
    return JSON.stringify(this.read(JSON.parse(json) as RRPair));
  }

  #learn({ id, response }: RRPair): void {
    const marks = this.#marks.get(id);
    if (!marks || !response) return;
    for (const { value } of responseLeaves(response)) {
      if (typeof value !== 'string') continue;
      for (const [mark, token] of marks)
        if (!this.#values.has(token) && isMarked(mark, value)) {
          this.#values.set(token, value);
          this.#words.add(value);
        }
    }
  }
}

/** Marks with the header and the token in it. */
function shownIn({ request, redactions }: RRPair): [mark: string, header: string, token: string][] {
  return redactions.flatMap(({ path, shown }): [string, string, string][] => {
    const name = shown === undefined ? undefined : OF_HEADER.exec(path)?.[1];
    if (shown === undefined || name === undefined) return [];
    const value = request?.headers.find((header) => header[0].toLowerCase() === name)?.[1];
    const token = value === undefined ? undefined : TOKEN.exec(value)?.[0];
    return token === undefined ? [] : [[shown, name, token]];
  });
}
