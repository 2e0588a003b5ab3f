// Free ports on loopback. Remembered ones are taken again when they are free, so that an address a user has bookmarked
// stays; an explicitly asked-for port that is busy is an error.
import { createServer } from 'node:net';
import { listen } from '@echoplane/runtime';

/** `wanted` if it is free, else any free port. Throws OperatingError when `wanted` is `required` and busy. */
export async function choosePort(
  wanted: number | undefined,
  required = false,
  what = 'the dashboard',
): Promise<number> {
  if (wanted !== undefined && required) return probe(wanted, what);
  if (wanted !== undefined) return probe(wanted, what).catch(() => probe(0, what));
  return probe(0, what);
}

async function probe(port: number, what: string): Promise<number> {
  const server = createServer();
  const taken = await listen(server, port, '127.0.0.1', what);
  await new Promise((resolve) => server.close(resolve));
  return taken;
}
