import fc from 'fast-check';
import { expect, test } from 'vitest';
import { JsonTextError, parseJsonText } from './json-text.ts';
import { checkRules, parseRules, RulesError, rulesSchema } from './parse-rules.ts';
import { defaultRules } from './rules-document.ts';

const SOUND = `{
  "v": 1, "version": "7",
  "filter": { "rules": [
    { "name": "static", "when": "path.startsWith(\\"/static/\\")", "action": "drop" },
    { "name": "few", "when": "method == \\"GET\\"", "action": "sample", "share": 0.1 }
  ] },
  "fold": { "enabled": true, "never": "path == \\"/pay\\"" },
  "redaction": { "patterns": [{ "name": "order", "pattern": "ORD-[0-9]{8}" }] }
}`;

function refused(text: string): RulesError {
  try {
    parseRules(text);
  } catch (error) {
    expect(error).toBeInstanceOf(RulesError);
    return error as RulesError;
  }
  throw new Error('it was taken');
}

test('a sound document is read, and what it leaves out has its default', () => {
  const rules = parseRules(SOUND);
  expect(rules.filter.rules).toHaveLength(2);
  expect(rules.filter.standard).toBe(true);
  expect(rules.fold.payloadsPerMinute).toBe(10);
  expect(rules.redaction.enabled).toBe(true);
  expect(parseRules('{"v":1,"version":"default-1"}')).toEqual(defaultRules());
});

test.each<[string, string, string, string]>([
  [
    'an expression',
    '"path.startsWith(\\"/static/\\")"',
    '"path.startsWith(5) && x"',
    'line 4, column 33: filter.rules[0].when: in the expression, column ',
  ],
  [
    'an unknown key',
    '"action": "drop"',
    '"action": "drop", "dry": true',
    'line 4, column 5: filter.rules[0]: there is no dry here',
  ],
  ['a value', '"share": 0.1', '"share": 10', 'line 5, column 80: filter.rules[1].share: '],
  [
    'a sample without a share',
    ', "share": 0.1',
    '',
    'line 5, column 5: filter.rules[1]: sample needs a share',
  ],
  [
    'a repeated name',
    '"few"',
    '"static"',
    'line 5, column 15: filter.rules[1].name: there are two called static',
  ],
  [
    'the fold’s expression',
    '"path == \\"/pay\\""',
    '"path"',
    'line 7, column 39: fold.never: in the expression, column 1: ',
  ],
  [
    'a pattern',
    'ORD-[0-9]{8}',
    '(?=x)',
    'line 8, column 61: redaction.patterns[0].pattern: not a valid RE2 pattern',
  ],
  ['a missing version', ', "version": "7"', '', 'line 1, column 1: version: '],
  [
    'a comma too many',
    '"action": "drop" }',
    '"action": "drop", }',
    'line 4, column 84: a key in double quotes is missing here; remove the comma before it',
  ],
  ['a missing comma', '"v": 1,', '"v": 1', 'line 2, column 10: a comma or } is missing here'],
  ['a key given twice', '"v": 1,', '"v": 1, "v": 1,', 'line 2, column 11: the key "v" is there twice'],
])('%s that is wrong is named with its place and path', (_what, sound, wrong, message) => {
  expect(SOUND).toContain(sound);
  expect(refused(SOUND.replace(sound, () => wrong)).message).toContain(message);
});

test('all problems are told at once, one a line', () => {
  const { problems, message } = refused(
    SOUND.replace('== \\"/pay', '= \\"/pay').replace('method', 'methud').replace('"few"', '"static"'),
  );
  expect(problems).toHaveLength(3);
  expect(message.split('\n')).toHaveLength(3);
});

test('a document that is cut off is refused', () => {
  for (let length = 0; length < SOUND.length; length++)
    expect(refused(SOUND.slice(0, length)).code).toBe('rules_not_json');
});

test('a value from elsewhere is checked alike, without places', () => {
  expect(checkRules(JSON.parse(SOUND))).toEqual(parseRules(SOUND));
  expect(() => checkRules({ v: 1, version: '1', fold: { never: 'x' } })).toThrow(
    /^fold\.never: in the expression, column 1: /,
  );
  for (const value of [null, undefined, 5, 'x', [], {}]) expect(() => checkRules(value)).toThrow(RulesError);
});

test('texts are read as JSON.parse reads them, or refused with a place', () => {
  fc.assert(
    fc.property(fc.json(), (text) => {
      expect(parseJsonText(text).value).toEqual(JSON.parse(text));
    }),
  );
  fc.assert(
    fc.property(
      fc.json(),
      fc.nat(),
      fc.constantFrom('{', '}', '"', ',', ':', '\\', 'x', '\n', '1'),
      (text, at, sign) => {
        const i = at % (text.length + 1);
        const broken = text.slice(0, i) + sign + text.slice(i);
        let wanted: unknown;
        try {
          wanted = JSON.parse(broken);
        } catch {
          expect(() => parseJsonText(broken)).toThrow(JsonTextError);
          return;
        }
        try {
          expect(parseJsonText(broken).value).toEqual(wanted);
        } catch (error) {
          expect((error as Error).message).toMatch(/twice/);
        }
      },
    ),
    { numRuns: 500 },
  );
});

test('deep nesting and unusual keys are harmless', () => {
  expect(() => parseJsonText('['.repeat(100_000))).toThrow(/nested deeper/);
  expect(parseJsonText('{"__proto__": {"a": 1}}').value).not.toHaveProperty('a');
});

test('the schema describes what is read', () => {
  expect(rulesSchema()).toMatchObject({ type: 'object', required: ['v', 'version'] });
  expect(JSON.stringify(rulesSchema())).toContain('payloadsPerMinute');
});
