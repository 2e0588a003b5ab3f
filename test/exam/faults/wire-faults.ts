// Faults that no answer shows by itself: they are in how, when or whether the service answers. The mutator does them.
import { requestLeaves } from '@echoplane/replay';
import { bodyBytes, type Test } from '@echoplane/traffic';
import type { Fault } from './fault.ts';
import type { Place } from './places.ts';

export type Wire = 'slow' | 'lost' | 'short' | 'cut-off';

export interface WireFault extends Fault {
  wire: Wire;
  target: string;
  /** Whether it can be told at all there, beside all places of the service. */
  fits(place: Place, places: readonly Place[]): boolean;
}

const MIN_SLOW_SAMPLES = 20;

/** What a slow endpoint takes longer. */
export const SLOW_MS = 250;

function wire(wire: Wire, name: string, what: string, target: string, fits: WireFault['fits']): WireFault {
  const pure = { needs: 'nothing' as const, targetsOf: () => [target], change: () => null };
  return { name, what, wire, target, fits, ...pure };
}

const isPlain = ({ results, handedOut }: Place) =>
  handedOut.size === 0 &&
  results.every(({ protocol, response }) => protocol !== 'grpc' && response!.body.size > 20);

/** A write that is said to be done and of which nothing is carried on, but which a later read shows. */
function isShownLater({ name, handedOut, tests }: Place, places: readonly Place[]): boolean {
  if (!/^(PUT|PATCH|DELETE) /.test(name) || handedOut.size > 0) return false;
  const reads = places.filter((one) => one.name.startsWith('GET ')).flatMap((one) => one.tests);
  return tests.some(
    (write) =>
      write.response.status < 300 && reads.some((read) => isBehind(write, read) && shows(read, write)),
  );
}

const isBehind = (write: Test, read: Test) => read.offsetUs > write.offsetUs + write.durationUs;
const pathOf = ({ request }: Test) => request.target.replace(/[?#].*$/, '');

/** A read of what was written, or of what it is in. */
function shows(read: Test, write: Test): boolean {
  const [path, written] = [pathOf(read), pathOf(write)];
  if (path !== written && !written.startsWith(`${path}/`)) return false;
  if (write.request.method === 'DELETE') return true;
  const text = bodyBytes(read.response.body).toString();
  return requestLeaves(write.request).some(
    ({ path: leaf, value }) =>
      leaf.startsWith('body') && String(value).length > 2 && text.includes(String(value)),
  );
}

export const WIRE_FAULTS: readonly WireFault[] = [
  wire('slow', 'slow', `${SLOW_MS} ms more`, 'latency', ({ tests }) => tests.length >= MIN_SLOW_SAMPLES),
  wire(
    'lost',
    'lost write',
    'a write is answered as ever but not done: later reads show it',
    'later',
    isShownLater,
  ),
  wire('short', 'content length', 'an answer ends before its length', 'no-response', isPlain),
  wire('cut-off', 'connection reset', 'a connection is reset instead of an answer', 'no-response', isPlain),
];

export const isWire = (fault: Fault): fault is WireFault => 'wire' in fault;
