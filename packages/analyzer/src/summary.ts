// The summary of a recording, counted as its pairs go by: endpoints with their latency, what could not be replayed, where
// opaque connections went. Bounded: durations are thinned out evenly, names beyond the bound are not counted apart. Pure.
import { type RRPair, type SnapshotSummary, splitUrl } from '@echoplane/traffic';
import { median } from './statistics.ts';

/** Opaque destinations that a summary names. */
const MAX_OPAQUE = 100;
const MAX_NAMES = 10_000;
const MAX_DURATIONS = 2_048;
/** Why a pair that could be replayed is not. */
export const LEFT_OUT = {
  /** A write that was refused, sent again and taken then. */
  repeated: 'repeated until it was taken',
  /** A write that the service broke off, while another one like it was taken. */
  lost: 'failed beside another write that was taken',
  /** A request that failed while something that answered at other times gave the service no answer. */
  outage: 'failed while a dependency was away',
} as const;

/** Values of a long series, evenly spread over it: every n-th, the more there are the greater n. */
class Thinned {
  values: number[] = [];
  count = 0;
  #every = 1;

  add(value: number): void {
    if (this.count++ % this.#every !== 0) return;
    this.values.push(value);
    if (this.values.length < MAX_DURATIONS) return;
    this.values = this.values.filter((_, i) => i % 2 === 0);
    this.#every *= 2;
  }
}

export class SummaryCount {
  readonly #endpoints = new Map<
    string,
    { about: [RRPair['direction'], string, string, string]; durations: Thinned }
  >();
  readonly #opaque = new Map<string, number>();
  readonly skipped: Record<string, number> = {};

  usable(pair: RRPair, endpoint: string): void {
    const { direction, durationUs } = pair;
    const host = direction === 'OUT' ? splitUrl(pair.request!.url).host : '';
    const { method } = pair.request!;
    const key = JSON.stringify([direction, host, endpoint, method]);
    let group = this.#endpoints.get(key);
    if (!group) {
      if (this.#endpoints.size >= MAX_NAMES) return;
      group = { about: [direction, host, endpoint, method], durations: new Thinned() };
      this.#endpoints.set(key, group);
    }
    group.durations.add(durationUs);
  }

  leftOut(why: (typeof LEFT_OUT)[keyof typeof LEFT_OUT]): void {
    this.skipped[why] = (this.skipped[why] ?? 0) + 1;
  }

  unusable(pair: RRPair, reason: string): void {
    this.skipped[reason] = (this.skipped[reason] ?? 0) + 1;
    if (reason !== 'opaque' || pair.direction !== 'OUT') return;
    const { host, ip, port } = pair.server;
    const name = `${host ?? ip}:${port}`;
    if (this.#opaque.size < MAX_NAMES || this.#opaque.has(name))
      this.#opaque.set(name, (this.#opaque.get(name) ?? 0) + 1);
  }

  finish(headlessSessions: number): SnapshotSummary {
    const endpoints = [...this.#endpoints.values()].map(({ about, durations }) => {
      const [direction, host, endpoint, method] = about;
      const medianUs = Math.round(median(durations.values));
      return { direction, host, endpoint, method, count: durations.count, medianUs };
    });
    const opaque = [...this.#opaque]
      .map(([host, count]) => ({ host, count }))
      .sort((a, b) => b.count - a.count || (a.host < b.host ? -1 : 1))
      .slice(0, MAX_OPAQUE);
    return { endpoints, notes: this.#notes(headlessSessions), ...(opaque.length > 0 ? { opaque } : {}) };
  }

  #notes(headlessSessions: number): string[] {
    const lines = Object.entries(this.skipped).map(
      ([reason, n]) => `${n} RRPairs are neither test nor mock: ${reason}`,
    );
    if (headlessSessions > 0)
      lines.push(
        `${headlessSessions} sessions began before the recording: replayed and shown, outside the verdict`,
      );
    return lines;
  }
}
