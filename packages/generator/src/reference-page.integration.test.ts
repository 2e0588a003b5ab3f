// docs/generator.md repeats every setting; a table that is no longer true is printed as it should be.
import { envName, loadConfig } from '@echoplane/runtime';
import { expect, test } from 'vitest';
import { table, tableOf } from '../../../test/reference-table.ts';
import { generatorConfig } from './config.ts';

const PAGE = new URL('../../../docs/generator.md', import.meta.url);
const REQUIRED = {
  ECHOPLANE_TARGET_URL: 'http://127.0.0.1:8080',
  ECHOPLANE_REPLAY_ID: '019c0000-0000-7000-8000-00000000000f',
  ECHOPLANE_WORKLOAD: 'shop',
};
/** Each of them, or what stands in for it. */
const GIVEN = {
  ...REQUIRED,
  ...{ ECHOPLANE_TESTS_FILE: 'tests.jsonl', ECHOPLANE_TOKENS_FILE: 'tokens.json' },
};
const OPTIONAL: ReadonlySet<string> = new Set(['ECHOPLANE_TESTS_FILE', 'ECHOPLANE_TOKENS_FILE']);
/** As it is written, where that is not what it is read as. */
const WRITTEN: Record<string, string> = { ECHOPLANE_TESTS: '*' };

function shown(name: string, value: unknown): string {
  const written = WRITTEN[name] ?? value;
  const isNothing =
    written === undefined || (typeof written === 'object' && Object.keys(written!).length === 0);
  return isNothing || OPTIONAL.has(name) ? 'none' : `\`${written}\``;
}

test('the page has every setting with its default and meaning', async () => {
  const defaults: Record<string, unknown> = loadConfig(generatorConfig, GIVEN);
  const rows = Object.entries(generatorConfig.shape).map(([field, schema]) => {
    const name = envName(field);
    const isRequired = name in REQUIRED;
    return [`\`${name}\``, isRequired ? 'required' : shown(name, defaults[field]), schema.description ?? ''];
  });
  expect(await tableOf(PAGE, 'settings')).toBe(table(['variable', 'default', 'meaning'], ...rows));
});
