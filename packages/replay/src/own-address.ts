// The address a service listens on and names in links, which is not the Host its clients send: in a replay it is another one.
// The first live text that names one where the recorded text has the old one tells it; from then on it must be that one. Pure.
import type { Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { percentEncoded } from './replace-values.ts';
import { mentions } from './test-places.ts';

/** The flow of such addresses. */
export const OWN_ADDRESS = 'own address';
const SPACE = { flow: OWN_ADDRESS };
const ADDRESS = /^([\w.-]+):\d{1,5}(?![\w.])/;
const IP = /^\d{1,3}(?:\.\d{1,3}){3}$/;

/** The recorded service's address and what it is now, as far as answers have told. */
export function knownAddress(comparing: Comparing): [recorded: string, live: string] | null {
  const { server } = comparing.test;
  if (server === undefined) return null;
  const live = comparing.observed(SPACE, server) ?? comparing.values.flow(OWN_ADDRESS, server);
  return live === undefined ? null : [server, live];
}

/** Whether a request names the service's own address, as it stands or as forms carry it. */
export function mentionsAddress(test: Test): boolean {
  const { server } = test;
  return server !== undefined && (mentions(test, server) || mentions(test, percentEncoded(server)));
}

/** The address that a live text names in the place of the service's own, while that is not known; null: none. */
export function newAddress(
  comparing: Comparing,
  recorded: string,
  live: string,
): [recorded: string, live: string] | null {
  const { server } = comparing.test;
  const at = server === undefined ? -1 : recorded.indexOf(server);
  if (at < 0 || knownAddress(comparing) || !live.startsWith(recorded.slice(0, at))) return null;
  const [is, host = ''] = ADDRESS.exec(live.slice(at)) ?? [];
  if (is === undefined || is === server) return null;
  const was = ADDRESS.exec(server!)?.[1] ?? '';
  return host === was || (IP.test(host) && IP.test(was)) ? [server!, is] : null;
}

/** Notes it: all later answers must name the same. */
export function noteAddress(comparing: Comparing, [recorded, live]: readonly [string, string]): void {
  comparing.observe(SPACE, recorded, live);
}

/** Whether a text is a link to the service, by the name it was called or the address it listens on. */
export function namesAddress({ values, test }: Comparing, recorded: string): boolean {
  const hosts = [values.host(test)?.[0], test.server].filter((host) => host !== undefined);
  const [, host] = /^https?:\/\/([^/?#]+)/.exec(recorded) ?? [];
  return host !== undefined && hosts.includes(host);
}
