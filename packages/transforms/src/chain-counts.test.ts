import { expect, test } from 'vitest';
import { context, request } from './chain.fixture.ts';
import { ChainCounts, compileTransforms, parseTransforms, runChains } from './index.ts';

const header = (name: string) => ({ name: 'header', header: name });
const functions = [{ name: 'constant', value: 'x' }];
const at = 'generator-request';

test('what each chain found and did not is counted, by those whose condition held', () => {
  const compiled = compileTransforms(
    parseTransforms({
      v: 1,
      chains: [
        { id: 'there', at, extract: header('x-a'), functions },
        { id: 'idle', at, extract: header('x-none'), functions },
        { id: 'strict', at, strict: true, extract: header('x-none'), functions },
        { id: 'unasked', at, when: 'path == "/other"', extract: header('x-a'), functions },
        { id: 'elsewhere', at: 'responder-request', extract: header('x-a'), functions },
      ],
    }),
  );
  const counts = new ChainCounts(compiled, [at]);
  for (const headers of [[['x-a', '1']], []] as [string, string][][])
    counts.add(runChains(compiled, at, request('', { headers }), context()));
  expect(counts.byChain).toEqual({
    there: { found: 1, missed: 1 },
    ...{ idle: { found: 0, missed: 2 }, strict: { found: 0, missed: 2 }, unasked: { found: 0, missed: 0 } },
  });
  counts.clear();
  expect(counts.byChain!.idle).toEqual({ found: 0, missed: 0 });
});

test('without chains there is nothing to say', () => {
  const compiled = compileTransforms(parseTransforms({ v: 1, chains: [] }));
  expect(new ChainCounts(compiled, [at]).byChain).toBeUndefined();
});
