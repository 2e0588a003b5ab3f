// Messages and contexts for tests of chains.
import { type HeaderList, header, storeBody } from '@echoplane/traffic';
import {
  compileTransforms,
  type Message,
  parseTransforms,
  runChains,
  seededRandom,
  type TransformContext,
  type TransformResult,
  TransformState,
} from './index.ts';

/** 2026-03-01T12:00:00Z, an hour after what the fixtures recorded. */
export const NOW_US = Date.UTC(2026, 2, 1, 12) * 1e3;
export const SHIFT_US = 3.6e9;

export function context(more: Partial<TransformContext> = {}): TransformContext {
  return { nowUs: NOW_US, shiftUs: SHIFT_US, random: seededRandom(7), state: new TransformState(), ...more };
}

export function request(
  body: string | Buffer = '',
  more: { target?: string; method?: string; headers?: HeaderList } = {},
): Message {
  const headers = more.headers ?? [];
  return {
    direction: 'IN',
    request: {
      ...{
        method: more.method ?? 'POST',
        target: more.target ?? '/',
        scheme: 'http',
        host: 'shop.test:8080',
        headers,
      },
      body: storeBody(Buffer.from(body), header(headers, 'content-encoding') ?? ''),
    },
  };
}

export function response(
  body: string | Buffer,
  more: { status?: number; headers?: HeaderList } = {},
): Message {
  const headers = more.headers ?? [];
  return {
    ...request(),
    response: {
      status: more.status ?? 200,
      headers,
      body: storeBody(Buffer.from(body), header(headers, 'content-encoding') ?? ''),
    },
  };
}

type Config = { name: string } & Record<string, unknown>;

export interface ChainSource {
  id?: string;
  at?: string;
  when?: string;
  extract?: Config;
  functions?: Config[];
  strict?: boolean;
}

/** The message after chains; `at` is that of the first. */
export function run(
  chains: ChainSource[],
  message: Message,
  more: Partial<TransformContext> = {},
): TransformResult {
  const at = chains[0]?.at ?? 'generator-request';
  const document = parseTransforms({
    v: 1,
    chains: chains.map((chain, i) => ({
      id: `c${i}`,
      at,
      extract: { name: 'body' },
      functions: [],
      ...chain,
    })),
  });
  return runChains(compileTransforms(document), at as 'generator-request', message, context(more));
}

/** What functions make of a body; throws the reason when they do not apply. */
export function through(
  functions: Config[],
  body: string | Buffer,
  more: Partial<TransformContext> = {},
): string | Buffer {
  const result = run([{ functions, strict: true }], request(body), more);
  if (result.findings.length > 0) throw new Error(result.findings[0]!.reason);
  const { text, json, base64 } = result.message.request.body;
  if (base64 !== undefined) return Buffer.from(base64, 'base64');
  return json === undefined ? (text ?? '') : JSON.stringify(json);
}
