// Texts of which more can be told than that they differ: the address of a peer, whose port is given out anew for each connection,
// and an image that the service draws of what it made, a code to be scanned. Pure.
import { isNearly } from './kinds.ts';

const PEER = /^(\[[\da-fA-F:.]+\]|\d{1,3}(?:\.\d{1,3}){3}):(\d{5})$/;
/** Ports that no service is told to listen on. https://www.kernel.org/doc/html/latest/networking/ip-sysctl.html */
const FIRST_EPHEMERAL = 32_768;
const LAST_PORT = 65_535;
/** Of these some on which services listen all the same: gRPC, MySQL X, SAP and Db2, HDFS, STOMP and OpenWire. */
const LISTENED: ReadonlySet<string> = new Set(
  '33060 50000 50051 50052 50053 50070 50075 61613 61614 61616'.split(' '),
);

/** Whether both are one address with ports of connections. */
export function isSamePeer(recorded: string, live: string): boolean {
  const [was, is] = [PEER.exec(recorded), PEER.exec(live)];
  return was !== null && was[1] === is?.[1] && isEphemeral(was[2]!) && isEphemeral(is![2]!);
}

function isEphemeral(port: string): boolean {
  return Number(port) >= FIRST_EPHEMERAL && Number(port) <= LAST_PORT && !LISTENED.has(port);
}

const IMAGE = /^(data:image\/[\w.+-]+;base64,)([\w+/]{64,}={0,2})$/;
/** Base64 of what begins an image: its format, width and height. */
const HEAD_CHARS = 32;
/** Share of the characters behind the head in which two images differ, at least. */
const OTHER_SHARE = 0.5;

/** Whether both are images of one format and size that differ in most of what they hold. */
export function isDrawnAlike(recorded: string, live: string): boolean {
  const [was, is] = [IMAGE.exec(recorded), IMAGE.exec(live)];
  if (!was || !is || was[1] !== is[1] || isNearly(recorded, live)) return false;
  const [before, now] = [was[2]!, is[2]!];
  if (before.slice(0, HEAD_CHARS) !== now.slice(0, HEAD_CHARS)) return false;
  if (Math.abs(before.length - now.length) > before.length / 8) return false;
  const rest = Math.min(before.length, now.length) - HEAD_CHARS;
  let other = 0;
  for (let i = HEAD_CHARS; i < HEAD_CHARS + rest; i++) if (before[i] !== now[i]) other++;
  return other >= OTHER_SHARE * rest;
}
