// Cookies that are named anew where a service runs: `csrf_token_` and the hash of its address, `SESS` and that of a site, a name
// with the number of an installation. The name is another one in a replay, and what is said of the cookie is not. Pure.
import { header, type Test } from '@echoplane/traffic';
import type { Comparing } from './comparing.ts';
import { isNearly } from './kinds.ts';
import { remembered } from './test-places.ts';
import type { Leaf } from './tree.ts';

/** What a name begins with, and hex digits that were made: eight of them hold both letters and digits but for chance. */
const MADE = /^(.*?[^0-9a-f]|)([0-9a-f]{8,})$/;
const COOKIE = /^(cookie\.)([^;[]+)(.*)$/;
const names = new WeakMap<Test, readonly string[]>();

/** The names of a request's cookies that were made. */
export function madeNamesIn(test: Test): readonly string[] {
  return remembered(names, test, ({ request }) =>
    (header(request.headers, 'cookie') ?? '').split(';').flatMap((pair) => {
      const name = pair.slice(0, Math.max(0, pair.indexOf('='))).trim();
      return madeEnd(name) ? [name] : [];
    }),
  );
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
  const come = [...is].filter((name) => !was.has(name) && madeEnd(name));
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
