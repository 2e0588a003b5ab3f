// Functions that blank: a value wherever it occurs in the message, dates wherever they stand in JSON.
import { bodyText } from '@echoplane/traffic';
import { z } from 'zod';
import { readTime } from '../dates.ts';
import { defineMaker, text } from '../function-kind.ts';
import { compileJsonPath, shownLocation } from '../json-path.ts';
import { type Location, parseJson, putAt } from '../json-source.ts';
import type { Draft, Side } from '../message.ts';
import { JsonText, miss, textOf } from '../value.ts';

const paths = () =>
  z
    .array(z.string().min(1).max(1_000))
    .max(1_000)
    .default([])
    .describe('Paths inside JSON that stay, `meta.createdAt`.');

export const scrub = defineMaker(
  'scrub',
  'Blanks the value everywhere: in url, headers and bodies of request, response or both.',
  {
    new: text().default('*').describe('What is put in its place.'),
    of: z.enum(['request', 'response', 'both']).default('both').describe('Where.'),
  },
  (config, at) => {
    const template = at.text(config.new);
    const sides: Side[] = config.of === 'both' ? ['request', 'response'] : [config.of];
    return (value, run) => {
      const secret = textOf(value);
      if (secret === '') return miss('an empty value stands everywhere');
      const blank = template.render(run, value);
      // After the value was put back, which would otherwise undo it.
      run.afterwards(() => {
        for (const side of sides)
          scrubSide(run.draft, side, (source) => source.replaceAll(secret, () => blank));
      });
      return blank;
    };
  },
);

function scrubSide(draft: Draft, side: Side, blank: (text: string) => string): void {
  const message = draft.side(side);
  if (!message) return;
  if (side === 'request') draft.change(side, { target: blank(draft.message.request.target) });
  draft.change(side, { headers: message.headers.map(([name, value]) => [name, blank(value)]) });
  if (bodyText(message.body) === undefined) return;
  const body = draft.body(side, false);
  if (typeof body === 'string' && blank(body) !== body) draft.setBody(side, blank(body), false);
}

export const scrubDates = defineMaker(
  'scrub-dates',
  'Blanks every text of a JSON value that is a time.',
  { new: text().default('*').describe('What is put in their place.'), except: paths() },
  (config, at) => {
    const template = at.text(config.new);
    const kept = config.except.map(compileJsonPath);
    return (value, run) => {
      const source = textOf(value);
      const root = parseJson(source);
      const except = new Set(kept.flatMap((find) => find(root).map(shownLocation)));
      const dates: Location[] = [];
      collectDates(root, [], except, dates);
      if (dates.length === 0) return miss('there are no times');
      const spelling = JSON.stringify(template.render(run, value));
      const edited = putAt(
        source,
        dates.map((location) => ({ location, spelling })),
      );
      return value instanceof JsonText ? new JsonText(edited) : edited;
    };
  },
);

function collectDates(
  value: unknown,
  location: Location,
  except: ReadonlySet<string>,
  into: Location[],
): void {
  if (except.has(shownLocation(location))) return;
  if (typeof value === 'string') {
    if (readTime(value, 'iso') ?? readTime(value, 'rfc1123')) into.push(location);
  } else if (typeof value === 'object' && value !== null) {
    const entries = Array.isArray(value) ? value.entries() : Object.entries(value);
    for (const [key, item] of entries) collectDates(item, [...location, key], except, into);
  }
}
