// The address of a peer, whose port is given out anew for each connection. Pure.

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
