// Functions that keep something for later: variables, learned replacements, the session, keys of the signature.
import { z } from 'zod';
import { defineMaker, text } from '../function-kind.ts';
import type { Run } from '../run.ts';
import { miss, shownValue, textOf, type Value } from '../value.ts';

const variable = () => z.string().min(1).max(200).describe('Name of the variable.');

export const varStore = defineMaker(
  'var-store',
  'Keeps the value in a variable of the virtual user; the value stays as it is.',
  { variable: variable() },
  ({ variable }) =>
    (value, run) => {
      run.context.state.setVariable(variable, { value, secrets: run.taints() });
      return value;
    },
);

export const varLoad = defineMaker(
  'var-load',
  'Puts the value of a variable in place of the value.',
  { variable: variable() },
  ({ variable }) =>
    (_, run) => {
      const stored = run.context.state.variable(variable);
      if (!stored) return miss(`there is no variable ${variable}`);
      for (const secret of stored.secrets) run.secrets.add(secret);
      return stored.value;
    },
);

export const smartReplace = defineMaker(
  'smart-replace',
  'Learns what the value was and what it became, and from then on replaces the one by the other everywhere: in this message and all later ones of the virtual user.',
  {
    from: z
      .enum(['message', 'recording'])
      .default('message')
      .describe(
        'What it was: before this chain changed it, or, in a response, what the recorded one had in this place.',
      ),
    overwrite: z
      .boolean()
      .default(false)
      .describe('Learns anew what is known already; without it the first one stays.'),
  },
  ({ from, overwrite }, at) =>
    (value, run) => {
      const befores = from === 'message' ? [run.original] : at.recordedValues(run);
      const before = befores.length === 1 ? shownValue(befores[0]!) : '';
      if (before === '') return miss('there is no one recorded value to learn from');
      const known = overwrite ? undefined : run.context.state.learned.get(before);
      if (known !== undefined) return from === 'message' ? known : value;
      learn(run, before, textOf(value));
      return value;
    },
);

/** Replaces what users listed; the table is learned when it is first needed. */
export const smartReplaceCsv = defineMaker(
  'smart-replace-csv',
  'Learns replacements from two columns of a data set; the value stays as it is.',
  {
    data: z.string().min(1).max(200).describe('Name of the data set.'),
    existing: z.string().min(1).max(200).describe('Column with what was recorded.'),
    new: z.string().min(1).max(200).describe('Column with what takes its place.'),
  },
  ({ data, existing, new: replacement }) =>
    (value, run) => {
      const table = run.tables.table(data, run.context.lookups?.data?.(data));
      const [from, to] = [table.column(existing), table.column(replacement)];
      for (const row of table.rows) {
        const [before = '', after = ''] = [row[from], row[to]];
        if (before !== '' && run.context.state.learned.get(before) !== after) learn(run, before, after);
      }
      return value;
    },
);

function learn(run: Run, before: string, after: string): void {
  run.context.state.learn(before, after, run.taints());
  run.context.replaceLive?.(before, after);
}

export const tagSession = defineMaker(
  'tag-session',
  'Makes the value the id of the session; the value stays as it is.',
  {},
  () => (value, run) => {
    run.draft.message = { ...run.draft.message, session: textOf(value) };
    return value;
  },
);

export const signatureStore = defineMaker(
  'signature-store',
  'Adds the value to the signature by which the responder looks for a recording.',
  { key: z.string().min(1).max(500).describe('Key of the signature, `body.account.id`.') },
  ({ key }) =>
    (value: Value, run) => {
      const { signature } = run.draft;
      run.draft.signature = { ...signature, set: { ...signature.set, [key]: textOf(value) } };
      return value;
    },
);

export const signatureDelete = defineMaker(
  'signature-delete',
  'Leaves a key out of the signature by which the responder looks for a recording.',
  { key: z.string().min(1).max(500).describe('Key of the signature; `[]` stands for any index.') },
  ({ key }) =>
    (value: Value, run) => {
      const { signature } = run.draft;
      run.draft.signature = { ...signature, delete: [...signature.delete, key] };
      return value;
    },
);

export const csvColumn = defineMaker(
  'csv-column',
  'Puts the next value of a column in place of the value; from the first again at the end.',
  {
    data: z.string().min(1).max(200).describe('Name of the data set.'),
    column: z
      .union([z.string().min(1).max(200), z.int().nonnegative()])
      .describe('Name of the column, or its number from 0.'),
    order: z
      .enum(['sequential', 'random'])
      .default('sequential')
      .describe('In order, shared by all virtual users, or at random.'),
  },
  ({ data, column, order }) =>
    (_, run) => {
      const table = run.tables.table(data, run.context.lookups?.data?.(data));
      const at = table.column(column);
      const count = table.rows.length;
      if (count === 0) return miss(`data set ${data} is empty`);
      const next =
        order === 'random'
          ? Math.floor(run.context.random() * count)
          : run.context.state.nextOf(`csv ${data} ${column}`) % count;
      return table.rows[next]![at] ?? '';
    },
);

export const csvLookup = defineMaker(
  'csv-lookup',
  'Puts a field of a data set in place of the value, looked up by its first column.',
  {
    data: z.string().min(1).max(200).describe('Name of the data set.'),
    key: text().default('${{value}}').describe('What stands in the first column; the value without it.'),
    field: z.string().min(1).max(200).describe('Name of the column whose field is taken.'),
  },
  ({ data, key, field }, at) => {
    const template = at.text(key);
    return (value, run) => {
      const table = run.tables.table(data, run.context.lookups?.data?.(data));
      return (
        table.find(template.render(run, value), field) ?? miss(`data set ${data} has no such row or field`)
      );
    };
  },
);
