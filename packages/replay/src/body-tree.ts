// Reads a body as a tree by its media type: JSON, XML, forms, multipart, lines and events, protobuf. What is none of
// these is its text; what is no text, its size and digest. It must not know what is compared or replaced.
import { type Body, bodyBytes, bodyText, type HeaderList, header } from '@echoplane/traffic';
import { parseJson } from './json-text.ts';
import { markupTree } from './markup-tree.ts';
import { multipartTree } from './multipart-tree.ts';
import { grpcTree, protobufTree } from './protobuf-tree.ts';
import { eventTree, jsonLines } from './stream-lines.ts';
import { digestOf, Spot, type TreeNode } from './tree.ts';

/** Formats whose trees name their fields; `form`: names are kept as they are written. */
export type BodyFormat =
  | 'empty'
  | 'json'
  | 'xml'
  | 'form'
  | 'multipart'
  | 'lines'
  | 'protobuf'
  | 'text'
  | 'html'
  | 'bytes';

export interface BodyTree {
  format: BodyFormat;
  root: TreeNode;
}

const EMPTY: BodyTree = { format: 'empty', root: null };

/** The tree of a body. Leaves may be `Spot`s, with their places in `readableText(body)`. */
export function bodyTree(body: Body, headers: HeaderList): BodyTree {
  if (body.size === 0) return EMPTY;
  if (body.json !== undefined) return { format: 'json', root: body.json as TreeNode };
  const text = isBinary(headers) ? undefined : (body.text ?? body.decoded);
  if (text === undefined) return bytesTree(body, mediaType(headers), headers);
  const json = parseJson(text);
  if (json !== undefined) return { format: 'json', root: json };
  return textTree(text, mediaType(headers), headers);
}

/** Messages of few small fields may happen to be UTF-8. */
function isBinary(headers: HeaderList): boolean {
  return /^application\/grpc|protobuf/.test(mediaType(headers));
}

/** The text in which a tree's spots stand: the decoded text, or of bytes the same as latin1. */
export function readableText(body: Body): string {
  return bodyText(body) ?? bodyBytes(body).toString('latin1');
}

function textTree(text: string, type: string, headers: HeaderList): BodyTree {
  if (type === 'application/x-www-form-urlencoded') return { format: 'form', root: formTree(text) };
  if (type.startsWith('multipart/')) {
    const root = multipartTree(text, header(headers, 'content-type') ?? '', false);
    if (root) return { format: 'multipart', root };
  }
  if (type === 'text/event-stream') return { format: 'lines', root: eventTree(text) };
  if (isPageType(type)) return { format: 'html', root: text };
  if (type.endsWith('xml') || text.startsWith('<?xml')) {
    const root = markupTree(text);
    if (root !== undefined) return { format: 'xml', root };
  }
  const lines = jsonLines(text);
  return lines ? { format: 'lines', root: lines } : { format: 'text', root: text };
}

function bytesTree(body: Body, type: string, headers: HeaderList): BodyTree {
  if (body.ref === undefined && body.encoding === 'identity') {
    const root = type.startsWith('application/grpc')
      ? grpcTree(bodyBytes(body), header(headers, 'grpc-encoding') ?? '')
      : /protobuf/.test(type)
        ? protobufTree(bodyBytes(body))
        : undefined;
    if (root !== undefined) return { format: 'protobuf', root };
    const parts = type.startsWith('multipart/')
      ? multipartTree(readableText(body), header(headers, 'content-type') ?? '', true)
      : undefined;
    if (parts !== undefined) return { format: 'multipart', root: parts };
    // The source of a schema goes by the type of its messages.
    if (/protobuf/.test(type) && body.text !== undefined) return textTree(body.text, type, headers);
  }
  return { format: 'bytes', root: digestOf(body.base64 ?? body.ref ?? body.text ?? '', body.size) };
}

/** HTML, whole or in pieces: `text/vnd.turbo-stream.html`. */
function isPageType(type: string): boolean {
  return /^text\/(?:vnd\.[\w.-]+\.)?html$/.test(type);
}

/** Whether a message is of HTML. */
export function isPage(headers: HeaderList): boolean {
  return isPageType(mediaType(headers));
}

/** `application/json; charset=utf-8` → `application/json`. */
export function mediaType(headers: HeaderList): string {
  return (header(headers, 'content-type') ?? '').split(';', 1)[0]!.trim().toLowerCase();
}

/** The fields of a form or query, with their places in `text`; a name that comes again is numbered, `tag`, `tag[1]`. */
export function formTree(text: string): Map<string, TreeNode> {
  const fields = new Map<string, TreeNode>();
  const seen = new Map<string, number>();
  let at = 0;
  for (const pair of text.split('&')) {
    const equals = pair.indexOf('=');
    const name = formDecoded(equals < 0 ? pair : pair.slice(0, equals));
    const start = at + (equals < 0 ? pair.length : equals + 1);
    at += pair.length + 1;
    if (pair === '') continue;
    const n = seen.get(name) ?? 0;
    seen.set(name, n + 1);
    const value = formDecoded(equals < 0 ? '' : pair.slice(equals + 1));
    fields.set(n === 0 ? name : `${name}[${n}]`, new Spot(value, start, at - 1, 'form'));
  }
  return fields;
}

/** As `URLSearchParams` decodes: `+` is a blank, and what is damaged stays. */
function formDecoded(text: string): string {
  if (!text.includes('%') && !text.includes('+')) return text;
  const spaced = text.replaceAll('+', ' ');
  try {
    return decodeURIComponent(spaced);
  } catch {
    return new URLSearchParams(`v=${text}`).get('v')!;
  }
}
