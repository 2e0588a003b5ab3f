// All functions. A new one is written in its file and listed here; schema, page and runner follow.
import { z } from 'zod';
import type { Compiling } from '../function-kind.ts';
import type { Step } from '../run.ts';
import { base64, brotli, deflate, gzip, hex, percent, percentEncode } from './encoding.ts';
import { json, jsonAdd, jsonDelete, jsonSelect } from './json.ts';
import { jwksSwap, jwt, jwtResign } from './jwt.ts';
import {
  csvColumn,
  csvLookup,
  signatureDelete,
  signatureStore,
  smartReplace,
  smartReplaceCsv,
  tagSession,
  varLoad,
  varStore,
} from './memory.ts';
import { oneOf, randomNumber, randomString, uuid } from './random.ts';
import { scrub, scrubDates } from './scrub.ts';
import { awsSign, basicAuth, hash, hmac, oauthToken } from './sign.ts';
import { constant, letterCase, math, regex, replace, split, template, trim } from './text.ts';
import { date, sleep } from './time.ts';
import { urlPart } from './url-part.ts';
import { xml, xmlDelete } from './xml.ts';

export const FUNCTIONS = [
  ...[constant, template, replace, regex, split, trim, letterCase, math],
  ...[json, jsonSelect, jsonDelete, jsonAdd],
  ...[base64, hex, gzip, deflate, brotli, percent, percentEncode],
  ...[xml, xmlDelete, urlPart],
  ...[date, sleep],
  ...[jwt, jwtResign, jwksSwap, awsSign, basicAuth, oauthToken, hmac, hash],
  ...[scrub, scrubDates],
  ...[randomString, uuid, randomNumber, oneOf, csvColumn, csvLookup],
  ...[varStore, varLoad, smartReplace, smartReplaceCsv, tagSession, signatureStore, signatureDelete],
] as const;

type Config = (typeof FUNCTIONS)[number]['config'];
const configs = FUNCTIONS.map(({ config }) => config) as unknown as readonly [Config, ...Config[]];
export const FunctionConfig = z.discriminatedUnion('name', configs).meta({ id: 'Function' });
export type FunctionConfig = z.output<typeof FunctionConfig>;

const BY_NAME = new Map<string, { compile(config: never, at: Compiling): Step }>(
  FUNCTIONS.map((kind) => [kind.name, kind]),
);

export function compileFunction(config: FunctionConfig, at: Compiling): Step {
  return BY_NAME.get(config.name)!.compile(config as never, at);
}
