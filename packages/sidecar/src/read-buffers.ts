// The memory that sockets read into. Every connection reads into one shared buffer, and its bytes are copied out at once
// into a scratch buffer, the one used last, so that both stay in the processor's cache; an idle connection costs no buffer.
// A direction that moves bulk has large buffers of its own. Their sum has a bound: at it chunks are copied into memory of
// the collector's. It knows no sockets.
import { BufferPool } from '@echoplane/wire';

/** The shared buffer and a scratch buffer. */
export const SCRATCH_BYTES = 64 << 10;
/** A buffer of a direction that moves bulk. */
export const BULK_BYTES = 256 << 10;
const DEFAULT_LIMIT_BYTES = 64 << 20;

/** The read buffers of one process. */
export class ReadBuffers extends BufferPool {
  /** Read into by every direction without buffers of its own: valid until the next read of any socket. */
  readonly shared = Buffer.allocUnsafeSlow(SCRATCH_BYTES);

  constructor(limitBytes = DEFAULT_LIMIT_BYTES) {
    super(limitBytes, [SCRATCH_BYTES, BULK_BYTES]);
  }

  /** Bytes of all buffers that exist, the shared one with them. */
  override get bytes(): number {
    return super.bytes + this.shared.length;
  }
}
