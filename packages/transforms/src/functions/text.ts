// Functions on texts: put another one there, or open a part of it. What is not found is a miss.
import { z } from 'zod';
import { defineFunction, defineMaker, text } from '../function-kind.ts';
import { JsonText, miss, textOf } from '../value.ts';

const MAX_MATCHES = 10_000;
const MAX_PARTS = 100_000;

export const constant = defineMaker(
  'constant',
  'Puts a constant in place of the value. A text may hold embedded values and takes the type of what it replaces; a number, a truth value, null, an object or an array is written as what it is.',
  {
    value: z
      .json()
      .describe('The new value; a text with embedded values, or any JSON, which then keeps its own type.'),
  },
  ({ value }, at) => {
    if (typeof value !== 'string') {
      const json = new JsonText(JSON.stringify(value));
      return () => json;
    }
    const template = at.text(value);
    return (before, run) => template.render(run, before);
  },
);

export const template = defineMaker(
  'template',
  'Makes a text around the value: `Bearer ${{value}}`.',
  { text: text().describe('The text; `${{value}}` stands for the value, other embedded values for theirs.') },
  (config, at) => {
    const compiled = at.text(config.text);
    return (value, run) => compiled.render(run, value);
  },
);

export const replace = defineMaker(
  'replace',
  'Replaces a literal text by another wherever it occurs.',
  {
    old: text().min(1).describe('The literal text that is looked for; embedded values are allowed.'),
    new: text().describe('What is put in its place; embedded values are allowed.'),
    count: z.int().positive().optional().describe('How many occurrences at most; all without it.'),
  },
  (config, at) => {
    const [before, after] = [at.text(config.old), at.text(config.new)];
    return (value, run) => {
      const old = before.render(run);
      const pieces = textOf(value).split(old);
      if (old === '' || pieces.length === 1) miss('the text to replace is not there');
      const count = Math.min(config.count ?? pieces.length, pieces.length - 1);
      return [pieces.slice(0, count + 1).join(after.render(run)), ...pieces.slice(count + 1)].join(old);
    };
  },
);

export const regex = defineFunction(
  'regex',
  'Opens what an RE2 pattern, or one of its groups, matches in a text.',
  {
    pattern: z.string().min(1).max(4_096).describe('RE2 syntax; found anywhere in the text.'),
    group: z.int().nonnegative().default(0).describe('The group that is opened; 0 is the whole match.'),
    all: z.boolean().default(false).describe('Every match instead of the first.'),
  },
  ({ pattern, group, all }, at) => {
    const compiled = at.pattern(pattern);
    if (group > compiled.groups) throw new Error(`the pattern has ${compiled.groups} groups, not ${group}`);
    return (value, run, next) => {
      const source = textOf(value);
      const spans = compiled.matches(source, all ? MAX_MATCHES : 1).flatMap((match) => {
        const span = match.spans[group];
        return span ? [span] : [];
      });
      const found = spans.map(([start, end], i) => ({
        label: all ? `#${i}` : '#',
        value: source.slice(start, end),
      }));
      if (found.length === 0) miss(`nothing matches ${pattern}`);
      const made = run.windows(found, next);
      let edited = '';
      let from = 0;
      for (const [i, [start, end]] of spans.entries()) {
        edited += source.slice(from, start) + textOf(made[i]!);
        from = end;
      }
      return edited + source.slice(from);
    };
  },
);

export const split = defineFunction(
  'split',
  'Opens one part of a text between separators.',
  {
    separator: z.string().min(1).max(100).default(',').describe('What stands between the parts.'),
    index: z.int().default(0).describe('Which part, from 0; negative counts from the end.'),
  },
  ({ separator, index }) =>
    (value, run, next) => {
      const parts = textOf(value).split(separator, MAX_PARTS);
      const at = index < 0 ? parts.length + index : index;
      const part = parts[at];
      if (part === undefined) return miss(`there is no part ${index} between "${separator}"`);
      const made = run.window(`#${at}`, part, next);
      if (made === part) return value;
      parts[at] = textOf(made);
      return parts.join(separator);
    },
);

export const trim = defineMaker(
  'trim',
  'Takes blanks, or a given text, from the ends of a text.',
  {
    side: z.enum(['both', 'left', 'right']).default('both').describe('At which end.'),
    text: z.string().min(1).max(1_000).optional().describe('What is taken away, once; blanks without it.'),
  },
  ({ side, text: cut }) =>
    (value) => {
      let trimmed = textOf(value);
      if (cut === undefined)
        return side === 'left' ? trimmed.trimStart() : side === 'right' ? trimmed.trimEnd() : trimmed.trim();
      if (side !== 'right' && trimmed.startsWith(cut)) trimmed = trimmed.slice(cut.length);
      if (side !== 'left' && trimmed.endsWith(cut)) trimmed = trimmed.slice(0, -cut.length);
      return trimmed;
    },
);

export const letterCase = defineMaker(
  'case',
  'Turns a text into upper or lower case.',
  { to: z.enum(['upper', 'lower']).describe('Which case.') },
  ({ to }) =>
    (value) =>
      to === 'upper' ? textOf(value).toUpperCase() : textOf(value).toLowerCase(),
);

export const math = defineMaker(
  'math',
  'Adds to, subtracts from or multiplies a number.',
  {
    op: z.enum(['add', 'subtract', 'multiply']).describe('What is done.'),
    by: z.union([z.number(), text()]).describe('The other number; a text may hold embedded values.'),
    decimals: z
      .int()
      .min(0)
      .max(12)
      .optional()
      .describe('Decimals of the result; as many as needed without it.'),
  },
  ({ op, by, decimals }, at) => {
    const other = typeof by === 'number' ? null : at.text(by);
    return (value, run) => {
      const [a, b] = [numberOf(textOf(value)), other ? numberOf(other.render(run)) : (by as number)];
      const result = op === 'add' ? a + b : op === 'subtract' ? a - b : a * b;
      if (!Number.isFinite(result)) miss('the result is too large');
      const shown = decimals === undefined ? String(result) : result.toFixed(decimals);
      return typeof value === 'number' ? new JsonText(shown) : shown;
    };
  },
);

function numberOf(source: string): number {
  const number = source.trim() === '' ? Number.NaN : Number(source);
  return Number.isFinite(number) ? number : miss('the value is not a number');
}
