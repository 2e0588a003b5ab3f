// Numbers that clients wrote of things: `{copies: 4}` in a request, the same number in its answer beside the id of the new thing, and in
// later answers beside that id. No service counted them. Bounded. Pure.
import { kindOf, type Scalar } from '@echoplane/replay';
import { holderOf } from './object-facts.ts';

const MAX_FACTS = 50_000;
const FIELD = /[^.[\]]+$/;

/** A number or text of an answer. */
interface Answered {
  path: string;
  value: Scalar;
}

export class SaidNumbers {
  /** Numbers by the id of a thing and its field. */
  readonly #facts = new Map<string, Scalar>();

  /** The paths of an answer's numbers that a client said: in this request, or of the same thing before. */
  observe(answered: readonly Answered[], sent: ReadonlySet<Scalar>): ReadonlySet<string> {
    const ids = new Map<string, string>();
    for (const { path, value } of answered) {
      const holder = holderOf(path);
      if (!ids.has(holder) && isGenerated(value)) ids.set(holder, value);
    }
    const said = new Set<string>();
    for (const { path, value } of answered) {
      if (typeof value !== 'number') continue;
      const id = ids.get(holderOf(path));
      const fact = id === undefined ? undefined : `${id} ${FIELD.exec(path)?.[0]}`;
      const isSent = sent.has(value);
      if (isSent || (fact !== undefined && this.#facts.get(fact) === value)) said.add(path);
      if (isSent && fact !== undefined && this.#facts.size < MAX_FACTS) this.#facts.set(fact, value);
    }
    return said;
  }
}

function isGenerated(value: Scalar): value is string {
  const kind = typeof value === 'string' ? kindOf(value) : null;
  return kind === 'uuid' || kind === 'hex' || kind === 'token';
}
