// Accounted delivery under faults, as a table: real processes, a real database, real stores; something is killed, cut, torn,
// filled or repeated, and afterwards every pair has one fate that is counted, to the pair.
import { afterAll, afterEach, beforeAll, test } from 'vitest';
import { World } from './accounting-stage.ts';
import { expectAccounted } from './stages/accounted.ts';
import { CRASHES } from './stages/faults-of-crashes.ts';
import { DISKS } from './stages/faults-of-disks.ts';
import { RECALLS } from './stages/faults-of-recalls.ts';
import { SENDERS } from './stages/faults-of-senders.ts';

let world: World;

beforeAll(async () => {
  world = await World.open();
});
afterEach(async () => {
  for (const scene of world.scenes.splice(0)) await scene.close();
});
afterAll(() => world.close());

const ROWS = [...CRASHES, ...DISKS, ...SENDERS, ...RECALLS].map((row) => [row.fault, row] as const);

test.each(ROWS)('%s', async (_fault, { run }) => {
  const { scene, expected, holds } = await run(world);
  const account = await expectAccounted(scene, expected);
  holds?.(account);
});
