// How a client took our certificate, seen from the bytes that follow: its first one says that it trusts us; an end without
// one, that perhaps it does not. Some clients (Node's) send no alert: they close at once, without a byte of their own.
import type { TLSSocket } from 'node:tls';
import type { Tap } from './splice.ts';

export interface FirstByte {
  onByte(): void;
  /** The client ended before its first byte and before the upstream's end. */
  onSilence(): void;
}

/** A tap for the splice of the two streams, which sees what `tap` sees and calls one of `first`, once at most. */
export function watchFirstByte(
  tap: Tap,
  streams: { client: TLSSocket; upstream: TLSSocket },
  first: FirstByte,
): Tap {
  const { client, upstream } = streams;
  let isOver = false;
  const onEnd = () => {
    if (isOver) return;
    isOver = true;
    if (!upstream.readableEnded && !upstream.errored) first.onSilence();
  };
  if (client.readableEnded || client.destroyed) onEnd();
  else client.once('end', onEnd).once('close', onEnd);
  return {
    nowUs: () => tap.nowUs(),
    fromClient(chunk, atUs) {
      if (!isOver) {
        isOver = true;
        first.onByte();
      }
      tap.fromClient(chunk, atUs);
    },
    fromServer: (chunk, atUs) => tap.fromServer(chunk, atUs),
    clientEnded: () => tap.clientEnded(),
    serverEnded: () => tap.serverEnded(),
    closed: (failed) => tap.closed(failed),
  };
}
