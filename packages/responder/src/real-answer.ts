// What a real host answered, and where it is. Types and two small functions for those who ask it. Pure.
import type { Readable } from 'node:stream';
import type { HeaderList } from '@echoplane/traffic';
import { type Origin, splitAuthority } from './channel.ts';

/** The head of a real answer, and its body as it comes. */
export interface RealAnswer {
  status: number;
  reason: string;
  headers: HeaderList;
  body: Readable;
  /** Once the body has ended: whether it was all of it. */
  isWhole(): boolean;
  /** Once the body has ended. */
  trailers(): HeaderList;
}

/** Host and port that an origin leads to. */
export function destinationOf({ scheme, host }: Pick<Origin, 'scheme' | 'host'>): {
  host: string;
  port: number;
} {
  return splitAuthority(host) ?? { host: host.replace(/^\[|\]$/g, ''), port: scheme === 'https' ? 443 : 80 };
}

/** Names and values as Node lists them: one after the other. */
export function headersOf(raw: readonly string[]): HeaderList {
  return Array.from({ length: raw.length / 2 }, (_, i) => [raw[i * 2]!, raw[i * 2 + 1]!]);
}
