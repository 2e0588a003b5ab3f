// Puts load on a peer with the tool that fits: wrk, h2load, or our own client for constant rates and for CONNECT.
// All of them run on the core of the load and come back with the same figures.
import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { join } from 'node:path';
import type { Peer, Way } from './peers.ts';
import { LOAD_CORE, output } from './processes.ts';
import { FILES, type Stage } from './stage.ts';

export const CONNECTIONS = 64;
const H2_STREAMS = 4;

export interface Load {
  tool: 'wrk' | 'h2load' | 'client';
  way: Way;
  path: string;
  /** wrk: POST 2 KB. */
  isPost?: boolean;
  /** wrk: a connection for each request. */
  isClosing?: boolean;
  /** client: requests per second; without it as many as 64 connections take. */
  rate?: number;
}

export interface LoadResult {
  requests: number;
  errors: number;
  seconds: number;
  p50Us: number | null;
  p99Us: number | null;
}

/** Runs a load to its end. wrk and h2load take whole seconds. */
export function runLoad(stage: Stage, peer: Peer, load: Load, seconds: number): Promise<LoadResult> {
  if (load.tool === 'wrk') return wrk(peer, load, Math.ceil(seconds));
  if (load.tool === 'h2load') return h2load(peer, load, ['-D', String(Math.ceil(seconds))]);
  return client(stage, peer, load, seconds);
}

/** The same load, shorter and not counted. */
export async function warmUp(stage: Stage, peer: Peer, load: Load, seconds: number): Promise<void> {
  if (load.tool === 'wrk') await wrk(peer, load, 60, seconds * 1000);
  else if (load.tool === 'h2load') await h2load(peer, load, ['-n', String(Math.ceil(10_000 * seconds))]);
  else await client(stage, peer, load, seconds);
}

function urlOf(peer: Peer, { way, path }: Load): string {
  const isTls = way === 'tls' || way === 'intercept';
  return `${isTls ? 'https://localhost' : 'http://127.0.0.1'}:${peer.ports[way]}${path}`;
}

/** `stopAfterMs`: wrk reports and ends when it is interrupted, which is how it runs for less than a second. */
async function wrk(peer: Peer, load: Load, seconds: number, stopAfterMs?: number): Promise<LoadResult> {
  const script = join(import.meta.dirname, 'wrk.lua');
  const options = ['-t1', `-c${CONNECTIONS}`, `-d${seconds}s`, '--timeout', '10s', '-s', script];
  if (load.isClosing) options.push('-H', 'Connection: close');
  const command = ['wrk', ...options, urlOf(peer, load), '--', load.isPost ? 'post' : 'get'];
  const text = await output(LOAD_CORE, command, ({ child }) => {
    if (stopAfterMs) setTimeout(() => child.kill('SIGINT'), stopAfterMs);
  });
  return JSON.parse(text.split('\n').findLast((line) => line.startsWith('{'))!);
}

async function h2load(peer: Peer, load: Load, amount: readonly string[]): Promise<LoadResult> {
  const options = ['-t1', `-c${CONNECTIONS}`, `-m${H2_STREAMS}`, ...amount];
  const text = await output(LOAD_CORE, ['h2load', ...options, urlOf(peer, load)]);
  const number = (pattern: RegExp) => Number(pattern.exec(text)?.[1] ?? Number.NaN);
  const rate = number(/, ([\d.]+) req\/s/);
  const succeeded = number(/([\d.]+) 2xx/);
  const done = number(/(\d+) done/);
  return {
    requests: succeeded,
    errors: Math.max(0, done - succeeded),
    seconds: done / rate,
    p50Us: null,
    p99Us: null,
  };
}

async function client(stage: Stage, peer: Peer, load: Load, seconds: number): Promise<LoadResult> {
  const options = [`-url=${urlOf(peer, load)}`, `-connections=${CONNECTIONS}`, `-seconds=${seconds}`];
  if (load.rate) options.push(`-rate=${load.rate}`);
  if (peer.connectPort) options.push(`-proxy=127.0.0.1:${peer.connectPort}`);
  return JSON.parse(await output(LOAD_CORE, [stage.programs.load, ...options]));
}

/** Why a peer cannot be measured with a load, or null: one request must be answered as the upstream would. */
export async function objection(stage: Stage, peer: Peer, load: Load): Promise<string | null> {
  if (peer.ports[load.way] === undefined) return 'does not do this';
  if (load.tool === 'h2load') {
    const { requests } = await h2load(peer, load, ['-n', String(CONNECTIONS)]);
    return requests === CONNECTIONS ? null : `answered ${requests} of ${CONNECTIONS} requests`;
  }
  if (load.tool === 'client') {
    const { requests, errors } = await client(stage, peer, load, 0.2).catch(() => ({
      requests: 0,
      errors: 0,
    }));
    return requests > 0 && errors === 0 ? null : `${requests} answers, ${errors} errors`;
  }
  return answerOf(peer, load);
}

function answerOf(peer: Peer, load: Load): Promise<string | null> {
  const url = urlOf(peer, load);
  const method = load.isPost ? 'POST' : 'GET';
  const expected = load.isPost ? 6 : FILES[load.path];
  const request = url.startsWith('https') ? httpsRequest : httpRequest;
  return new Promise((resolve) => {
    const asked = request(
      url,
      { method, rejectUnauthorized: false, agent: false, timeout: 5_000 },
      (response) => {
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
        });
        response.on('end', () => {
          const isRight = response.statusCode === 200 && bytes === expected;
          resolve(isRight ? null : `answered ${response.statusCode} with ${bytes} bytes`);
        });
      },
    );
    asked.on('timeout', () => asked.destroy(new Error('no answer')));
    asked.on('error', (error) => resolve(error.message));
    asked.end(load.isPost ? Buffer.alloc(2048, 'x') : undefined);
  });
}
