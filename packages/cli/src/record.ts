// `echoplane record`: a sidecar in front of and behind a service of the user's own, recording into a plane that runs.
import { join, resolve } from 'node:path';
import { OperatingError } from '@echoplane/runtime';
import type { PlaneFile } from './plane.ts';
import { choosePort } from './ports.ts';
import { script } from './scripts.ts';
import type { Session } from './session.ts';
import type { Program, Supervisor } from './supervisor.ts';
import { runningPlane } from './traffic.ts';

/** What is longer cannot be replayed or compared; as much is kept of a live answer. */
const BODY_LIMIT_BYTES = 1 << 20;

export interface RecordOptions {
  homeDir: string;
  /** Name under which the service is listed. */
  name: string;
  /** Port on loopback where the service listens. */
  targetPort: number;
  inPort: number | null;
  outPort: number | null;
  /** PEM files with further roots for verifying the service's HTTPS dependencies. */
  upstreamCaFiles: string[];
}

/** Records until the user ends it. */
export async function runRecord(session: Session, options: RecordOptions): Promise<number> {
  const plane = await runningPlane(options.homeDir);
  const inPort = await choosePort(options.inPort ?? undefined, options.inPort !== null, 'the way in');
  const outPort = await choosePort(options.outPort ?? undefined, options.outPort !== null, 'the way out');
  if (!/^[\w.-]{1,63}$/.test(options.name)) {
    throw new OperatingError(
      'bad_name',
      `${JSON.stringify(options.name)} is no service name: letters, digits, dots and dashes, at most 63.`,
    );
  }
  await startRecorder(session.supervisor, plane, { ...options, inPort, outPort });
  for (const line of instructions(options, inPort, outPort, plane.caCertFile)) session.terminal.line(line);
  await session.untilStopped();
  return 0;
}

/** A sidecar before and behind the service, on ports that are known. */
export function startRecorder(
  supervisor: Supervisor,
  plane: Pick<PlaneFile, 'forwarderPort' | 'caCertFile' | 'caKeyFile'>,
  options: Pick<RecordOptions, 'name' | 'targetPort' | 'upstreamCaFiles'> & {
    inPort: number;
    outPort: number;
  },
): Promise<Program> {
  const env: Record<string, string> = {
    ECHOPLANE_MODE: 'dual',
    ECHOPLANE_IN_PORT: String(options.inPort),
    ECHOPLANE_OUT_PORT: String(options.outPort),
    ECHOPLANE_ADMIN_PORT: '0',
    ECHOPLANE_DIAGNOSTICS_PORT: '0',
    ECHOPLANE_TARGET_PORT: String(options.targetPort),
    ECHOPLANE_FORWARDER_PORT: String(plane.forwarderPort),
    ECHOPLANE_CLUSTER: 'laptop',
    ECHOPLANE_WORKLOAD: options.name,
    ECHOPLANE_BODY_LIMIT: String(BODY_LIMIT_BYTES),
    ECHOPLANE_TLS_OUT: 'true',
    ECHOPLANE_CA_CERT_FILE: plane.caCertFile,
    ECHOPLANE_CA_KEY_FILE: plane.caKeyFile,
    ECHOPLANE_UPSTREAM_CA_FILES: options.upstreamCaFiles.map((file) => resolve(file)).join(','),
  };
  return supervisor.start({
    name: `record-${options.name}`,
    args: [script('sidecar')],
    env,
    readyEvent: 'ready',
  });
}

function instructions(
  { targetPort, name, homeDir }: RecordOptions,
  inPort: number,
  outPort: number,
  caFile: string,
): string[] {
  const proxy = `http://127.0.0.1:${outPort}`;
  return [
    `  Recording ${name}`,
    `  1. Start it on port ${targetPort} with its outbound calls through us. For Node that is:`,
    `       NODE_USE_ENV_PROXY=1 HTTP_PROXY=${proxy} HTTPS_PROXY=${proxy} NODE_EXTRA_CA_CERTS='${caFile}'`,
    `  2. Send its requests to http://127.0.0.1:${inPort}`,
    `  3. See them: echoplane traffic${resolve(homeDir) === resolve('.echoplane') ? '' : ` --home '${join(homeDir)}'`}, or the dashboard.`,
    '  Ctrl-C ends the recording.',
  ];
}
