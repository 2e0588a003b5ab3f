// The inspector's only way out: the forwarder's cluster face over mutual TLS. The files are read at each connection, because
// the operator replaces them. It must not know what is said.
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { OperatingError, readTlsFiles, type TlsFiles } from '@echoplane/runtime';

const CALL_MS = 30_000;
/** The forwarder answers when the control plane has opened the stream behind it. */
const OPEN_MS = 60_000;
const MAX_ANSWER_BYTES = 1 << 20;

export interface FaceLinkOptions {
  url: string;
  files: Required<TlsFiles>;
}

/** An answer that is no success. */
export class FaceRefused extends OperatingError {
  readonly status: number;
  constructor(status: number, path: string, text: string) {
    super('face_refused', `The forwarder refused ${path} with ${status}: ${text.slice(0, 500)}`);
    this.status = status;
  }

  /** Whether the same words would be refused again. */
  get isFinal(): boolean {
    return this.status >= 400 && this.status < 500 && ![401, 403, 408, 429].includes(this.status);
  }
}

export class FaceLink {
  readonly #options: FaceLinkOptions;

  constructor(options: FaceLinkOptions) {
    this.#options = options;
  }

  /** Gives the JSON of a path. Throws FaceRefused for a refusal. */
  get(path: string, signal: AbortSignal): Promise<unknown> {
    return this.#call('GET', path, signal);
  }

  /** Posts JSON and gives the answer's, null for none. Throws like `get`. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<unknown> {
    return this.#call('POST', path, signal, JSON.stringify(body));
  }

  /** Opens a stream of events. Throws like `get`. */
  async stream(path: string, signal: AbortSignal): Promise<IncomingMessage> {
    const late = new AbortController();
    const timer = setTimeout(() => late.abort(), OPEN_MS);
    try {
      const response = await this.#open('GET', path, AbortSignal.any([signal, late.signal]));
      if (response.statusCode === 200) return response;
      throw new FaceRefused(response.statusCode ?? 0, path, await readText(response));
    } finally {
      clearTimeout(timer);
    }
  }

  async #call(method: string, path: string, signal: AbortSignal, body?: string): Promise<unknown> {
    const limited = AbortSignal.any([signal, AbortSignal.timeout(CALL_MS)]);
    const response = await this.#open(method, path, limited, body);
    const text = await readText(response);
    const status = response.statusCode ?? 0;
    if (status >= 300) throw new FaceRefused(status, path, text);
    return text === '' ? null : JSON.parse(text);
  }

  #open(method: string, path: string, signal: AbortSignal, body?: string): Promise<IncomingMessage> {
    const { url, files } = this.#options;
    const headers = body === undefined ? {} : { 'content-type': 'application/json' };
    return new Promise((resolve, reject) => {
      const asked = request(
        new URL(path, url),
        { method, headers, agent: false, signal, ...readTlsFiles(files) },
        resolve,
      );
      asked.on('error', reject);
      asked.end(body);
    });
  }
}

async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of response) {
    bytes += (chunk as Buffer).length;
    if (bytes > MAX_ANSWER_BYTES)
      throw new OperatingError('answer_too_large', 'The forwarder answered with too much.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString();
}
