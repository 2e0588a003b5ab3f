// The receiving end of the capture streams: greets, takes each batch once and in order, has streams take turns, and
// acknowledges what is durable. A connection may have so many bytes not yet durable, then it is not read; all together may
// have so many not yet decoded, then the one with the most is ended. It must not know files.
//
// A batch of a stream that is not known may have any number: its sender forgets only what was acknowledged, so an
// unknown past is one that another spool holds.
import type { Server, Socket } from 'node:net';
import { createServer } from 'node:net';
import type { Clock, Logger } from '@echoplane/runtime';
import {
  type Batch,
  CaptureFrameDecoder,
  type CaptureMessage,
  capturedSize,
  encodeCaptureFrame,
  type Hello,
  MAX_CAPTURE_FRAME_BYTES,
  type PassThroughHost,
  type Refusal,
} from '@echoplane/wire';
import { identityOf, type ServerTls } from '../server-tls.ts';
import type { SpoolBatch } from '../spool/frame-buffer.ts';
import type { Ledger, Stream } from '../spool/ledger.ts';
import { BATCH_INFLATE_BYTES } from './decode-pair.ts';
import { FairQueue, type Task } from './fair-queue.ts';
import { objectionTo, objectionToBatch, refusal } from './objections.ts';
import { type PassThroughBook, workloadOf } from './pass-through-book.ts';
import type { Refined, Refinery } from './refinery.ts';
import { senderReport } from './sender-reports.ts';
import { WorkloadCounts } from './workload-counts.ts';

export const WINDOW_BYTES = 4 << 20;
/** NDJSON in memory over all connections; above it none is read. */
const MAX_PENDING_BYTES = 64 << 20;
/** Batches that wait for their turn, over all connections; what is beyond stays in the kernel, where it is no garbage. */
const MAX_QUEUED_BYTES = 1 << 20;
const MAX_CONNECTIONS = 1_000;
/** What a batch takes beside its pairs, so that empty ones are bounded too. */
const BATCH_BYTES = 2_000;
/** Parts of frames in memory over all connections. */
const MAX_UNDECODED_BYTES = 64 << 20;
/** A stranger gets room for a Hello, not for a batch. */
const MAX_HELLO_BYTES = 16 << 10;
/** From connecting to Hello, however busy the connection looks. */
const HELLO_DEADLINE_MS = 10_000;
/** Senders say something every five seconds. */
const SILENCE_TIMEOUT_MS = 60_000;
/** A peer that does not take what it is told is not there. */
const MAX_UNSENT_BYTES = 1 << 20;

/** The sender of a Hello: its names as they hold, and how it is called in log and status. */
export interface Sender {
  hello: Hello;
  identity: string | null;
}

/** Finds out who sends, or why it may not. Never rejects. */
export type Identify = (hello: Hello, address: string) => Promise<Sender | Refusal>;

export interface IntakeOptions {
  ledger: Ledger;
  refinery: Pick<Refinery, 'refine' | 'ruleVersion'>;
  /** Where batches go that are done. */
  spool: { add(batch: SpoolBatch): void; pending(): number };
  /** What sidecars of a workload tell each other. */
  passThrough: PassThroughBook;
  /** Null: plain TCP. */
  tls: ServerTls | null;
  /** Asks who sends, by the token in Hello; null: Hello is believed, and a certificate names its sender. */
  identify: Identify | null;
  clock: Clock;
  log: Logger;
}

interface Connection {
  socket: Socket;
  decoder: CaptureFrameDecoder;
  /** Aborts when Hello came or the connection is gone. */
  greeting: AbortController;
  hello: Hello | null;
  /** Hello came, and who said it is being asked. */
  isAsking: boolean;
  stream: Stream | null;
  /** Batches not yet durable, with their sizes. */
  pending: { seq: number; bytes: number }[];
  pendingBytes: number;
  /** What its decoder held when it was last read. */
  undecodedBytes: number;
}

/** A batch that was taken on. */
interface Taken {
  stream: Stream;
  hello: Hello;
  batch: Batch;
  bytes: number;
}

/** For what waits in the last moments. The rest is not acknowledged, so it comes again. */
const LAST_WORK_MS = 1_000;

export class Intake {
  readonly server: Server;
  readonly workloads = new WorkloadCounts();
  readonly #options: IntakeOptions;
  readonly #connections = new Set<Connection>();
  /** The newest connection of each incarnation. */
  readonly #current = new Map<string, Connection>();
  readonly #queue = new FairQueue(() => this.#paceAll());
  #undecodedBytes = 0;

  constructor(options: IntakeOptions) {
    this.#options = options;
    const accept = (socket: Socket) => this.#accept(socket);
    this.server = options.tls?.createServer(accept) ?? createServer({ noDelay: true }, accept);
    this.server.maxConnections = MAX_CONNECTIONS;
  }

  /** To be told when batches of these streams became durable. */
  durable(incarnations: readonly string[]): void {
    for (const incarnation of incarnations) {
      const connection = this.#current.get(incarnation);
      if (connection?.stream) this.#acknowledge(connection, connection.stream.durable);
    }
    this.#paceAll();
  }

  /** Bytes of batches that wait for their turn. */
  get queuedBytes(): number {
    return this.#queue.bytes;
  }

  /** No further connection, no further byte; what was taken on can still be acknowledged. */
  stop(): void {
    this.server.close();
    for (const { socket } of this.#connections) socket.pause();
    this.#queue.drain(LAST_WORK_MS);
  }

  /** Ends every connection. */
  close(): void {
    for (const { socket } of this.#connections) socket.destroySoon();
  }

  #accept(socket: Socket): void {
    const decoder = new CaptureFrameDecoder({
      preface: true,
      maxFrameBytes: MAX_HELLO_BYTES,
      unchecked: true,
    });
    const greeting = new AbortController();
    const connection: Connection = {
      ...{ socket, decoder, greeting, hello: null, isAsking: false, stream: null },
      ...{ pending: [], pendingBytes: 0, undecodedBytes: 0 },
    };
    this.#connections.add(connection);
    void this.#awaitHello(connection);
    socket.setTimeout(SILENCE_TIMEOUT_MS);
    socket.on('data', (chunk) => this.#read(connection, chunk));
    socket.on('timeout', () => {
      if (!socket.isPaused()) socket.destroy();
    });
    socket.on('error', (err) => this.#options.log.debug({ err }, 'a capture connection broke'));
    socket.on('close', () => this.#drop(connection));
  }

  async #awaitHello({ socket, greeting }: Connection): Promise<void> {
    await this.#options.clock.sleep(HELLO_DEADLINE_MS, greeting.signal);
    if (!greeting.signal.aborted) socket.destroy();
  }

  #drop(connection: Connection): void {
    const { stream, greeting } = connection;
    greeting.abort();
    this.#connections.delete(connection);
    this.#holdUndecoded(connection, 0);
    if (!stream || this.#current.get(stream.incarnation) !== connection) return;
    this.#current.delete(stream.incarnation);
    stream.connected = false;
    stream.seenUs = this.#options.clock.nowUs();
  }

  #read(connection: Connection, chunk: Buffer): void {
    const { socket, decoder } = connection;
    if (socket.destroyed || socket.writableEnded) return;
    try {
      for (const message of decoder.feed(chunk)) {
        this.#receive(connection, message);
        if (socket.destroyed || socket.writableEnded) return;
      }
      this.#holdUndecoded(connection, decoder.heldBytes);
      this.#pace(connection);
    } catch (err) {
      this.#options.log.warn(
        { err, incarnation: connection.hello?.incarnation },
        'a capture stream is damaged',
      );
      socket.destroy();
    }
  }

  /** When all together hold too much, ends the one that holds the most: an honest sender's frames are small. */
  #holdUndecoded(connection: Connection, bytes: number): void {
    this.#undecodedBytes += bytes - connection.undecodedBytes;
    connection.undecodedBytes = bytes;
    if (this.#undecodedBytes <= MAX_UNDECODED_BYTES) return;
    const largest = [...this.#connections].reduce((a, b) => (b.undecodedBytes > a.undecodedBytes ? b : a));
    const { hello, undecodedBytes } = largest;
    this.#options.log.warn(
      { incarnation: hello?.incarnation, undecodedBytes },
      'unfinished frames take too much memory; the largest is given up',
    );
    largest.socket.destroy();
    this.#drop(largest);
  }

  #receive(connection: Connection, message: CaptureMessage): void {
    if (message.type === 'hello') this.#greet(connection, message.value);
    else if (message.type === 'batch') this.#take(connection, message.value);
    else if (message.type === 'pass-through') this.#share(connection, message.value.hosts);
  }

  #greet(connection: Connection, hello: Hello): void {
    const { identify } = this.#options;
    const { socket } = connection;
    const isFirst = connection.stream === null && !connection.isAsking;
    const objection = isFirst ? objectionTo(hello) : refusal('bad-hello', 'A stream has one Hello.');
    if (objection) this.#refuse(connection, objection);
    else if (!identify) this.#admit(connection, { hello: tokenless(hello), identity: identityOf(socket) });
    else {
      connection.isAsking = true;
      void identify(hello, socket.remoteAddress ?? '').then((sender) => {
        connection.isAsking = false;
        if (socket.destroyed || socket.writableEnded || !this.server.listening) return;
        if ('code' in sender) this.#refuse(connection, sender);
        else this.#admit(connection, sender);
      });
    }
  }

  #admit(connection: Connection, { hello, identity }: Sender): void {
    const { ledger, clock, identify } = this.#options;
    const stream = ledger.open(hello, clock.nowUs());
    if (!stream) {
      const full = refusal('too-many-streams', 'This forwarder serves as many streams as it can.');
      this.#refuse(connection, full);
    } else if (identify && stream.identity !== null && stream.identity !== identity)
      this.#refuse(connection, refusal('bad-hello', 'This incarnation is that of another pod.'));
    else this.#open(connection, stream, { hello, identity });
  }

  #open(connection: Connection, stream: Stream, { hello, identity }: Sender): void {
    const older = this.#current.get(hello.incarnation);
    this.#current.set(hello.incarnation, connection);
    older?.socket.destroy();
    stream.connected = true;
    stream.identity = identity;
    Object.assign(connection, { hello, stream });
    this.workloads.heard(hello, this.#options.clock.nowUs());
    connection.greeting.abort();
    connection.decoder.maxFrameBytes = MAX_CAPTURE_FRAME_BYTES;
    const value = { lastBatch: stream.durable, windowBytes: WINDOW_BYTES, unchecked: true };
    this.#say(connection, { type: 'welcome', value });
    this.#tell(connection, this.#options.passThrough.hostsOf(workloadOf(hello)));
    const { incarnation, workload, pod } = hello;
    this.#options.log.info({ incarnation, workload, pod, identity }, 'a capture stream is open');
  }

  /** What is new goes to the other sidecars of the workload. */
  #share({ hello }: Connection, hosts: PassThroughHost[]): void {
    if (hello?.hop !== 'sidecar') return;
    const workload = workloadOf(hello);
    const fresh = this.#options.passThrough.learn(workload, hosts);
    if (fresh.length === 0) return;
    for (const other of this.#current.values()) {
      if (other.hello !== hello && other.hello && workloadOf(other.hello) === workload)
        this.#tell(other, fresh);
    }
  }

  #tell(connection: Connection, hosts: PassThroughHost[]): void {
    if (hosts.length === 0 || connection.hello?.hop !== 'sidecar') return;
    this.#say(connection, { type: 'pass-through', value: { hosts } });
  }

  #take(connection: Connection, batch: Batch): void {
    const { stream, hello } = connection;
    const objection = stream
      ? objectionToBatch(batch, stream.accepted)
      : refusal('no-hello', 'A stream begins with Hello.');
    if (!stream || !hello || objection) {
      this.#refuse(connection, objection!);
      return;
    }
    if (batch.seq <= stream.durable) {
      this.#acknowledge(connection, stream.durable);
      return;
    }
    const bytes = batch.pairs.reduce((sum, pair) => sum + capturedSize(pair), BATCH_BYTES);
    connection.pending.push({ seq: batch.seq, bytes });
    connection.pendingBytes += bytes;
    // A batch that came before and is not durable yet is acknowledged with it.
    if (stream.accepted !== null && batch.seq <= stream.accepted) return;
    stream.accepted = batch.seq;
    this.#queue.add(stream.incarnation, this.#task({ stream, hello, batch, bytes }));
  }

  /** A batch worked off a few pairs at a time; whole, it goes to the spool. */
  #task({ stream, hello, batch: { seq, pairs: captured, counters }, bytes }: Taken): Task {
    const { refinery, spool, clock } = this.#options;
    // Now: what a sender says beside sound counters is not kept.
    const report = senderReport(hello, counters);
    const refined: Refined[] = [];
    const budget = { leftBytes: BATCH_INFLATE_BYTES };
    let at = 0;
    const step = (pairs: number, untilMs: number) => {
      const arrival = { from: hello, nowUs: clock.nowUs() };
      for (const end = Math.min(at + pairs, captured.length); at < end; ) {
        const one = refinery.refine(captured[at++]!, arrival, budget);
        if (one) refined.push(one);
        if (performance.now() >= untilMs) break;
      }
      if (at < captured.length) return false;
      const undecodable = captured.length - refined.length;
      spool.add({ stream, seq, report, refined, undecodable, ruleVersion: refinery.ruleVersion });
      for (const { fate, pair } of refined) {
        tally(stream.outcomes, fate, 1);
        this.workloads.count(hello, pair.direction);
      }
      tally(stream.outcomes, 'undecodable', undecodable);
      return true;
    };
    return { bytes, step };
  }

  #acknowledge(connection: Connection, seq: number): void {
    const { pending } = connection;
    while (pending.length > 0 && pending[0]!.seq <= seq) connection.pendingBytes -= pending.shift()!.bytes;
    this.#say(connection, { type: 'ack', value: { batch: seq } });
  }

  #say({ socket }: Connection, message: CaptureMessage): void {
    if (socket.destroyed || socket.writableEnded) return;
    socket.write(encodeCaptureFrame(message));
    if (socket.writableLength > MAX_UNSENT_BYTES) socket.destroy();
  }

  #paceAll(): void {
    for (const connection of this.#connections) this.#pace(connection);
  }

  /**
   * Reads on, or not, by what is not yet durable; a frame larger than the window is read when nothing else is pending. Half
   * of the room is for senders that have nothing pending: those with full windows cannot keep them out.
   */
  #pace(connection: Connection): void {
    const { socket, decoder, pendingBytes } = connection;
    const isOverWindow = pendingBytes > 0 && pendingBytes + decoder.heldBytes > WINDOW_BYTES;
    const isBusy = this.#queue.bytes > MAX_QUEUED_BYTES / (pendingBytes > 0 ? 2 : 1);
    const isFull = isOverWindow || isBusy || this.#options.spool.pending() > MAX_PENDING_BYTES;
    if (isFull) socket.pause();
    else if (socket.isPaused() && this.server.listening) socket.resume();
  }

  #refuse(connection: Connection, value: Refusal): void {
    this.#options.log.warn(
      { ...value, incarnation: connection.hello?.incarnation },
      'a capture stream was refused',
    );
    connection.socket.end(encodeCaptureFrame({ type: 'refusal', value }));
  }
}

function tally(counts: Record<string, number>, key: string, pairs: number): void {
  if (pairs > 0) counts[key] = (counts[key] ?? 0) + pairs;
}

/** Without the token, which goes no further. */
function tokenless({ token: _, ...hello }: Hello): Hello {
  return hello;
}
