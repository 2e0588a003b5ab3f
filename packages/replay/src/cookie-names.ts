// Cookies that are named anew where a service runs: `csrf_token_` and the hash of its address, `SESS` and that of a site, a name
// with the number of an installation, or with the address that was called. The name is another one in a replay, and what is said of
// the cookie is not. Pure.
import { header, type Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { isNearly } from './kinds.ts';
import { remembered } from './test-places.ts';
import type { Leaf } from './tree.ts';

/** What a name begins with, and hex digits that were made: eight of them hold both letters and digits but for chance. */
const MADE = /^(.*?[^0-9a-f]|)([0-9a-f]{8,})$/;
const COOKIE = /^(cookie\.)([^;[]+)(.*)$/;
const names = new WeakMap<Test, readonly string[]>();
/** What stands in a name for the characters of an address that a name may not have. */
const SEPARATORS = ['-', '_', '.'];
/** A port in a name; fewer digits are any number. */
const PORT = /:(\d{4,5})$/;

/** A service's address, then and now. */
type Address = readonly [recorded: string, live: string];

/** The names of a request's cookies that were made, with what they are now as far as that is known. */
export function namesNow(
  test: Test,
  address: Address | null,
  known: (name: string) => string | undefined,
): [recorded: string, live: string][] {
  return cookieNames(test).flatMap((name): [string, string][] => {
    const live = (address && addressedName(name, address)) ?? (madeEnd(name) ? known(name) : undefined);
    return live === undefined || live === name ? [] : [[name, live]];
  });
}

function cookieNames(test: Test): readonly string[] {
  return remembered(names, test, ({ request }) =>
    (header(request.headers, 'cookie') ?? '')
      .split(';')
      .map((pair) => pair.slice(0, Math.max(0, pair.indexOf('='))).trim())
      .filter((name) => /\d/.test(name)),
  );
}

/** A name that holds the recorded address, or its port, with the live one in its place; undefined: it holds none. */
function addressedName(name: string, [recorded, live]: Address): string | undefined {
  const [was, is] = [recorded, live].map((address) => address.replace(/^\/\//, ''));
  const spelled = SEPARATORS.map((by) =>
    [was!, is!].map((address) => address.replaceAll(/[^A-Za-z0-9]/g, by)),
  );
  const ports = [was!, is!].map((address) => PORT.exec(address)?.[1] ?? '');
  for (const [then, now] of [...spelled, ...(ports.includes('') ? [] : [ports])]) {
    const at = name.indexOf(then!);
    const end = at + then!.length;
    if (at < 0 || /[A-Za-z0-9]/.test(name[at - 1] ?? '') || /[A-Za-z0-9]/.test(name[end] ?? '')) continue;
    return name.slice(0, at) + now! + name.slice(end);
  }
  return undefined;
}

/** The leaves of a live answer's head under the recorded names of its cookies. */
export function withRecordedNames(
  comparing: Comparing,
  head: readonly Leaf[],
  live: readonly Leaf[],
): Leaf[] {
  const renamed = renamedCookies(comparing, namesIn(head), namesIn(live));
  if (renamed.size === 0) return [...live];
  return live.map((leaf) => {
    const [, , name, rest] = COOKIE.exec(leaf.path) ?? [];
    const recorded = name === undefined ? undefined : renamed.get(name);
    if (recorded === undefined) return leaf;
    const path = `cookie.${recorded}${rest}`;
    if (!rest!.startsWith(';')) comparing.moves.push([path, leaf.path]);
    return { ...leaf, path };
  });
}

/** Recorded names by live ones. */
function renamedCookies(
  comparing: Comparing,
  was: ReadonlySet<string>,
  is: ReadonlySet<string>,
): Map<string, string> {
  const renamed = new Map<string, string>();
  const address = comparing.values.host(comparing.test);
  for (const recorded of address ? was : []) {
    const live = addressedName(recorded, address!);
    if (live !== undefined && is.has(live) && !was.has(live)) renamed.set(live, recorded);
  }
  const come = [...is].filter((name) => !was.has(name) && !renamed.has(name) && madeEnd(name));
  for (const recorded of was) {
    if (come.length === 0) break;
    if (is.has(recorded) || !madeEnd(recorded)) continue;
    const known = comparing.values.seen(recorded)?.live;
    const fit = come.filter((live) => (known === undefined ? mayBe(recorded, live) : known === live));
    if (fit.length !== 1 || renamed.has(fit[0]!)) continue;
    renamed.set(fit[0]!, recorded);
    comparing.observe('seen', recorded, fit[0]!);
  }
  return renamed;
}

/** Of one beginning and length; a name that was misspelt is none that was made anew. */
function mayBe(recorded: string, live: string): boolean {
  const [was, is] = [MADE.exec(recorded)!, MADE.exec(live)!];
  return was[1] === is[1] && was[2]!.length === is[2]!.length && !isNearly(was[2]!, is[2]!);
}

function madeEnd(name: string): boolean {
  const [, , end = ''] = MADE.exec(name) ?? [];
  return /\d/.test(end) && /[a-f]/.test(end);
}

function namesIn(leaves: readonly Leaf[]): Set<string> {
  return new Set(leaves.flatMap(({ path }) => COOKIE.exec(path)?.[2] ?? []));
}
