// Which answers chaos touches, and how. Decided by a hash of seed, rule, request and how often that request was seen, never by
// a shared stream of random numbers: the same run is touched in the same places, whatever runs beside it. Pure; it must not
// know how an answer is written.
import { createHash } from 'node:crypto';
import { compileExpression, type Expression, type ExpressionView } from '@echoplane/rules';
import type { ChaosAction, ChaosRule } from '@echoplane/traffic';

/** Requests whose occurrences are counted; beyond that the one counted first starts anew. */
const MAX_COUNTED = 100_000;
const TWO_TO_48 = 2 ** 48;

/** How the connection of an answer ends: `close` and `reset` before it, `cut` and `stall` inside its body. */
export interface Ending {
  type: 'reset' | 'close' | 'cut' | 'stall';
  /** Of the body that is sent before; half of it when null. */
  bytes: number | null;
}

/** What is done to one answer. */
export interface Touch {
  /** Names of the rules that did it. */
  rules: string[];
  delayMs: number;
  /** Takes the place of the answer. */
  status: { status: number; body: string } | null;
  /** Where bytes of the body are changed, 0..1 of the first 16; null: nowhere. */
  corrupt: number | null;
  ending: Ending | null;
}

interface Rule {
  name: string;
  when: Expression | null;
  toxicity: number;
  action: ChaosAction;
}

/** The chaos of one replay. */
export class Chaos {
  readonly #rules: readonly Rule[];
  readonly #seed: number;
  readonly #seen = new Map<string, number>();
  readonly #counts = new Map<string, number>();

  /** Throws FilterError when a rule's `when` is not an expression. */
  constructor(rules: readonly ChaosRule[], seed = 0) {
    this.#rules = rules.map(({ name, when, toxicity, action }) => {
      return { name, when: when === undefined ? null : compileExpression(when), toxicity, action };
    });
    this.#seed = seed;
    for (const { name } of rules) this.#counts.set(name, 0);
  }

  /** Answers touched so far, by rule. */
  get counts(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  /** What is done to the answer of the next request that is recognised by `key`; null: nothing. `viewOf` is asked by rules with a condition. */
  touch(key: string, viewOf: () => ExpressionView): Touch | null {
    if (this.#rules.length === 0) return null;
    const ordinal = this.#ordinalOf(key);
    let view: ExpressionView | null = null;
    const touch: Touch = { rules: [], delayMs: 0, status: null, corrupt: null, ending: null };
    for (const rule of this.#rules) {
      const [share, within] = this.#draw(rule.name, key, ordinal);
      if (share >= rule.toxicity) continue;
      if (rule.when) {
        view ??= viewOf();
        if (!rule.when.test(view)) continue;
      }
      apply(rule.action, within, touch);
      touch.rules.push(rule.name);
      this.#counts.set(rule.name, this.#counts.get(rule.name)! + 1);
    }
    return touch.rules.length > 0 ? touch : null;
  }

  #ordinalOf(key: string): number {
    const ordinal = this.#seen.get(key) ?? 0;
    if (ordinal === 0 && this.#seen.size >= MAX_COUNTED) this.#seen.delete(this.#seen.keys().next().value!);
    this.#seen.set(key, ordinal + 1);
    return ordinal;
  }

  /** Two numbers from 0 to 1, exclusive: whether the rule acts, and how far. */
  #draw(name: string, key: string, ordinal: number): [number, number] {
    const digest = createHash('sha256')
      .update(JSON.stringify([this.#seed, name, key, ordinal]))
      .digest();
    return [digest.readUIntBE(0, 6) / TWO_TO_48, digest.readUIntBE(6, 6) / TWO_TO_48];
  }
}

/** Delays add up; of replaced answers and of endings the first rule's stays. */
function apply(action: ChaosAction, within: number, touch: Touch): void {
  switch (action.type) {
    case 'latency':
      touch.delayMs += Math.max(0, action.ms + action.jitterMs * (2 * within - 1));
      return;
    case 'status':
      touch.status ??= { status: action.status, body: action.body ?? '' };
      return;
    case 'corrupt':
      touch.corrupt ??= within;
      return;
    case 'truncate':
      touch.ending ??= { type: 'cut', bytes: action.bytes ?? null };
      return;
    case 'stall':
      touch.ending ??= { type: 'stall', bytes: null };
      return;
    case 'reset':
      touch.ending ??= { type: 'reset', bytes: null };
      return;
    case 'drop':
      touch.ending ??= { type: 'close', bytes: null };
  }
}

const CORRUPT_EVERY = 16;

/** A body in which one byte of every 16 is another, the first of them at `share` of the first 16; lengths stay. */
export function corrupted(body: Buffer, share: number): Buffer {
  const changed = Buffer.from(body);
  const first = Math.floor(share * Math.min(CORRUPT_EVERY, body.length));
  for (let at = first; at < changed.length; at += CORRUPT_EVERY) changed[at] = changed[at]! ^ 0xff;
  return changed;
}
