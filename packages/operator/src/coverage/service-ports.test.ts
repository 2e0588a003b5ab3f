import type { Obj } from '@echoplane/kube';
import { expect, test } from 'vitest';
import { TARGET_PORTS_ANNOTATION, withPorts } from './service-ports.ts';

const MOVED = { from: 8080, to: 4143 };
const service = (targetPort?: number | string): Obj => ({
  ...{ apiVersion: 'v1', kind: 'Service', metadata: { name: 'cart', namespace: 'shop' } },
  spec: {
    selector: { app: 'cart' },
    ports: [{ port: 80, ...(targetPort === undefined ? {} : { targetPort }) }],
  },
});
const targetOf = (object: Obj) => object.spec.ports[0].targetPort;

test('the port leads to the sidecar once every pod has it there, and back when one has not', () => {
  expect(withPorts(service(8080), [MOVED, null])).toEqual(service(8080));
  const patched = withPorts(service(8080), [MOVED, MOVED]);
  expect(targetOf(patched)).toBe(4143);
  expect(patched.metadata.annotations).toEqual({ [TARGET_PORTS_ANNOTATION]: '{"80/TCP":8080}' });
  expect(withPorts(patched, [MOVED])).toEqual(patched);
  const undone = withPorts(patched, [MOVED, null]);
  expect(targetOf(undone)).toBe(8080);
  expect(undone.metadata.annotations).toEqual({});
});
test('undone without any pod left, as at the uninstallation', () => {
  expect(targetOf(withPorts(withPorts(service(8080), [MOVED]), []))).toBe(8080);
});
test('named ports, other ports and Services without pods are left alone', () => {
  expect(withPorts(service('http'), [MOVED])).toEqual(service('http'));
  expect(withPorts(service(9090), [MOVED])).toEqual(service(9090));
  expect(withPorts(service(8080), [])).toEqual(service(8080));
});
test('a port that its owner changed meanwhile stays as he wants it', () => {
  const patched = withPorts(service(8080), [MOVED]);
  patched.spec.ports[0].targetPort = 9999;
  expect(targetOf(withPorts(patched, [MOVED]))).toBe(9999);
});
