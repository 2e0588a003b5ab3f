// A body by its content type: which carrier reads it, and what happens to what none of them understands: it does not
// leave. Sizes stay.

import { hasControls } from '@echoplane/traffic';
import {
  type Content,
  dropNotes,
  isKept,
  readBytes,
  readText,
  textOfBytes,
  withhold,
  writeBytes,
  writeText,
} from './body-text.ts';
import { redactForm } from './carrier-form.ts';
import { redactGrpcFrames, redactProtobuf } from './carrier-grpc.ts';
import { redactJson } from './carrier-json.ts';
import { redactMultipart } from './carrier-multipart.ts';
import { insertsInto, redactSql } from './carrier-sql.ts';
import { redactTail, redactText } from './carrier-text.ts';
import { redactXml } from './carrier-xml.ts';
import type { Inspection } from './inspection.ts';
import { locate } from './json-path.ts';
import { isFileType, isStandIn, standIn } from './stand-in.ts';

/** What is known of a body beside its bytes. */
export interface BodyTraits {
  contentType: string;
  isGrpc: boolean;
  /** The value of `grpc-encoding`. */
  grpcEncoding: string;
  /** Bytes are missing at its end. */
  isCut: boolean;
  kept?: KeptFields | undefined;
  /** Of a request: what it uploads is stood in for, so that it can be sent again. */
  upload?: Upload | undefined;
}

/** What a request uploads. */
export interface Upload {
  /** Names the upload that it adds a piece to. */
  addsTo?: string | undefined;
}

/** Fields of a body that stay as they are. */
export interface KeptFields {
  json: readonly (readonly string[])[];
  form: ReadonlySet<string>;
}

type Family =
  | 'json'
  | 'form'
  | 'multipart'
  | 'xml'
  | 'events'
  | 'script'
  | 'sql'
  | 'protobuf'
  | 'grpc'
  | 'text'
  | 'binary';

const FAMILIES: readonly (readonly [RegExp, Family])[] = [
  [/^application\/grpc/, 'grpc'],
  [/^application\/(?:x-|vnd\.google\.)?protobuf|\+proto(?:buf)?\b/, 'protobuf'],
  [/\bjson\b|ndjson|jsonl/, 'json'],
  [/x-www-form-urlencoded/, 'form'],
  [/^multipart\//, 'multipart'],
  [/\bxml\b|html|^image\/svg/, 'xml'],
  [/event-stream/, 'events'],
  [/javascript|ecmascript|^text\/css/, 'script'],
  [/\bsql\b/, 'sql'],
  [/^text\/|graphql|yaml|toml|x-sh\b/, 'text'],
  [/^(?:image|audio|video|font)\/|octet-stream|zip|pdf|tar\b|msgpack|cbor|avro|thrift|parquet/, 'binary'],
];
const MAX_TYPES = 512;
/** The lines of one event's data together, any other line by itself. */
const EVENT_LINES = /^data:[^\n]*(?:\ndata:[^\n]*)+|^[^\n]+/gm;

export class BodyCarrier {
  readonly #inspection: Inspection;
  readonly #families = new Map<string, Family>();

  constructor(inspection: Inspection) {
    this.#inspection = inspection;
  }

  /** Redacts a body in place; false: it was not understood, and nothing of it is left. */
  redact(content: Content, traits: BodyTraits): boolean {
    if (!isKept(content)) return true;
    if (content.ref !== undefined) return this.#withheld(content);
    const family = traits.isGrpc ? 'grpc' : this.#familyOf(traits.contentType);
    if (family === 'grpc' || family === 'protobuf') return this.#messages(content, family, traits);
    const text = readText(content);
    if (text === null) return this.#bytes(content, family, traits);
    const isJson = family === 'json' || content.json !== undefined;
    if (isJson ? text.includes('\0') : hasControls(text)) return this.#file(content, family, traits);
    return this.#text(content, text, traits);
  }

  #text(content: Content, text: string, traits: BodyTraits): boolean {
    const redacted = this.#whole(text, traits);
    if (redacted === null) return this.#withheld(content);
    if (redacted !== text) writeText(content, redacted);
    else dropNotes(content);
    return true;
  }

  /** A text by its content type, or by how it begins; null when it is not understood. */
  typed(text: string, contentType: string, depth: number, kept?: KeptFields): string | null {
    const inspection = this.#inspection;
    const family = this.#familyOf(contentType);
    const first = /\S/.exec(text.charCodeAt(0) > 0x20 ? text[0]! : text.slice(0, 64))?.[0] ?? '';
    if ((first === '{' || first === '[' || first === '"') && family !== 'multipart' && family !== 'events') {
      const spans = kept?.json.flatMap((path) =>
        locate(text, path).map(({ start, end }) => [start, end] as const),
      );
      return redactJson(text, inspection, depth, spans === undefined ? {} : { kept: spans });
    }
    switch (family) {
      case 'json':
        return first === '<' ? redactXml(text, inspection, depth) : redactJson(text, inspection, depth);
      case 'form':
        return redactForm(text, inspection, depth, { step: '.', ...(kept ? { kept: kept.form } : {}) });
      case 'multipart':
        return redactMultipart(text, inspection, depth, {
          contentType,
          ...(kept ? { kept: kept.form } : {}),
          redactPart: (part, type, deeper) => this.typed(part, type, deeper) ?? '',
        });
      case 'xml':
        return redactXml(text, inspection, depth);
      case 'events':
        return this.#lines(text, depth);
      case 'script':
        return redactText(text, inspection, depth, { quotedOnly: true });
      case 'sql':
        return redactSql(text, inspection, depth);
      default:
        return first === '<' ? redactXml(text, inspection, depth) : this.#untyped(text, contentType, depth);
    }
  }

  /** Clients forget content types. */
  #untyped(text: string, contentType: string, depth: number): string | null {
    if (contentType === '' && /^[\w.%[\]-]{1,200}=[^\s<>"]*$/.test(text))
      return redactForm(text, this.#inspection, depth, { step: '.' });
    if (text.startsWith('--') && /\bcontent-disposition:/i.test(text.slice(0, 400)))
      return this.typed(text, 'multipart/form-data', depth);
    if (insertsInto(text)) return redactSql(text, this.#inspection, depth);
    return redactText(text, this.#inspection, depth);
  }

  #whole(text: string, { contentType, isCut, kept }: BodyTraits): string | null {
    const redacted = this.typed(text, contentType, 0, kept);
    return redacted !== null && isCut ? redactTail(redacted, this.#inspection) : redacted;
  }

  /** Server-sent events: what follows `data:` is a document of its own, on as many lines as it likes. */
  #lines(text: string, depth: number): string {
    return text.replace(EVENT_LINES, (block) => {
      const lines = block.split('\n');
      const fields = lines.map((line) => /^[a-z]{2,5}: ?/.exec(line)?.[0] ?? '');
      const value = lines.map((line, at) => line.slice(fields[at]!.length)).join('\n');
      const redacted = this.#inspection.value(value, null, depth);
      if (redacted === value) return block;
      return redacted
        .split('\n')
        .map((line, at) => (fields[at] ?? 'data: ') + line)
        .join('\n');
    });
  }

  /** Bytes that are no UTF-8: text of another charset, or cut within a character. Everything else is opaque. */
  #bytes(content: Content, family: Family, traits: BodyTraits): boolean {
    const isPlain = (content.encoding ?? 'identity') === 'identity';
    if (family === 'binary' || !isPlain) return this.#file(content, family, traits);
    const { text, charset } = textOfBytes(Buffer.from(content.base64 ?? '', 'base64'));
    if (hasControls(text) || (charset === 'latin1' && traits.contentType === ''))
      return this.#file(content, family, traits);
    const redacted = this.#whole(text, traits);
    if (redacted === null) return this.#withheld(content);
    if (redacted !== text) content.base64 = Buffer.from(redacted, charset).toString('base64');
    return true;
  }

  /** A file that a request uploads, by itself or as a part, is stood in for; what else is opaque does not leave. */
  #file(content: Content, family: Family, { contentType, isCut, kept, upload }: BodyTraits): boolean {
    const isPlain = (content.encoding ?? 'identity') === 'identity';
    if (isCut || !isPlain || content.json !== undefined) return this.#withheld(content);
    const bytes = readBytes(content);
    if (!upload) return this.#sentBack(content, bytes);
    const inspection = this.#inspection;
    const inPlace = (file: Buffer, addsTo?: string) => {
      const made = standIn(file, (text) => inspection.mark(text));
      inspection.digests.learn(file, made, addsTo);
      return made;
    };
    if (family === 'multipart') {
      const redacted = redactMultipart(bytes.toString('latin1'), inspection, 0, {
        ...{ contentType, standIn: (file) => inPlace(file), ...(kept ? { kept: kept.form } : {}) },
        redactPart: (part, type, deeper) => this.typed(part, type, deeper) ?? '',
      });
      if (redacted === null) return this.#withheld(content);
      writeBytes(content, Buffer.from(redacted, 'latin1'));
      return true;
    }
    if (!isFileType(contentType)) return this.#withheld(content);
    inspection.notes.place('unredactable', 'stand-in');
    writeBytes(content, inPlace(bytes, upload.addsTo));
    return true;
  }

  /** A file that was uploaded before, or what stood in for it, comes back as what stands in for it. */
  #sentBack(content: Content, bytes: Buffer): boolean {
    const { digests, notes } = this.#inspection;
    if (!isStandIn(bytes) && digests.isEmpty) return this.#withheld(content);
    const made = standIn(bytes, (text) => this.#inspection.mark(text));
    if (!made.equals(bytes) && !digests.areOf(bytes, made)) return this.#withheld(content);
    notes.place('unredactable', 'stand-in');
    writeBytes(content, made);
    return true;
  }

  #messages(content: Content, family: 'grpc' | 'protobuf', traits: BodyTraits): boolean {
    if ((content.encoding ?? 'identity') !== 'identity') return this.#withheld(content);
    const stored = readText(content);
    const bytes = stored === null ? Buffer.from(content.base64 ?? '', 'base64') : Buffer.from(stored, 'utf8');
    const isText = traits.contentType.includes('grpc-web-text');
    const plain = isText ? Buffer.from(bytes.toString('latin1'), 'base64') : bytes;
    const { isCut, grpcEncoding } = traits;
    const redacted =
      family === 'protobuf'
        ? redactProtobuf(plain, this.#inspection)
        : redactGrpcFrames(plain, this.#inspection, { encoding: grpcEncoding, isCut });
    if (redacted === null) {
      // The source of a schema, or messages as text, go by the type of the messages themselves.
      const isWritten = family === 'protobuf' && !isCut && stored !== null && !hasControls(stored);
      return isWritten ? this.#text(content, stored, traits) : this.#withheld(content);
    }
    if (redacted === plain) return true;
    withhold(content);
    const written = isText ? Buffer.from(redacted.toString('base64'), 'latin1') : redacted;
    content.base64 = written.toString('base64');
    return true;
  }

  #withheld(content: Content): false {
    withhold(content);
    this.#inspection.notes.place('unredactable', 'body');
    return false;
  }

  #familyOf(contentType: string): Family {
    const known = this.#families.get(contentType);
    if (known !== undefined) return known;
    const lower = contentType.toLowerCase();
    const type = lower.split(';', 1)[0]!.trim();
    const family = FAMILIES.find(([pattern]) => pattern.test(type))?.[1] ?? 'text';
    if (this.#families.size >= MAX_TYPES) this.#families.clear();
    if (contentType.length <= 200) this.#families.set(contentType, family);
    return family;
  }
}
