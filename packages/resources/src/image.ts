// The one image: which programs it holds and how each is run. Bundles, manifests and injected containers all take the
// command from here.

export const PROGRAMS = [
  'sidecar',
  'forwarder',
  'operator',
  'inspector',
  'collector',
  'generator',
  'responder',
  'cloud',
  'cli',
] as const;
export type ProgramName = (typeof PROGRAMS)[number];

/** Absolute path of Node in the image. */
export const NODE_PATH = '/usr/local/bin/node';
/** Each program's bundle is `/opt/echoplane/NAME/main.js`. */
export const PROGRAM_FOLDER = '/opt/echoplane';
/** Built dashboard, for `cloud serve`. */
export const DASHBOARD_FOLDER = `${PROGRAM_FOLDER}/dashboard`;

/**
 * How a bundle is run, and what its first line says. Young objects in 4 MiB halves the memory of a sidecar under load
 * (206 MiB to 106 at 7,000 new connections a second) and costs nothing that could be measured. The forwarder's old objects
 * in 512 MiB is a bound it does not come near; told of it, V8 collects earlier (350 MiB to 277 at 10,000 RRPairs a second).
 * Young ones in 8 MiB would make it 240, and a pair cost 95 us instead of 73.
 */
export const NODE_FLAGS: Readonly<Record<ProgramName, readonly string[]>> = {
  sidecar: ['--max-semi-space-size=4'],
  forwarder: ['--max-semi-space-size=16', '--max-old-space-size=512'],
  operator: ['--max-semi-space-size=4', '--max-old-space-size=192'],
  inspector: ['--max-semi-space-size=2'],
  collector: ['--max-semi-space-size=2'],
  generator: ['--max-semi-space-size=16'],
  responder: ['--max-semi-space-size=16'],
  cloud: [],
  cli: [],
};

/** `command` of a container that runs a program of the image. */
export function commandOf(name: ProgramName, ...args: string[]): string[] {
  return [NODE_PATH, ...NODE_FLAGS[name], `${PROGRAM_FOLDER}/${name}/main.js`, ...args];
}
