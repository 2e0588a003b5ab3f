// What a function of a chain is: a name, a configuration, and how it is compiled into a step. The registry lists them all.
import type { LinearPattern } from '@echoplane/rules';
import { z } from 'zod';
import type { Run, Step } from './run.ts';
import type { Template } from './template.ts';
import type { Value } from './value.ts';

/** What a function may ask for while its chain is compiled; what it throws here is reported with its place. */
export interface Compiling {
  text(template: string): Template;
  pattern(source: string): LinearPattern;
  /** The values that the extractor and the functions before this one find in the recorded exchange. */
  recordedValues(run: Run): Value[];
  /** Whether the chain works on requests or on responses. */
  side: 'request' | 'response';
}

export interface FunctionKind<N extends string, S extends z.ZodRawShape> {
  name: N;
  about: string;
  config: z.ZodObject<{ name: z.ZodLiteral<N> } & S, z.core.$strict>;
  compile(config: z.output<z.ZodObject<S>>, at: Compiling): Step;
}

/** A function; `shape` is its configuration besides the name. */
export function defineFunction<N extends string, S extends z.ZodRawShape>(
  name: N,
  about: string,
  shape: S,
  compile: (config: z.output<z.ZodObject<S>>, at: Compiling) => Step,
): FunctionKind<N, S> {
  const config = z.strictObject({ name: z.literal(name), ...shape }).describe(about);
  return { name, about, config: config as unknown as FunctionKind<N, S>['config'], compile };
}

/** A function that makes one value of another and opens nothing. */
export function defineMaker<N extends string, S extends z.ZodRawShape>(
  name: N,
  about: string,
  shape: S,
  compile: (config: z.output<z.ZodObject<S>>, at: Compiling) => (value: Value, run: Run) => Value,
): FunctionKind<N, S> {
  return defineFunction(name, about, shape, (config, at) => {
    const make = compile(config, at);
    return (value, run, next) => next(make(value, run));
  });
}

/** What users write with embedded values. */
export const text = () => z.string().max(10_000);
