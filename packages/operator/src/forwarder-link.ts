// The operator's calls to the forwarder's cluster face, over mutual TLS with the certificate as the Secret has it now, and
// the stream on which it says which releases the control plane wishes. It must not know what is done with either.

import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { Readable } from 'node:stream';
import { DesiredRelease } from '@echoplane/api';
import { type AddressNames, FACE_PATHS, FaceStatus } from '@echoplane/resources';
import { backoffMs, type Clock, type Logger, OperatingError } from '@echoplane/runtime';
import { z } from 'zod';
import type { FaceFile, ForwarderFace } from './forwarder-face.ts';

export interface LinkOptions {
  url: string;
  /** PEM texts as they are now; null until the certificate is there. */
  tls: () => { cert: string; key: string; ca: string } | null;
  clock: Clock;
  log: Logger;
}

const BACKOFF = { firstMs: 1_000, maxMs: 60_000 };
const TIMEOUT_MS = 30_000;
const FLUSH_TIMEOUT_MS = 120_000;
/** Pings come every half a minute. */
const SILENCE_MS = 90_000;
const MAX_JSON_BYTES = 4 << 20;
const MAX_LINE_CHARS = 1 << 20;
const Releases = z.array(DesiredRelease).max(10);

export class ForwarderLink implements ForwarderFace {
  readonly #options: LinkOptions;
  #releases: readonly DesiredRelease[] = [];
  readonly #listeners: (() => void)[] = [];

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  artifact(prefix: string, name: string, signal?: AbortSignal): Promise<FaceFile | null> {
    const path = [...prefix.split('/').filter(Boolean), name].map(encodeURIComponent).join('/');
    return this.#file(`${FACE_PATHS.artifacts}${path}`, signal);
  }
  vault(signal?: AbortSignal): Promise<FaceFile | null> {
    return this.#file(FACE_PATHS.vault, signal);
  }
  rules(signal?: AbortSignal): Promise<unknown> {
    return this.#json('GET', FACE_PATHS.rules, TIMEOUT_MS, signal);
  }
  async flush(signal?: AbortSignal): Promise<boolean> {
    const answer = await this.#json('POST', FACE_PATHS.flush, FLUSH_TIMEOUT_MS, signal);
    return z.object({ flushed: z.boolean() }).parse(answer).flushed;
  }
  async status(signal?: AbortSignal): Promise<FaceStatus> {
    return FaceStatus.parse(await this.#json('GET', FACE_PATHS.status, TIMEOUT_MS, signal));
  }
  async tellNames(names: AddressNames, signal?: AbortSignal): Promise<void> {
    await this.#json('POST', FACE_PATHS.names, TIMEOUT_MS, signal, JSON.stringify(names));
  }
  releases(): readonly DesiredRelease[] {
    return this.#releases;
  }
  onReleases(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** Holds the event stream until aborted. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, log } = this.#options;
    for (let failures = 1; !signal.aborted; failures++) {
      try {
        const answer = await this.#call('GET', FACE_PATHS.events, SILENCE_MS, signal);
        for await (const { event, data } of eventsOf(answer)) {
          failures = 1;
          if (event === 'releases') this.#take(data);
        }
      } catch (err) {
        if (!signal.aborted && failures === 2) log.warn({ err }, 'the event stream of the forwarder is away');
      }
      await clock.sleep(backoffMs(failures, BACKOFF, Math.random()), signal);
    }
  }

  #take(data: string): void {
    this.#releases = Releases.parse(JSON.parse(data));
    for (const listener of this.#listeners) listener();
  }

  async #file(path: string, signal?: AbortSignal): Promise<FaceFile | null> {
    const answer = await this.#call('GET', path, TIMEOUT_MS, signal, [200, 404]);
    if (answer.statusCode === 404) {
      answer.resume();
      return null;
    }
    const length = answer.headers['content-length'];
    const bytes = Readable.toWeb(answer) as ReadableStream<Uint8Array>;
    return { sizeBytes: length === undefined ? null : Number(length), bytes };
  }

  async #json(
    method: string,
    path: string,
    timeoutMs: number,
    signal?: AbortSignal,
    body?: string,
  ): Promise<unknown> {
    const answer = await this.#call(method, path, timeoutMs, signal, [200], body);
    return JSON.parse(await textOf(answer));
  }

  #call(
    method: string,
    path: string,
    timeoutMs: number,
    signal?: AbortSignal,
    expected: readonly number[] = [200],
    body?: string,
  ): Promise<IncomingMessage> {
    const tls = this.#options.tls();
    if (!tls)
      return Promise.reject(new OperatingError('no_certificate', 'The certificate is not there yet.'));
    return new Promise((resolve, reject) => {
      // A connection for each call: they are few, and each sees the certificates as they are now.
      const agent = new Agent({ ...tls, keepAlive: false });
      const options = { method, agent, timeout: timeoutMs, ...(signal ? { signal } : {}) };
      const asked = request(new URL(path, this.#options.url), options, (answer) => {
        if (expected.includes(answer.statusCode ?? 0)) return resolve(answer);
        void textOf(answer)
          .catch(() => '')
          .then((said) => reject(refusal(method, path, answer.statusCode ?? 0, said)));
      });
      asked.on('timeout', () => asked.destroy(new Error(`no word for ${timeoutMs} ms`)));
      asked.on('error', (cause) => {
        const sentence = `The forwarder cannot be reached at ${this.#options.url}: ${cause.message}.`;
        reject(new OperatingError('forwarder_unreachable', sentence, { cause }));
      });
      asked.end(body);
    });
  }
}

function refusal(method: string, path: string, status: number, said: string): OperatingError {
  return new OperatingError(
    'forwarder_refused',
    `${method} ${path} of the forwarder was answered ${status}: ${said.slice(0, 300)}`,
  );
}

async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_JSON_BYTES) throw new Error(`an answer of more than ${MAX_JSON_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** Server-sent events, one line of data each. */
async function* eventsOf(answer: IncomingMessage): AsyncGenerator<{ event: string; data: string }> {
  answer.setEncoding('utf8');
  let rest = '';
  let event = '';
  for await (const text of answer as AsyncIterable<string>) {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > MAX_LINE_CHARS) throw new Error('a line of the event stream has no end');
    for (const line of lines) {
      if (line.startsWith('event:')) event = line.slice(6).trim();
      else if (line.startsWith('data:')) yield { event, data: line.slice(5).trim() };
      else if (line.trim() === '') event = '';
    }
  }
}
