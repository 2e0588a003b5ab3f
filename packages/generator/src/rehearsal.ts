// Before a load by an arrival rate: requests played against a server of our own, which gives the recorded answer. Code that was
// never run is slow (of 5,000 requests a second, those of the first half second left up to 500 ms late), and a schedule does
// not wait for it. Nothing is sent to the service under test, and nothing is counted or recorded.
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import type { Clock } from '@echoplane/runtime';
import { bodyBytes, type Test } from '@echoplane/traffic';
import { readAnswer } from './answer-reader.ts';
import { protocolOf } from './channel.ts';
import type { UserValues } from './live-space.ts';
import type { Player, User } from './player.ts';
import type { PreparedTest } from './prepared-test.ts';

/** Enough for the code of the hot path to be compiled. */
const COMPARING_US = 250_000;
const PLAYING_US = 500_000;
/** The event loop is kept waiting no longer than this many comparisons. */
const COMPARED_AT_ONCE = 16;
const USERS = 16;
/** A longer request may come in pieces, each of which would be answered. */
const MAX_REQUEST_BYTES = 4_096;

export interface RehearsalOptions {
  tests: readonly Test[];
  /** One whose counts and results nobody sees. */
  player: Player;
  /** A user whose requests go to a port of this machine. */
  newUser: (port: number) => User;
  newValues: () => UserValues;
  clock: Clock;
  signal: AbortSignal;
}

/** Resolves when it is over, at most a second later. */
export async function rehearse(options: RehearsalOptions): Promise<void> {
  const { player } = options;
  const tests = options.tests.filter((test) => answerBytes(test) !== null);
  const prepared = tests.map((test) => player.prepare(test, 0));
  await compareAll(prepared, options);
  const simple = prepared.find(({ test }) => isSimple(test));
  if (simple) await playAgain(simple, options);
}

async function compareAll(
  prepared: readonly PreparedTest[],
  { player, newValues, clock, signal }: RehearsalOptions,
): Promise<void> {
  const untilUs = clock.nowUs() + COMPARING_US;
  for (let i = 0; prepared.length > 0 && clock.nowUs() < untilUs && !signal.aborted; i++) {
    const one = prepared[i % prepared.length]!;
    const values = newValues();
    const { response } = readAnswer(answerBytes(one.test)!)!;
    player.rehearse(one, response, values);
    if (i % COMPARED_AT_ONCE === 0) await setImmediate();
  }
}

async function playAgain(prepared: PreparedTest, options: RehearsalOptions): Promise<void> {
  const { player, newUser, clock, signal } = options;
  const server = await serve(answerBytes(prepared.test)!);
  const users = Array.from({ length: USERS }, () => newUser((server.address() as AddressInfo).port));
  const untilUs = clock.nowUs() + PLAYING_US;
  const playing = users.map(
    (user) =>
      new Promise<void>((resolve) => {
        const next = () => {
          if (clock.nowUs() > untilUs || signal.aborted) resolve();
          else player.play(prepared, user, { dueUs: null }, next);
        };
        next();
      }),
  );
  await Promise.all(playing);
  for (const { client } of users) client.close();
  server.close();
}

async function serve(answer: Buffer): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => {}).on('data', () => socket.write(answer));
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
function answerBytes({ response: { status, reason = '', headers, body } }: Test): Buffer | null {
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join('');
  const head = Buffer.from(`HTTP/1.1 ${status} ${reason}\r\n${lines}\r\n`, 'latin1');
  const bytes = Buffer.concat([head, bodyBytes(body)]);
  return readAnswer(bytes) ? bytes : null;
}
