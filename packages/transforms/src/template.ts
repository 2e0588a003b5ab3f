// Embedded values in the strings of a configuration: `${{var:x}}`, `${{secret:name/key}}`, `${{random:[a-z]{8}}}`, …. Read
// once when the chain is compiled; what has no value stays as it is written, and is a miss in a strict chain.
import { formatTime } from './dates.ts';
import { RandomText } from './random-text.ts';
import type { Run } from './run.ts';
import { miss, textOf, type Value } from './value.ts';

/** Ends at the first two braces that close no other: `{"n":${{random:[0-9]{3}}}}` holds `random:[0-9]{3}`. */
const SLOT = /\$\{\{((?:\\.|[^{}\\]|\{[^{}]*\})*)\}\}/g;

type Resolve = (run: Run, value: Value) => string | undefined;

interface Slot {
  written: string;
  resolve: Resolve;
}

export class Template {
  readonly #parts: readonly (string | Slot)[];

  /** Throws an Error that says which embedded value cannot be read. */
  constructor(text: string) {
    const parts: (string | Slot)[] = [];
    let at = 0;
    for (const match of text.matchAll(SLOT)) {
      if (match.index > at) parts.push(text.slice(at, match.index));
      parts.push({ written: match[0], resolve: slot(match[1]!.trim()) });
      at = match.index + match[0].length;
    }
    if (at < text.length) parts.push(text.slice(at));
    this.#parts = parts;
  }

  /** The text with its values; `value` is what `${{value}}` stands for. */
  render(run: Run, value: Value = ''): string {
    let text = '';
    for (const part of this.#parts) {
      if (typeof part === 'string') text += part;
      else
        text +=
          part.resolve(run, value) ?? (run.strict ? miss(`${part.written} has no value`) : part.written);
    }
    return text;
  }
}

function slot(text: string): Resolve {
  if (text === 'value') return (_, value) => textOf(value);
  const colon = text.indexOf(':');
  const [kind, rest] = colon < 0 ? ['var', text] : [text.slice(0, colon), text.slice(colon + 1)];
  const make = Object.hasOwn(SLOTS, kind) ? SLOTS[kind] : undefined;
  if (!make || rest === '')
    throw new Error(
      `\${{${text}}} is no embedded value; write one of ${Object.keys(SLOTS).join(', ')}, such as \${{var:name}}`,
    );
  return make(rest);
}

const SLOTS: Readonly<Record<string, (rest: string) => Resolve>> = {
  var: (name) => (run) => {
    const stored = run.context.state.variable(name);
    for (const secret of stored?.secrets ?? []) run.secrets.add(secret);
    return stored && textOf(stored.value);
  },
  env: (name) => (run) => run.context.lookups?.env?.(name),
  secret: (rest) => {
    const slash = rest.indexOf('/');
    if (slash <= 0 || slash === rest.length - 1) throw new Error(`\${{secret:${rest}}} wants name/key`);
    return (run) => run.secret(rest.slice(0, slash), rest.slice(slash + 1));
  },
  file: (path) => (run) => run.context.lookups?.file?.(path),
  random: (pattern) => {
    const random = new RandomText(pattern);
    return (run) => random.make(run.context.random);
  },
  data: (rest) => {
    const [name, key, field, ...more] = rest.split('/');
    if (!name || !key || !field || more.length > 0)
      throw new Error(`\${{data:${rest}}} wants name/key/field`);
    return (run) => {
      const text = run.context.lookups?.data?.(name);
      return text === undefined ? undefined : run.tables.table(name, text).find(key, field);
    };
  },
  now: (layout) => (run) => formatTime(run.context.nowUs, layout),
};
