// What an extractor of a chain is: a place in a message that can be read and written. Some open their place further with
// steps of their own, as functions do.
import { z } from 'zod';
import type { Draft, Side } from './message.ts';
import type { Run, Step } from './run.ts';
import { miss, textOf, type Value } from './value.ts';

/** A place in a message. */
export interface Place {
  /** As changes show it: `request.header.x-id`. */
  path: string;
  /** Undefined: it is not there. */
  read(draft: Draft, run: Run): Value | undefined;
  write(draft: Draft, value: Value, run: Run): void;
  /** Run between reading and the chain's functions. */
  steps?: readonly Step[];
}

export interface ExtractorSetting {
  /** The side the chain works on. */
  side: Side;
  /** Name of the first function, which says whether a body is wanted as it was sent. */
  first: string | undefined;
}

export interface ExtractorKind<N extends string, S extends z.ZodRawShape> {
  name: N;
  about: string;
  config: z.ZodObject<{ name: z.ZodLiteral<N> } & S, z.core.$strict>;
  compile(config: z.output<z.ZodObject<S>>, setting: ExtractorSetting): Place;
}

export function defineExtractor<N extends string, S extends z.ZodRawShape>(
  name: N,
  about: string,
  shape: S,
  compile: (config: z.output<z.ZodObject<S>>, setting: ExtractorSetting) => Place,
): ExtractorKind<N, S> {
  const config = z.strictObject({ name: z.literal(name), ...shape }).describe(about);
  return { name, about, config: config as unknown as ExtractorKind<N, S>['config'], compile };
}

/** Which message; that of the chain's `at` without it. */
export const of = () =>
  z
    .enum(['request', 'response'])
    .optional()
    .describe('Which message; the one the chain works on without it.');

export const index = () => z.int().nonnegative().default(0).describe('Which one of several, from 0.');

export const create = () =>
  z.boolean().default(false).describe('Begins with an empty text where there is none, and adds it.');

/** What is not there: nothing, or an empty text that is added. */
export function orCreated(value: string | undefined, create: boolean): string | undefined {
  return value ?? (create ? '' : undefined);
}

export function wholeNumber(value: Value, from: number, to: number, what: string): number {
  const number = Number(textOf(value));
  return Number.isInteger(number) && number >= from && number <= to
    ? number
    : miss(`${what} must be a whole number from ${from} to ${to}`);
}
