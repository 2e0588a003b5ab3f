// Replaces what chains learned (recorded value → live value) everywhere in a message: url, headers, bodies behind their
// content coding, and inside base64 such as Basic credentials.
import type { TransformContext } from './context.ts';
import type { ChainPoint } from './document.ts';
import type { Draft, Side } from './message.ts';
import { type Change, shownSecrets } from './run.ts';
import { Miss } from './value.ts';

const BASE64 = /[A-Za-z0-9+/]{16,}={0,2}/g;
const MAX_SHOWN_CHARS = 2_000;

/** Puts the live values into the message at a place; requests in requests, responses in responses. */
export function applyLearned(
  draft: Draft,
  at: ChainPoint,
  context: TransformContext,
  changes: Change[],
): void {
  const side: Side = at.endsWith('-response') ? 'response' : 'request';
  const before = draft.side(side);
  // What the service under test sends is live already.
  if (!before || at === 'generator-response' || at === 'responder-request') return;
  const replace = (text: string) => withinBase64(context.state.learned.apply(text), context);
  const note = (path: string, was: string, is: string) => {
    if (was === is) return;
    const at = `${side}.${path}`;
    const earlier = draft.taints.at(at);
    const names = new Set([...earlier, ...context.state.secretsIn(is)]);
    if (names.size > 0) draft.taints.add(at, names);
    if (context.trace === false) return;
    const shown = (text: string, hidden: ReadonlySet<string>) =>
      hidden.size > 0 ? shownSecrets(hidden) : text.slice(0, MAX_SHOWN_CHARS);
    changes.push({
      chain: 'smart-replace',
      path: at,
      before: shown(was, new Set(earlier)),
      after: shown(is, names),
    });
  };
  if (side === 'request') {
    const { target } = draft.message.request;
    const made = context.state.learned.apply(target);
    note('target', target, made);
    if (made !== target) draft.change('request', { target: made });
  }
  const headers = before.headers.map(([name, value]): [string, string] => {
    const made = replace(value);
    note(`header.${name.toLowerCase()}`, value, made);
    return [name, made];
  });
  if (headers.some(([, value], i) => value !== before.headers[i]![1])) draft.change(side, { headers });
  replaceBody(draft, side, replace, note);
}

function replaceBody(
  draft: Draft,
  side: Side,
  replace: (text: string) => string,
  note: (path: string, was: string, is: string) => void,
): void {
  try {
    const body = draft.body(side, false);
    if (typeof body !== 'string') return;
    const made = replace(body);
    note('body', body, made);
    if (made !== body) draft.setBody(side, made, false);
  } catch (error) {
    // A body whose coding cannot be opened holds nothing that could be replaced.
    if (!(error instanceof Miss)) throw error;
  }
}

function withinBase64(text: string, { state }: TransformContext): string {
  return text.replace(BASE64, (encoded) => {
    const plain = Buffer.from(encoded, 'base64').toString('utf8');
    const made = state.learned.apply(plain);
    return made === plain ? encoded : Buffer.from(made, 'utf8').toString('base64');
  });
}
