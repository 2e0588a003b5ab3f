// Requests whose client signed the Host that it sent: with another one the signature is wrong, so it stays as it was. Pure.
import { header, type Test } from '@echoplane/traffic';

/** AWS Signature Version 4, in the header or in a presigned address: `SignedHeaders=host;x-amz-date`. */
const SIGNED_HEADERS = /SignedHeaders=([^,&\s]+)/;
/** RFC 9421, and the draft before it: `("@method" "@authority")`, `headers="(request-target) host date"`. */
const COVERED = /\([^)]*"(?:@authority|@target-uri|host)"|headers="(?:[^"]* )?host[ "]/i;

/** The Host that a request is sent with: `named`, or the recorded one, null, where there is none to name or it is signed. */
export function hostOf(request: Test['request'], named: string | null): string | null {
  return named !== null && signsHost(request) ? null : named;
}

function signsHost({ target, headers }: Test['request']): boolean {
  const authorization = header(headers, 'authorization') ?? '';
  const signed = SIGNED_HEADERS.exec(authorization)?.[1] ?? SIGNED_HEADERS.exec(target)?.[1];
  if (signed !== undefined) return signed.split(/;|%3B/i).includes('host');
  const covered = header(headers, 'signature-input') ?? header(headers, 'signature') ?? authorization;
  return COVERED.test(covered);
}
