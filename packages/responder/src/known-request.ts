// What a request that was recognised is answered with, so that the same bytes need not be looked at again. Types only.
import type { Found } from '@echoplane/replay';
import type { Origin } from './channel.ts';

export interface KnownRequest {
  found: Found;
  origin: Origin;
  /** Redacted values of the request, [token, value]: its answer may hold them. */
  minted: readonly (readonly [string, string])[];
}
