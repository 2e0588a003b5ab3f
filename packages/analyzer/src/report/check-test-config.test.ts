import { expect, test } from 'vitest';
import { checkTestConfig, problemSentence } from './check-test-config.ts';

const problemsOf = (config: unknown) => {
  const checked = checkTestConfig(config);
  return 'problems' in checked ? problemSentence(checked.problems) : null;
};

test('a config whose expressions and goals can be used comes back', () => {
  const config = {
    goals: { rules: ['latency.p95 < 300ms where endpoint == "/cart"'] },
    assertions: [{ type: 'expect', expression: 'status < 500', when: 'method == "GET"' }],
    responder: { chaos: [{ name: 'slow', when: 'host == "pay"', action: { type: 'reset' } }] },
  };
  expect(checkTestConfig(config)).toMatchObject({ config });
});

test.each([
  [
    { assertions: [{ type: 'status' }, { type: 'expect', expression: 'status = 3' }] },
    'assertions[1].expression: column 8: a single = means nothing',
  ],
  [
    { assertions: [{ type: 'status', when: 'statu == 3' }] },
    'assertions[0].when: column 1: there is no field statu; did you mean status?',
  ],
  [
    { goals: { rules: ['errors.pct < 1%', 'latency.p42 < 1s'] } },
    'goals.rules[1]: column 1: there is no metric latency.p42',
  ],
  [
    { responder: { chaos: [{ name: 'x', when: '(', action: { type: 'drop' } }] } },
    'responder.chaos[0].when: column',
  ],
  [{ responder: { generalize: [{ when: 'a', path: 'body.id' }] } }, 'responder.generalize[0].when: column 1'],
  [
    { assertions: [{ type: 'status' }, { type: 'body', ignore: ['body.a', 'body..x['] }] },
    'assertions[1].ignore[1]: "body..x[" fits no leaf: column 5',
  ],
  [{ assertions: [{ type: 'body', only: ['items'] }] }, 'assertions[0].only[0]: "items" fits no leaf'],
  [{ assertions: [{ type: 'body', unordered: ['body.a['] }] }, 'assertions[0].unordered[0]'],
  [{ assertions: [{ type: 'schema', ignore: ['body.'] }] }, 'assertions[0].ignore[0]'],
  [{ responder: { generalize: [{ path: 'id' }] } }, 'responder.generalize[0].path: "id" fits no leaf'],
  [{ load: { stages: [{ rps: 5, users: 3 }] } }, 'load.stages[0]: needs exactly one of rps and users'],
  [{ goal: {} }, 'Unrecognized key: "goal"'],
])('%j is refused where it is wrong', (config, problem) => {
  expect(problemsOf(config)).toContain(problem);
});

test('every problem is named, not only the first', () => {
  expect(problemsOf({ goals: { rules: ['x', 'y'] } })).toMatch(/rules\[0\].*rules\[1\]/);
});
