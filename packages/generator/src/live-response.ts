// The live response in the form recorded ones have, so that tokens are read from both alike. Pure.
import { type HttpResponse, headerValues, storeBody } from '@echoplane/traffic';
import { parseHead, type RawHttpPair } from '@echoplane/wire';

export interface LiveResponse {
  response: HttpResponse;
  /** The server keeps the connection open after it (RFC 9112 section 9.3). */
  keepsAlive: boolean;
}

/** The response of a pair, or null when none came. */
export function liveResponse(raw: RawHttpPair): LiveResponse | null {
  const head = raw.responseHead && parseHead(raw.responseHead);
  if (head?.kind !== 'response') return null;
  const { status, reason, headers, version } = head;
  const { kept, size } = raw.responseBody;
  const encoding = headerValues(headers, 'content-encoding').join(', ');
  const options = headerValues(headers, 'connection')
    .join(',')
    .toLowerCase()
    .split(',')
    .map((option) => option.trim());
  return {
    response: { status, reason, headers, body: storeBody(Buffer.concat(kept), encoding, { size }) },
    keepsAlive: version === '1.0' ? options.includes('keep-alive') : !options.includes('close'),
  };
}
