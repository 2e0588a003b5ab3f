// Words for the mode of a replay.
import type { Replay } from '@echoplane/api';

/** Where the dependencies' answers come from. */
export function describeMode(mode: Replay['mode']): string {
  return mode === 'full' ? 'Mocked dependencies' : 'Live dependencies';
}
