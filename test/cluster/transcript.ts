// Writes docs/first-replay.md: what a new user types and sees, from helm install to the report, on a real cluster of one
// node. `node test/cluster/transcript.ts`; nothing in that page is written by hand.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { clientPrograms } from './binaries.ts';
import { importImages } from './installation.ts';
import { startNode } from './node.ts';
import {
  captureShop,
  cloudAccess,
  installAll,
  leave,
  replayBoth,
  type Step,
  Terminal,
  takeSnapshot,
} from './walk-through.ts';

const PAGE = join(import.meta.dirname, '..', '..', 'docs', 'first-replay.md');
const HEAD = `# The first replay in a cluster

A recorded session: made by \`node test/cluster/transcript.ts\` on a real cluster of one node (Kubernetes 1.32), not by hand. The images were
made with \`npm run image\`. \`AGENT_KEY\` and \`API_KEY\` are in the Secret \`echoplane-cloud-access\`, \`CLOUD\` is the address of the control
plane. [kubernetes.md](kubernetes.md) explains the annotations, [traffic-replay.md](traffic-replay.md) the replay.
`;

/** Ids, pods' suffixes, addresses and times stay as they were: this is what somebody saw. */
function page(steps: readonly Step[]): string {
  const parts: string[] = [HEAD];
  for (const { text, shown, output } of steps)
    parts.push(text === undefined ? `\`\`\`console\n$ ${shown}\n${output}\n\`\`\`\n` : `${text}\n`);
  return parts.join('\n');
}

const node = await startNode();
try {
  await importImages(node);
  const { kubectl, helm } = await clientPrograms();
  const terminal = new Terminal(node, `${dirname(kubectl)}:${dirname(helm)}`);
  await installAll(node, terminal);
  await captureShop(terminal);
  const access = await cloudAccess(node);
  await takeSnapshot(terminal, access);
  await replayBoth(terminal, access);
  await leave(terminal);
  await writeFile(PAGE, page(terminal.steps));
  console.log(PAGE);
} finally {
  await node.stop();
}
process.exit(0);
