// The client: every call of the contract as one request, raw JSON both ways. It repeats nothing by itself, but for a server
// that says when to come again (429 with Retry-After).

import type { Readable } from 'node:stream';
import { type Clock, OperatingError, systemClock } from '@echoplane/runtime';
import type { Access } from './access.ts';
import type { KubeClient, ListOptions, Obj, Ref, Resource, WriteOptions } from './contract.ts';
import { decodeError, isConflict, isNotFound } from './kube-error.ts';
import { pagesOf } from './listing.ts';
import { collectionPathOf, pathOf } from './objects.ts';
import { type HttpRequest, Transport, type TransportLimits } from './transport.ts';

export interface KubeClientOptions extends Partial<TransportLimits> {
  clock?: Clock;
  userAgent?: string;
  /** Of what is applied, unless a call names another. */
  fieldManager?: string;
}

const LIMITS: TransportLimits = {
  timeoutMs: 30_000,
  maxAnswerBytes: 128 * 1024 * 1024,
  maxSockets: 8,
  maxStreams: 256,
};
const MAX_WAITS = 5;
const MAX_WAIT_MS = 30_000;
const PATCH_TYPES = {
  merge: 'application/merge-patch+json',
  json: 'application/json-patch+json',
  strategic: 'application/strategic-merge-patch+json',
} as const;

type CallOptions = NonNullable<Parameters<KubeClient['call']>[2]>;

/** A pooled client of one API server. */
export function createKubeClient(access: Access, options: KubeClientOptions = {}): KubeClient {
  return new PooledClient(access, options);
}

class PooledClient implements KubeClient {
  readonly server: string;
  readonly #transport: Transport;
  readonly #clock: Clock;
  readonly #userAgent: string;
  readonly #fieldManager: string;

  constructor(access: Access, { clock, userAgent, fieldManager, ...limits }: KubeClientOptions) {
    this.server = access.server;
    this.#transport = new Transport(access, { ...LIMITS, ...limits });
    this.#clock = clock ?? systemClock();
    this.#userAgent = userAgent ?? 'echoplane';
    this.#fieldManager = fieldManager ?? 'echoplane';
  }

  async get<T extends Obj>(resource: Resource, ref: Ref): Promise<T | null> {
    return await this.call<T>('GET', pathOf(resource, ref)).catch(orNullWhenMissing);
  }

  async *list<T extends Obj>(resource: Resource, options: ListOptions = {}): AsyncGenerator<T> {
    for await (const { items } of pagesOf(this, resource, { ...options, consistent: false }))
      yield* items as T[];
  }

  create<T extends Obj>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const { subresource } = options;
    const path = subresource
      ? `${pathOf(resource, object.metadata)}/${subresource}`
      : collectionPathOf(resource, namespaceFor(resource, object.metadata));
    return this.call<T>('POST', path, { ...writeQuery(options), body: object });
  }

  replace<T extends Obj>(resource: Resource, object: T, options: WriteOptions = {}): Promise<T> {
    const path = objectPath(resource, object.metadata, options);
    return this.call<T>('PUT', path, { ...writeQuery(options), body: object });
  }

  apply<T extends Obj>(
    resource: Resource,
    object: Obj,
    options: WriteOptions & { force?: boolean } = {},
  ): Promise<T> {
    const { query, ...rest } = writeQuery({ fieldManager: this.#fieldManager, ...options });
    return this.call<T>('PATCH', objectPath(resource, object.metadata, options), {
      ...rest,
      query: { ...query, force: String(options.force ?? true) },
      body: object,
      // JSON is YAML; this is the type by which the server tells an apply from a patch.
      contentType: 'application/apply-patch+yaml',
    });
  }

  patch<T extends Obj>(
    resource: Resource,
    ref: Ref,
    patch: unknown,
    options: WriteOptions & { type: keyof typeof PATCH_TYPES },
  ): Promise<T> {
    const contentType = PATCH_TYPES[options.type];
    const path = objectPath(resource, ref, options);
    return this.call<T>('PATCH', path, { ...writeQuery(options), body: patch, contentType });
  }

  async delete(
    resource: Resource,
    ref: Ref,
    options: { propagation?: 'Background' | 'Foreground' | 'Orphan'; uid?: string } = {},
  ): Promise<boolean> {
    const { uid, propagation = 'Background' } = options;
    // Named always: the default of a Job is to leave its pods behind.
    const body = {
      apiVersion: 'v1',
      kind: 'DeleteOptions',
      propagationPolicy: propagation,
      ...(uid ? { preconditions: { uid } } : {}),
    };
    try {
      await this.call('DELETE', pathOf(resource, ref), { body });
      return true;
    } catch (err) {
      // Another object has the name now: the one that was meant is gone.
      if (isNotFound(err) || (uid && isConflict(err))) return false;
      throw err;
    }
  }

  async call<T>(method: string, path: string, options: CallOptions = {}): Promise<T> {
    const request = this.#requestOf(method, path, options);
    for (let wait = 0; ; wait++) {
      const { status, headers, body } = await this.#transport.exchange(request);
      if (status >= 200 && status < 300)
        return (headers['content-type']?.includes('json') ? this.#parse(body, method, path) : body) as T;
      const retryAfter = headers['retry-after'];
      if (status !== 429 || retryAfter === undefined || wait >= MAX_WAITS)
        throw decodeError(status, body, `${method} ${path}`);
      await this.#clock.sleep(Math.min(Number(retryAfter) * 1000 || 1000, MAX_WAIT_MS), options.signal);
      options.signal?.throwIfAborted();
    }
  }

  async stream(
    path: string,
    options: { query?: Record<string, string>; signal?: AbortSignal } = {},
  ): Promise<Readable> {
    const response = await this.#transport.stream(this.#requestOf('GET', path, options));
    const status = response.statusCode ?? 0;
    if (status >= 200 && status < 300) return response;
    throw decodeError(status, await this.#transport.read(response), `GET ${path}`);
  }

  close(): void {
    this.#transport.close();
  }

  #parse(body: string, method: string, path: string): unknown {
    try {
      return JSON.parse(body);
    } catch (cause) {
      const sentence = `${method} ${path} of ${this.server} was answered with JSON that cannot be read; is it an API server?`;
      throw new OperatingError('kube_bad_answer', sentence, { cause });
    }
  }

  #requestOf(method: string, path: string, { query, body, contentType, signal }: CallOptions): HttpRequest {
    const search = new URLSearchParams(query).toString();
    const text = body === undefined ? undefined : JSON.stringify(body);
    return {
      method,
      path: search ? `${path}?${search}` : path,
      headers: {
        accept: 'application/json',
        'user-agent': this.#userAgent,
        ...(text === undefined
          ? {}
          : {
              'content-type': contentType ?? 'application/json',
              'content-length': String(Buffer.byteLength(text)),
            }),
      },
      body: text,
      signal,
    };
  }
}

function orNullWhenMissing(err: unknown): null {
  if (isNotFound(err)) return null;
  throw err;
}

function namespaceFor(resource: Resource, { namespace, name }: Ref): string | undefined {
  if (resource.namespaced && !namespace) throw new Error(`${resource.kind} ${name} needs a namespace`);
  return namespace;
}

function objectPath(resource: Resource, ref: Ref, { subresource }: WriteOptions): string {
  return subresource ? `${pathOf(resource, ref)}/${subresource}` : pathOf(resource, ref);
}

function writeQuery({ dryRun, fieldManager, signal }: WriteOptions): CallOptions {
  const query = { ...(dryRun ? { dryRun: 'All' } : {}), ...(fieldManager ? { fieldManager } : {}) };
  return signal ? { query, signal } : { query };
}
