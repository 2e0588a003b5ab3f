// Mocks as the analyzer would make them of one request and its response. For tests only.
import { signatureDigest, signatureOf } from '@echoplane/replay';
import { type HeaderList, type Mock, storeBody } from '@echoplane/traffic';

const JSON_TYPE: HeaderList = [['Content-Type', 'application/json']];

/** The n-th of many uuids. */
export const uuid = (n: number) => `019c0000-0000-4000-8000-${String(n).padStart(12, '0')}`;

export interface MockParts {
  request?: object;
  volatile?: string[];
  sequence?: number;
  response?: { status?: number; reason?: string; body?: string };
}

let ids = 0;
/** A mock of `method url`; `request` is its JSON body. */
export function mock(
  method: string,
  url: string,
  { request = undefined, volatile = [], sequence = 0, response = {} }: MockParts = {},
): Mock {
  const { protocol, host, pathname, search } = new URL(url);
  const scheme = protocol === 'https:' ? 'https' : 'http';
  const body = storeBody(Buffer.from(request ? JSON.stringify(request) : ''), '');
  const signature = signatureOf({
    scheme,
    host,
    method,
    target: `${pathname}${search}`,
    headers: JSON_TYPE,
    body,
  });
  const { status = 200, reason = 'OK', body: text = '{}' } = response;
  return {
    ...{
      id: uuid(1_000_000 + ids++),
      session: null,
      scheme,
      host,
      endpoint: pathname,
      signature,
      volatile,
      sequence,
    },
    ...{
      exact: signatureDigest(signature),
      loose: signatureDigest(signature, volatile),
      ttfbUs: 0,
      durationUs: 0,
    },
    response: { status, reason, headers: JSON_TYPE, body: storeBody(Buffer.from(text), '') },
  };
}
