// Values made up: random texts, uuids, numbers, one of several. All randomness is the caller's, so a seed repeats a run.
import { z } from 'zod';
import { defineMaker, text } from '../function-kind.ts';
import { RandomText, randomUuid } from '../random-text.ts';
import { JsonText, type Value } from '../value.ts';

export const randomString = defineMaker(
  'random-string',
  'Puts a random text of a pattern in place of the value.',
  { pattern: z.string().min(1).max(1_000).describe('RE2 syntax, `ord-[0-9]{6}`.') },
  ({ pattern }) => {
    const random = new RandomText(pattern);
    return (_, run) => random.make(run.context.random);
  },
);

export const uuid = defineMaker(
  'uuid',
  'Puts a new version 4 UUID in place of the value.',
  {},
  () => (_, run) => randomUuid(run.context.random),
);

export const randomNumber = defineMaker(
  'random-number',
  'Puts a random number in place of the value.',
  {
    from: z.number().describe('Least.'),
    to: z.number().describe('Greatest.'),
    decimals: z.int().min(0).max(12).default(0).describe('Decimals.'),
  },
  ({ from, to, decimals }) => {
    if (to < from) throw new Error('to is less than from');
    const steps = Math.round((to - from) * 10 ** decimals);
    return (value, run) => {
      const number = from + Math.floor(run.context.random() * (steps + 1)) / 10 ** decimals;
      return numberLike(value, number.toFixed(decimals));
    };
  },
);

export const oneOf = defineMaker(
  'one-of',
  'Puts one of several values in place of the value, in order or at random.',
  {
    options: z.array(text()).min(1).max(10_000).describe('The values; embedded values are allowed.'),
    order: z
      .enum(['sequential', 'random'])
      .default('sequential')
      .describe('In order, from the start again at the end, or at random.'),
    cursor: z
      .string()
      .max(100)
      .optional()
      .describe('Chains that name the same cursor go through the options together.'),
  },
  ({ options, order, cursor }, at) => {
    const templates = options.map((option) => at.text(option));
    return (_, run) => {
      const index =
        order === 'random'
          ? Math.floor(run.context.random() * templates.length)
          : run.context.state.nextOf(cursor ?? `one-of ${run.chain}`) % templates.length;
      return templates[index]!.render(run);
    };
  },
);

/** In JSON a number stays one with the decimals asked for. */
function numberLike(value: Value, digits: string): Value {
  return typeof value === 'number' ? new JsonText(digits) : digits;
}
