// All extractors. A new one is written in its file and listed here; schema, page and runner follow.
import { z } from 'zod';
import type { ExtractorSetting, Place } from '../extractor-kind.ts';
import { body, form, graphql } from './body.ts';
import {
  cookie,
  header,
  host,
  latency,
  method,
  port,
  query,
  scheme,
  status,
  trailer,
  url,
} from './message-line.ts';
import { empty, file, session, variable } from './other.ts';
import { pair } from './pair.ts';
import { grpc, multipart } from './parts.ts';

export const EXTRACTORS = [
  ...[body, form, multipart, graphql, grpc, pair],
  ...[header, trailer, cookie, query, url, method, status, scheme, host, port, latency],
  ...[session, variable, file, empty],
] as const;

type Config = (typeof EXTRACTORS)[number]['config'];
const configs = EXTRACTORS.map(({ config }) => config) as unknown as readonly [Config, ...Config[]];
export const ExtractorConfig = z.discriminatedUnion('name', configs).meta({ id: 'Extractor' });
export type ExtractorConfig = z.output<typeof ExtractorConfig>;

const BY_NAME = new Map<string, { compile(config: never, setting: ExtractorSetting): Place }>(
  EXTRACTORS.map((kind) => [kind.name, kind]),
);

export function compileExtractor(config: ExtractorConfig, setting: ExtractorSetting): Place {
  return BY_NAME.get(config.name)!.compile(config as never, setting);
}
