// Strictness: one significant field of each recorded request is changed, and the responder, asked over its socket, must miss and
// name exactly that field first. Between the changed ones the recorded ones are asked, which must get their own answers.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { signatureDigest, signatureOf } from '@echoplane/replay';
import { NODE_FLAGS } from '@echoplane/resources';
import { createAuthority } from '@echoplane/runtime';
import { type HeaderList, header, type Mock, storeBody } from '@echoplane/traffic';
import { announced, start, TEST_CORE } from '../sidecar/processes.ts';
import { Asker } from './asking.ts';
import { isCall, mutationsOf, type Sent } from './mutations.ts';
import { mockOf, uuidOf } from './recordings.ts';

const MAX_SAMPLES = 20;
/** The recorded port on which calls arrive. */
const RECORDED_PORT = 80;
const MISSED_HOST = 'no recording of this host';

export interface Strictness {
  recorded: number;
  changed: number;
  /** Changed requests by the kind of their body. */
  byKind: Record<string, number>;
  /** Changed requests that were answered with a recording. */
  wrongAnswers: number;
  /** Recorded requests that did not get their own answer. */
  wrongRecorded: number;
  /** Percent of the changed ones whose field was named first. */
  namedFirstPercent: number;
  /** Some of what went wrong. */
  samples: { key: string; named: string | null; asked: string }[];
}

export interface StrictnessOptions {
  /** One in so many is changed in every field; the others are only there to be mistaken for it. */
  every: number;
  folder: string;
  responder: string;
}

/** Asks a responder that serves these requests. */
export async function measureStrictness(
  recorded: readonly Sent[],
  { every, folder, responder }: StrictnessOptions,
): Promise<Strictness> {
  const [mocksFile, certFile, keyFile] = ['strict.jsonl', 'ca.pem', 'ca.key'].map((name) =>
    join(folder, name),
  );
  await writeFile(mocksFile!, recorded.map((sent, n) => `${JSON.stringify(mockFor(sent, n))}\n`).join(''));
  const { certPem, keyPem } = await createAuthority({ commonName: 'Bench', days: 1 });
  await writeFile(certFile!, certPem);
  await writeFile(keyFile!, keyPem);
  const program = start(TEST_CORE, [process.execPath, ...NODE_FLAGS.responder, responder], {
    ...{
      ECHOPLANE_MOCKS_FILE: mocksFile!,
      ECHOPLANE_CA_CERT_FILE: certFile!,
      ECHOPLANE_CA_KEY_FILE: keyFile!,
    },
    ...{ ECHOPLANE_LATENCY: 'none', ECHOPLANE_LISTEN_PORTS: `${RECORDED_PORT}=0` },
    ...{ ECHOPLANE_WORKLOAD: 'bench', ECHOPLANE_FORWARDER_PORT: '9' },
  });
  const ready = await announced<{ event: string; port: number; aliasPorts: Record<string, number> }>(
    program,
    'event',
  );
  const asker = new Asker({ port: ready.port, callPort: ready.aliasPorts[RECORDED_PORT]! });
  try {
    return await askAll(recorded, every, asker);
  } finally {
    asker.close();
    await program.stop();
  }
}

/** The figures of several sets as those of one. */
export function together(all: readonly Strictness[]): Strictness {
  const sum = (of: (one: Strictness) => number) => all.reduce((total, one) => total + of(one), 0);
  const changed = sum((one) => one.changed);
  const named = sum((one) => (one.namedFirstPercent * one.changed) / 100);
  const byKind: Record<string, number> = {};
  for (const one of all)
    for (const [kind, count] of Object.entries(one.byKind)) byKind[kind] = (byKind[kind] ?? 0) + count;
  return {
    ...{ recorded: sum((one) => one.recorded), changed, byKind },
    ...{ wrongAnswers: sum((one) => one.wrongAnswers), wrongRecorded: sum((one) => one.wrongRecorded) },
    namedFirstPercent: Number(((named / changed) * 100).toFixed(2)),
    samples: all.flatMap(({ samples }) => samples).slice(0, MAX_SAMPLES),
  };
}

async function askAll(recorded: readonly Sent[], every: number, asker: Asker): Promise<Strictness> {
  const result: Strictness = {
    ...{ recorded: recorded.length, changed: 0, byKind: {}, wrongAnswers: 0, wrongRecorded: 0 },
    ...{ namedFirstPercent: 0, samples: [] },
  };
  const known = new Set(recorded.map(textOf));
  let named = 0;
  for (let n = 0; n < recorded.length; n += every) {
    const sent = recorded[n]!;
    if (!(await asker.ask(sent)).text.includes(answerTo(sent))) result.wrongRecorded++;
    for (const mutated of mutationsOf(sent)) {
      // Another recording may be what this one has become.
      if (known.has(textOf(mutated))) continue;
      const { isMiss, difference } = await asker.ask(mutated);
      result.changed++;
      const kind = kindOf(sent);
      result.byKind[kind] = (result.byKind[kind] ?? 0) + 1;
      if (!isMiss) result.wrongAnswers++;
      const first = difference === null ? MISSED_HOST : difference.slice(0, difference.indexOf(': '));
      if (isMiss && isNamed(first, mutated.key)) named++;
      else if (result.samples.length < MAX_SAMPLES)
        result.samples.push({ key: mutated.key, named: isMiss ? first : 'answered', asked: textOf(mutated) });
    }
  }
  result.namedFirstPercent = Number(((named / result.changed) * 100).toFixed(2));
  return result;
}

/** Of a text its field inside it will do, and of a host that nothing was recorded of, that it was not. */
function isNamed(first: string, key: string): boolean {
  if (key === 'host') return first === key || first === MISSED_HOST;
  return first === key || (key === 'body' && first.startsWith('body'));
}

/** All of a request that decides, as one text. */
function textOf({ method, host, target, headers, body }: Sent): string {
  return [method, host, target, header(headers, 'content-type') ?? '', body.toString('latin1')].join(' ');
}

function kindOf({ headers, body }: Sent): string {
  return body.length === 0 ? 'no body' : (header(headers, 'content-type')?.split(';')[0] ?? 'untyped');
}

/** Equal requests have equal answers. */
function answerTo(sent: Sent): string {
  return `answer ${signatureDigest(signatureOf(requestOf(sent)))}`;
}

function requestOf(sent: Sent) {
  const { host, method, target, headers, body } = sent;
  const stored = isCall(sent)
    ? { size: body.length, encoding: 'identity' as const, base64: body.toString('base64') }
    : storeBody(body, header(headers, 'content-encoding') ?? '');
  return { scheme: 'http' as const, host, method, target, headers, body: stored };
}

function mockFor(sent: Sent, n: number): Mock {
  const signature = signatureOf(requestOf(sent));
  const digest = signatureDigest(signature);
  const headers: HeaderList = isCall(sent) ? [['content-type', 'application/grpc']] : [];
  return {
    ...mockOf(n),
    ...{ id: uuidOf(n), endpoint: sent.target.split('?')[0]!, signature, exact: digest, loose: digest },
    ...(isCall(sent) ? { protocol: 'grpc' as const } : {}),
    response: {
      ...{ status: 200, reason: 'OK', headers, body: storeBody(Buffer.from(answerTo(sent)), '') },
      ...(isCall(sent) ? { trailers: [['grpc-status', '0']] as HeaderList } : {}),
    },
  };
}
