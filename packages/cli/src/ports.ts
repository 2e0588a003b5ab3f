// Free ports on loopback. Remembered ones are taken again when they are free, so that an address a user has bookmarked
// stays; an explicitly asked-for port that is busy is an error.
import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';
import { listen } from '@echoplane/runtime';

/**
 * Below the ports that the kernel gives to outgoing connections (32768 and above on Linux, 49152 elsewhere): one from there can be
 * somebody else's when the program that is to listen on it has started, and a remembered one when the plane starts again.
 */
const [FIRST, END] = [16_000, 32_000];
const TRIES = 20;

/** `wanted` if it is free, else any free port. Throws OperatingError when `wanted` is `required` and busy. */
export async function choosePort(
  wanted: number | undefined,
  required = false,
  what = 'the dashboard',
): Promise<number> {
  if (wanted !== undefined && required) return probe(wanted, what);
  if (wanted !== undefined) return probe(wanted, what).catch(() => anyPort(what));
  return anyPort(what);
}

async function anyPort(what: string): Promise<number> {
  for (let tried = 0; tried < TRIES; tried++) {
    const port = await probe(randomInt(FIRST, END), what).catch(() => null);
    if (port !== null) return port;
  }
  return probe(0, what);
}

async function probe(port: number, what: string): Promise<number> {
  const server = createServer();
  const taken = await listen(server, port, '127.0.0.1', what);
  await new Promise((resolve) => server.close(resolve));
  return taken;
}
