// An agent for integration tests: what it says of itself, and its end of the stream, read as events from a real socket.
import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import { Envelope, Signed } from '@echoplane/api';
import { newSealingKey, type PublicSigningKey, verifyEnvelope } from '@echoplane/runtime';

export function registrationOf(
  agent: string,
  storeAccess: 'delegated' | 'private' = 'delegated',
  kind: 'forwarder' | 'inspector' = 'forwarder',
) {
  return {
    ...{ agent, kind, name: 'forwarder-0', cluster: 'local', version: '0.1.0', storeAccess },
    sealingKey: newSealingKey().publicKey,
  };
}

export function heartbeatOf(agent: string, extra: Record<string, unknown> = {}) {
  return {
    ...{ agent, version: '0.1.0', configVersion: 'default-1', configError: null, commands: [] },
    ...{ spoolBytes: 0, ringBytes: 0, ringFrom: null, lagFrames: 0, lagSegments: 0, alarms: 0 },
    discoveries: [],
    ...extra,
  };
}

export interface StreamEvent {
  event: string;
  data: string;
}

/** The agent's end of an open stream. */
export class StreamReader {
  readonly events: StreamEvent[] = [];
  readonly response: IncomingMessage;
  readonly #request: ClientRequest;
  /** Resolves when the connection is over, whoever ended it. */
  readonly closed: Promise<void>;
  #text = '';

  constructor(request: ClientRequest, response: IncomingMessage) {
    this.#request = request;
    this.response = response;
    this.closed = new Promise((resolve) => response.once('close', resolve));
    response.on('error', () => {});
  }

  /** Begins to read; an agent that does not is a slow one. */
  read(): this {
    this.response.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (this.#text + chunk).split('\n\n');
      this.#text = parts.pop()!;
      for (const part of parts) {
        const [event = '', data = ''] = part.split('\n').map((line) => line.replace(/^\w+: ?/, ''));
        this.events.push({ event, data });
      }
    });
    return this;
  }

  /** The signed words of events of a kind, checked against the key. */
  signed(event: string, key: PublicSigningKey): Signed[] {
    return this.events
      .filter((one) => one.event === event)
      .map((one) => {
        const verified = verifyEnvelope(key, Envelope.parse(JSON.parse(one.data)));
        if ('refused' in verified) throw new Error(verified.refused);
        return Signed.parse(verified.words);
      });
  }

  names(): string[] {
    return this.events.map(({ event }) => event).filter((event) => event !== 'ping');
  }

  drop(): void {
    this.#request.destroy();
  }
}

/** Opens a stream; rejects with the answer's status when it is refused. */
export function openStream(origin: string, key: string, agent: string): Promise<StreamReader> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${key}` };
    const request = get(`${origin}/v1/agent/stream?agent=${agent}`, { headers, agent: false }, (response) => {
      if (response.statusCode === 200) return resolve(new StreamReader(request, response));
      response.resume();
      reject(new Error(`refused: ${response.statusCode}, retry-after ${response.headers['retry-after']}`));
    });
    request.on('error', reject);
  });
}
