// Recordings to replay: of the upstream's answers as they are, and as large as one likes.
import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { Agent, get, type IncomingMessage } from 'node:http';
import { type HeaderList, storeBody, type Test } from '@echoplane/traffic';

const REQUEST_HEADERS: HeaderList = [
  ['Host', 'upstream.bench'],
  ['User-Agent', 'bench'],
  ['Accept', '*/*'],
];

/** What the upstream answered to a path. */
export interface Answered {
  path: string;
  headers: HeaderList;
  body: Buffer;
}

export async function answered(port: number, path: string): Promise<Answered> {
  const agent = new Agent({ keepAlive: true });
  const asked = get({ host: '127.0.0.1', port, path, agent });
  const [response] = (await once(asked, 'response')) as [IncomingMessage];
  const body = Buffer.concat(await response.toArray());
  agent.destroy();
  const { rawHeaders } = response;
  const headers: HeaderList = [];
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) headers.push([rawHeaders[i]!, rawHeaders[i + 1]!]);
  return { path, headers, body };
}

export interface RecordingShape {
  /** Tests of a session. */
  perSession?: number;
  /** Bytes of a request's body. */
  padBytes?: number;
}

/** Writes a recording of `count` tests that are all answered alike. */
export async function writeTests(
  file: string,
  count: number,
  answer: Answered,
  shape: RecordingShape = {},
): Promise<void> {
  const stream = createWriteStream(file, { highWaterMark: 1 << 20 });
  const closed = once(stream, 'close');
  for (let n = 0; n < count; n++)
    if (!stream.write(`${JSON.stringify(testOf(n, answer, shape))}\n`)) await once(stream, 'drain');
  stream.end();
  await closed;
}

function testOf(n: number, answer: Answered, { perSession = 1, padBytes = 0 }: RecordingShape): Test {
  const pad = padBytes > 0 ? JSON.stringify({ n, pad: 'p'.repeat(padBytes) }) : '';
  return {
    ...{
      id: `019c0000-0000-7000-8000-${String(n).padStart(12, '0')}`,
      session: `s${Math.floor(n / perSession)}`,
    },
    ...{ order: n % perSession, offsetUs: n * 1000, durationUs: 900, endpoint: answer.path, headless: false },
    ...{ consumes: [], produces: [], volatile: [] },
    request: {
      ...{ method: 'GET', target: answer.path, headers: REQUEST_HEADERS },
      body: storeBody(Buffer.from(pad), ''),
    },
    response: { status: 200, reason: 'OK', headers: answer.headers, body: storeBody(answer.body, '') },
  };
}
