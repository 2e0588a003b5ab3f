// What a connection speaks, by the first bytes of both ends, which are kept until that is known: up to 32 of the client. A
// server that speaks before its client does is not decoded, except where its bytes are the settings of HTTP/2: those need
// not wait for the client's preface (RFC 9113 section 3.4). Pure.
import { type DetectedProtocol, detectProtocol } from '@echoplane/wire';

const NOTHING = Buffer.alloc(0);
const FRAME_HEADER_BYTES = 9;
const SETTINGS = 4;
/** Kept of a server before its client has spoken: settings, a window, and room. */
const MAX_SERVER_BYTES = 1_024;

/** The beginning of one connection. */
export class Detection {
  clientBytes: Buffer = NOTHING;
  serverBytes: Buffer = NOTHING;

  /** The client's next bytes. */
  client(chunk: Buffer): DetectedProtocol | 'server-first' {
    this.clientBytes = joined(this.clientBytes, chunk);
    const protocol = detectProtocol(this.clientBytes);
    const isLate = this.serverBytes.length > 0 && protocol !== 'http2' && protocol !== 'need-more';
    return isLate ? 'server-first' : protocol;
  }

  /** The server's next bytes, while it is not known what the client speaks. */
  server(chunk: Buffer): 'need-more' | 'server-first' {
    this.serverBytes = joined(this.serverBytes, chunk);
    const isBearable = maySettings(this.serverBytes) && this.serverBytes.length <= MAX_SERVER_BYTES;
    return isBearable ? 'need-more' : 'server-first';
  }

  /** Why a connection that ended meanwhile was not decoded; null: nobody said anything. */
  get unknown(): 'server-first' | 'unknown-protocol' | null {
    if (this.serverBytes.length > 0) return 'server-first';
    return this.clientBytes.length > 0 ? 'unknown-protocol' : null;
  }

  /** Keeps nothing any more. */
  clear(): void {
    this.clientBytes = this.serverBytes = NOTHING;
  }
}

/** Whether it begins like a frame of settings that acknowledges nothing: less than 64 KiB, of the connection. */
function maySettings(bytes: Buffer): boolean {
  const header = bytes.subarray(0, FRAME_HEADER_BYTES);
  return header.every((byte, at) => at === 1 || at === 2 || byte === (at === 3 ? SETTINGS : 0));
}

function joined(before: Buffer, chunk: Buffer): Buffer {
  return before.length === 0 ? Buffer.from(chunk) : Buffer.concat([before, chunk]);
}
