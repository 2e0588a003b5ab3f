// What the generator's integration tests stand on: a receiver for results, tests as an analyzer makes them, and the program
// run to its end. For tests only.
import { readFile } from 'node:fs/promises';
import {
  GeneratorRun,
  type HeaderList,
  type LoadPlan,
  storeBody,
  type Test,
  type Token,
} from '@echoplane/traffic';
import { type CapturedPair, parseHead } from '@echoplane/wire';
import { type Program, ProgramStage, type Receiver } from '../../../test/program-stage.ts';

export const REPLAY = '019c0000-0000-7000-8000-00000000000f';

export class GeneratorStage {
  readonly programs: ProgramStage;
  readonly receiver: Receiver;

  private constructor(programs: ProgramStage, receiver: Receiver) {
    this.programs = programs;
    this.receiver = receiver;
  }

  static async open(): Promise<GeneratorStage> {
    const programs = await ProgramStage.open();
    return new GeneratorStage(programs, await programs.receiver());
  }

  close(): Promise<void> {
    return this.programs.close();
  }

  /** Starts the generator against a port of this machine; `env` comes last. */
  async start(
    port: number,
    tests: readonly Test[],
    { tokens = [], load, env = {} }: { tokens?: Token[]; load?: LoadPlan; env?: Record<string, string> } = {},
  ): Promise<Program> {
    const lines = tests.map((line) => `${JSON.stringify(line)}\n`).join('');
    return this.programs.start('generator', {
      ECHOPLANE_TARGET_URL: `http://127.0.0.1:${port}`,
      ECHOPLANE_TESTS_FILE: await this.programs.file('tests.jsonl', lines),
      ECHOPLANE_TOKENS_FILE: await this.programs.file('tokens.json', JSON.stringify(tokens)),
      ECHOPLANE_REPLAY_ID: REPLAY,
      ECHOPLANE_FORWARDER_PORT: String(this.receiver.port),
      ...{ ECHOPLANE_CLUSTER: 'c', ECHOPLANE_NAMESPACE: 'n', ECHOPLANE_WORKLOAD: 'shop' },
      ECHOPLANE_RESULT_FILE: `${this.programs.folder}/run.json`,
      ...(load ? { ECHOPLANE_LOAD: JSON.stringify(load) } : {}),
      ...env,
    });
  }

  /** Runs it to its end and gives its summary. Throws when it did not end well. */
  async replay(...started: Parameters<GeneratorStage['start']>): Promise<GeneratorRun> {
    const { code, stderr } = await (await this.start(...started)).ended;
    if (code !== 0 || stderr !== '') throw new Error(`the generator ended with ${code}: ${stderr}`);
    return GeneratorRun.parse(JSON.parse(await readFile(`${this.programs.folder}/run.json`, 'utf8')));
  }
}

/**
 * Why a run is void, but for the pace: whether this machine, busy with other things, kept it is not asked by these tests. What
 * is void for its pace is asked in self-watch.test.ts.
 */
export function voidButForPace({ voidReasons }: Pick<GeneratorRun, 'voidReasons'>): string[] {
  return voidReasons.filter(
    (reason) => !/^(?:worker \d+ of \d+: )?the generator was (?:late|stalled)/.test(reason),
  );
}

let ids = 0;

/** A test of `session`; everything not said is the least there is. */
export function newTest(session: string, request: Partial<Test['request']>, rest: Partial<Test> = {}): Test {
  const headers: HeaderList = [['Host', 'shop.example']];
  return {
    ...{ id: `019c0000-0000-7000-8000-${String(ids++).padStart(12, '0')}`, session, order: 0, offsetUs: 0 },
    ...{ endpoint: '/', headless: false },
    request: { method: 'GET', target: '/', headers, body: storeBody(Buffer.alloc(0), ''), ...request },
    response: jsonAnswer({}),
    ...{ durationUs: 0, consumes: [], produces: [], volatile: [] },
    ...rest,
  };
}

/** A recorded answer with a JSON body and what node:http adds to it but the Date. */
export function jsonAnswer(body: unknown, status = 200): Test['response'] {
  const bytes = Buffer.from(JSON.stringify(body));
  const headers: HeaderList = [
    ['content-type', 'application/json'],
    ['content-length', String(bytes.length)],
    ['Date', 'Wed, 04 Nov 2026 10:00:00 GMT'],
    ['Connection', 'keep-alive'],
    ['Keep-Alive', 'timeout=5'],
  ];
  return { status, reason: 'OK', headers, body: storeBody(bytes, '') };
}

export function statusOf(pair: CapturedPair): number | null {
  const head = pair.response && parseHead(Buffer.from(pair.response.head));
  return head?.kind === 'response' ? head.status : null;
}
