// Extractors of what is not in a message: sessions, variables, files, nothing at all.
import { z } from 'zod';
import { defineExtractor } from '../extractor-kind.ts';
import { miss, textOf } from '../value.ts';

export const session = defineExtractor('session', 'Id of the session the exchange belongs to.', {}, () => ({
  path: 'session',
  read: (draft) => draft.message.session ?? undefined,
  write: (draft, value) => {
    draft.message = { ...draft.message, session: textOf(value) };
  },
}));

export const variable = defineExtractor(
  'variable',
  'A variable of the virtual user.',
  { variable: z.string().min(1).max(200).describe('Name of the variable.') },
  ({ variable }) => ({
    path: `variable.${variable}`,
    read: (_, run) => {
      const stored = run.context.state.variable(variable);
      for (const secret of stored?.secrets ?? []) run.secrets.add(secret);
      return stored?.value;
    },
    write: (_, value, run) => run.context.state.setVariable(variable, { value, secrets: run.taints() }),
  }),
);

export const file = defineExtractor(
  'file',
  'The text of a file, to fill variables from; it is never written.',
  { path: z.string().min(1).max(4_096).describe('Where generator and responder find the file.') },
  ({ path }) => ({
    path: `file ${path}`,
    read: (_, run) => run.context.lookups?.file?.(path) ?? miss(`there is no file ${path}`),
    write: () => {},
  }),
);

export const empty = defineExtractor(
  'empty',
  'An empty text that belongs to nothing: for variables, pauses and signatures.',
  {},
  () => ({ path: 'empty', read: () => '', write: () => {} }),
);
