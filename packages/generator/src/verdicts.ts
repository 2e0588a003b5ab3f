// The generator's own assertions: each answer against the recorded one, as it comes in, so that counts are exact although
// not every result is kept. An answer of a redacted recording whose key is not known cannot be judged here; then nothing is
// counted, and the report judges from the results.
import { type LiveTimes, messageDifferences } from '@echoplane/replay';
import { restoreText } from '@echoplane/rules';
import {
  bodyBytes,
  type Difference,
  type GeneratorRun,
  type HttpResponse,
  storeBody,
  type Test,
} from '@echoplane/traffic';
import type { StreamMessage as SeenMessage } from '@echoplane/wire';
import type { LiveSpace, UserValues } from './live-space.ts';

type CompareOptions = Parameters<LiveSpace['compare']>[2];

/** `unjudged`: it differs only where the recording is redacted, and its key is not known. */
export type Verdict = 'passed' | 'failed' | 'unjudged';

/** What was found of one answer; `isSame`: it passed, and is the recorded one but for its Date. */
export interface Judged {
  verdict: Verdict;
  isSame: boolean;
}

/** A live answer; `messages`: what followed on a WebSocket. */
export interface LiveAnswer {
  answer: HttpResponse;
  messages?: readonly SeenMessage[] | undefined;
  /** The user's own expectations hold. */
  isExpected: boolean;
}

export class Verdicts {
  readonly #space: LiveSpace;
  readonly #counts = { passed: 0, failed: 0, headless: 0 };
  #unjudged = 0;

  constructor(space: LiveSpace) {
    this.#space = space;
  }

  /** The exact counts; undefined when there was an answer that could not be judged. */
  get asserted(): GeneratorRun['asserted'] {
    return this.#unjudged > 0 ? undefined : { ...this.#counts };
  }

  /** Compares an answer, and learns from it what later requests and answers need. */
  judge(test: Test, { answer, messages, isExpected }: LiveAnswer, options: CompareOptions): Judged {
    const { compared, differences, isEqual } = this.#space.compare(test, answer, options);
    if (messages) differences.push(...this.#messages(test, messages, options));
    const isHidden = !this.#space.isRedacted && differences.length > 0 && differences.every(isRedactedThere);
    const isRight = differences.length === 0 && isExpected;
    const verdict = isHidden && isExpected ? 'unjudged' : isRight ? 'passed' : 'failed';
    this.count(test, verdict);
    return { verdict, isSame: isEqual && verdict === 'passed' && isSame(test.response, compared) };
  }

  /** Counts an answer that was found to be right before; `values`: of a session in which more is to come, else null. */
  again(test: Test, times: LiveTimes, values: UserValues | null): Verdict {
    if (values) this.#space.note(test, values, times);
    this.count(test, 'passed');
    return 'passed';
  }

  #messages(test: Test, live: readonly SeenMessage[], options: CompareOptions): Difference[] {
    const said = live.map(({ from, kind, data, size }) => {
      return { from, kind, body: () => storeBody(Buffer.from(data), '', { size }) };
    });
    return messageDifferences(
      test,
      said,
      (one, answer) => this.#space.compare(one, answer, options).differences,
    );
  }

  /** Counts a test whose outcome is known without comparing. */
  count({ headless }: Pick<Test, 'headless'>, verdict: Verdict): void {
    if (headless) this.#counts.headless++;
    else if (verdict === 'unjudged') this.#unjudged++;
    else this.#counts[verdict]++;
  }
}

/** Whether an answer is the recorded one in every header but Date, in order, and in every byte of its body. */
function isSame(recorded: HttpResponse, live: HttpResponse): boolean {
  const lines = ({ headers }: HttpResponse) =>
    headers.filter(([name]) => name.toLowerCase() !== 'date').map(([name, value]) => `${name}: ${value}`);
  const isSameHead = recorded.status === live.status && lines(recorded).join('\n') === lines(live).join('\n');
  return isSameHead && bodyBytes(recorded.body).equals(bodyBytes(live.body));
}

function isRedactedThere({ expected }: Difference): boolean {
  let isRedacted = false;
  restoreText(expected ?? '', () => {
    isRedacted = true;
    return undefined;
  });
  return isRedacted;
}
