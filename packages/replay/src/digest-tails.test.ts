import { bodyText } from '@echoplane/traffic';
import { expect, test } from 'vitest';
import { LiveValues } from './live-values.ts';
import { differences, json, replayed } from './shifted-replay.fixture.ts';
import { sketchTest } from './test.fixture.ts';

const [first, second] = ['3ec740d777572b20f36153255fa0ff66', '83cf0d60e68ac62a7a8c1a7b20f8d1a5'];
const [live, other] = ['1e5c2c0e66bb9211f365be8b86c2b74c', 'af66e795dc1fd42b04015e10133929f1'];

/** A run in which a document was written, whose revision the service made. */
function written(produces: { token: string; path: string }[]): LiveValues {
  const values = new LiveValues(new Map(produces.map(({ token }) => [token, `1-${first}`])));
  replayed({ method: 'POST', ...json({ rev: `1-${first}` }), produces }, json({ rev: `1-${live}` }), values);
  return values;
}
/** What a client says of the revisions of a document that it has. */
const history = (...ids: string[]) => ({ docs: [{ _revisions: { start: 2, ids } }], new_edits: false });
const sent = (values: LiveValues) => {
  const sketch = { n: 2, method: 'POST', target: '/_bulk_docs', requestBody: history(second, first) };
  return JSON.parse(bodyText(values.fill(sketchTest(sketch)).request.body)!);
};

test.each([
  ['a token', [{ token: 'rev', path: 'body.rev' }]],
  ['only seen', []],
])('the digest of a revision is sent without its number, when that is %s', (_name, produces) => {
  expect(sent(written(produces))).toEqual(history(second, live));
  const user = new LiveValues(new Map(), written(produces));
  expect(sent(user)).toEqual(history(second, live));
});

test('an answer that shows it by itself is compared by value', () => {
  const found = (digest: string) =>
    differences({ n: 2, ...json({ ids: [second, first] }) }, json({ ids: [second, digest] }), written([]));
  expect(found(live)).toEqual([]);
  expect(found(other)).toEqual(['body.ids[1] value']);
});

test('of values with another number nothing is known', () => {
  const values = new LiveValues(new Map());
  const made = { method: 'POST', ...json({ rev: `2-${first}` }), volatile: [] };
  replayed(made, json({ rev: `1-${live}` }), values);
  expect(sent(values)).toEqual(history(second, first));
});
