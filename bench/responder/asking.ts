// Asks a responder as a client does: HTTP/1.1 requests on one connection, gRPC calls on another.
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import { isCall, type Sent } from './mutations.ts';

export interface Got {
  isMiss: boolean;
  /** The body; of a call with its framing. */
  text: string;
  /** The first difference of a miss. */
  difference: string | null;
}

/** Ports of a running responder. */
export interface AskedPorts {
  /** Of the forward proxy. */
  port: number;
  /** Of a recorded port, where HTTP/2 comes without a tunnel. */
  callPort: number;
}

export class Asker {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  readonly #session: ClientHttp2Session;

  constructor({ port, callPort }: AskedPorts) {
    this.#port = port;
    this.#session = connect(`http://127.0.0.1:${callPort}`);
    this.#session.on('error', () => {});
  }

  ask(sent: Sent): Promise<Got> {
    return isCall(sent) ? this.#call(sent) : this.#request(sent);
  }

  close(): void {
    this.#agent.destroy();
    this.#session.destroy();
  }

  #request({ method, host, target, headers, body }: Sent): Promise<Got> {
    const length = body.length > 0 ? ['Content-Length', String(body.length)] : [];
    const asked = {
      ...{ port: this.#port, host: '127.0.0.1', agent: this.#agent, method, path: target },
      headers: ['Host', host, ...headers.flat(), ...length],
    };
    return new Promise((resolve, reject) => {
      const asking = request(asked, (response) => {
        response.toArray().then((parts) => {
          const text = Buffer.concat(parts).toString();
          const isMiss = response.headers['x-echoplane-match'] === 'miss';
          const problem = isMiss ? (JSON.parse(text) as { difference: string | null }) : null;
          resolve({ isMiss, text, difference: problem?.difference ?? null });
        }, reject);
      });
      asking.on('error', reject).end(body);
    });
  }

  async #call({ method, host, target, headers, body }: Sent): Promise<Got> {
    const pseudo = { ':method': method, ':path': target, ':authority': host, ':scheme': 'http' };
    const stream: ClientHttp2Stream = this.#session.request({ ...Object.fromEntries(headers), ...pseudo });
    stream.end(body);
    const [head] = (await once(stream, 'response')) as [Record<string, string | undefined>];
    const text = Buffer.concat(await stream.toArray()).toString();
    const message = decodeURIComponent(head['grpc-message'] ?? '');
    const difference = /the first difference (.*)$/s.exec(message)?.[1] ?? null;
    return { isMiss: head['x-echoplane-match'] === 'miss', text, difference };
  }
}
