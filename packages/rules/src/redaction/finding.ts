// What the detectors give to those who redact: where in a text a sensitive value stands, and of which kind it is.
import type { SecretKind } from '../rules-document.ts';

export interface Finding {
  /** UTF-16 units, end exclusive. */
  start: number;
  end: number;
  kind: SecretKind;
}

/** One place where sensitive data was seen, for discovery: no value. */
export interface Sighting {
  kind: SecretKind;
  /** As in `RRPair.redactions`: `request.body.user.email`, `request.header.authorization`. */
  path: string;
}

/** A request credential on its way into the vault: the generator gets the value back by its token. */
export interface FoundCredential {
  token: string;
  value: string;
}
