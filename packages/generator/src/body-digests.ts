// Digests that a client took of the body it sent, in a header beside it: of another body they are taken anew. Pure.
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { bodyBytes, type Test } from '@echoplane/traffic';

type Request = Test['request'];

/** `Content-MD5`, `Digest`, `Content-Digest` (RFC 9530), `x-amz-content-sha256`, `x-amz-checksum-crc32`, `x-body-checksum`. */
const NAMED = /md5|sha-?\d|digest|checksum|crc/i;
const ALGORITHMS = ['md5', 'sha1', 'sha256', 'sha512'] as const;

/** The request with the digests of its body, where headers of the recorded one named those of the recorded body. */
export function withBodyDigests(recorded: Request, request: Request): Request {
  if (request.body === recorded.body || recorded.body.size === 0) return request;
  if (!request.headers.some(([name]) => NAMED.test(name))) return request;
  const [before, after] = [bodyBytes(recorded.body), bodyBytes(request.body)];
  if (before.equals(after)) return request;
  const now = digestsOf(after);
  const renamed = digestsOf(before).map((digest, i): [string, string] => [digest, now[i]!]);
  const headers = request.headers.map(([name, value]): [string, string] => {
    const [was, is] = (NAMED.test(name) && renamed.find(([digest]) => names(value, digest))) || ['', ''];
    return [name, was === '' ? value : value.replace(was, () => is)];
  });
  return { ...request, headers };
}

/** In hex and in base64, always in the same order. */
function digestsOf(bytes: Buffer): string[] {
  const sum = Buffer.alloc(4);
  sum.writeUInt32BE(crc32(bytes));
  return [sum, ...ALGORITHMS.map((algorithm) => createHash(algorithm).update(bytes).digest())].flatMap(
    (digest) => [digest.toString('hex'), digest.toString('base64')],
  );
}

/** Alone, or behind the name of its algorithm: `sha-256=:…:`. */
function names(value: string, digest: string): boolean {
  const at = value.indexOf(digest);
  return at >= 0 && !/[\w+/]/.test(value[at - 1] ?? '') && !/[\w+/=]/.test(value[at + digest.length] ?? '');
}
