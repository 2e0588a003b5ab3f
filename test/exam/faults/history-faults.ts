// Faults that give an answer which was right at another time or for somebody else.
import type { Answer } from './answer.ts';
import { type Fault, messageFault, type Seen, type Sight } from './fault.ts';

const whole = (name: string, what: string, pick: (sight: Sight) => Seen | undefined): Fault =>
  messageFault(name, what, 'body', (answer, sight) => {
    const other = pick(sight)?.answer;
    return other && isOther(answer, other) ? other : null;
  });

const isOther = (answer: Answer, other: Answer) =>
  answer.status < 400 && other.status === answer.status && !other.body.equals(answer.body);

export const HISTORY_FAULTS: readonly Fault[] = [
  whole('stale cache', 'the first answer of the same request, also after a write', ({ earlier, request }) =>
    earlier.find(({ target, user }) => target === request.target && user === request.user),
  ),
  whole("another user's data", 'the answer that somebody else got', ({ earlier, request }) =>
    earlier.findLast(({ user }) => user !== request.user),
  ),
  whole('query ignored', 'the answer to other parameters', ({ earlier, request }) =>
    earlier.findLast(({ target, user }) => user === request.user && target !== request.target),
  ),
];
