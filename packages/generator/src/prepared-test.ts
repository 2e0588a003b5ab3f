// A test made ready to be sent, and what need not be made again when it is sent another time: the bytes of a request in
// which nothing is replaced, and an answer that was found to be right. It must not know connections.
import type { CompareRules } from '@echoplane/replay';
import type { Test } from '@echoplane/traffic';
import type { EndpointLatency } from './latency-book.ts';
import type { ProvenAnswer } from './proven-answer.ts';
import type { Filled } from './request-filler.ts';

export class PreparedTest {
  readonly test: Test;
  readonly rules: CompareRules;
  readonly latency: EndpointLatency;
  /** The same bytes each time: no token, no flow, no credential and no transform changes them. */
  filled: Filled | null = null;
  /** Its recorded request holds tokens of redaction, to be replaced from the vault or missed; null: not yet known. */
  hasCredentials: boolean | null = null;
  /** What its results have in common, encoded; null: not yet. */
  tagBytes: Uint8Array | null = null;
  /** Nothing is learned from its answers. */
  readonly isSilent: boolean;
  proven: ProvenAnswer | null = null;
  /** Of its line, which is about what it takes. */
  readonly sizeBytes: number;

  constructor(test: Test, known: { rules: CompareRules; latency: EndpointLatency; sizeBytes: number }) {
    this.test = test;
    this.rules = known.rules;
    this.latency = known.latency;
    this.sizeBytes = known.sizeBytes;
    this.isSilent = test.produces.length === 0 && !test.links?.some((link) => link.in === 'response');
  }

  /** No live value is put into its request. */
  get isConstant(): boolean {
    const { consumes, links, ownTimes = [] } = this.test;
    return consumes.length === 0 && ownTimes.length === 0 && !links?.some((link) => link.in === 'request');
  }
}
