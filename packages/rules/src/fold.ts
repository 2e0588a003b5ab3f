// Folding: of pairs that are all alike only the first of a minute are shipped, and every unusual one; the rest is counted
// and stays in the ring. Alike are pairs of one service, direction, peer, method, endpoint, status and shape of bodies.
//
// What is remembered is bounded; the least recently seen is forgotten first, and what is forgotten counts as new and ships.
// So does everything after a restart. A pair is never folded for want of memory.
import type { RRPair } from '@echoplane/traffic';
import { compileExpression, type Expression } from './filter-language/compile.ts';
import { type ExpressionView, exprViewOf } from './filter-language/view.ts';
import { hashText } from './hash.ts';
import type { FoldRules } from './rules-document.ts';
import { shapeOf } from './shape.ts';

/** Why a pair is shipped, or that it is folded. `never`: folding is off, or it is not for this pair. */
export type FoldReason = 'first' | 'new-shape' | 'error' | 'slow' | 'never' | 'folded';
export interface FoldDecision {
  ship: boolean;
  why: FoldReason;
}

export interface FoldLimits {
  /** Kinds of alike pairs that are remembered, about 100 bytes each. */
  maxKinds: number;
  /** Endpoints whose median is. */
  maxEndpoints: number;
}
const LIMITS: FoldLimits = { maxKinds: 50_000, maxEndpoints: 10_000 };

const MINUTE_US = 60_000_000;
/** Below this many pairs an endpoint's median is not trusted. */
const MEDIAN_WARM_UP = 20;
/** The median's estimate moves by this share towards each pair. */
const MEDIAN_STEP = 0.02;
/** Nothing faster than this is slow, µs. */
const SLOW_FLOOR_US = 1_000;

interface Kind {
  minute: number;
  shipped: number;
}
interface Latency {
  medianUs: number;
  pairs: number;
}

export class Fold {
  readonly rules: FoldRules;
  readonly #never: Expression | null;
  readonly #limits: FoldLimits;
  readonly #kinds = new Map<number, Kind>();
  readonly #latencies = new Map<number, Latency>();

  /** Throws FilterError when `never` is not an expression. */
  constructor(rules: FoldRules, limits: FoldLimits = LIMITS) {
    this.rules = rules;
    this.#never = rules.never === undefined ? null : compileExpression(rules.never);
    this.#limits = limits;
  }

  /** What to do with a pair. `nowUs` bounds its time: a sender whose clock is ahead must not use up minutes to come. */
  decide(pair: RRPair, nowUs: number, view: ExpressionView = exprViewOf(pair)): FoldDecision {
    const why = this.#reason(pair, nowUs, view);
    return { ship: why !== 'folded', why };
  }

  #reason(pair: RRPair, nowUs: number, view: ExpressionView): FoldReason {
    if (!this.rules.enabled || !isFoldable(pair) || this.#never?.test(view)) return 'never';
    const peer = pair.direction === 'OUT' ? view.host : '';
    const endpoint = `${view.service} ${view.direction} ${peer} ${view.method} ${view.endpoint}`;
    const isSlow = this.#isSlow(hashText(endpoint), pair.durationUs);
    const key = hashText(`${endpoint} ${view.status} ${shapeOf(pair)}`);
    const minute = Math.floor(Math.min(pair.ts, nowUs) / MINUTE_US);
    const kind = this.#kinds.get(key);
    remember(this.#kinds, key, kind ?? { minute, shipped: 1 }, this.#limits.maxKinds);
    if (isError(pair, view)) return 'error';
    if (isSlow) return 'slow';
    return kind ? this.#byCount(kind, minute) : 'new-shape';
  }

  /** A pair of a minute gone by, which came late, counts against the current one. */
  #byCount(kind: Kind, minute: number): FoldReason {
    if (minute > kind.minute) {
      kind.minute = minute;
      kind.shipped = 0;
    }
    if (kind.shipped >= this.rules.payloadsPerMinute) return 'folded';
    kind.shipped++;
    return 'first';
  }

  /**
   * Whether a pair is slow for its endpoint, which then learns from it. The median is estimated by steps: each pair moves it
   * a little up or down, whichever side it is on, so that it rests where half are slower; outliers move it no further than others.
   */
  #isSlow(key: number, durationUs: number): boolean {
    const latency = this.#latencies.get(key) ?? { medianUs: Math.max(1, durationUs), pairs: 0 };
    remember(this.#latencies, key, latency, this.#limits.maxEndpoints);
    const { medianUs, pairs } = latency;
    const step = 1 + Math.max(MEDIAN_STEP, 1 / (pairs + 2));
    if (durationUs > medianUs) latency.medianUs = Math.min(durationUs, medianUs * step);
    else if (durationUs < medianUs) latency.medianUs = Math.max(1, durationUs, medianUs / step);
    latency.pairs++;
    return (
      pairs >= MEDIAN_WARM_UP && durationUs > SLOW_FLOOR_US && durationUs > medianUs * this.rules.slowFactor
    );
  }
}

/** Whole requests with their whole responses, of live traffic; the results of a replay must all arrive. */
function isFoldable({ request, response, part, messages, opaque, tags, error }: RRPair): boolean {
  if (tags.replay !== undefined || part || messages || opaque) return false;
  return request !== null && (response !== null || error !== null);
}

function isError(pair: RRPair, view: ExpressionView): boolean {
  return pair.error !== null || view.status >= 500 || view.grpcStatus > 0;
}

/** Puts an entry last, and lets the first go when there are too many. */
function remember<V>(entries: Map<number, V>, key: number, value: V, max: number): void {
  entries.delete(key);
  entries.set(key, value);
  if (entries.size > max) entries.delete(entries.keys().next().value!);
}
