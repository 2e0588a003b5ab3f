// One contender for a Lease, as a process: prints `IDENTITY TERM NANOSECONDS` every few milliseconds while it holds that it
// leads, by the clock that all processes of the machine share. SIGTERM ends it properly. Its wall clock can be set wrong.
import { setTimeout as delay } from 'node:timers/promises';
import { createKubeClient, elect } from '@echoplane/kube';
import { adminAccess } from './kube-access.fixture.ts';

const [identity, leaseMs, wallShiftMs, url, caFile, adminCertFile, adminKeyFile] = process.argv.slice(2) as [
  string,
  ...string[],
] as [string, string, string, string, string, string, string];
const shift = Number(wallShiftMs);
const RightDate = Date;
globalThis.Date = class extends RightDate {
  constructor(...args: [] | [string | number | Date]) {
    if (args.length === 0) super(RightDate.now() + shift);
    else super(args[0]);
  }
  static override now = () => RightDate.now() + shift;
} as DateConstructor;

const client = createKubeClient(await adminAccess({ url, caFile, adminCertFile, adminKeyFile }));
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());
let term = 0;
await elect(
  { client, namespace: 'default', name: 'test-lease', identity, leaseMs: Number(leaseMs) },
  async (signal) => {
    term++;
    for (;;) {
      // Before it looks: a process that is frozen in between did lead at the time it tells.
      const at = process.hrtime.bigint();
      if (signal.aborted) break;
      process.stdout.write(`${identity} ${term} ${at}\n`);
      await delay(10);
    }
  },
  stop.signal,
);
client.close();
