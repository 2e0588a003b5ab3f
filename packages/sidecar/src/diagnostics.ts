// Diagnostics mode: a dump of the bytes of every captured connection (after decryption, where the sidecar opens TLS) and
// the keys of its TLS connections, in a private folder of bounded size. What it writes is the app's traffic in the clear,
// so the folder must be ours alone. Nothing of it reaches the connections: what cannot be written is lost and counted.
import { chmod, lstat } from 'node:fs/promises';
import { ensureFolder, type Logger } from '@echoplane/runtime';
import type { ConnectionFacts, ConnectionTap } from './capture.ts';
import { fileHeader, PacketConversation, type PacketEnd } from './diagnostics-packets.ts';
import { FileRing, type RingOptions } from './diagnostics-ring.ts';
import type { Metrics } from './metrics.ts';

export interface DiagnosticsOptions {
  folder: string;
  /** Of everything in the folder. */
  limitBytes: number;
  metrics: Pick<Metrics, 'count'>;
}

export interface Diagnostics {
  /** A tap that does what `tap` does and dumps what it sees. */
  diagnose(tap: ConnectionTap, facts: ConnectionFacts): ConnectionTap;
  /** Takes a line of a TLS key log, as the `keylog` event of a TLS socket gives it. */
  onKeyLine(line: Buffer): void;
  /** Writes what is queued. */
  close(): Promise<void>;
}

const MAX_WAITING_BYTES = 64 << 10;
const PRIVATE = 0o700;
const DUMP_FILES = 14;
const KEY_FILES = 2;
/** The dumps and the key logs together: each file is one of so many equal parts of the limit. */
const PARTS = DUMP_FILES + KEY_FILES;

/** Prepares the folder. Null, with a line in the log, when it cannot be used: the app's traffic does not depend on it. */
export async function openDiagnostics(
  options: DiagnosticsOptions,
  log: Pick<Logger, 'warn'>,
): Promise<Diagnostics | null> {
  const { folder, limitBytes, metrics } = options;
  const part = {
    folder,
    fileBytes: Math.floor(limitBytes / PARTS),
    onLoss: (reason: string) => metrics.count('diagnostics_lost', reason),
  };
  const dumpOptions: RingOptions = {
    ...part,
    prefix: 'dump',
    ending: 'pcapng',
    files: DUMP_FILES,
    header: fileHeader(),
  };
  const keyOptions: RingOptions = {
    ...part,
    prefix: 'keys',
    ending: 'log',
    files: KEY_FILES,
    header: Buffer.alloc(0),
  };
  try {
    await makePrivate(folder);
    const [dump, keys] = [await FileRing.open(dumpOptions), await FileRing.open(keyOptions)];
    log.warn({ folder }, 'diagnostics mode: traffic and TLS keys are written in the clear');
    return {
      diagnose: (tap, facts) => new DumpedTap(tap, facts, dump),
      onKeyLine: (line) => keys.append([Buffer.from(line)]),
      close: async () => void (await Promise.all([dump.close(), keys.close()])),
    };
  } catch (err) {
    log.warn({ err, folder }, 'diagnostics mode is off: its folder cannot be used');
    return null;
  }
}

/** Makes the folder ours alone; one that belongs to somebody else, or is a link, is refused. */
async function makePrivate(folder: string): Promise<void> {
  await ensureFolder(folder);
  const found = await lstat(folder);
  if (!found.isDirectory() || found.uid !== process.getuid!())
    throw new Error(`${folder} is not a folder of this user.`);
  await chmod(folder, PRIVATE);
}

/** What is to be written of a connection, once its packets can be addressed. */
type Event = (conversation: PacketConversation) => Buffer[];

class DumpedTap implements ConnectionTap {
  readonly #tap: ConnectionTap;
  readonly #facts: ConnectionFacts;
  readonly #dump: FileRing;
  readonly #wasTls: boolean;
  #server: PacketEnd;
  #conversation: PacketConversation | null = null;
  #waiting: Event[] = [];
  #waitingBytes = 0;
  #firstUs = 0;

  constructor(tap: ConnectionTap, facts: ConnectionFacts, dump: FileRing) {
    this.#tap = tap;
    this.#facts = facts;
    this.#dump = dump;
    this.#wasTls = facts.tls !== null && facts.opaque === undefined;
    this.#server = facts.server;
  }

  get isQuiet(): boolean {
    return this.#tap.isQuiet;
  }

  nowUs(): number {
    return this.#tap.nowUs();
  }

  connected(ip: string | undefined, port: number | undefined): void {
    this.#server = { ip: ip ?? '', port: port ?? this.#server.port };
    if (this.#waiting.length > 0) this.#begin();
    this.#tap.connected(ip, port);
  }

  connectFailed(): void {
    this.#tap.connectFailed();
  }

  fromClient(chunk: Buffer, atUs: number): void {
    this.#data('client', chunk, atUs);
    this.#tap.fromClient(chunk, atUs);
  }

  fromServer(chunk: Buffer, atUs: number): void {
    this.#data('server', chunk, atUs);
    this.#tap.fromServer(chunk, atUs);
  }

  clientEnded(): void {
    const atUs = this.nowUs();
    this.#note((conversation) => conversation.end('client', atUs), 0, atUs);
    this.#tap.clientEnded();
  }

  serverEnded(): void {
    const atUs = this.nowUs();
    this.#note((conversation) => conversation.end('server', atUs), 0, atUs);
    this.#tap.serverEnded();
  }

  closed(failed: boolean): void {
    const atUs = this.nowUs();
    if (failed) this.#note((conversation) => conversation.reset(atUs), 0, atUs);
    if (this.#waiting.length > 0) this.#begin();
    this.#tap.closed(failed);
  }

  #data(from: 'client' | 'server', chunk: Buffer, atUs: number): void {
    const bytes = this.#conversation ? chunk : Buffer.from(chunk);
    this.#note((conversation) => conversation.data(from, bytes, atUs), bytes.length, atUs);
  }

  /** A client may send before its server is dialled: that waits for the address, up to a bound. */
  #note(event: Event, sizeBytes: number, atUs: number): void {
    if (this.#conversation) {
      this.#dump.append(event(this.#conversation));
      return;
    }
    if (this.#waiting.length === 0) this.#firstUs = atUs;
    this.#waiting.push(event);
    this.#waitingBytes += sizeBytes;
    if (this.#server.ip !== '' || this.#waitingBytes > MAX_WAITING_BYTES) this.#begin();
  }

  #begin(): void {
    const side = this.#facts.direction === 'IN' ? 'inbound' : 'outbound';
    const on = this.#wasTls ? (`${side}, decrypted` as const) : side;
    const conversation = new PacketConversation(on, this.#facts.client, this.#server);
    this.#conversation = conversation;
    this.#dump.append(conversation.open(this.#firstUs));
    for (const event of this.#waiting) this.#dump.append(event(conversation));
    this.#waiting = [];
  }
}
