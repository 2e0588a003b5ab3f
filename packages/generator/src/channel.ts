// What carries a request to the service under test and brings its answer back, whatever the protocol.
import { header, type StreamMessage, type Test } from '@echoplane/traffic';
import type { ConnectionFacts, Outcome } from './outcome.ts';
import type { ProvenAnswer } from './proven-answer.ts';
import type { RequestBytes } from './request-bytes.ts';

/** A request as it is to be sent. */
export interface SentRequest {
  /** With live values, transforms and credentials in it. */
  readonly request: Test['request'];
  /** As HTTP/1.1 has it; what is under other protocols the record of what was sent. */
  readonly bytes: RequestBytes;
  /** WebSocket tests. */
  readonly talk?: Talk;
}

/** A recorded conversation, of which live values are learned and told while it lasts. */
export interface Talk {
  /** The recorded messages of both sides. */
  readonly messages: readonly StreamMessage[];
  /** A client's message with the live values that are known by now. */
  filled(message: StreamMessage): StreamMessage;
  /** Takes from the server's n-th data message what later requests, and messages, need. */
  heard(n: number, data: Buffer): void;
}

/** A test on its way. */
export interface Outgoing {
  readonly prepared: {
    readonly test: Test /** An answer to it that needs no second look. */;
    readonly proven: ProvenAnswer | null;
  };
  readonly filled: SentRequest;
  /**
   * Told once how it ended, and never before `send` has returned. The bytes of an answer may stand in a buffer that is read
   * into again: they hold until this returns.
   */
  settle(outcome: Outcome): void;
  /** Told at each step of a conversation (see conversation-steps.ts). */
  stepped(): void;
}

export interface Channel {
  readonly facts: ConnectionFacts;
  /** Whether another request can be sent on it. */
  readonly isOpen: boolean;
  /** Requests can be under way on it side by side. */
  readonly isShared: boolean;
  /** Sends a request, which is told how it ended, whatever that is. Its latency counts from `dueUs`, µs. */
  send(outgoing: Outgoing, dueUs: number): void;
  close(): void;
}

/** The protocols that can be replayed. */
export const PROTOCOLS = ['http/1.1', 'http/2', 'grpc', 'websocket'] as const;
export type ReplayedProtocol = (typeof PROTOCOLS)[number];

/** How a test is sent; null when it cannot be. */
export function protocolOf({ protocol = 'http/1.1', messages, request }: Test): ReplayedProtocol | null {
  if (messages !== undefined && protocol !== 'grpc') return 'websocket';
  // One that was refused: what is asked for without an upgrade is another thing.
  const isUpgrade = request.method === 'GET' && /^websocket$/i.test(header(request.headers, 'upgrade') ?? '');
  if (isUpgrade && protocol === 'http/1.1') return 'websocket';
  if (protocol === 'http/1.0') return 'http/1.1';
  const known = PROTOCOLS.find((name) => name === protocol);
  return known === 'websocket' && request.method !== 'GET' ? null : (known ?? null);
}
