// Ports for the servers that tests start, and for hosts where nobody answers.
import { once } from 'node:events';
import { createServer } from 'node:net';

// Below the range the kernel gives to outgoing connections and to listeners on port 0 (32768 and above on Linux): a port from
// there can be taken by anybody between the moment it was found free and the moment it is used.
const FIRST = 16_000;
const PER_PROCESS = 100;
const PROCESSES = 120;

let given = 0;

/**
 * A port of the loopback interface on which nobody listens, and which nobody takes who does not ask for it by number.
 * Processes that run side by side draw from ranges of their own.
 */
export async function freePort(): Promise<number> {
  for (let tried = 0; tried < PER_PROCESS; tried++) {
    const port = FIRST + (process.pid % PROCESSES) * PER_PROCESS + (given++ % PER_PROCESS);
    if (await canListen(port)) return port;
  }
  throw new Error(
    `all ${PER_PROCESS} ports of process ${process.pid} are taken: is another test run left over?`,
  );
}

async function canListen(port: number): Promise<boolean> {
  const probe = createServer().listen(port, '127.0.0.1');
  try {
    await once(probe, 'listening');
  } catch {
    return false;
  }
  probe.close();
  await once(probe, 'close');
  return true;
}
