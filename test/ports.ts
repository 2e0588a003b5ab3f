// Ports for the servers that tests start, and for hosts where nobody answers.
import { once } from 'node:events';
import { createServer, type Server } from 'node:net';

// Below the range the kernel gives to outgoing connections and to listeners on port 0 (32768 and above on Linux): a port from
// there can be taken by anybody between the moment it was found free and the moment it is used. Planes take theirs from 16000
// on.
const FIRST = 11_000;
const PER_PROCESS = 100;
const PROCESSES = 40;

/** The first port of this process's own range. */
let range: Promise<number> | undefined;
let given = 0;

/**
 * A port of the loopback interface on which nobody listens, and which nobody takes who does not ask for it by number.
 * Processes that run side by side draw from ranges of their own.
 */
export async function freePort(): Promise<number> {
  range ??= takeRange();
  const first = await range;
  for (let tried = 1; tried < PER_PROCESS; tried++) {
    const port = first + 1 + (given++ % (PER_PROCESS - 1));
    const probe = await listening(port);
    if (!probe) continue;
    probe.close();
    await once(probe, 'close');
    return port;
  }
  throw new Error(
    `all ${PER_PROCESS} ports of process ${process.pid} are taken: is another test run left over?`,
  );
}

/** The first port of a range is held as long as this process lives: so no other process draws from it. */
async function takeRange(): Promise<number> {
  for (let n = 0; n < PROCESSES; n++) {
    const first = FIRST + ((process.pid + n) % PROCESSES) * PER_PROCESS;
    const holder = await listening(first);
    if (!holder) continue;
    holder.unref();
    return first;
  }
  throw new Error(`all ${PROCESSES} ranges of ports are taken: are other test runs left over?`);
}

/** Null when somebody listens there. */
async function listening(port: number): Promise<Server | null> {
  const server = createServer().listen(port, '127.0.0.1');
  try {
    await once(server, 'listening');
    return server;
  } catch {
    return null;
  }
}
