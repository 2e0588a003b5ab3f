// A real forwarder for those who feed it something other than our sidecar: the program as a process, a stand-in for the
// control plane, and what it stored, read with zstd as a customer would. For tests only.
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { folderStore } from '@echoplane/runtime';
import { RRPair } from '@echoplane/traffic';
import {
  Cleanup,
  type ForwarderProcess,
  forwarderEnv,
  StandInCloud,
  serveCloud,
  startForwarder,
  temporaryHome,
} from '../packages/forwarder/src/forwarder.fixture.ts';

const VERBATIM = { v: 1, version: 'verbatim-1', filter: { standard: false }, redaction: { enabled: false } };

export class ForwarderStage {
  readonly home: string;
  readonly cloud: StandInCloud;
  readonly forwarder: ForwarderProcess;
  readonly #cleanup: Cleanup;

  private constructor(home: string, cloud: StandInCloud, forwarder: ForwarderProcess, cleanup: Cleanup) {
    this.home = home;
    this.cloud = cloud;
    this.forwarder = forwarder;
    this.#cleanup = cleanup;
  }

  /** A forwarder that serves, with a `plane.json` by which the CLI finds it; `verbatim`: nothing is filtered or redacted. */
  static async open({ verbatim = false } = {}): Promise<ForwarderStage> {
    const cleanup = new Cleanup();
    const home = await temporaryHome(cleanup);
    const cloud = new StandInCloud();
    const { url } = await serveCloud(cloud, cleanup);
    const rulesFile = join(home, 'rules.json');
    await writeFile(rulesFile, JSON.stringify(VERBATIM));
    const env = verbatim ? { ECHOPLANE_RULES_FILE: rulesFile } : {};
    const forwarder = await startForwarder(forwarderEnv(home, url, env), cleanup);
    const plane = { url, apiKey: 'a-test-key', forwarderPort: forwarder.port, caCertFile: '', caKeyFile: '' };
    await writeFile(join(home, 'plane.json'), JSON.stringify(plane));
    return new ForwarderStage(home, cloud, forwarder, cleanup);
  }

  /** Everything in the store by time, each line held against the schema. */
  async stored(): Promise<RRPair[]> {
    await this.forwarder.flush();
    const root = join(this.home, 'store');
    const keys = await (await folderStore(root)).list('');
    const pairs: RRPair[] = [];
    for (const key of keys.filter((name) => name.endsWith('.zst'))) {
      const { stdout } = await promisify(execFile)('zstd', ['-dc', join(root, key)], {
        maxBuffer: 256 << 20,
      });
      for (const line of stdout.split('\n')) if (line !== '') pairs.push(RRPair.parse(JSON.parse(line)));
    }
    return pairs.sort((a, b) => a.ts - b.ts);
  }

  async close(): Promise<void> {
    await this.#cleanup.run();
  }
}
