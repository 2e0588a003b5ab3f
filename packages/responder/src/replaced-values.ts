// Puts the value that was asked for in the place of the recorded one, everywhere the entity's value stands in its answer: as a
// whole value, inside urls and sentences. Pure. A value that tells little (`17`) is replaced where its name or a path says that
// it is meant, because other numbers are 17 too.
import { type Body, bodyJson, bodyText, type HeaderList, type HttpResponse } from '@echoplane/traffic';

/** One parameter: what it is called (`user`, `email`), what was recorded, and what was asked for. */
export interface ReplacedValue {
  name: string | null;
  recorded: string;
  live: string;
}

/** From this length on a value is not another's by chance; plain numbers need to be longer. */
const TELLING_CHARS = 4;
const TELLING_DIGITS = 7;
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,6})?$/;

/** The answer as it would be for the live values. Bodies that are compressed or binary stay as they are. */
export function withReplacedValues(response: HttpResponse, values: readonly ReplacedValue[]): HttpResponse {
  const rules = values.filter(({ recorded, live }) => recorded !== '' && recorded !== live).map(ruleOf);
  if (rules.length === 0) return response;
  const headers: HeaderList = response.headers.map(([name, value]) => [name, inText(value, rules)]);
  return { ...response, headers, body: inBody(response.body, rules) };
}

interface Rule extends ReplacedValue {
  isTelling: boolean;
  /** Where it stands inside a longer text. */
  pattern: RegExp;
  /** The same, percent-encoded, when that differs. */
  encoded: { pattern: RegExp; live: string } | null;
  /** Names of values that are meant although they tell little. */
  names: ReadonlySet<string>;
}

function ruleOf(value: ReplacedValue): Rule {
  const { name, recorded, live } = value;
  const isTelling = recorded.length >= (NUMBER.test(recorded) ? TELLING_DIGITS : TELLING_CHARS);
  const between = (text: string) =>
    new RegExp(
      isTelling ? `(?<![A-Za-z0-9_-])${literal(text)}(?![A-Za-z0-9_-])` : `(?<=/)${literal(text)}(?=$|[/?#])`,
      'g',
    );
  const inUrl = encodeURIComponent(recorded);
  const encoded = inUrl === recorded ? null : { pattern: between(inUrl), live: encodeURIComponent(live) };
  const names = new Set(['id', ...(name ? [name, `${name}_id`, `${name}Id`, `${name}ID`] : [])]);
  return { ...value, isTelling, pattern: between(recorded), encoded, names };
}

function literal(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\-]/g, '\\$&');
}

function inText(text: string, rules: readonly Rule[]): string {
  let replaced = text;
  for (const { pattern, live, encoded } of rules) {
    replaced = replaced.replace(pattern, () => live);
    if (encoded) replaced = replaced.replace(encoded.pattern, () => encoded.live);
  }
  return replaced;
}

function inBody(body: Body, rules: readonly Rule[]): Body {
  if (body.encoding !== 'identity' || body.base64 !== undefined) return body;
  const text = bodyText(body);
  if (!text) return body;
  const replaced = bodyJson(body) === undefined ? inText(text, rules) : inJson(text, rules);
  return { size: Buffer.byteLength(replaced), encoding: 'identity', text: replaced };
}

/** Numbers that a double does not hold stay as they are written. */
type Reviver = (key: string, value: unknown, context: { source?: string }) => unknown;
const { parse, rawJSON } = JSON as unknown as {
  parse(text: string, reviver: Reviver): unknown;
  rawJSON(source: string): unknown;
};

function inJson(text: string, rules: readonly Rule[]): string {
  const revived = parse(text, (key, value, { source }) => {
    if (typeof value !== 'string' && typeof value !== 'number') return value;
    const printed = String(value);
    const rule = rules.find((one) => one.recorded === printed && (one.isTelling || one.names.has(key)));
    if (rule) return typeof value === 'number' && NUMBER.test(rule.live) ? Number(rule.live) : rule.live;
    if (typeof value === 'string') return inText(value, rules);
    return source !== undefined && source !== printed ? rawJSON(source) : value;
  });
  return JSON.stringify(revived);
}
