// Filters that a request brings, compiled before anything is done with them: a mistake is the caller's, and the answer names
// the field it is in, the column and what to write instead.
import { type Expression, FilterError } from '@echoplane/rules';
import { ProblemError } from './problems.ts';

/** The filter compiled. Throws `invalid_request` for the field at `path` when it cannot be. */
export function checkedFilter(compile: (text: string) => Expression, text: string, path: string): Expression {
  try {
    return compile(text);
  } catch (err) {
    if (!(err instanceof FilterError)) throw err;
    throw new ProblemError('invalid_request', 'Correct the fields listed under errors.', [
      { path, message: err.message },
    ]);
  }
}
