// How a plant is written down: one request and its answer that carry canaries, and the texts that most of them share.
import { gzipSync } from 'node:zlib';
import type { Canary } from './canaries.ts';
import * as c from './canaries.ts';

export type Headers = [string, string][];

export interface Plant {
  /** The path of the request is `/c/NAME`, so that its pair can be told. */
  name: string;
  holds: readonly Canary[];
  /** What comes behind the path: more of it, a query. */
  target?: string;
  headers?: Headers;
  body?: Buffer;
  /** The headers of the answer; without them it has the body's type and coding. The body comes back. */
  answer?: Headers;
  trailers?: Headers;
  /** Bytes as they are, of request and answer: what no client would send. */
  raw?: { request: string; response: string };
}
const { PASSWORD, EMAIL, CARD, CANARIES, SHAPED } = c;
/** Of one line, and with a shape that is not only being drawn by lot. */
export const KNOWN = SHAPED.filter((one) => one !== c.ENTROPY && one !== c.PEM);
export const WITH_NAMES = CANARIES.filter((one) => one !== c.SIGNATURE && !c.HALVES.includes(one));
export const json = JSON.stringify(c.everyCanary());
export const form = c.canaryForm();
export const log = c.canaryLog();
export const base64 = (text: string | Buffer) => Buffer.from(text).toString('base64');
export const percent = encodeURIComponent;
export function body(
  name: string,
  type: string,
  content: string | Buffer,
  holds: readonly Canary[] = WITH_NAMES,
  more: Headers = [],
): Plant {
  const headers: Headers = [...(type === '' ? [] : [['Content-Type', type] as [string, string]]), ...more];
  return { name, holds, headers, body: Buffer.from(content as string) };
}
export const asJson = (name: string, value: unknown, holds?: readonly Canary[]) =>
  body(name, 'application/json', JSON.stringify(value), holds);
export const coded = (
  name: string,
  coding: string,
  bytes: Buffer,
  type = 'application/json',
  holds = WITH_NAMES,
) => body(name, type, bytes, holds, [['Content-Encoding', coding]]);
export const headers = (name: string, holds: readonly Canary[], list: Headers): Plant => ({
  ...{ name, holds, headers: list, answer: list },
});

export const part = (head: string, content: string) => `--frontier\r\n${head}\r\n\r\n${content}\r\n`;
export const formPart = (name: string, content: string, more = '') =>
  part(`Content-Disposition: form-data; name="${name}"${more}`, content);
export const gzip = gzipSync(json);
export const note = Buffer.from(`${EMAIL.value} password=${PASSWORD.value} ${CARD.value}`);
export const NOTED = [EMAIL, PASSWORD, CARD];
export const named = Buffer.concat([
  Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]),
  ...[note, Buffer.from([0])],
  gzipSync('{"clean":true}').subarray(10),
]);
