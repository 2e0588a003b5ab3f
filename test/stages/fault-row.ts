// What a row of the accounting table is, and the scene with which many of them begin.
import type { Scene, SceneOptions, World } from '../accounting-stage.ts';
import type { Account, Expected } from './accounted.ts';
import { CallProxy } from './call-proxy.ts';

/** A row: what happens to a scene, until nothing is on its way any more; and what must have come of it. */
export interface FaultRow {
  fault: string;
  run(world: World): Promise<{ scene: Scene; expected?: Expected; holds?: (account: Account) => void }>;
}

/** A scene that reports through a proxy. */
export async function proxied(
  world: World,
  options: SceneOptions = {},
): Promise<{ scene: Scene; proxy: CallProxy }> {
  const proxy = await CallProxy.start(world.replicas[options.store ?? 'folder'].port);
  const scene = await world.scene({ ...options, cloudUrl: proxy.url });
  scene.undo.unshift(() => proxy.close());
  return { scene, proxy };
}
