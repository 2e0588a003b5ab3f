// Which tests of a snapshot are sent: those to some hosts, those of one service. Pure.
import { header, type Test } from '@echoplane/traffic';

/** `*`, `host:port` or `host:*`, with the host in lower case. */
export interface TestSlice {
  host: string;
  port: string;
}

/** A slice as it is written; null when it is none. */
export function parseSlice(text: string): TestSlice | null {
  if (text === '*') return { host: '*', port: '*' };
  const [, host, port] = /^(\[[0-9a-f:.]+\]|[^\s:[\]]+):(\d{1,5}|\*)$/i.exec(text) ?? [];
  return host === undefined || port === undefined ? null : { host: host.toLowerCase(), port };
}

/** Whether a test was recorded for one of the slices: by its Host header, without a port there 80 and 443. */
export function isInSlices({ request }: Pick<Test, 'request'>, slices: readonly TestSlice[]): boolean {
  const named = (header(request.headers, 'host') ?? '').toLowerCase();
  const [, host = named, port] = /^(.*?)(?::(\d+))?$/.exec(named) ?? [];
  const ports = port === undefined ? ['80', '443'] : [port];
  return slices.some(
    (slice) =>
      (slice.host === '*' || slice.host === host) && (slice.port === '*' || ports.includes(slice.port)),
  );
}

/** Whether `service`, `cluster/namespace/name`, is the one asked for by `name`, `namespace/name` or all of it. */
export function isService(service: string, asked: string): boolean {
  return service === asked || service.endsWith(`/${asked}`);
}
