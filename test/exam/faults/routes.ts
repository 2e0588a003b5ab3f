// Which place a live request belongs to: its path against the endpoints that its method has in the recording. The one with
// the most words of its own wins: `/users/me` before `/users/{id}`.
import type { Test } from '@echoplane/traffic';
import { placeOf } from './places.ts';

export type Routes = (method: string, target: string, body: Buffer) => string | null;

const isParameter = (step: string) => step.startsWith('{') && step.endsWith('}');

export function routesOf(tests: readonly Test[]): Routes {
  const endpoints = new Map(tests.map((test) => [`${test.request.method} ${test.endpoint}`, test]));
  const templates = [...endpoints.values()]
    .map(({ request, endpoint }) => ({ method: request.method, endpoint, steps: endpoint.split('/') }))
    .sort((a, b) => a.steps.filter(isParameter).length - b.steps.filter(isParameter).length);
  return (method, target, body) => {
    const steps = target.replace(/[?#].*$/, '').split('/');
    const found = templates.find(
      (one) =>
        one.method === method &&
        one.steps.length === steps.length &&
        one.steps.every((step, i) => isParameter(step) || step === steps[i]),
    );
    return found ? placeOf(method, found.endpoint, operationOf(body)) : null;
  };
}

function operationOf(body: Buffer): unknown {
  if (body[0] !== 0x7b) return undefined;
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}
