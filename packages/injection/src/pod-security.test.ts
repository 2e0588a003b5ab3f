import { expect, test } from 'vitest';
import { isSecurityMark, podSecurityOf } from './pod-security.ts';

const ENFORCE = 'pod-security.kubernetes.io/enforce';
const RANGE = 'openshift.io/sa.scc.uid-range';

test.each([
  [{}, {}, 'privileged'],
  [{ [ENFORCE]: 'baseline' }, {}, 'baseline'],
  [{ [ENFORCE]: 'restricted' }, {}, 'restricted'],
  [{ [ENFORCE]: 'privileged' }, { [RANGE]: '1000680000/10000' }, 'restricted'],
  [{ [ENFORCE]: 'tight' }, {}, 'privileged'],
  [{ 'pod-security.kubernetes.io/warn': 'restricted' }, { 'openshift.io/description': 'x' }, 'privileged'],
])('labels %j and annotations %j mean %s', (labels, annotations, level) => {
  expect(podSecurityOf({ labels, annotations })).toBe(level);
});

test('what is looked at is kept of a namespace', () => {
  expect([ENFORCE, RANGE, 'openshift.io/description'].map(isSecurityMark)).toEqual([true, true, false]);
});
