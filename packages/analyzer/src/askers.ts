// Which requests are equal, and whose they are. Pure.
import { bodyText, header, headerValues, type RRPair } from '@echoplane/traffic';

/** By which requests are equal, credentials included. */
export function requestKey(pair: RRPair): string {
  const { method, url, headers, body } = pair.request!;
  const who = header(headers, 'authorization') ?? headerValues(headers, 'cookie').join('; ');
  return `${method} ${url} ${who} ${bodyText(body) ?? body.base64 ?? ''}`;
}

/** Who asks: by credential, else by connection. */
export function clientKey({ request, connection }: RRPair): string {
  const { headers } = request!;
  const who = header(headers, 'authorization') ?? headerValues(headers, 'cookie').join('; ');
  return who === '' ? connection.id : who;
}

/** Who asks, and by which connection: a login changes the first. */
export function clientKeys(pair: RRPair): string[] {
  return [clientKey(pair), pair.connection.id];
}
