// Before a load by an arrival rate: the same load, played against a server of our own, which gives the recorded answer. Code
// that was never run is slow (of 5,000 requests a second, those of the first half second left up to 500 ms late), and so is code
// that was compiled for other objects than those which come; a schedule waits for neither. Nothing is sent to the service
// under test, and nothing is counted or recorded.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@echoplane/runtime';
import { bodyBytes, type HeaderList, type Test } from '@echoplane/traffic';
import { readAnswer } from './answer-reader.ts';
import { protocolOf } from './channel.ts';
import type { LiveSpace } from './live-space.ts';
import { type LoadOptions, playLoad } from './load-run.ts';
import type { Player } from './player.ts';
import type { PreparedTest } from './prepared-test.ts';
import type { TestFile } from './test-file.ts';

/** Enough for the code of the hot path to be compiled. */
const COMPARING_US = 250_000;
/** What is compiled for the first objects of their kind is thrown away when the second ones hold other values. */
const ROUNDS = 3;
const STAGE = { rps: 4_000, durationS: 0.25, rampS: 0 };
const MAX_PLAYING_MS = 400;
/** The event loop is kept waiting no longer than this many comparisons. */
const COMPARED_AT_ONCE = 16;
const NOWHERE = 0;
/** Of so many answers one is new. */
const ALIKE = 4;
/** Tests of the recording that are compared. */
const COMPARED = 64;
/** A longer request may come in pieces, each of which would be answered. */
const MAX_REQUEST_BYTES = 4_096;

export interface RehearsalOptions {
  tests: TestFile;
  space: LiveSpace;
  /** The load, with a player whose counts and results nobody sees, and clients whose requests go to a port of this machine. */
  newLoad: (port: number, signal: AbortSignal) => LoadOptions;
  clock: Clock;
  signal: AbortSignal;
}

/** Resolves when it is over, at most two seconds later. */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const { tests, signal } = options;
  const { player } = options.newLoad(NOWHERE, signal);
  const positions = [...tests.recorded.subarray(0, COMPARED)];
  const read = await Promise.all(positions.map((position) => tests.read(position)));
  const prepared = read.filter((test) => answerBytes(test) !== null).map((test) => player.prepare(test, 0));
  await compareAll(prepared, player, options);
  const simple = prepared.find(({ test }) => isSimple(test));
  for (let round = 0; simple && round < ROUNDS; round++) await playAgain(simple.test, options);
}

async function compareAll(
  prepared: readonly PreparedTest[],
  player: Player,
  { space, clock, signal }: RehearsalOptions,
): Promise<void> {
  const untilUs = clock.nowUs() + COMPARING_US;
  for (let i = 0; prepared.length > 0 && clock.nowUs() < untilUs && !signal.aborted; i++) {
    const one = prepared[i % prepared.length]!;
    const values = space.newValues();
    const { response } = readAnswer(answerBytes(one.test)!)!;
    player.rehearse(one, response, values);
    if (i % COMPARED_AT_ONCE === 0) await setImmediate();
  }
}

/** With everything made anew, as for the load that follows. */
async function playAgain(test: Test, { newLoad, clock, signal: outer }: RehearsalOptions): Promise<void> {
  const server = await serve(test);
  const over = new AbortController();
  const signal = AbortSignal.any([outer, over.signal]);
  const limit = clock.sleep(MAX_PLAYING_MS, signal).then(() => over.abort());
  const load = newLoad((server.address() as AddressInfo).port, signal);
  const prepare: LoadOptions['prepare'] = (_, sizeBytes) => load.player.prepare(test, sizeBytes);
  await playLoad({ ...load, prepare, stages: [STAGE] });
  over.abort();
  await limit;
  server.close();
}

/** Answers as recorded, at the present time; now and then with something new, so that it is compared again. */
async function serve({ response }: Test): Promise<Server> {
  let answers = 0;
  const answer = () => {
    const now = new Date().toUTCString();
    const headers = response.headers.map(([name, value]): HeaderList[number] => [
      name,
      /^date$/i.test(name) ? now : value,
    ]);
    if (++answers % ALIKE === 0) headers.push(['X-Rehearsed', `${answers}`]);
    return bytesOf({ ...response, headers });
  };
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write(answer()));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return server;
}

/** It is sent as it is, at once. */
function isSimple(test: Test): boolean {
  const isAsRecorded = test.consumes.length === 0 && !test.links?.some((link) => link.in === 'request');
  const isSmall = test.request.body.size < MAX_REQUEST_BYTES && test.request.target.length < 1_000;
  return isAsRecorded && isSmall && protocolOf(test) === 'http/1.1' && test.request.method !== 'HEAD';
}

/** Null when it cannot be read at one go. */
function answerBytes({ response }: Test): Buffer | null {
  const bytes = bytesOf(response);
  return readAnswer(bytes) ? bytes : null;
}

function bytesOf({ status, reason = '', headers, body }: Test['response']): Buffer {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`, 'latin1');
  return Buffer.concat([head, bodyBytes(body)]);
}
