// Functions that decode on the way in and encode on the way back: what did not change is given back as it was, so that no
// encoder's habits show.
import { z } from 'zod';
import { openCoding } from '../content-coding.ts';
import { defineFunction } from '../function-kind.ts';
import type { Next, Run, Step } from '../run.ts';
import { bytesOf, fromBytes, miss, sameValue, textOf, type Value } from '../value.ts';

export const base64 = defineFunction(
  'base64',
  'Decodes base64, standard or URL-safe, and encodes again in the same alphabet, padded as before.',
  {
    pad: z.boolean().optional().describe('Whether the result ends in `=`; as it was without it.'),
    url: z.boolean().optional().describe('Whether the result uses `-` and `_`; as it was without it.'),
  },
  ({ pad, url }) =>
    (value, run, next) => {
      const text = textOf(value).trim();
      const isUrl = /[-_]/.test(text);
      if (
        !/^[A-Za-z0-9+/_-]*={0,2}$/.test(text) ||
        text.replace(/=+$/, '').length % 4 === 1 ||
        (isUrl && /[+/]/.test(text))
      )
        return miss('the value is not base64');
      const plain = fromBytes(Buffer.from(text, 'base64'));
      return reopened(value, plain, run, next, (bytes) => {
        const encoded = bytes.toString((url ?? isUrl) ? 'base64url' : 'base64').replace(/=+$/, '');
        const padded = pad ?? (text.endsWith('=') || (text.length % 4 === 0 && !isUrl));
        return padded ? encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '=') : encoded;
      });
    },
);

export const hex = defineFunction(
  'hex',
  'Decodes hexadecimal digits and encodes again in the same case.',
  {},
  () => (value, run, next) => {
    const text = textOf(value);
    if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return miss('the value is not hexadecimal');
    const isUpper = /[A-F]/.test(text);
    return reopened(value, fromBytes(Buffer.from(text, 'hex')), run, next, (bytes) => {
      const digits = bytes.toString('hex');
      return isUpper ? digits.toUpperCase() : digits;
    });
  },
);

export const gzip = compression('gzip');
export const deflate = compression('deflate');
export const brotli = compression('br');

function compression<N extends 'gzip' | 'deflate' | 'br'>(name: N) {
  return defineFunction(
    name,
    `Decompresses ${name} and compresses again.`,
    {},
    (): Step => (value, run, next) => {
      const { plain, close } = openCoding(name, bytesOf(value));
      return reopened(value, fromBytes(plain), run, next, close);
    },
  );
}

export const percent = defineFunction(
  'url-decode',
  'Decodes percent-encoding and encodes again.',
  { form: z.boolean().default(false).describe('As forms and queries do it: a blank is `+`.') },
  ({ form }) =>
    (value, run, next) => {
      const text = textOf(value);
      const plain = decodePercent(form ? text.replaceAll('+', ' ') : text);
      return reopened(value, plain, run, next, (bytes) => encodePercent(bytes.toString('utf8'), form));
    },
);

export const percentEncode = defineFunction(
  'url-encode',
  'Percent-encodes for the functions that follow and decodes again.',
  { form: z.boolean().default(false).describe('As forms and queries do it: a blank is `+`.') },
  ({ form }) =>
    (value, run, next) =>
      reopened(value, encodePercent(textOf(value), form), run, next, (bytes) =>
        decodePercent(form ? bytes.toString('utf8').replaceAll('+', ' ') : bytes.toString('utf8')),
      ),
);

export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return miss('the value is not percent-encoded');
  }
}

export function encodePercent(text: string, form: boolean): string {
  const encoded = encodeURIComponent(text);
  return form ? encoded.replaceAll('%20', '+') : encoded;
}

function reopened(value: Value, plain: Value, run: Run, next: Next, close: (bytes: Buffer) => Value): Value {
  const made = run.window('', plain, next);
  return sameValue(plain, made) ? value : close(bytesOf(made));
}
