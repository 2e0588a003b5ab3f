// `echoplane up`: the plane without the demo's services, kept and resumed in its home.
import { startPlane } from './plane.ts';
import type { Session } from './session.ts';

export interface UpOptions {
  databaseUrl: string | null;
  port: number | null;
  isPrivate: boolean;
}

const SEGMENT_MAX_AGE_MS = 60_000;

/** Starts the plane and stays until the user ends it. */
export async function runUp(session: Session, options: UpOptions): Promise<number> {
  const { terminal, home } = session;
  const plane = await startPlane({
    ...session,
    ...options,
    temporary: false,
    extraDatabases: [],
    segmentMaxAgeMs: SEGMENT_MAX_AGE_MS,
  });
  terminal.line();
  terminal.line(`  Dashboard  ${plane.url}`);
  terminal.line(`  Sign in    ${plane.userEmail}  ${plane.userPassword}`);
  terminal.line(`  Forwarder  127.0.0.1:${plane.forwarderPort} (sidecars send here)`);
  terminal.line(`  Home       ${home.dir} (kept; Ctrl-C ends everything)`);
  await session.untilStopped();
  return 0;
}
