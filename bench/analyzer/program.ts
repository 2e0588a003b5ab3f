// One measurement in a process of its own: analyzes a made-up recording of so many pairs into a folder, or only makes the
// recording (`floor`). Prints CPU seconds, wall seconds and the greatest memory as one line of JSON.
import { rm } from 'node:fs/promises';
import { writeArtifacts } from '../../packages/archive/src/artifacts.ts';
import { manifestOf } from '../../packages/archive/src/make-snapshot.ts';
import { folderStore } from '../../packages/runtime/src/index.ts';
import { recording } from './traffic.ts';

const [mode, count, folder] = process.argv.slice(2) as [string, string, string];
const cpu = process.cpuUsage();
const begun = performance.now();
let bytes = 0;
let counts: object = {};
if (mode === 'floor') {
  for (const pair of recording(Number(count))) bytes += JSON.stringify(pair).length;
} else {
  const pairs = async function* () {
    yield* recording(Number(count));
  };
  const id = '0198a5c0-0000-7000-8000-0000000000aa';
  const target = { store: await folderStore(folder), prefix: 'bench/', signal: new AbortController().signal };
  const made = await writeArtifacts(target, {
    pairs: pairs(),
    manifest: (analysis) => manifestOf(analysis, { id, name: 'bench', selection: {}, lineage: [] }),
  });
  counts = { ...made.counts, flows: made.flows.length };
  await rm(folder, { recursive: true, force: true });
}
const { user, system } = process.cpuUsage(cpu);
const rssMib = process.resourceUsage().maxRSS / 1024;
console.log(
  JSON.stringify({
    cpuS: (user + system) / 1e6,
    wallS: (performance.now() - begun) / 1e3,
    rssMib,
    bytes,
    counts,
  }),
);
