// Ships captured pairs to the forwarder over one connection at a time, for sidecar, generator and responder. The
// app comes first: offering a pair never throws or waits, memory is bounded whatever the other side does, and what is
// lost is counted. Batches are sent again after a reconnect, unchanged, until they are acknowledged.
//
//   connecting ─▶ greeting (Hello sent) ─▶ open (Welcome came) ─▶ over ─▶ wait ─▶ connecting …
import type { Socket } from 'node:net';
import {
  CAPTURE_PREFACE,
  CAPTURE_STREAM_VERSION,
  type CaptureCounters,
  type CapturedPair,
  CaptureFrameDecoder,
  type CaptureMessage,
  type EncodablePair,
  encodablePair,
  encodeCaptureFrame,
  type Hello,
  type PassThroughHost,
  putChecksum,
} from '@echoplane/wire';
import { backoffMs } from './backoff.ts';
import { CaptureQueue, type OutgoingBatch } from './capture-queue.ts';
import { type CaptureTls, CaptureTransport } from './capture-transport.ts';
import { type Clock, newId } from './clock.ts';
import type { Logger } from './log.ts';
import { TokenFile } from './token-file.ts';

export interface CaptureSenderOptions {
  host: string;
  port: number;
  /** With it the stream is TLS, without it plain TCP. */
  tls?: CaptureTls | undefined;
  /** Holds the service-account token that Hello carries; read anew for every connection. */
  tokenFile?: string | undefined;
  hello: Omit<Hello, 'version' | 'incarnation' | 'token'>;
  log: Logger;
  clock: Clock;
  /** Bound of everything held in memory. */
  queueBytes?: number;
  batchBytes?: number;
  /** How long a pair may wait for company in its batch. */
  batchDelayMs?: number;
  /** A connection on which nothing is acknowledged for this long, though something is due, is given up. */
  stallMs?: number;
}

/** A list of hosts whose TLS passes through, as the sidecar keeps it. */
export interface PassThroughShare {
  /** What was learned here and still holds, up to 1,000 hosts. */
  learned(): readonly PassThroughHost[];
  /** What another sidecar learned, possibly again; it must judge what it is given. */
  learn(host: PassThroughHost): void;
}

/** One connection; `window` is null until Welcome. `sent` is the last batch written on it, `inFlight` the bytes of those not acknowledged. */
interface Link {
  socket: Socket;
  window: number | null;
  sent: number;
  inFlight: number;
  isUnchecked: boolean;
  progressUs: number;
  refused: boolean;
}

const DEFAULTS = { queueBytes: 32 << 20, batchBytes: 256 << 10, batchDelayMs: 50, stallMs: 30_000 };
/** Bytes handed to the socket and not taken by the kernel; more is pointless while the other side does not read. */
const SOCKET_BYTES = 1 << 20;
/** A tick costs an idle process most of what it costs at all. */
const TICK_MS = 250;
const QUIET_US = 250_000;
const HEARTBEAT_US = 5_000_000;
const RETRY = { firstMs: 100, maxMs: 5_000 };
const RETRY_REFUSED = { firstMs: 5_000, maxMs: 60_000 };
const RETRY_DRAINING_MS = 100;
/** The forwarder could not find out who we are: nothing about us is wrong, so that it is asked again as soon as usual. */
const REFUSED_FOR_NOW = 'identity-unavailable';
/** So many failed attempts in a row are told, once; a restart of the forwarder rarely takes as many. */
const TOLD_ATTEMPTS = 3;

/** The sending end of a capture stream. `run` it, `offer` pairs, `drain` before `close`. */
export class CaptureSender {
  readonly incarnation: string;
  readonly #options: CaptureSenderOptions & typeof DEFAULTS;
  readonly #queue: CaptureQueue;
  readonly #transport: CaptureTransport;
  readonly #token: TokenFile;
  readonly #closing = new AbortController();
  readonly #draining = new AbortController();
  #link: Link | null = null;
  #flushArmed = false;
  #flushDue = false;
  #lastCutUs = 0;
  /** Since the last tick. */
  #hasChanged = false;
  #lastChangeUs = 0;
  /** Failed attempts in a row. */
  #attempts = 0;
  #share: PassThroughShare | null = null;

  constructor(options: CaptureSenderOptions) {
    this.#options = { ...DEFAULTS, ...options };
    this.#queue = new CaptureQueue(this.#options);
    this.#transport = new CaptureTransport(options);
    this.#token = new TokenFile(options.tokenFile, options.log);
    this.incarnation = newId(options.clock.nowUs());
  }

  /** Takes a pair on. Never throws, never waits: at the bound bodies go first, then pairs, both counted. */
  offer(pair: CapturedPair): void {
    this.offerEncodable(encodablePair(pair));
  }

  /** The same for a pair that can write itself; it is done with when this returns. */
  offerEncodable(pair: EncodablePair): void {
    const cutBefore = this.#queue.lastCut;
    this.#queue.offer(pair);
    this.#hasChanged = true;
    if (this.#queue.lastCut !== cutBefore) this.#pump();
    else this.#armFlush();
  }

  /** Counts a pair that was seen and held back on purpose. */
  withhold(reason: string): void {
    this.#queue.withhold(reason);
    this.#hasChanged = true;
  }

  /** Counts a pair that was seen and could not be kept. */
  drop(reason: string): void {
    this.#queue.drop(reason);
    this.#hasChanged = true;
  }

  /** Begins to share hosts whose TLS passes through with the other sidecars of this workload; nothing is kept here. */
  sharePassThrough(share: PassThroughShare): void {
    this.#share = share;
  }

  /** Tells them at once what was just learned; without a connection, `learned` says it after the next Welcome. */
  tellPassThrough(hosts: readonly PassThroughHost[]): void {
    const { socket } = this.#link ?? {};
    if (!socket || !this.isConnected || hosts.length === 0 || socket.writableLength > SOCKET_BYTES) return;
    socket.write(encodeCaptureFrame({ type: 'pass-through', value: { hosts: [...hosts] } }));
  }

  /** Cumulative since the start of this incarnation. */
  counters(): CaptureCounters {
    return this.#queue.counters();
  }

  /** Body bytes given up so that their pairs could be kept. */
  get shedBodyBytes(): number {
    return Object.values(this.#queue.shedBytes).reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The same by reason. */
  get shedBytes(): Readonly<Record<string, number>> {
    return this.#queue.shedBytes;
  }

  /** Everything held in memory, in bytes. */
  get heldBytes(): number {
    return this.#queue.heldBytes;
  }

  /** Whether the forwarder takes batches at this moment. */
  get isConnected(): boolean {
    return this.#link?.window != null;
  }

  /** Connects, sends, reconnects until `signal` aborts or `close()`; to drain at the end, the signal must outlive it. */
  async run(signal: AbortSignal): Promise<void> {
    const over = AbortSignal.any([signal, this.#closing.signal]);
    while (!over.aborted) {
      const link = await this.#connection(over);
      if (over.aborted) return;
      this.#attempts++;
      const retry = link.refused ? RETRY_REFUSED : RETRY;
      await this.#pause(backoffMs(this.#attempts, retry, Math.random()), over);
    }
  }

  /** Sends what is held and, last, the final counters; resolves when all is acknowledged or the deadline has passed. */
  async drain(deadlineMs: number): Promise<{ delivered: number; undelivered: number }> {
    const { clock } = this.#options;
    const deadlineUs = clock.nowUs() + deadlineMs * 1000;
    this.#draining.abort();
    while (!this.#isSettled() && clock.nowUs() < deadlineUs && !this.#closing.signal.aborted) {
      this.#tick();
      await clock.sleep(10, this.#closing.signal);
    }
    return { delivered: this.#queue.counters().delivered, undelivered: this.#queue.pendingPairs };
  }

  /** Ends `run` at once; what was not acknowledged is lost, so `drain` first. */
  close(): void {
    this.#closing.abort();
  }

  #isSettled(): boolean {
    return this.#queue.isDry && !this.#queue.hasNews;
  }

  /** Waits between attempts; the start of a drain cuts the wait short. */
  async #pause(ms: number, over: AbortSignal): Promise<void> {
    const { clock } = this.#options;
    if (!this.#draining.signal.aborted)
      return clock.sleep(ms, AbortSignal.any([over, this.#draining.signal]));
    await clock.sleep(Math.min(ms, RETRY_DRAINING_MS), over);
  }

  /** One connection from dial to end. */
  async #connection(over: AbortSignal): Promise<Link> {
    const { host, port, clock, log } = this.#options;
    const socket = this.#transport.connect(() => this.#greet(socket));
    const link: Link = {
      socket,
      window: null,
      sent: 0,
      inFlight: 0,
      isUnchecked: false,
      progressUs: clock.nowUs(),
      refused: false,
    };
    this.#link = link;
    const decoder = new CaptureFrameDecoder({ preface: false });
    socket.on('drain', () => this.#pump());
    socket.on('data', (chunk) => {
      try {
        for (const message of decoder.feed(chunk)) this.#receive(link, message);
      } catch (err) {
        socket.destroy(err as Error);
      }
    });
    let failure: unknown = null;
    socket.on('error', (err) => {
      failure = err;
    });
    const ended = new AbortController();
    socket.on('end', () => socket.destroy()).on('close', () => ended.abort());
    const stop = () => socket.destroy();
    over.addEventListener('abort', stop, { once: true });
    if (over.aborted) stop();
    while (!ended.signal.aborted) {
      await clock.sleep(TICK_MS, ended.signal);
      this.#tick();
    }
    over.removeEventListener('abort', stop);
    this.#link = null;
    if (over.aborted || link.refused) return link;
    if (this.#attempts + 1 === TOLD_ATTEMPTS && !this.#transport.hasAdvised)
      log.warn({ err: failure, host, port }, 'no forwarder takes the capture stream; it is tried again');
    else log.debug({ err: failure, host, port }, 'the capture stream is interrupted');
    return link;
  }

  #greet(socket: Socket): void {
    const { hello } = this.#options;
    const token = this.#token.read();
    const names = { ...hello, version: CAPTURE_STREAM_VERSION, incarnation: this.incarnation };
    const value = token === '' ? names : { ...names, token };
    socket.write(Buffer.concat([CAPTURE_PREFACE, encodeCaptureFrame({ type: 'hello', value })]));
  }

  #receive(link: Link, message: CaptureMessage): void {
    const { log, clock } = this.#options;
    link.progressUs = clock.nowUs();
    if (message.type === 'welcome') {
      this.#queue.acknowledge(message.value.lastBatch);
      link.sent = message.value.lastBatch;
      link.window = message.value.windowBytes;
      link.isUnchecked = message.value.unchecked ?? false;
      const wasTold = this.#attempts >= TOLD_ATTEMPTS;
      this.#attempts = 0;
      this.tellPassThrough(this.#share?.learned() ?? []);
      log[wasTold ? 'info' : 'debug'](
        { incarnation: this.incarnation, lastBatch: link.sent },
        'the capture stream is open',
      );
    } else if (message.type === 'ack') {
      this.#acknowledge(link, message.value.batch);
      this.#hasChanged = true;
    } else if (message.type === 'pass-through') {
      for (const host of message.value.hosts) this.#share?.learn(host);
    } else if (message.type === 'refusal') {
      link.refused = message.value.code !== REFUSED_FOR_NOW;
      log.warn(
        { code: message.value.code, reason: message.value.message },
        'the forwarder refused the capture stream',
      );
      link.socket.destroy();
      return;
    }
    this.#pump();
  }

  #armFlush(): void {
    if (this.#flushArmed) return;
    this.#flushArmed = true;
    const flush = () => {
      this.#flushArmed = false;
      this.#flushDue = true;
      this.#pump();
    };
    setTimeout(flush, this.#options.batchDelayMs).unref();
  }

  #acknowledge(link: Link, batch: number): void {
    for (let due = this.#queue.after(0); due && due.seq <= batch; due = this.#queue.after(due.seq))
      if (due.seq <= link.sent) link.inFlight -= due.frame.length;
    this.#queue.acknowledge(batch);
  }

  /** Writes what may be written now: batches due on this connection, then the one being filled, inside the window. */
  #pump(): void {
    const link = this.#link;
    if (!link || link.window === null || link.socket.destroyed) return;
    for (let due = this.#queue.after(link.sent); due; due = this.#queue.after(link.sent))
      if (!this.#write(link, due)) return;
    if (this.#flushDue && this.#queue.openBytes > 0) {
      if (!this.#hasRoom(link, this.#queue.openBytes)) return;
      this.#cutAndWrite(link);
    }
    this.#flushDue = false;
  }

  /** A batch larger than the window travels alone. */
  #hasRoom(link: Link, bytes: number): boolean {
    const { socket, inFlight, window } = link;
    return socket.writableLength < SOCKET_BYTES && (inFlight === 0 || inFlight + bytes <= window!);
  }

  #write(link: Link, { frame, seq }: OutgoingBatch): boolean {
    if (!this.#hasRoom(link, frame.length)) return false;
    if (link.inFlight === 0) link.progressUs = this.#options.clock.nowUs();
    if (!link.isUnchecked) putChecksum(frame);
    link.socket.write(frame);
    link.inFlight += frame.length;
    link.sent = seq;
    return true;
  }

  #cutAndWrite(link: Link): void {
    this.#lastCutUs = this.#options.clock.nowUs();
    this.#write(link, this.#queue.cut());
  }

  /** What happens by time: counters of an idle sender, and giving up a connection that stalls. */
  #tick(): void {
    const link = this.#link;
    if (!link) return;
    const nowUs = this.#options.clock.nowUs();
    if (this.#hasChanged) this.#lastChangeUs = nowUs;
    this.#hasChanged = false;
    const isDue = link.window === null || this.#queue.isAwaited;
    if (isDue && nowUs - link.progressUs > this.#options.stallMs * 1000) {
      this.#options.log.warn(
        { stallMs: this.#options.stallMs },
        'the forwarder does not answer; connecting again',
      );
      link.socket.destroy();
      return;
    }
    if (this.#draining.signal.aborted) this.#flushDue = true;
    this.#pump();
    if (link.window === null || !this.#queue.isDry) return;
    const quiet = this.#draining.signal.aborted || nowUs - this.#lastChangeUs >= QUIET_US;
    if ((this.#queue.hasNews && quiet) || nowUs - this.#lastCutUs >= HEARTBEAT_US) this.#cutAndWrite(link);
  }
}
