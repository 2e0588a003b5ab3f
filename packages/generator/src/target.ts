// Where requests go: the service under test, how it is reached, and by what name it is called.
import { isIP } from 'node:net';
import { OperatingError, readTlsFiles } from '@echoplane/runtime';
import type { TargetParts } from '@echoplane/traffic';
import { z } from 'zod';

export interface Target {
  scheme: 'http' | 'https';
  hostname: string;
  port: number;
  /** Host and port as a Host header has them. */
  host: string;
  /** Stands before the path of every request; empty or `/base`. */
  basePath: string;
  /** Parameters that every request has, instead of recorded ones of the same name. */
  query: Readonly<Record<string, string>>;
}

/** The target with the parts that a test config replaces; a port that nobody named is that of the scheme. */
export function withParts(target: Target, parts: TargetParts = {}): Target {
  const { scheme = target.scheme, host, port, basePath = target.basePath, query = target.query } = parts;
  const url = new URL(`${scheme}://${target.host}`);
  if (host !== undefined) url.hostname = host;
  if (port !== undefined) url.port = String(port);
  return { ...ofUrl(url, scheme), basePath: basePath.replace(/\/+$/, ''), query };
}

/** A recorded request target as the service under test is asked for it; other forms than a path stay (RFC 9112 section 3.2). */
export function placed(recorded: string, { basePath, query }: Pick<Target, 'basePath' | 'query'>): string {
  const names = Object.keys(query);
  if (!recorded.startsWith('/') || (basePath === '' && names.length === 0)) return recorded;
  const [path = '', ...search] = recorded.split('?');
  const kept = search
    .join('?')
    .split('&')
    .filter((part) => part !== '' && !names.some((name) => isNamed(part, name)));
  const added = names.map((name) => `${encodeURIComponent(name)}=${encodeURIComponent(query[name]!)}`);
  const parameters = names.length === 0 ? search.join('?') : [...kept, ...added].join('&');
  return `${basePath}${path}${parameters === '' && search.length === 0 ? '' : `?${parameters}`}`;
}

function isNamed(part: string, name: string): boolean {
  const [written = ''] = part.split('=');
  return written === name || written === encodeURIComponent(name);
}

const DEFAULT_PORT = { http: 80, https: 443 } as const;

/** For zod's `transform`: the target of a URL without a path. */
export function parseTarget(text: string, context: z.RefinementCtx): Target {
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  if (!URL.canParse(text)) return refuse('it is not a URL');
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https')
    return refuse(`${url.protocol} is not a protocol that can be replayed`);
  if (url.pathname !== '/' || url.search || url.username)
    return refuse('it holds more than a host and a port');
  return { ...ofUrl(url, scheme), basePath: '', query: {} };
}

function ofUrl(url: URL, scheme: Target['scheme']): Omit<Target, 'basePath' | 'query'> {
  // URL keeps the brackets of an IPv6 address, which a Host header needs and a dial does not.
  const hostname = url.hostname.replace(/^\[(.*)\]$/, '$1');
  return { scheme, hostname, port: Number(url.port || DEFAULT_PORT[scheme]), host: url.host };
}

/** What TLS to the target asks for. */
export interface TargetTls {
  targetCaFile?: string | undefined;
  targetCertFile?: string | undefined;
  targetKeyFile?: string | undefined;
  targetServerName?: string | undefined;
  insecure: boolean;
}

/** The options of node:tls, with the files read. Throws OperatingError when one cannot be used. */
export function tlsOptionsOf(target: Target, tls: TargetTls): Readonly<Record<string, unknown>> {
  const servername = tls.targetServerName ?? target.hostname;
  const isName = isIP(servername) === 0;
  try {
    return {
      ...readFiles(tls),
      ...(isName ? { servername } : {}),
      rejectUnauthorized: !tls.insecure,
    };
  } catch (cause) {
    const sentence = `The TLS files for the target cannot be used: ${(cause as Error).message}.`;
    throw new OperatingError('target_tls_files', sentence, { cause });
  }
}

function readFiles({ targetCaFile: caFile, targetCertFile: certFile, targetKeyFile: keyFile }: TargetTls) {
  if (certFile !== undefined && keyFile !== undefined) return readTlsFiles({ caFile, certFile, keyFile });
  return caFile === undefined ? {} : readTlsFiles({ caFile });
}
