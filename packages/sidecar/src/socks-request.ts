// What a client of a SOCKS proxy asks for: SOCKS 4, 4a (openssh.com/txt/socks4a.protocol) and 5 (RFC 1928, RFC 1929). Pure:
// bytes in, answers and the request out. Any user and password is taken: the listener is on loopback.
//
//   4:  request ─▶ asked            5:  methods ─▶ [user, password] ─▶ request ─▶ asked            anything odd ─▶ refused
import { ipBytes, ipText } from '@echoplane/wire';
import type { Target } from './dial.ts';

/** What the bytes so far come to. `reply`: to be sent at once. */
export type SocksStep =
  | { type: 'more'; reply: Buffer | null }
  | { type: 'asked'; reply: Buffer | null; version: 4 | 5; target: Target; rest: Buffer }
  | { type: 'refused'; reply: Buffer };

/** Outcomes of a request, as both versions tell them. */
export type SocksOutcome = 'connected' | 'failed' | 'not-allowed' | 'no-network' | 'no-host' | 'refused';

/** A message of the handshake: an answer, or how it ends. */
type Message = Buffer | 'need-more' | Extract<SocksStep, { type: 'asked' | 'refused' }>;

const CONNECT = 1;
const NO_AUTH = 0;
const USER_PASSWORD = 2;
const NO_METHOD = 0xff;
const ADDRESS = { ipv4: 1, name: 3, ipv6: 4 };
const BAD_COMMAND = 7;
const BAD_ADDRESS = 8;
const CODES: Record<SocksOutcome, number> = {
  connected: 0,
  failed: 1,
  'not-allowed': 2,
  'no-network': 3,
  'no-host': 4,
  refused: 5,
};
/** More than the longest message of either version; what is longer has no end. */
const MAX_BYTES = 1_024;
const NOTHING = Buffer.alloc(0);
const VERSION_4_REFUSED = Buffer.from([0, 91, 0, 0, 0, 0, 0, 0]);

/** One client's handshake. */
export class SocksHandshake {
  #bytes: Buffer = NOTHING;
  #state: 'start' | 'password' | 'request' = 'start';

  /** Takes the client's next bytes; not to be called again after `asked` or `refused`. */
  take(chunk: Buffer): SocksStep {
    this.#bytes = Buffer.concat([this.#bytes, chunk]);
    const replies: Buffer[] = [];
    for (;;) {
      const step = this.#step();
      if (step === 'need-more') {
        if (this.#bytes.length > MAX_BYTES) return { type: 'refused', reply: NOTHING };
        return { type: 'more', reply: replies.length > 0 ? Buffer.concat(replies) : null };
      }
      if (Buffer.isBuffer(step)) replies.push(step);
      else return { ...step, reply: Buffer.concat([...replies, step.reply ?? NOTHING]) };
    }
  }

  #step(): Message {
    const bytes = this.#bytes;
    if (bytes.length < 2) return 'need-more';
    if (this.#state === 'password') return this.#password(bytes);
    if (this.#state === 'start' && bytes[0] === 4) return readVersion4(bytes);
    if (bytes[0] !== 5) return { type: 'refused', reply: NOTHING };
    return this.#state === 'start' ? this.#methods(bytes) : readVersion5(bytes);
  }

  #methods(bytes: Buffer): Message {
    const end = 2 + bytes[1]!;
    if (bytes.length < end) return 'need-more';
    const offered = bytes.subarray(2, end);
    this.#bytes = bytes.subarray(end);
    const method = [NO_AUTH, USER_PASSWORD].find((one) => offered.includes(one));
    if (method === undefined) return { type: 'refused', reply: Buffer.from([5, NO_METHOD]) };
    this.#state = method === NO_AUTH ? 'request' : 'password';
    return Buffer.from([5, method]);
  }

  #password(bytes: Buffer): Message {
    if (bytes[0] !== 1) return { type: 'refused', reply: Buffer.from([1, 1]) };
    const passwordAt = 2 + bytes[1]!;
    if (bytes.length <= passwordAt || bytes.length <= passwordAt + bytes[passwordAt]!) return 'need-more';
    this.#bytes = bytes.subarray(passwordAt + 1 + bytes[passwordAt]!);
    this.#state = 'request';
    return Buffer.from([1, 0]);
  }
}

/** The answer to a request; `bound`: our end of the connection, where there is one. */
export function socksReply(version: 4 | 5, outcome: SocksOutcome, bound: Target | null): Buffer {
  if (version === 4) return Buffer.from([0, outcome === 'connected' ? 90 : 91, 0, 0, 0, 0, 0, 0]);
  return replyOf5(CODES[outcome], bound);
}

function replyOf5(code: number, bound: Target | null): Buffer {
  const address = (bound && ipBytes(bound.host)) ?? Buffer.alloc(4);
  const port = Buffer.alloc(2);
  port.writeUInt16BE(bound?.port ?? 0);
  const type = address.length === 4 ? ADDRESS.ipv4 : ADDRESS.ipv6;
  return Buffer.concat([Buffer.from([5, code, 0, type]), address, port]);
}

/** Command, port, address, user, and where the address is 0.0.0.x a name (SOCKS 4a). */
function readVersion4(bytes: Buffer): Message {
  const userEnd = bytes.indexOf(0, 8);
  if (bytes.length < 9 || userEnd < 0) return 'need-more';
  const isNamed = bytes.readUInt32BE(4) < 256 && bytes[7] !== 0;
  const nameEnd = isNamed ? bytes.indexOf(0, userEnd + 1) : userEnd;
  if (nameEnd < 0) return 'need-more';
  const host = isNamed ? bytes.toString('latin1', userEnd + 1, nameEnd) : ipText(bytes.subarray(4, 8));
  const target = { host, port: bytes.readUInt16BE(2) };
  if (bytes[1] !== CONNECT || !isTarget(target)) return { type: 'refused', reply: VERSION_4_REFUSED };
  return { type: 'asked', version: 4, target, rest: bytes.subarray(nameEnd + 1), reply: null };
}

/** Version, command, reserved, type of address, address, port. */
function readVersion5(bytes: Buffer): Message {
  if (bytes.length < 5) return 'need-more';
  const type = bytes[3];
  const isName = type === ADDRESS.name;
  const start = isName ? 5 : 4;
  const size = isName ? bytes[4]! : type === ADDRESS.ipv4 ? 4 : type === ADDRESS.ipv6 ? 16 : 0;
  if (size === 0) return { type: 'refused', reply: replyOf5(BAD_ADDRESS, null) };
  const end = start + size;
  if (bytes.length < end + 2) return 'need-more';
  const address = bytes.subarray(start, end);
  const target = {
    host: isName ? address.toString('latin1') : ipText(address),
    port: bytes.readUInt16BE(end),
  };
  if (bytes[1] !== CONNECT) return { type: 'refused', reply: replyOf5(BAD_COMMAND, null) };
  if (!isTarget(target)) return { type: 'refused', reply: replyOf5(BAD_ADDRESS, null) };
  return { type: 'asked', version: 5, target, rest: bytes.subarray(end + 2), reply: null };
}

function isTarget({ host, port }: Target): boolean {
  return port > 0 && /^[^\s/?#@[\]\0]{1,255}$/.test(host);
}
