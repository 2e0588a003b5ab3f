// Live values, in the two spaces a redacted recording has: as the service knows them, to fill requests with, and as a
// recording would hold them, to compare answers in. Without the recording's key there is one space. It must not know
// connections.
import { type CompareRules, compareTest, type LiveTimes, LiveValues } from '@echoplane/replay';
import { type Redactor, redactAnswer } from '@echoplane/rules';
import { type Difference, type HttpResponse, settleBody, type Test } from '@echoplane/traffic';

/** What one virtual user, or a whole run, knows of live values. */
export interface UserValues {
  /** To fill requests with. */
  readonly live: LiveValues;
  /** To compare answers in; the same as `live` without a key. */
  readonly compared: LiveValues;
}

export class LiveSpace {
  readonly #tokens: ReadonlyMap<string, string>;
  readonly #redactor: Redactor | null;
  readonly #named: { liveHost?: string };

  /**
   * `tokens`: recorded values by id; `redactor`: redacts as the recording was, null without its key; `liveHost`: what stands
   * in the Host header instead of the recorded one, null when that stays.
   */
  constructor(
    tokens: ReadonlyMap<string, string>,
    { redactor, liveHost }: { redactor: Redactor | null; liveHost: string | null },
  ) {
    this.#tokens = tokens;
    this.#redactor = redactor;
    this.#named = liveHost === null ? {} : { liveHost };
  }

  get isRedacted(): boolean {
    return this.#redactor !== null;
  }

  /** Nothing known yet, but what the parent knows. */
  newValues(parent?: UserValues): UserValues {
    const live = new LiveValues(this.#tokens, parent?.live, this.#named);
    const compared = this.#redactor ? new LiveValues(this.#tokens, parent?.compared, this.#named) : live;
    return { live, compared };
  }

  /**
   * Compares an answer, in the recording's space, and learns from it, in both, what later requests and answers need.
   * What is learned is found by comparing: without the key once, with it in either space. `isEqual`: every leaf is as it was.
   */
  compare(
    test: Test,
    answer: HttpResponse,
    { values, ...asked }: { values: UserValues; times: LiveTimes; rules: CompareRules },
  ): { compared: HttpResponse; differences: Difference[]; isEqual: boolean } {
    // Who redacts, or reads single leaves, asks for JSON as such; comparing reads it from the text itself.
    if (this.#redactor || test.produces.length > 0) settleBody(answer.body);
    const compared = this.#redactor ? redactAnswer(this.#redactor, test, answer) : answer;
    const { differences, volatile, leaves } = compareTest(test, compared, {
      ...asked,
      values: values.compared,
    });
    const isEqual = differences.length === 0 && volatile.length === 0 && leaves.time === 0;
    values.compared.learn(test, compared);
    if (this.#redactor) {
      compareTest(test, answer, { ...asked, values: values.live });
      values.live.learn(test, answer);
    }
    return { compared, differences, isEqual };
  }

  /** Notes when a test was run whose answer needed no comparing: times in later answers are judged by it. */
  note(test: Test, values: UserValues, { requestUs, endUs }: LiveTimes): void {
    const { ts, durationUs } = test;
    if (ts === undefined) return;
    const exchange = { fromUs: ts, toUs: ts + durationUs, liveFromUs: requestUs, liveToUs: endUs };
    for (const known of new Set([values.compared, values.live])) {
      known.noteExchange(exchange);
      known.noteMade(test, exchange);
    }
  }
}
