// Every fault there is. A name is given once.
import type { Fault } from './fault.ts';
import { GRPC_FAULTS } from './grpc-faults.ts';
import { HISTORY_FAULTS } from './history-faults.ts';
import { MESSAGE_FAULTS } from './message-faults.ts';
import { STRUCTURE_FAULTS } from './structure-faults.ts';
import { VALUE_FAULTS } from './value-faults.ts';
import { WIRE_FAULTS } from './wire-faults.ts';

/** What an answer shows by itself. */
export const CATALOGUE: readonly Fault[] = [
  ...VALUE_FAULTS,
  ...STRUCTURE_FAULTS,
  ...MESSAGE_FAULTS,
  ...HISTORY_FAULTS,
  ...GRPC_FAULTS,
];

export const FAMILIES: readonly (readonly [family: string, faults: readonly Fault[]])[] = [
  ['values', VALUE_FAULTS],
  ['structure', STRUCTURE_FAULTS],
  ['messages', MESSAGE_FAULTS],
  ['history', HISTORY_FAULTS],
  ['gRPC', GRPC_FAULTS],
  ['the wire', WIRE_FAULTS],
];
