// Times: moved from the recording to now, by an amount, or set to now, in the form they had.
import { z } from 'zod';
import { durationUs, layoutProblem, readTime } from '../dates.ts';
import { defineMaker } from '../function-kind.ts';
import { JsonText, miss, textOf } from '../value.ts';

/** What a Date can hold, µs. */
const LAST_US = 8.64e18;

export const date = defineMaker(
  'date',
  'Moves a time: by what passed between recording and replay (default), by an amount, or to now. Layout, offset and precision stay.',
  {
    layout: z
      .string()
      .max(100)
      .default('auto')
      .describe(
        '`auto`, `iso`, `rfc1123`, `compact`, `epoch`, `epoch-ms`, `epoch-us`, `epoch-ns`, or one with YYYY MM DD HH mm ss SSS Z.',
      ),
    shift: z
      .string()
      .max(100)
      .default('recording')
      .describe('`recording`, `now`, `none`, or a duration such as `-2d` or `1h30m`.'),
    plus: z.string().max(100).optional().describe('A further duration, added after that.'),
  },
  ({ layout, shift, plus }) => {
    const problem = layoutProblem(layout);
    if (problem) throw new Error(problem);
    const fixed = ['recording', 'now', 'none'].includes(shift) ? 0 : durationUs(shift);
    const further = plus === undefined ? 0 : durationUs(plus);
    return (value, { context }) => {
      const time = readTime(textOf(value), layout);
      if (!time) return miss(`the value is no time (layout ${layout})`);
      const from =
        shift === 'now' ? context.nowUs : time.us + (shift === 'recording' ? context.shiftUs : fixed);
      const us = from + further;
      if (Math.abs(us) > LAST_US) return miss('the moved time is out of range');
      const written = time.write(us);
      return typeof value === 'number' ? new JsonText(written) : written;
    };
  },
);

export const sleep = defineMaker(
  'sleep',
  'Holds the sender up; the value stays as it is.',
  { for: z.string().max(100).default('1s').describe('A duration such as `250ms`.') },
  (config) => {
    const us = durationUs(config.for);
    if (us < 0) throw new Error('a pause cannot be negative');
    return (value, run) => {
      run.draft.delayUs += us;
      return value;
    };
  },
);
