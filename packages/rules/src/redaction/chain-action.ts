// What a chain does with the value it found: through its codings down to the text, the action, and back up again. Where a
// coding does not fit, the action takes the value as it is: a rule that was to hide something always hides it.
import { gunzipSync, gzipSync } from 'node:zlib';
import type { RedactionChain } from '../rules-document.ts';
import { MAX_DECODED_BYTES } from './bounds.ts';
import { escaped, redactJson, unescaped } from './carrier-json.ts';
import type { Inspection } from './inspection.ts';
import { TokenMinter } from './token-minter.ts';

type Coding = RedactionChain['through'][number];
/** A text within: its bytes, and how to write others in their place. */
interface Layer {
  inner: Buffer;
  back(inner: Buffer): Buffer;
}

export class ChainAction {
  readonly #chain: RedactionChain;
  readonly #inspection: Inspection;
  readonly #rule: string;

  constructor(chain: RedactionChain, inspection: Inspection) {
    this.#chain = chain;
    this.#inspection = inspection;
    this.#rule = `chain:${chain.name}`;
  }

  /** The value as the rule wants it; null when it is to be removed. */
  apply(value: string, step: string): string | null {
    if (this.#chain.action === 'remove') {
      this.#note(step);
      return null;
    }
    if (value === '') return value;
    this.#inspection.notes.enter(step);
    const redacted = this.#descend(Buffer.from(value, 'utf8'), 0).toString('utf8');
    this.#inspection.notes.leave();
    return redacted;
  }

  /** The same for a value as it stands in a JSON text, with its quotes or brackets. */
  applyJson(written: string, step: string): string | null {
    if (written.startsWith('"')) {
      const isClosed = written.length > 1 && written.endsWith('"');
      const value = unescaped(written.slice(1, isClosed ? -1 : undefined));
      const redacted = this.apply(value, step);
      if (redacted === null || redacted === value) return redacted === null ? null : written;
      return `"${escaped(redacted)}${isClosed ? '"' : ''}`;
    }
    if (this.#chain.action === 'remove') return this.apply(written, step);
    if (written.startsWith('{') || written.startsWith('[')) return this.#container(written, step);
    if (!/\d/.test(written)) return written;
    return this.#number(written, step);
  }

  #container(written: string, step: string): string {
    this.#inspection.notes.enter(step);
    const redacted = redactJson(written, this.#inspection, 0, { kind: 'secret' });
    this.#inspection.notes.leave();
    return redacted;
  }

  #number(written: string, step: string): string {
    this.#inspection.notes.enter(step);
    const isPlain = this.#chain.action === 'token' && /^\d+$/.test(written);
    const redacted = isPlain
      ? this.#inspection.mintNumber('secret', written, this.#rule)
      : written.replace(/\d/g, '9');
    if (!isPlain && redacted !== written) this.#inspection.notes.masked('secret', this.#rule);
    this.#inspection.notes.leave();
    return redacted;
  }

  #note(step: string): void {
    this.#inspection.notes.enter(step);
    this.#inspection.notes.masked('secret', this.#rule);
    this.#inspection.notes.leave();
  }

  #descend(bytes: Buffer, depth: number): Buffer {
    const coding = this.#chain.through[depth];
    if (coding === undefined) return Buffer.from(this.#act(bytes.toString('utf8')), 'utf8');
    const layer = open(coding, bytes, this.#inspection);
    if (layer === null) return Buffer.from(this.#act(bytes.toString('utf8')), 'utf8');
    const redacted = this.#descend(layer.inner, depth + 1);
    return redacted.equals(layer.inner) ? bytes : layer.back(redacted);
  }

  #act(text: string): string {
    if (TokenMinter.isToken(text) || /^\**$/.test(text)) return text;
    if (this.#chain.action === 'mask') {
      this.#inspection.notes.masked('secret', this.#rule);
      return '*'.repeat(text.length);
    }
    if (/^\s*[{[]/.test(text)) return redactJson(text, this.#inspection, 0, { kind: 'secret' });
    return this.#inspection.mint('secret', text, this.#rule);
  }
}

/** Opens one coding; null when the bytes are not under it. */
function open(coding: Coding, bytes: Buffer, inspection: Inspection): Layer | null {
  try {
    return OPENERS[coding](bytes, inspection);
  } catch {
    return null;
  }
}

const OPENERS: Record<Coding, (bytes: Buffer, inspection: Inspection) => Layer | null> = {
  base64: (bytes) => fromBase64(bytes, 'base64'),
  base64url: (bytes) => fromBase64(bytes, 'base64url'),
  url: (bytes) => ({
    inner: Buffer.from(decodeURIComponent(bytes.toString('utf8')), 'utf8'),
    back: (inner) => Buffer.from(encodeURIComponent(inner.toString('utf8')), 'utf8'),
  }),
  gzip: (bytes) => ({
    inner: gunzipSync(bytes, { maxOutputLength: MAX_DECODED_BYTES }),
    back: (inner) => gzipSync(inner),
  }),
  'json-string': (bytes) => {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    if (typeof value !== 'string') return null;
    return {
      inner: Buffer.from(value, 'utf8'),
      back: (inner) => Buffer.from(JSON.stringify(inner.toString('utf8')), 'utf8'),
    };
  },
  /** With a scheme before it, too. */
  'jwt-claims': (bytes, inspection) => {
    const [, before = '', header = '', payload = '', signature = ''] =
      /^((?:[\w-]+ +)?)([\w-]+)\.([\w-]+)\.([\w-]*)$/.exec(bytes.toString('latin1')) ?? [];
    if (payload === '') return null;
    const jwt = `${header}.${payload}.${signature}`;
    return {
      inner: Buffer.from(payload, 'base64url'),
      back: (inner) =>
        Buffer.from(
          `${before}${header}.${inner.toString('base64url')}.${inspection.signature(jwt, signature.length)}`,
          'latin1',
        ),
    };
  },
};

function fromBase64(bytes: Buffer, alphabet: 'base64' | 'base64url'): Layer | null {
  const text = bytes.toString('latin1');
  if (!/^[\w+/-]+={0,2}$/.test(text)) return null;
  return {
    inner: Buffer.from(text, alphabet),
    back: (inner) => Buffer.from(inner.toString(alphabet), 'latin1'),
  };
}
