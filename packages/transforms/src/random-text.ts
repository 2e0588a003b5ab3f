// Random texts of a pattern (`ord-[0-9]{6}`), with the randomness that is passed in.
import { LinearPattern } from '@echoplane/rules';
import RandExp from 'randexp';

/** How often `*` and `+` repeat at most. */
const MAX_REPEATS = 16;

export class RandomText {
  readonly #generator: InstanceType<typeof RandExp.default>;

  /** Throws an Error when `pattern` is none, or would make huge texts: RE2 bounds every count, nested ones too. */
  constructor(pattern: string) {
    try {
      new LinearPattern(pattern);
      const Generator = RandExp as unknown as typeof RandExp.default;
      this.#generator = new Generator(pattern);
    } catch (error) {
      throw new Error(`"${pattern}" is no pattern to make texts from: ${(error as Error).message}`);
    }
    this.#generator.max = MAX_REPEATS;
  }

  make(random: () => number): string {
    this.#generator.randInt = (from, to) => from + Math.floor(random() * (1 + to - from));
    return this.#generator.gen();
  }
}

/** A version 4 UUID. */
export function randomUuid(random: () => number): string {
  const word = () =>
    Math.floor(random() * 2 ** 32)
      .toString(16)
      .padStart(8, '0');
  const hex = word() + word() + word() + word();
  const variant = (8 + Math.floor(random() * 4)).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20)}`;
}
