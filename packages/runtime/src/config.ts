// Configuration from an injected environment: one zod object per program, parsed once, frozen, all problems at once.
// Field `storeDir` is read from `ECHOPLANE_STORE_DIR`. It must not read `process.env` itself.
import { inspect } from 'node:util';
import { z } from 'zod';

const PREFIX = 'ECHOPLANE_';
/** What a program's own check says of an absent field; any other message is told beside it. */
const MISSING = 'missing';

/** Variables of a process, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Every problem of a configuration, one sentence each. The program exits 64 before it opens a socket. */
export class ConfigError extends Error {
  readonly problems: readonly string[];
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The environment variable of a field: `storeDir` → `ECHOPLANE_STORE_DIR`. */
export function envName(field: string): string {
  return PREFIX + field.replace(/[A-Z]/g, (c) => `_${c}`).toUpperCase();
}

/** The configuration in `env`, frozen. An empty variable counts as absent. Throws ConfigError. */
export function loadConfig<S extends z.ZodObject>(schema: S, env: Environment): Readonly<z.output<S>> {
  const input: Record<string, string> = {};
  for (const field of Object.keys(schema.shape)) {
    const value = env[envName(field)];
    if (value !== undefined && value !== '') input[field] = value;
  }
  const parsed = schema.safeParse(input);
  if (parsed.success) return Object.freeze(parsed.data);
  throw new ConfigError(
    parsed.error.issues.map((issue) => {
      const field = String(issue.path[0] ?? '');
      const description = (schema.shape[field] as z.ZodType | undefined)?.description;
      const missing = input[field] === undefined;
      const why =
        issue.message === MISSING || (missing && issue.code !== 'custom') ? '' : ` (${issue.message})`;
      return `${envName(field)} is ${missing ? 'missing' : 'not valid'}${why}${description ? `: ${description}` : ''}`;
    }),
  );
}

/** A secret: it does not print, in logs, JSON or inspection; `reveal()` is the one way to its value. */
export class Secret {
  readonly #value: string;
  constructor(value: string) {
    this.#value = value;
  }
  reveal(): string {
    return this.#value;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [inspect.custom](): string {
    return '[secret]';
  }
}

/** Field types for configurations; each turns the text of a variable into its value. */
export const field = {
  text: () => z.string().min(1),
  secret: () =>
    z
      .string()
      .min(1)
      .transform((value) => new Secret(value)),
  port: () => field.integer(0, 65_535),
  integer: (min: number, max: number) => {
    const error = `not a whole number from ${min} to ${max}`;
    const isMeant = (value: number) => Number.isSafeInteger(value) && value >= min && value <= max;
    // One check of our own: after a failed `int()` zod skips the checks between fields, and their problems stay unsaid.
    return z.coerce.number<string>({ error }).refine(isMeant, error);
  },
  number: (min: number, max: number) => {
    const error = `not a number from ${min} to ${max}`;
    return z.coerce.number<string>({ error }).min(min, error).max(max, error);
  },
  flag: () => z.enum(['true', 'false']).transform((value) => value === 'true'),
  url: () => z.url(),
  /** Comma separated; blanks around an item are dropped. */
  list: () =>
    z.string().transform((value) =>
      value
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    ),
  /** `a=1,b=2` */
  pairs: () =>
    z
      .string()
      .refine((value) => value.split(',').every((item) => item.indexOf('=') > 0), 'not name=value,name=value')
      .transform((value) =>
        Object.fromEntries(
          value
            .split(',')
            .map((item) => [item.split('=')[0]!.trim(), item.slice(item.indexOf('=') + 1).trim()]),
        ),
      ),
} as const;
