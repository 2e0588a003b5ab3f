// The message that chains work on, and its draft: parts are copied when they change, so that an unchanged message costs
// nothing and the recording is never touched.
import {
  type Body,
  bodyBytes,
  type HeaderList,
  header,
  type RequestParts,
  splitUrl,
  storeBody,
} from '@echoplane/traffic';
import { closeContent, openContent } from './content-coding.ts';
import { Taints } from './taint.ts';
import { bytesOf, type Value } from './value.ts';

export interface TransformRequest extends RequestParts {
  /** `http` or `https`. */
  scheme?: string;
  /** Host and port as the client named them: where the request goes. */
  host?: string;
  trailers?: HeaderList;
}

export interface TransformResponse {
  status: number;
  headers: HeaderList;
  trailers?: HeaderList | undefined;
  body: Body;
}

export interface Message {
  /** IN: to the service under test; OUT: from it. */
  direction: 'IN' | 'OUT';
  protocol?: string;
  request: TransformRequest;
  response?: TransformResponse;
  session?: string | null;
  latencyUs?: number;
  tags?: Record<string, string>;
  /** `cluster/namespace/name`. */
  service?: string;
  /** The recorded exchange this one repeats, for functions that learn from the difference. */
  recorded?: Pick<Message, 'request' | 'response'>;
}

export type Side = 'request' | 'response';

/** A message while chains change it. */
export class Draft {
  message: Message;
  /** How long the sender waits before it goes on, µs. */
  delayUs = 0;
  /** Keys to add to, and to leave out of, the signature by which the responder looks for a recording. */
  signature: { readonly set: Readonly<Record<string, string>>; readonly delete: readonly string[] } = {
    set: {},
    delete: [],
  };

  readonly taints: Taints;

  constructor(message: Message) {
    this.message = message;
    this.taints = new Taints(message.request, message.response);
  }

  side(side: Side): TransformRequest | TransformResponse | undefined {
    return side === 'request' ? this.message.request : this.message.response;
  }

  change(side: Side, part: Partial<TransformRequest & TransformResponse>): void {
    const before = this.side(side);
    if (before) this.message = { ...this.message, [side]: { ...before, ...part } };
  }

  /** The body as sent (`raw`) or behind its content coding; undefined when the message is not there. */
  body(side: Side, raw: boolean): Value | undefined {
    const body = this.side(side)?.body;
    if (!body) return undefined;
    if (body.json !== undefined) return JSON.stringify(body.json);
    if (body.text !== undefined) return body.text;
    return raw ? bodyBytes(body) : openContent(bodyBytes(body), body.encoding);
  }

  setBody(side: Side, value: Value, raw: boolean): void {
    const before = this.side(side);
    if (!before) return;
    const bytes = raw ? bytesOf(value) : closeContent(bytesOf(value), before.body);
    const body = storeBody(bytes, before.body.encoding, { deferJson: true });
    this.change(side, { body, headers: withLength(before.headers, bytes.length) });
  }

  /** Path and query. */
  get target(): { path: string; query: string } {
    return splitUrl(this.message.request.target);
  }
}

function withLength(headers: HeaderList, bytes: number): HeaderList {
  if (header(headers, 'content-length') === undefined) return headers;
  return headers.map(([name, value]) => [
    name,
    name.toLowerCase() === 'content-length' ? String(bytes) : value,
  ]);
}

/** The n-th value under a name, by any case. */
export function nthValue(list: HeaderList | undefined, name: string, index: number): string | undefined {
  const wanted = name.toLowerCase();
  return list?.filter(([n]) => n.toLowerCase() === wanted)[index]?.[1];
}

/** `list` with the n-th value under a name replaced; added when there is none. */
export function withValue(
  list: HeaderList | undefined,
  name: string,
  index: number,
  value: string,
): HeaderList {
  const wanted = name.toLowerCase();
  let seen = -1;
  let found = false;
  const changed = (list ?? []).map(([n, v]): [string, string] => {
    if (n.toLowerCase() === wanted) seen++;
    if (found || n.toLowerCase() !== wanted || seen !== index) return [n, v];
    found = true;
    return [n, value];
  });
  return found ? changed : [...changed, [name, value]];
}
