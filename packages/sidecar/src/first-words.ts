// What a client says first, read before anybody is dialled: only in a replay, where a destination that may be mocked must
// not be dialled until it is clear that it is not. A client that stays silent speaks a protocol in which the server
// begins; it is not waited for any longer than SILENCE_MS, which a busy client that begins itself is well within.
import type { Socket } from 'node:net';
import { detectProtocol, Http2Exchange } from '@echoplane/wire';
import type { ClientHello } from './outbound-options.ts';
import { helloOf } from './tls-opening.ts';

/** The client's first bytes, and what they say. */
export interface FirstWords {
  bytes: Buffer;
  /** The client begins TLS. */
  hello: ClientHello | null;
  /** The server's name: SNI, Host or :authority; empty when there is none. */
  named: string;
}

/** Reads the bytes so far: what they say, or that more are needed. */
export type Judge = (bytes: Buffer) => Omit<FirstWords, 'bytes'> | 'need-more';

/** A client on a starved node was seen to need 400 ms from its connection to its first byte. */
export const SILENCE_MS = 1_000;
const MAX_BYTES = 65_536;
const NOTHING_SAID = { hello: null, named: '' };

/** Reads until `judge` knows, the client is gone, 64 KiB are read, or a second has passed. The socket is paused then. */
export function readFirstWords(client: Socket, early: Buffer, judge: Judge): Promise<FirstWords> {
  return new Promise((resolve) => {
    let bytes = early;
    let isSettled = false;
    const settle = (said: Omit<FirstWords, 'bytes'>) => {
      isSettled = true;
      clearTimeout(timer);
      client.off('data', onData).off('end', onGone).off('close', onGone).pause();
      resolve({ bytes, ...said });
    };
    const onGone = () => settle(NOTHING_SAID);
    // When it is we who were kept busy, what the client said is waiting: it is read before the silence counts.
    const timer = setTimeout(() => setImmediate(() => !isSettled && onGone()), SILENCE_MS);
    const look = () => {
      const said = judge(bytes);
      if (said !== 'need-more') settle(said);
      else if (bytes.length > MAX_BYTES) onGone();
    };
    const onData = (chunk: Buffer) => {
      bytes = bytes.length === 0 ? chunk : Buffer.concat([bytes, chunk]);
      look();
    };
    client.on('data', onData).on('end', onGone).on('close', onGone).resume();
    if (client.destroyed) onGone();
    else look();
  });
}

/** Judges whether the client begins TLS. */
export const tlsOrNot: Judge = (bytes) => {
  const hello = helloOf(bytes);
  if (hello === 'need-more') return hello;
  return { hello, named: hello?.sni ?? '' };
};

/** Judges by which name the client calls the server. */
export const nameAsked: Judge = (bytes) => {
  const tls = tlsOrNot(bytes);
  if (tls === 'need-more' || tls.hello) return tls;
  const protocol = detectProtocol(bytes);
  if (protocol === 'need-more') return protocol;
  if (protocol === 'http1') return hostAsked(bytes.toString('latin1'));
  return protocol === 'http2' ? authorityAsked(bytes) : NOTHING_SAID;
};

/** The `:authority` of the first request. A client that waits for the server's settings before it asks says none in time. */
function authorityAsked(bytes: Buffer): ReturnType<Judge> {
  let isOver = false;
  let head: string | null = null;
  const keep = (requestHead: Buffer) => {
    head ??= requestHead.toString('latin1');
    return false;
  };
  const opaque = () => {
    isOver = true;
  };
  new Http2Exchange({ pair() {}, abandoned() {}, opaque }, { keep }).client(bytes, 0);
  if (head === null) return isOver ? NOTHING_SAID : 'need-more';
  const [, named = ''] = /^(?::authority|host):[ \t]*([^\s]*)\r$/im.exec(head) ?? [];
  return { hello: null, named };
}

function hostAsked(text: string): ReturnType<Judge> {
  const end = text.indexOf('\r\n\r\n');
  if (end < 0) return 'need-more';
  const [, named = ''] = /\r\nhost:[ \t]*([^\s]*)[ \t]*\r\n/i.exec(text.slice(0, end + 2)) ?? [];
  return { hello: null, named };
}
