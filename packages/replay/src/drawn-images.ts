// Pictures that a service draws of what it made up in the same answer: the QR code of a new secret. A picture inside of a text is
// another one with its secret; of one recorded picture there is one live one. Pure.
import { bodyText } from '@echoplane/traffic';
import type { Comparing, Judgement } from './comparing.ts';
import { isRedacted, kindOf } from './kinds.ts';
import { digestOf } from './tree.ts';

const IMAGE = /^data:image\/([\w.+-]+);base64,/;
/** The head of a PNG up to its width and height (https://www.w3.org/TR/png-3/#11IHDR). */
const PNG_SIZE_AT = 16;
const PNG_HEAD_BYTES = 24;
const MIN_SIDE = 32;
const MAX_SECRETS = 100;

/** Null when the texts are no such pictures. */
export function judgeDrawn(comparing: Comparing, recorded: string, live: string): Judgement | null {
  if (!recorded.startsWith('data:image/') || !isAlikeDrawn(recorded, live)) return null;
  const [was, is] = [digestOf(recorded, recorded.length), digestOf(live, live.length)];
  const due = comparing.observed('seen', was) ?? comparing.values.seen(was)?.live;
  if (due !== undefined) return due === is ? 'strict' : 'differs';
  if (!isOfSecret(comparing, recorded)) return null;
  comparing.observe('seen', was, is);
  return { kind: 'token' };
}

/** Square pictures of one size. */
function isAlikeDrawn(recorded: string, live: string): boolean {
  const [was, is] = [sideOf(recorded), sideOf(live)];
  return was !== null && was === is;
}

/** The side of a square PNG, in pixels; null of another text. */
function sideOf(text: string): number | null {
  const head = IMAGE.exec(text);
  if (head?.[1] !== 'png') return null;
  const from = head[0].length;
  const bytes = Buffer.from(text.slice(from, from + 4 * Math.ceil(PNG_HEAD_BYTES / 3)), 'base64');
  if (bytes.length < PNG_HEAD_BYTES || bytes.toString('latin1', 1, 4) !== 'PNG') return null;
  const [width, height] = [bytes.readUInt32BE(PNG_SIZE_AT), bytes.readUInt32BE(PNG_SIZE_AT + 4)];
  return width === height && width >= MIN_SIDE ? width : null;
}

/** Whether the body shows a secret beside the picture that the live one does not. */
function isOfSecret({ places, live }: Comparing, picture: string): boolean {
  const secrets = places.spotted.filter(
    ({ path, space, value }) =>
      space === 'seen' && path.startsWith('body') && (kindOf(value) === 'token' || isRedacted(value)),
  );
  const text = bodyText(live.body) ?? '';
  return secrets.slice(0, MAX_SECRETS).some(({ value }) => !text.includes(value) && !picture.includes(value));
}
