// The forwarder's cluster face as the operator sees it: artifacts of a private store, the sealed vault, the rules in force
// and the releases the control plane wishes here. The calls are in forwarder-link.ts.
import type { DesiredRelease } from '@echoplane/api';
import type { AddressNames, FaceStatus } from '@echoplane/resources';

export interface FaceFile {
  sizeBytes: number | null;
  /** The caller reads it to its end or cancels it. */
  bytes: ReadableStream<Uint8Array>;
}

export interface ForwarderFace {
  /** A file of a snapshot from the customer's store; null when there is none. */
  artifact(prefix: string, name: string, signal?: AbortSignal): Promise<FaceFile | null>;
  /** The vault with recorded credentials, sealed; null when nothing was sealed yet. */
  vault(signal?: AbortSignal): Promise<FaceFile | null>;
  /** The rules document in force. */
  rules(signal?: AbortSignal): Promise<unknown>;
  /** Everything captured so far is made durable and shipped; false when it did not end in time. */
  flush(signal?: AbortSignal): Promise<boolean>;
  status(signal?: AbortSignal): Promise<FaceStatus>;
  /** Says what addresses are called; the forwarder knows it until it restarts. */
  tellNames(names: AddressNames, signal?: AbortSignal): Promise<void>;
  /** What the control plane wishes for each channel; none until it said so. */
  releases(): readonly DesiredRelease[];
}
