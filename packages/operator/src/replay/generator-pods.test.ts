// Whose recorded requests the generators of several workloads send.
import { expect, test } from 'vitest';
import { generatorJob } from './generator-pods.ts';
import { replayWith, setting } from './replay-facts.fixture.ts';

const ref = (name: string, namespace = 'shop') => ({
  ref: { apiVersion: 'apps/v1', kind: 'Deployment', name, namespace },
});

test.each([
  ['a single workload gets all', [ref('cart')], [undefined]],
  ['each gets its own', [ref('cart'), ref('pay')], ['cart', 'pay']],
  ['of one name, by their namespaces', [ref('cart'), ref('cart', 'b')], ['shop/cart', 'b/cart']],
  ['tests that are named win', [{ ...ref('cart'), tests: ['x:80'] }, ref('pay')], [undefined, 'pay']],
])('%s', (_, workloads, services) => {
  const replay = replayWith({ spec: { workloads } });
  const asked = workloads.map((_, index) => {
    const job = generatorJob(replay, { index, url: 'http://a:80', bytes: null, testConfig: {} }, setting);
    const env: { name: string; value?: string }[] = job.spec.template.spec.containers[0].env;
    return env.find(({ name }) => name === 'ECHOPLANE_SERVICE')?.value;
  });
  expect(asked).toEqual(services);
});
