// An RRPair as expressions see it. Nothing is computed before it is asked for, and nothing twice: the flat part costs a
// few property reads, an endpoint or a parsed body only those who ask.
import {
  type Body,
  bodyJson,
  bodyText,
  endpointOf,
  grpcStatusOf,
  type HeaderList,
  type RRPair,
  requestLine,
  serviceOf,
} from '@echoplane/traffic';
import { LIMITS } from './cost.ts';

/** The view of a pair; made once and handed to all that test the pair. It must not outlive a change of the pair. */
export function exprViewOf(pair: RRPair): ExpressionView {
  return new ExpressionView(pair);
}

export class ExpressionView {
  readonly pair: RRPair;
  #line: ReturnType<typeof requestLine> | null = null;
  #endpoint: string | null = null;
  #service: string | null = null;
  #request: MessageView | null = null;
  #response: MessageView | null = null;

  constructor(pair: RRPair) {
    this.pair = pair;
  }

  get direction(): string {
    return this.pair.direction;
  }
  get protocol(): string {
    return this.pair.protocol;
  }
  get method(): string {
    return this.pair.request?.method ?? '';
  }
  get path(): string {
    return this.#parts().path;
  }
  get host(): string {
    return this.#parts().host;
  }
  get endpoint(): string {
    this.#endpoint ??= endpointOf(this.path);
    return this.#endpoint;
  }
  /** 0 when no response came. */
  get status(): number {
    return this.pair.response?.status ?? 0;
  }
  /** -1 when there is none. */
  get grpcStatus(): number {
    return grpcStatusOf(this.pair) ?? -1;
  }
  get latencyMs(): number {
    return this.pair.durationUs / 1000;
  }
  get error(): string {
    return this.pair.error ?? '';
  }
  get service(): string {
    this.#service ??= serviceOf(this.pair.source);
    return this.#service;
  }
  get cluster(): string {
    return this.pair.source.cluster;
  }
  get ns(): string {
    return this.pair.source.namespace;
  }
  get workload(): string {
    return this.pair.source.workload.name;
  }
  get session(): string {
    return this.pair.session ?? '';
  }
  get tags(): Record<string, string> {
    return this.pair.tags;
  }
  get request(): MessageView {
    this.#request ??= new MessageView(this.pair.request, () => this.#parts().query);
    return this.#request;
  }
  get response(): MessageView {
    this.#response ??= new MessageView(this.pair.response, () => '');
    return this.#response;
  }

  #parts() {
    this.#line ??= requestLine(this.pair);
    return this.#line;
  }
}

type Message = { headers: HeaderList; trailers?: HeaderList | undefined; body: Body };

/** One side of a pair; what is absent is empty, except `json`, which is undefined. */
export class MessageView {
  readonly #message: Message | null;
  readonly #queryOf: () => string;
  #headers: Map<string, string> | null = null;
  #trailers: Map<string, string> | null = null;
  #text: string | null = null;
  #json: { value: unknown } | null = null;

  constructor(message: Message | null, queryOf: () => string) {
    this.#message = message;
    this.#queryOf = queryOf;
  }

  get headers(): ReadonlyMap<string, string> {
    this.#headers ??= byLowerCaseName(this.#message?.headers);
    return this.#headers;
  }
  get trailers(): ReadonlyMap<string, string> {
    this.#trailers ??= byLowerCaseName(this.#message?.trailers);
    return this.#trailers;
  }
  get query(): string {
    return this.#queryOf();
  }
  get size(): number {
    return this.#message?.body.size ?? 0;
  }
  get text(): string {
    this.#text ??= this.#message ? (bodyText(this.#message.body) ?? '').slice(0, LIMITS.bodyLength) : '';
    return this.#text;
  }
  get json(): unknown {
    this.#json ??= { value: this.#message ? boundedJson(this.#message.body) : undefined };
    return this.#json.value;
  }
}

/** What is parsed already costs nothing; a longer text is not parsed, since a part of it would not be JSON. */
function boundedJson(body: Body): unknown {
  const text = body.json === undefined ? (body.text ?? body.decoded ?? '') : '';
  return text.length > LIMITS.bodyLength ? undefined : bodyJson(body);
}

function byLowerCaseName(list: HeaderList = []): Map<string, string> {
  const headers = new Map<string, string>();
  for (const [name, value] of list) {
    const key = name.toLowerCase();
    const before = headers.get(key);
    headers.set(key, before === undefined ? value : `${before}, ${value}`);
  }
  return headers;
}
