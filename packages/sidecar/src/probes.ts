// Recognises the probes of Kubernetes among the requests: the declared port and path, and the agent of the kubelet. Works
// on HTTP/1 heads and on decoded HTTP/2 header blocks (gRPC probes). Pure.
import { fieldName, readFields } from './head-fields.ts';

/** A declared probe, `PORT/PATH`: the port, and the path with its slash. */
export const PROBE = /^(\d{1,5})(\/.*)$/;

const AGENT = Buffer.from('kube-probe/');
const [PATH, USER_AGENT] = [0, 1];
const FIELDS = [':path', 'user-agent'].map(fieldName);
const SPACE = 0x20;

/** Whether the request of a head, to the app's `port`, is a probe. */
export type IsProbe = (head: Buffer, port: number) => boolean;

/** Knows the probes of the setting `probes`. */
export function createProbes(probes: readonly string[]): IsProbe {
  const paths = new Map<number, Buffer[]>();
  for (const [, port, path] of probes.map((probe) => PROBE.exec(probe) ?? [])) {
    if (port === undefined || path === undefined) continue;
    paths.set(Number(port), [...(paths.get(Number(port)) ?? []), Buffer.from(path)]);
  }
  return (head, port) => {
    const declared = paths.get(port);
    if (!declared) return false;
    const fields = readFields(head, FIELDS);
    if (fields[USER_AGENT]?.subarray(0, AGENT.length).equals(AGENT) !== true) return false;
    const path = fields[PATH] ?? targetOf(head);
    return declared.some((one) => one.equals(path));
  };
}

/** The target of an HTTP/1 request line; empty when there is none. */
function targetOf(head: Buffer): Buffer {
  const from = head.indexOf(SPACE) + 1;
  const to = head.indexOf(SPACE, from);
  return head.subarray(from, to < 0 ? from : to);
}
