// Faults of single values: numbers, texts, booleans, times, ids.
import { digitsOf, GONE, type Json, rawNumber } from './answer.ts';
import { type Fault, nodeFault } from './fault.ts';

const isNumber = (value: Json): value is number => typeof value === 'number';
const isText = (value: Json): value is string => typeof value === 'string' && value.length > 0;
const ISO = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?$/;
const isWords = (value: Json): value is string => isText(value) && !ISO.test(value) && !isJwt(value);
const isEpoch = (value: Json): value is number => isNumber(value) && value > 1.5e9 && value < 2.2e12;
const isIdKey = (key: string) => /(^|[_a-z])(id|Id|key|uid|owner|author)$/.test(key);
const isJwt = (value: Json) => isText(value) && /^ey[\w-]+\.[\w-]+\.[\w-]*$/.test(value);

const number = (name: string, what: string, change: (value: number) => Json): Fault =>
  nodeFault(name, what, 'value', (value) => (isNumber(value) && !isEpoch(value) ? change(value) : undefined));
const text = (name: string, what: string, change: (value: string) => Json | undefined): Fault =>
  nodeFault(name, what, 'value', (value) => (isWords(value) ? change(value) : undefined));
/** A time, moved or written in another way: what it must be near is known of every time. */
const time = (name: string, what: string, change: (value: string | number) => Json | undefined): Fault =>
  nodeFault(name, what, 'nothing', (value) =>
    (typeof value === 'string' && ISO.test(value)) || isEpoch(value) ? change(value) : undefined,
  );

/** A time of ISO 8601, as it was written, so many hours later. */
function moved(value: string | number, hours: number): Json {
  if (typeof value === 'number') return value + hours * (value > 1e11 ? 3_600_000 : 3_600);
  const [, start = '', rest = ''] = /^(.{10}[T ]\d\d:\d\d:\d\d)(.*)$/.exec(value) ?? [];
  const at = new Date(`${start.replace(' ', 'T')}Z`).getTime() + hours * 3_600_000;
  return `${new Date(at).toISOString().slice(0, 19).replace('T', start[10]!)}${rest}`;
}

export const VALUE_FAULTS: readonly Fault[] = [
  number('number +1', 'a number is one more', (value) => value + 1),
  number('number −1', 'a number is one less', (value) => value - 1),
  number('number negated', 'a number has the other sign', (value) => (value === 0 ? value : -value)),
  number('number zero', 'a default instead of a number', (value) => (value === 0 ? value : 0)),
  number('number ×100', 'cents instead of units', (value) => value * 100),
  number('number ÷100', 'units instead of cents', (value) => value / 100),
  number('float32', 'a fraction through single precision', (value) =>
    Number.isInteger(value) ? value : Math.fround(value),
  ),
  number('fraction lost', 'a fraction is rounded to a whole number', (value) => Math.round(value)),
  nodeFault('number as text', 'a number arrives as a text', 'nothing', (value) =>
    isNumber(value) ? String(value) : undefined,
  ),
  nodeFault('text as number', 'a text of digits arrives as a number', 'nothing', (value) =>
    isText(value) && /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : undefined,
  ),
  nodeFault('big number rounded', 'a large whole number went through a double', 'value', (value) => {
    const digits = digitsOf(value) ?? (typeof value === 'string' ? value : '');
    if (!/^\d{16,20}$/.test(digits)) return undefined;
    const rounded = BigInt(Math.round(Number(digits) / 1024) * 1024).toString();
    return typeof value === 'string' ? rounded : rawNumber(rounded);
  }),

  text('case changed', 'a text in capitals', (value) =>
    value === value.toUpperCase() ? value.toLowerCase() : value.toUpperCase(),
  ),
  text('first letter', 'the first letter has the other case', (value) => {
    const first = value[0]!;
    return (first === first.toUpperCase() ? first.toLowerCase() : first.toUpperCase()) + value.slice(1);
  }),
  text('trailing space', 'a space behind a text', (value) => `${value} `),
  text('last letter lost', 'a text is cut by one', (value) => value.slice(0, -1)),
  text('cut at ten', 'a column is too short', (value) => value.slice(0, 10)),
  text('text escaped', 'a text is escaped for HTML twice', (value) =>
    value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll("'", '&#39;').replaceAll('"', '&quot;'),
  ),
  text('look-alike', 'a dash or a space is another character', (value) =>
    value.replace('-', '–').replace(' ', '\u00a0'),
  ),
  text('letters decomposed', 'letters with marks in another normal form', (value) =>
    value.normalize('NFD') === value ? value.normalize('NFC') : value.normalize('NFD'),
  ),
  text('encoded twice', 'UTF-8 read as latin1', (value) => Buffer.from(value).toString('latin1')),
  text('words turned', 'first and last word change places', (value) => {
    const [first, ...rest] = value.split(' ');
    return rest.length === 0 ? undefined : [rest.at(-1), ...rest.slice(0, -1), first].join(' ');
  }),
  nodeFault('empty text', 'an empty text instead of one', 'nothing', (value) =>
    isText(value) ? '' : undefined,
  ),
  nodeFault(
    'enum changed',
    'another one of the values that this field has elsewhere',
    'value',
    (value, { other, key }) =>
      (isText(value) && value.length < 24 && !isIdKey(key)) || typeof value === 'boolean'
        ? other(value)
        : undefined,
  ),
  nodeFault('wrong foreign key', 'the id of another entity', 'value', (value, { other, key }) =>
    isIdKey(key) ? other(value) : undefined,
  ),

  nodeFault('boolean flipped', 'yes is no', 'value', (value) =>
    typeof value === 'boolean' ? !value : undefined,
  ),
  nodeFault('boolean as number', '1 instead of true', 'nothing', (value) =>
    typeof value === 'boolean' ? Number(value) : undefined,
  ),
  nodeFault('boolean as text', '"true" instead of true', 'nothing', (value) =>
    typeof value === 'boolean' ? String(value) : undefined,
  ),
  nodeFault('null', 'null instead of a value', 'nothing', (value) =>
    value !== null && typeof value !== 'object' ? null : undefined,
  ),
  nodeFault('null as empty text', 'an empty text instead of null', 'nothing', (value) =>
    value === null ? '' : undefined,
  ),
  nodeFault('null filled in', 'a default instead of null', 'nothing', (value) =>
    value === null ? 0 : undefined,
  ),
  nodeFault('null as a word', '"null" instead of null', 'nothing', (value) =>
    value === null ? 'null' : undefined,
  ),
  nodeFault('value in a list', 'a list of one instead of a value', 'nothing', (value) =>
    value !== null && typeof value !== 'object' ? [value] : undefined,
  ),
  nodeFault('field missing', 'a field is left out', 'nothing', (value, { key }) =>
    key !== 'body' && typeof value !== 'object' ? GONE : undefined,
  ),
  nodeFault('null field missing', 'a field that is null is left out', 'nothing', (value, { key }) =>
    key !== 'body' && value === null ? GONE : undefined,
  ),

  time('an hour later', 'a time in the wrong zone', (value) => moved(value, 1)),
  time('two hours earlier', 'a time in the wrong zone, the other way', (value) => moved(value, -2)),
  time('a day earlier', 'a stale clock', (value) => moved(value, -24)),
  time('offset lost', 'a time without its zone', (value) =>
    typeof value === 'string' ? value.replace(/(Z|[+-]\d\d:?\d\d)$/, '') : undefined,
  ),
  time('date only', 'a date instead of a time', (value) =>
    typeof value === 'string' ? value.slice(0, 10) : undefined,
  ),
  time('fraction of time lost', 'a time of whole seconds', (value) =>
    typeof value === 'string' ? value.replace(/\.\d+/, '') : undefined,
  ),
  time('seconds for ms', 'an epoch in seconds instead of milliseconds', (value) =>
    typeof value === 'number' && value > 1e11 ? Math.floor(value / 1000) : undefined,
  ),
  time('ms for seconds', 'an epoch in milliseconds instead of seconds', (value) =>
    typeof value === 'number' && value < 1e11 ? value * 1000 : undefined,
  ),
  time('time as epoch', 'milliseconds instead of ISO 8601', (value) =>
    typeof value === 'string' ? new Date(value.replace(' ', 'T')).getTime() : undefined,
  ),
  nodeFault('another subject', 'a JWT for another subject', 'nothing', (value) => {
    if (!isJwt(value)) return undefined;
    const [head, claims = '', signature] = (value as string).split('.');
    const read = JSON.parse(Buffer.from(claims, 'base64url').toString()) as Record<string, unknown>;
    const made = { ...read, sub: '0000000000000000', id: 'another' };
    return `${head}.${Buffer.from(JSON.stringify(made)).toString('base64url')}.${signature}`;
  }),
];
