// `echoplane traffic`: the newest RRPairs of a running plane as a table, or as JSON lines.
import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { TrafficRow } from '@echoplane/api';
import { OperatingError } from '@echoplane/runtime';
import type { TrafficQuery } from '@echoplane/traffic';
import { clientFor, type PlaneFile } from './plane.ts';
import { duration, table } from './terminal.ts';

export interface TrafficOptions {
  homeDir: string;
  query: TrafficQuery;
  limit: number;
  json: boolean;
}

/** The plane that runs in a home. Throws OperatingError when none does. */
export async function runningPlane(homeDir: string): Promise<PlaneFile> {
  const file = join(resolve(homeDir), 'plane.json');
  const text = await readFile(file, 'utf8').catch((cause) => {
    throw new OperatingError(
      'no_plane',
      `Nothing was started in ${resolve(homeDir)} yet: run "echoplane up" or "npm run demo" first, or name its folder with --home.`,
      { cause },
    );
  });
  const plane = parsePlane(text);
  if (plane) return plane;
  throw new OperatingError(
    'plane_damaged',
    `${file} is damaged; start "echoplane up" again, which writes it anew.`,
  );
}

function parsePlane(text: string): PlaneFile | null {
  try {
    const plane = JSON.parse(text) as PlaneFile;
    return typeof plane.url === 'string' && typeof plane.apiKey === 'string' ? plane : null;
  } catch {
    return null;
  }
}

/** Prints the newest RRPairs. */
export async function listTraffic(options: TrafficOptions, print: (line: string) => void): Promise<void> {
  const plane = await runningPlane(options.homeDir);
  const rows = await newestRows(plane, options);
  if (options.json) {
    for (const row of rows) print(JSON.stringify(row));
    return;
  }
  if (rows.length === 0) {
    const isFiltered = Object.values(options.query).some((value) => value !== undefined);
    return print(
      isFiltered
        ? 'No RRPair matches these options.'
        : 'No RRPair yet. Is a sidecar running (see "echoplane record"), and did a request go through it?',
    );
  }
  print(
    table([
      ['time', 'dir', 'method', 'host', 'path', 'status', 'latency', 'bytes', 'id'],
      ...rows.map(printed),
    ]),
  );
}

async function newestRows(plane: PlaneFile, { query, limit }: TrafficOptions): Promise<TrafficRow[]> {
  const client = clientFor(plane);
  const rows: TrafficRow[] = [];
  let cursor: string | undefined;
  while (rows.length < limit) {
    const page = await client
      .call('traffic', {
        query: {
          ...query,
          limit: Math.min(500, limit - rows.length),
          ...(cursor === undefined ? {} : { cursor }),
        },
      })
      .catch((cause) => {
        if (cause instanceof TypeError)
          throw new OperatingError(
            'plane_down',
            `The control plane at ${plane.url} does not answer; is "echoplane up" still running?`,
            { cause },
          );
        throw cause;
      });
    rows.push(...page.items);
    if (page.cursor === null) break;
    cursor = page.cursor;
  }
  return rows;
}

function printed(row: TrafficRow): string[] {
  const time = localTime(new Date(row.ts / 1000));
  const status = row.status === null ? (row.error ?? '–') : String(row.status);
  return [
    time,
    row.direction,
    row.method,
    row.host,
    row.path,
    status,
    duration(row.latencyUs),
    String(row.responseBytes),
    row.id,
  ];
}

/** `04:52:43.384` on this machine's clock. */
function localTime(at: Date): string {
  const digits = (value: number, width = 2) => String(value).padStart(width, '0');
  return `${[at.getHours(), at.getMinutes(), at.getSeconds()].map((part) => digits(part)).join(':')}.${digits(at.getMilliseconds(), 3)}`;
}
