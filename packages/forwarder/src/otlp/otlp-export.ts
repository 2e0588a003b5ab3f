// The second sink: RRPairs as OpenTelemetry logs and spans to a collector of the customer's own, under rules of its own
// when there are any. It is beside the flow: what cannot be exported is dropped and counted here, and neither delays nor
// changes what is stored.
import { type Clock, type Logger, OperatingError, type Sample, type Secret } from '@echoplane/runtime';
import { count, type RRPair } from '@echoplane/traffic';
import { type OtlpCounts, OtlpLine, type OtlpLineOptions } from './otlp-line.ts';
import { type OtlpSignal, otlpItem } from './otlp-records.ts';

/** A filter and redaction of the export's own. */
export interface ExportRules {
  version: string;
  /** Whether the pair is exported. */
  keeps(pair: RRPair): boolean;
  /** Redacts in place. */
  redact(pair: RRPair): void;
}

export interface OtlpExportOptions extends Omit<OtlpLineOptions, 'signal' | 'url' | 'headers'> {
  url: string;
  /** As `parseOtlpHeaders` takes them. */
  headers?: Secret | undefined;
  signals: 'logs' | 'traces' | 'both';
  /** Null: pairs are offered as they were redacted for the store, and all that are stored are exported. */
  rules: ExportRules | null;
  clock: Clock;
  log: Logger;
  /** Longest JSON of a pair in its log record; 0 leaves it out. */
  bodyLimitBytes?: number;
}

const BODY_LIMIT_BYTES = 16 << 10;

export class OtlpExport {
  readonly #rules: ExportRules | null;
  readonly #lines: Map<OtlpSignal, OtlpLine>;
  readonly #url: string;
  readonly #bodyLimitBytes: number;
  readonly #withheld: Record<string, number> = {};

  /** Throws OperatingError when the headers are not what they should be. */
  constructor({ headers, signals, rules, ...options }: OtlpExportOptions) {
    const named = headers ? parseOtlpHeaders(headers.reveal()) : {};
    const wanted: OtlpSignal[] = signals === 'both' ? ['logs', 'traces'] : [signals];
    this.#rules = rules;
    this.#url = options.url;
    this.#bodyLimitBytes = options.bodyLimitBytes ?? BODY_LIMIT_BYTES;
    this.#lines = new Map(
      wanted.map((signal) => [signal, new OtlpLine({ ...options, signal, headers: named })]),
    );
  }

  /** Whether `offer` wants pairs before the store's redaction, because it has its own. */
  get wantsUnredacted(): boolean {
    return this.#rules !== null;
  }

  /** Takes a pair on. Never throws, never waits, does not change the pair. */
  offer(pair: RRPair): void {
    const own = this.#prepared(pair);
    if (own === null) return;
    for (const [signal, line] of this.#lines) {
      try {
        line.offer(otlpItem(signal, own, this.#bodyLimitBytes));
      } catch {
        line.dropUnmade('unencodable');
      }
    }
  }

  /** Sends until `signal` aborts; then it has a last word of two seconds. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([...this.#lines.values()].map((line) => line.run(signal)));
  }

  /** For the status page; the address without user and path, nothing of the headers. */
  status() {
    const lines = [...this.#lines].map(([signal, line]) => [signal, line.counts] as const);
    return {
      collector: new URL(this.#url).origin,
      rules: this.#rules?.version ?? null,
      withheld: { ...this.#withheld },
      signals: Object.fromEntries(lines) as Partial<Record<OtlpSignal, OtlpCounts>>,
    };
  }

  samples(): Sample[] {
    const lines = [...this.#lines].map(([signal, line]) => ({ signal, ...line.counts }));
    const dropped = lines.flatMap(({ signal, dropped }) =>
      Object.entries(dropped).map(([reason, value]) => ({ labels: { signal, reason }, value })),
    );
    const each = (value: (line: (typeof lines)[number]) => number) =>
      lines.map((line) => ({ labels: { signal: line.signal }, value: value(line) }));
    const counter = (name: string, help: string, values: Sample['values']): Sample => ({
      ...{ name: `echoplane_forwarder_otlp_${name}_total`, help, type: 'counter', values },
    });
    const withheld = Object.entries(this.#withheld).map(([reason, value]) => ({ labels: { reason }, value }));
    return [
      counter(
        'offered',
        'Records and spans made for the OTLP collector',
        each(({ offered }) => offered),
      ),
      counter(
        'sent',
        'Records and spans the OTLP collector took',
        each(({ sent }) => sent),
      ),
      counter(
        'rejected',
        'Records and spans it took and rejected',
        each(({ rejected }) => rejected),
      ),
      counter('dropped', 'Records and spans not exported, by reason', dropped),
      counter('withheld', 'RRPairs not exported by the rules of the export', withheld),
      {
        name: 'echoplane_forwarder_otlp_held_bytes',
        help: 'Bytes waiting for the OTLP collector',
        type: 'gauge',
        values: each(({ heldBytes }) => heldBytes),
      },
    ];
  }

  /** The pair as it may leave this way, or null. What its rules cannot judge does not leave. */
  #prepared(pair: RRPair): RRPair | null {
    if (this.#rules === null) return pair;
    try {
      if (!this.#rules.keeps(pair)) {
        count(this.#withheld, 'filtered');
        return null;
      }
      const own = structuredClone(pair);
      this.#rules.redact(own);
      return own;
    } catch {
      count(this.#withheld, 'unredactable');
      return null;
    }
  }
}

/** `name=value,name=value` with values percent-encoded, as in OTEL_EXPORTER_OTLP_HEADERS. Throws OperatingError. */
export function parseOtlpHeaders(text: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const item of text.split(',').filter((one) => one.trim() !== '')) {
    const equals = item.indexOf('=');
    const name = item.slice(0, Math.max(0, equals)).trim().toLowerCase();
    const value = decoded(item.slice(equals + 1).trim());
    if (!/^[!#$%&'*+\-.^_`|~0-9a-z]+$/.test(name) || value === null) {
      const sentence =
        'ECHOPLANE_OTLP_HEADERS is not name=value,name=value with values percent-encoded where they hold , or %.';
      throw new OperatingError('bad_otlp_headers', sentence);
    }
    headers[name] = value;
  }
  return headers;
}

/** Null when it is not percent-encoded well, or holds what a header cannot. */
function decoded(value: string): string | null {
  try {
    const plain = decodeURIComponent(value);
    return /^[\t\x20-\x7e\x80-\xff]*$/.test(plain) ? plain : null;
  } catch {
    return null;
  }
}
