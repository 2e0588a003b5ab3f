// `echoplane import har`: what a browser or another tool recorded, sent to the forwarder of a running plane as if it had
// been captured. The files are read twice in bounded memory: once to see whether they are whole and when they were made,
// once to send them. Nothing is sent of any file when one of them is damaged.
import { CaptureSender, newId, OperatingError, silentLogger, systemClock } from '@echoplane/runtime';
import { TAG, total } from '@echoplane/traffic';
import { harEntries } from './har-entries.ts';
import { HarConnections, type HarImport, harPairs, SKIPPED, type SkipReason, startedUs } from './har-pair.ts';
import { pollUntil } from './poll.ts';
import { runningPlane } from './traffic.ts';

export interface ImportHarOptions {
  homeDir: string;
  files: readonly string[];
  /** Name under which the service is listed, and its namespace. */
  service: string;
  namespace: string;
  direction: 'IN' | 'OUT';
  tags: Record<string, string>;
  /** Only these hosts; empty: all. */
  hosts: readonly string[];
  /** `auto`: as recorded, unless a forwarder would not take them; `keep`: as recorded; `now`: the last request ended now. */
  times: 'auto' | 'keep' | 'now';
}

/** What a forwarder takes (30 days back, an hour ahead), less what an import may take. */
const MAX_AGE_US = (30 * 24 - 1) * 3_600_000_000;
const MAX_AHEAD_US = 3_000_000_000;
const DAY_US = 24 * 3_600_000_000;
/** The sender would drop above its 32 MiB; half of it is enough to keep it busy. */
const AHEAD_BYTES = 16 << 20;
const CONNECT_DEADLINE_MS = 10_000;
/** Without an acknowledgement for this long the import is given up. */
const STALL_MS = 60_000;
const CLUSTER = 'laptop';
const NAME = /^[\w.-]{1,63}$/;
const MAX_TAGS = 20;
const RESERVED_TAGS = new Set<string>([...Object.values(TAG), '__proto__', 'constructor', 'prototype']);

interface Survey {
  entries: number;
  oldestUs: number;
  newestUs: number;
}

type Skipped = Map<SkipReason, number>;

const clock = systemClock();

/** Imports the files and gives the exit code: 0 when something was imported. */
export async function importHar(options: ImportHarOptions, print: (line: string) => void): Promise<number> {
  checkNames(options);
  const plane = await runningPlane(options.homeDir);
  const survey = await surveyOf(options.files);
  const shiftUs = shiftOf(survey, options.times);
  const { service, namespace } = options;
  const names = { cluster: CLUSTER, namespace, workloadKind: 'Process', workload: service };
  const sender = new CaptureSender({
    ...{ host: '127.0.0.1', port: plane.forwarderPort, log: silentLogger(), clock },
    hello: { hop: 'import', ...names, pod: service, container: 'har' },
  });
  const running = sender.run(new AbortController().signal);
  try {
    await untilConnected(sender, plane.forwarderPort);
    const skipped = await send(sender, options, shiftUs);
    const { undelivered } = await sender.drain(STALL_MS);
    if (undelivered > 0) throw unfinished(sender);
    for (const line of summary({ options, survey, shiftUs, skipped, sender })) print(line);
    return sender.counters().delivered > 0 ? 0 : 1;
  } finally {
    sender.close();
    await running;
  }
}

async function send(sender: CaptureSender, options: ImportHarOptions, shiftUs: number): Promise<Skipped> {
  const { direction, tags, hosts, files } = options;
  const connections = new HarConnections(`har-${sender.incarnation.slice(-12)}`);
  const how: HarImport = { direction, tags, hosts, shiftUs, newId, connections };
  const skipped: Skipped = new Map();
  for (const file of files) {
    for await (const entry of harEntries(file)) {
      const pairs = harPairs(entry, how);
      const verdict = typeof pairs === 'string' ? pairs : pairs.every(isTaken) ? null : 'too-old';
      if (verdict !== null) {
        skipped.set(verdict, (skipped.get(verdict) ?? 0) + 1);
        continue;
      }
      for (const pair of pairs as Exclude<typeof pairs, string>) {
        await room(sender);
        sender.offer(pair);
      }
    }
  }
  return skipped;
}

function isTaken({ tsUs }: { tsUs: number }): boolean {
  const nowUs = clock.nowUs();
  return tsUs >= nowUs - MAX_AGE_US && tsUs <= nowUs + MAX_AHEAD_US;
}

/** Waits until the sender holds little; a live sender would drop instead, an import has time. */
async function room(sender: CaptureSender): Promise<void> {
  let deadlineUs = clock.nowUs() + STALL_MS * 1000;
  for (let { delivered } = sender.counters(); sender.heldBytes > AHEAD_BYTES; ) {
    await clock.sleep(5);
    const now = sender.counters().delivered;
    if (now > delivered) deadlineUs = clock.nowUs() + STALL_MS * 1000;
    delivered = now;
    if (clock.nowUs() > deadlineUs) throw unfinished(sender);
  }
}

async function surveyOf(files: readonly string[]): Promise<Survey> {
  const survey: Survey = { entries: 0, oldestUs: Number.POSITIVE_INFINITY, newestUs: 0 };
  for (const file of files) {
    for await (const entry of harEntries(file)) {
      survey.entries++;
      const atUs = startedUs(entry);
      if (atUs === null) continue;
      survey.oldestUs = Math.min(survey.oldestUs, atUs);
      survey.newestUs = Math.max(survey.newestUs, atUs);
    }
  }
  return survey;
}

function shiftOf({ oldestUs, newestUs }: Survey, times: ImportHarOptions['times']): number {
  const nowUs = clock.nowUs();
  const isOutside = oldestUs < nowUs - MAX_AGE_US || newestUs > nowUs + MAX_AHEAD_US;
  const isShifted = times === 'now' || (times === 'auto' && isOutside);
  return isShifted && newestUs > 0 ? nowUs - newestUs : 0;
}

async function untilConnected(sender: CaptureSender, port: number): Promise<void> {
  const signal = new AbortController().signal;
  const limits = { deadlineMs: CONNECT_DEADLINE_MS, what: 'the forwarder', signal };
  const isOpen = async () => sender.isConnected;
  await pollUntil(isOpen, Boolean, limits).catch((cause) => {
    const sentence = `The forwarder on port ${port} does not take the stream; is "echoplane up" still running, and of this version?`;
    throw new OperatingError('no_forwarder', sentence, { cause });
  });
}

function unfinished(sender: CaptureSender): OperatingError {
  const { delivered, captured } = sender.counters();
  return new OperatingError(
    'import_unfinished',
    `The forwarder stopped acknowledging: ${delivered} of ${captured} RRPairs are known to be stored. See its log; what is imported again is stored again.`,
  );
}

interface Outcome {
  options: ImportHarOptions;
  survey: Survey;
  shiftUs: number;
  skipped: Skipped;
  sender: CaptureSender;
}

function summary({ options, survey, shiftUs, skipped, sender }: Outcome): string[] {
  const { delivered, dropped } = sender.counters();
  const taken = survey.entries - total(Object.fromEntries(skipped));
  const name = `${CLUSTER}/${options.namespace}/${options.service}`;
  const lines = [
    `  Imported ${taken} of ${survey.entries} entries as ${delivered} RRPairs of ${name}, ${options.direction}.`,
    ...[...skipped].map(([reason, n]) => `  Skipped ${n}: ${SKIPPED[reason]}.`),
    ...Object.entries(dropped).map(([reason, n]) => `  Dropped ${n}: ${reason}.`),
  ];
  if (shiftUs !== 0) {
    const [span, way] = [Math.abs(shiftUs) / DAY_US, shiftUs > 0 ? 'later' : 'earlier'];
    const why = options.times === 'auto' ? ', because only the last 30 days are taken' : '';
    lines.push(
      `  All times were moved ${span.toFixed(1)} days ${way}, so that the last request is of now${why}.`,
    );
  }
  return lines;
}

function checkNames({ service, namespace, tags }: ImportHarOptions): void {
  for (const name of [service, namespace]) {
    if (!NAME.test(name)) {
      const sentence = `${JSON.stringify(name)} is no name of a service or namespace: letters, digits, dots and dashes, at most 63.`;
      throw new OperatingError('bad_name', sentence);
    }
  }
  const reserved = Object.keys(tags).find((tag) => RESERVED_TAGS.has(tag));
  if (reserved !== undefined)
    throw new OperatingError('bad_tag', `The tag ${reserved} has a meaning of its own; choose another name.`);
  if (Object.keys(tags).length > MAX_TAGS)
    throw new OperatingError('bad_tag', `At most ${MAX_TAGS} tags can be given.`);
}
